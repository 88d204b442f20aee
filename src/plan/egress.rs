//! The one rule for where a credential may go, built once from a plan. The checker asks it about every request that it
//! finds, the interpreter about every request that it is about to send.

use super::service::Sending;
use super::{Destination, Expr, ExprKind, Origin, Place, Plan, Policy, Root, Task};
use std::collections::{HashMap, HashSet};

/// Where each credential of a plan may go.
pub struct Egress<'p> {
    declares_intent: bool,
    secrets: HashMap<&'p str, &'p Policy>,
    minted: HashMap<Credential<'p>, Homes<'p>>,
}

/// A credential that a step makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Credential<'p> {
    rotation: &'p str,
    step: &'p str,
    capture: &'p str,
}

/// What the text says of where a new credential may go.
#[derive(Default)]
struct Homes<'p> {
    /// Policies of the secrets into which it is stored, under whatever names it gets there.
    stores: Vec<&'p Policy>,
    /// The hosts that its capture names.
    to: &'p [Destination],
    /// Whether a host gave it out; what is generated or typed in comes from none.
    issued: bool,
}

/// A part of a request to a host.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// Host without brackets. Absent where it is computed and not known: then the part of the request alone is judged.
    pub host: Option<&'a str>,
    /// The port, or the scheme's own.
    pub port: Option<u16>,
    /// The part of the request.
    pub place: Place,
    /// Whether the author has written the host out.
    pub literal: bool,
}

/// A host that gave out a credential, with its port; absent where it is computed and not known.
pub type Issuer<'a> = (Option<&'a str>, Option<u16>);

/// The answer to "may it go there?", the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// It may.
    Allowed,
    /// The host may have it, but not in this part of a request.
    WrongPlace,
    /// A new credential goes to another host than it comes from, and nothing in the text says where it may go.
    Unsaid,
    /// The host may not have it.
    WrongHost,
}

impl Ruling {
    /// Whether the host may have the value, in some part of a request.
    pub fn is_for_host(self) -> bool {
        matches!(self, Ruling::Allowed | Ruling::WrongPlace)
    }
}

impl<'p> Egress<'p> {
    /// The rule of a plan. Conductor JSON says nothing of what is minted: only vault secrets are looked at there.
    pub fn of(plan: &'p Plan) -> Self {
        let declares_intent = plan.dialect.semantics().declares_intent;
        let mut secrets = HashMap::new();
        for secret in &plan.secrets {
            secrets
                .entry(secret.name.as_str())
                .or_insert(&secret.policy);
        }
        let minted = if declares_intent {
            minted(plan, &secrets)
        } else {
            HashMap::new()
        };
        Self {
            declares_intent,
            secrets,
            minted,
        }
    }

