//! What a request does to the credentials that it carries and names.

use super::state::State;
use super::value::{
    self, Piece, Pieces, VersionId, about, accepts_refusal, authentication, is_credential,
    is_of_the_old,
};
use super::walk::{Place, Purpose, Walk, note_use};
use super::{Attempt, Kind};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::task::Http;
use crate::plan::{Step, Task};
use crate::source::Span;

impl<'p> Walk<'_, 'p> {
    pub(super) fn http(
        &mut self,
        place: Place,
        id: usize,
        step: &'p Step,
        http: &'p Http,
        way: &mut State<'p>,
    ) {
        let names: Vec<(Span, Pieces<'p>)> = about(http)
            .into_iter()
            .map(|e| (e.at.0, self.pieces(place, e, way)))
            .collect();
        let mut shown = Pieces::new();
        for expr in authentication(http) {
            shown.extend(self.pieces(place, expr, way));
        }
        for expr in http.exprs() {
            let found = self.pieces(place, expr, way);
            note_use(way, &found);
        }
        let sent: Pieces<'p> = names
            .iter()
            .flat_map(|(_, found)| found.iter().copied())
            .chain(shown)
            .collect();
        // In a `revoke` a name of what died is the point.
        let again = match (&http.effect, self.purpose) {
            (Effect::Revokes, _) | (_, Purpose::Revoke { .. }) => None,
            _ => sent.iter().find_map(|p| {
                let (at, at_once) = way.spent.get(p)?;
                at_once.then_some((*p, *at))
            }),
        };
        if let Some((Piece::Stored { secret, .. }, at)) = again {
            self.fact(secret, http.url.at.0, Kind::SpentSent { sent: at });
        }
        if self.purpose == Purpose::Rotate && !self.failed {
            self.stale(http, &names, way);
        }
        match (&http.effect, self.purpose) {
            (Effect::Revokes, _) => self.revoke(step, &names, way),
            // What is set is the one that stays: a slot that is filled with it holds the old one no more.
            (Effect::SetsSlot, Purpose::Revoke { .. }) => {}
            (effect, Purpose::Revoke { .. }) if !effect.is_read() => {
                self.revoke(step, &names, way);
            }
            (_, Purpose::Revoke { .. }) => {}
            (Effect::Sets | Effect::SetsSelf, Purpose::Rotate) => {
                self.set(http, &names, &sent, way);
            }
            (effect, purpose) if effect.is_read() || purpose == Purpose::Try => {
                self.trial(http, &sent, way);
            }
            (Effect::Issues(issues), _) => {
                let secret = http.captures.iter().any(|c| c.secret);
                if secret && !issues.assumed {
                    way.issued.insert((place.frame, id), false);
                }
                if matches!(
                    issues,
                    Issues {
                        old: Old::Dies { .. },
                        ..
                    }
                ) {
                    let at_once = matches!(issues.old, Old::Dies { grace: None, .. });
                    let place = (http.url.at.0, at_once);
                    let dying = sent.iter().filter(|piece| {
                        matches!(piece, Piece::Stored { secret, field: Some(_), version }
                            if *version == way.held(secret).current)
                            && is_credential(piece, self.order)
                    });
                    // The pair of the client is not what dies; of what tells who asks, that is whose place the answer takes.
                    let replaced = self.replaced.get(&id);
                    let is_replaced = |piece: &Piece<'p>| {
                        matches!(piece, Piece::Stored { secret, field, version }
                            if *version == way.held(secret).current
                                && replaced.is_some_and(|all| all.contains(&(*secret, *field))))
                    };
                    let dying: Vec<Piece<'p>> = dying
                        .filter(|p| names.iter().any(|(_, found)| found.contains(*p)))
                        .chain(sent.iter().filter(|p| is_replaced(p)))
                        .copied()
                        .collect();
                    way.spent.extend(dying.into_iter().map(|p| (p, place)));
                }
            }
            _ => {}
        }
    }

    /// A request brings a value somewhere that was in use before this run put another in its place.
    fn stale(&mut self, http: &'p Http, names: &[(Span, Pieces<'p>)], way: &State<'p>) {
        if http.effect.is_read() || http.effect == Effect::Revokes || http.method == "DELETE" {
            return;
        }
        for (_, found) in names {
            for piece in found {
                let Piece::Stored {
                    secret, version, ..
                } = piece
                else {
                    continue;
                };
                let held = way.held(secret);
                let Some(published) = held.published.and_then(|id| self.order.get(id)) else {
                    continue;
                };
                let is_new = |other: &Piece<'p>| matches!(other, Piece::Stored { secret: of, version, .. } if of == secret && *version == held.current);
                // Who says `previous` means it, and who sends both as well.
                let meant = names.iter().any(|(_, all)| all.iter().any(is_new))
                    || http
                        .exprs()
                        .iter()
                        .any(|expr| expr.reads_secret(secret, &[crate::plan::Version::Previous]));
                if *version != held.current
                    && Some(*version) != held.pending
                    && !meant
                    && is_credential(piece, self.order)
                {
                    let published = published.step.at.0;
                    self.fact(secret, http.url.at.0, Kind::StaleSent { published });
                }
            }
        }
    }

    /// A request ends the life of what it names.
    fn revoke(&mut self, step: &'p Step, names: &[(Span, Pieces<'p>)], way: &mut State<'p>) {
        let is_old = |piece: &Piece<'p>| match piece {
            Piece::Stored {
                secret, version, ..
            } => {
                let held = way.held(secret);
                *version != held.current && Some(*version) != held.pending
            }
            Piece::Made { name, .. } => is_of_the_old(name),
        };
        if names.iter().any(|(_, found)| found.iter().any(is_old)) {
            return;
        }
        for (span, found) in names {
            for piece in found {
                for (secret, version) in self.named(piece, way) {
                    self.revoke_version(step, *span, secret, version, way);
                }
            }
        }
    }

    /// The versions that a piece of a value tells of.
    fn named(&self, piece: &Piece<'p>, way: &State<'p>) -> Vec<(&'p str, VersionId)> {
        match piece {
            Piece::Stored {
                secret, version, ..
            } => vec![(*secret, *version)],
            Piece::Made { frame, step, .. } => {
                let is_of = |id: VersionId| {
                    self.version(id).is_some_and(|v| {
                        v.pieces.iter().any(|p| {
                            matches!(p, Piece::Made { frame: f, step: s, .. } if f == frame && s == step)
                        })
                    })
                };
                let issuer = matches!(
                    self.order.get(*step).map(|n| &n.step.task),
                    Some(Task::Http(http)) if http.effect.issues()
                );
                let held = way.secrets.iter().filter(|_| issuer);
                held.flat_map(|(secret, held)| {
                    [Some(held.current), held.pending]
                        .into_iter()
                        .flatten()
                        .map(|version| (*secret, version))
                })
                .filter(|(_, version)| is_of(*version))
                .collect()
            }
        }
    }

    fn revoke_version(
        &mut self,
        step: &'p Step,
        span: Span,
        secret: &'p str,
        version: VersionId,
        way: &mut State<'p>,
    ) {
        // For the caller the call is what revokes.
        let (step, span) = match self.called.first() {
            Some(call) => (*call, *call),
            None => (step.at.0, span),
        };
        let mut held = way.held(secret);
        if Some(version) == held.pending {
            way.dead.entry((secret, version)).or_insert(step);
        }
        if version != held.current || !self.written.contains(secret) {
            return;
        }
        let published = held.published.and_then(|id| self.order.get(id));
        if self.failed {
            self.fact(secret, span, Kind::RevokedOnFailure);
        } else if let Some(published) = published {
            let deferred = matches!(self.purpose, Purpose::Revoke { secret: of, deferred: true } if of == secret);
            let published = published.step.at.0;
            self.fact(
                secret,
                span,
                Kind::RevokedNew {
                    published,
                    deferred,
                },
            );
        } else {
            held.revoked = held.revoked.or(Some(step));
            way.secrets.insert(secret, held);
        }
    }

    /// A request sets a value: what was tried before it was not this value, and it has to be the staged one.
    fn set(
        &mut self,
        http: &'p Http,
        named: &[(Span, Pieces<'p>)],
        sent: &Pieces<'p>,
        way: &mut State<'p>,
    ) {
        let staged: Vec<(&'p str, VersionId)> = way
            .secrets
            .iter()
            .filter_map(|(secret, held)| Some((*secret, held.pending?)))
            .collect();
        for (secret, id) in staged {
            let Some(version) = self.version(id) else {
                continue;
            };
            let is_of_it = |piece: &Piece<'p>| {
                matches!(piece, Piece::Stored { secret: s, version: v, .. } if *s == secret && *v == id)
                    || version.pieces.contains(piece)
            };
            let generated = version.pieces.iter().any(|p| self.is_generated(p));
            let (span, place) = (version.span, http.url.at.0);
            if sent.iter().any(is_of_it) {
                let before = way.tried.len();
                way.tried.retain(|piece| !is_of_it(piece));
                if way.tried.len() < before {
                    way.attempt = Some((place, Attempt::SetLater));
                }
                continue;
            }
            let current = way.held(secret).current;
            let is_in_use = |piece: &Piece<'p>| matches!(piece, Piece::Stored { secret: s, version, .. } if *s == secret && *version == current);
            let names: Vec<Span> = (named.iter())
                .filter(|(_, found)| found.iter().any(is_in_use))
                .map(|(span, _)| *span)
                .collect();
            // The public half of a pair is there to be given away.
            let public = |p: &Piece<'p>| {
                matches!(
                    p,
                    Piece::Made {
                        name: "public_key",
                        ..
                    }
                )
            };
            let other = sent.iter().any(|p| self.is_generated(p) && !public(p));
            if generated && let Some(span_of) = names.first().copied().or(other.then_some(place)) {
                let old = !names.is_empty();
                self.fact(secret, span_of, Kind::SetsOther { staged: span, old });
            }
        }
    }

    fn is_generated(&self, piece: &Piece<'p>) -> bool {
        let Piece::Made { step, .. } = piece else {
            return false;
        };
        matches!(
            self.order.get(*step).map(|n| &n.step.task),
            Some(Task::Generate(_))
        )
    }

    /// A request that may prove something about what it carries.
    fn trial(&mut self, http: &'p Http, sent: &Pieces<'p>, way: &mut State<'p>) {
        let place = http.url.at.0;
        let refused = accepts_refusal(http);
        let (mut proved, mut part, mut current, mut other) = (false, false, false, false);
        for piece in sent {
            match piece {
                Piece::Stored {
                    secret, version, ..
                } if *version > value::NONE => {
                    if !is_credential(piece, self.order) && self.has_credential(*version) {
                        part = true;
                    } else if refused.is_none() {
                        proved = true;
                        way.tried.insert(Piece::Stored {
                            secret,
                            field: None,
                            version: *version,
                        });
                    }
                }
                Piece::Stored { secret, .. } => {
                    let pending = way.held(secret).pending.is_some();
                    current |= pending;
                    other |= !pending;
                }
                Piece::Made { .. } => {
                    if is_credential(piece, self.order) && refused.is_none() {
                        proved = true;
                        way.tried.insert(*piece);
                    } else {
                        part = true;
                    }
                }
            }
        }
        if proved || self.purpose != Purpose::Try {
            return;
        }
        way.attempt = Some(match refused {
            Some(span) => (span, Attempt::Refused),
            None if part => (place, Attempt::Part),
            None if current => (place, Attempt::Current),
            None if other => (place, Attempt::Other),
            None => (place, Attempt::Open),
        });
    }

    /// Whether something in a version is a credential and not a name alone.
    fn has_credential(&self, id: VersionId) -> bool {
        self.version(id)
            .is_some_and(|v| v.pieces.iter().any(|p| is_credential(p, self.order)))
    }
}