    /// Whether a value of `origin` may stand at `spot`. `issuers` are the hosts that gave it out, where it is a new one.
    pub fn ask<'a>(
        &self,
        origin: &Origin,
        spot: Spot<'_>,
        issuers: impl Iterator<Item = Issuer<'a>>,
    ) -> Ruling {
        match origin {
            Origin::Secret(name) => match self.secrets.get(name.as_str()) {
                Some(policy) => policy.judge(spot),
                // The name came as data: a definition may do that, and has no declarations.
                None if !self.declares_intent => Policy::Implied.judge(spot),
                None => Ruling::WrongHost,
            },
            Origin::Minted {
                rotation,
                step,
                name,
            } => {
                let credential = Credential {
                    rotation,
                    step,
                    capture: name,
                };
                self.minted(self.minted.get(&credential), spot, issuers)
            }
            Origin::Response(_) => self.minted(None, spot, issuers),
            Origin::Input(_) | Origin::Literal(_) => Policy::Implied.judge(spot),
        }
    }

    /// Whether the credential with which a target is asked may go there. Checker and interpreter ask the same.
    pub fn of_target(&self, sending: &Sending<'_>) -> Ruling {
        let spot = Spot {
            host: Some(&sending.host),
            port: sending.port,
            place: sending.place,
            literal: true,
        };
        let origin = Origin::Secret(sending.credential.secret.clone());
        self.ask(&origin, spot, std::iter::empty())
    }

    /// Whether the interpreter lets a value of `origin` out at `spot`: where it is allowed; where nothing is said, to a host that
    /// the author has written out; and in Conductor JSON, which has no word for parts of requests, in any part of one.
    pub fn lets_out<'a>(
        &self,
        origin: &Origin,
        spot: Spot<'_>,
        issuers: impl Iterator<Item = Issuer<'a>>,
    ) -> bool {
        match self.ask(origin, spot, issuers) {
            Ruling::Allowed => true,
            Ruling::Unsaid => spot.literal && spot.place.is_usual(),
            Ruling::WrongPlace => match origin {
                Origin::Secret(name) => {
                    !matches!(self.secrets.get(name.as_str()), Some(Policy::Declared(_)))
                        && spot.literal
                }
                Origin::Minted { .. }
                | Origin::Response(_)
                | Origin::Input(_)
                | Origin::Literal(_) => false,
            },
            Ruling::WrongHost => false,
        }
    }

    /// A new credential may go where it came from, where its capture says, and where the secrets may go into which it is stored.
    fn minted<'a>(
        &self,
        homes: Option<&Homes<'_>>,
        spot: Spot<'_>,
        issuers: impl Iterator<Item = Issuer<'a>>,
    ) -> Ruling {
        let from = issuers
            .filter(|issuer| spot.is_at(*issuer))
            .map(|_| spot.part());
        let said = homes.into_iter().flat_map(|homes| {
            let stores = homes.stores.iter().map(|policy| policy.judge(spot));
            stores.chain((!homes.to.is_empty()).then(|| judge(homes.to, spot)))
        });
        let silent = match homes {
            Some(homes) if !homes.stores.is_empty() || !homes.to.is_empty() => Ruling::WrongHost,
            Some(homes) if homes.issued => Ruling::Unsaid,
            _ => Policy::Implied.judge(spot),
        };
        from.chain(said).fold(silent, Ruling::min)
    }
}

impl Spot<'_> {
    /// Whether it is the host of `issuer`, as far as is known.
    fn is_at(&self, (host, port): Issuer<'_>) -> bool {
        match (self.host, host) {
            (Some(own), Some(theirs)) => own.eq_ignore_ascii_case(theirs) && self.port == port,
            _ => true,
        }
    }

    /// The ruling where the host is right.
    fn part(&self) -> Ruling {
        if self.place.is_usual() {
            Ruling::Allowed
        } else {
            Ruling::WrongPlace
        }
    }
}

impl Policy {
    /// Whether a value may stand at `spot`. [`Policy::Implied`] allows header and body of any host that is written out.
    pub fn judge(&self, spot: Spot<'_>) -> Ruling {
        match self {
            Policy::Declared(destinations) => judge(destinations, spot),
            Policy::Implied if spot.literal => spot.part(),
            Policy::Implied => Ruling::WrongHost,
        }
    }
}

fn judge(destinations: &[Destination], spot: Spot<'_>) -> Ruling {
    let at = |destination: &Destination| {
        spot.host.is_none_or(|host| {
            destination.host.matches(host)
                && (destination.port.is_none() || destination.port == spot.port)
        })
    };
    let mut there = destinations.iter().filter(|d| at(d)).peekable();
    if there.peek().is_none() {
        Ruling::WrongHost
    } else if there.any(|d| d.places.contains(&spot.place)) {
        Ruling::Allowed
    } else {
        Ruling::WrongPlace
    }
}

/// A name that carries a value on from where it was made, in the rotation of that number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Name<'p> {
    Let(usize, &'p str),
    Variable(usize, &'p str),
    Input(usize, &'p str),
    Output(usize, &'p str),
}

/// What each name stands for, and which steps are calls of which rotation.
#[derive(Default)]
struct Names<'p> {
    stands_for: HashMap<Name<'p>, Vec<(usize, &'p Expr)>>,
    calls: HashMap<(usize, &'p str), usize>,
}

fn minted<'p>(
    plan: &'p Plan,
    secrets: &HashMap<&'p str, &'p Policy>,
) -> HashMap<Credential<'p>, Homes<'p>> {
    let mut homes: HashMap<Credential<'p>, Homes<'p>> = HashMap::new();
    let mut stored: Vec<(usize, &'p Policy, Vec<&'p Expr>)> = Vec::new();
    for (index, rotation) in plan.rotations.iter().enumerate() {
        rotation.walk(&mut |step| {
            for captured in step.task.captures().into_iter().filter(|c| c.secret) {
                let credential = Credential {
                    rotation: &rotation.name,
                    step: &step.name,
                    capture: captured.name,
                };
                let home = homes.entry(credential).or_default();
                home.to = captured.to;
                home.issued = !step.task.requests().is_empty();
            }
            if let Some(write) = step.task.write()
                && let Some(policy) = write.secret.and_then(|name| secrets.get(name))
                && let Some(value) = write.value
            {
                stored.push((index, policy, value.exprs()));
            }
        });
    }
    if stored.is_empty() {
        return homes;
    }
    let names = Names::of(plan);
    for (index, policy, exprs) in stored {
        let mut open: Vec<(usize, &'p Expr)> = exprs.into_iter().map(|e| (index, e)).collect();
        let mut seen = HashSet::new();
        while let Some((rotation, expr)) = open.pop() {
            expr.walk(&mut |e| {
                let ExprKind::Ref(root) = &e.kind else { return };
                match names.lookup(rotation, root) {
                    Some(name) if seen.insert(name) => {
                        open.extend(names.stands_for.get(&name).into_iter().flatten());
                    }
                    Some(_) => {}
                    None => {
                        if let (Root::Capture { step, name }, Some(rotation)) =
                            (root, plan.rotations.get(rotation))
                            && let Some(home) = homes.get_mut(&Credential {
                                rotation: &rotation.name,
                                step,
                                capture: name,
                            })
                        {
                            home.stores.push(policy);
                        }
                    }
                }
            });
        }
    }
    homes
}

impl<'p> Names<'p> {
    fn of(plan: &'p Plan) -> Self {
        let mut names = Names::default();
        let numbers: HashMap<&str, usize> = plan
            .rotations
            .iter()
            .enumerate()
            .map(|(index, rotation)| (rotation.name.as_str(), index))
            .collect();
        for (index, rotation) in plan.rotations.iter().enumerate() {
            for output in &rotation.outputs {
                names.stand(Name::Output(index, &output.name), index, &output.value);
            }
            rotation.walk(&mut |step| {
                if let Task::Let(item) = &step.task {
                    names.stand(Name::Let(index, &item.name), index, &item.value);
                }
                if let Task::SetVariables(set) = &step.task {
                    for (name, value) in &set.values {
                        names.stand(Name::Variable(index, name), index, value);
                    }
                }
                if let Task::ForEach(each) = &step.task {
                    names.stand(Name::Variable(index, &each.item), index, &each.items);
                }
                if let Task::Call(call) = &step.task
                    && let Some(callee) = numbers.get(call.rotation.as_str()).copied()
                {
                    names.calls.insert((index, &step.name), callee);
                    for (name, value) in &call.inputs {
                        names.stand(Name::Input(callee, name), index, value);
                    }
                }
            });
        }
        names
    }

    fn stand(&mut self, name: Name<'p>, rotation: usize, value: &'p Expr) {
        self.stands_for
            .entry(name)
            .or_default()
            .push((rotation, value));
    }

    fn lookup(&self, rotation: usize, root: &'p Root) -> Option<Name<'p>> {
        match root {
            Root::Let(name) => Some(Name::Let(rotation, name)),
            Root::Variable(name) => Some(Name::Variable(rotation, name)),
            Root::Input(name) => Some(Name::Input(rotation, name)),
            Root::Capture { step, name } => {
                let callee = self.calls.get(&(rotation, step.as_str()))?;
                Some(Name::Output(*callee, name))
            }
            Root::Secret { .. }
            | Root::Inputs
            | Root::Output(_)
            | Root::TaskField { .. }
            | Root::Env(_)
            | Root::Run(_)
            | Root::Answer => None,
        }
    }
}
