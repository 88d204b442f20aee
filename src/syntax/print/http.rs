//! Requests, effects and clauses.

use super::Printer;
use super::expr::first_word;
use super::layout::STATEMENTS;
use crate::syntax::ast::{Clause, ClauseKind, EffectKind, Http, Member, Name, Protocol, Source};

impl Printer<'_> {
    /// A step that asks something outside; gives the place behind it in the source.
    pub(super) fn request(&mut self, http: &Http) -> usize {
        self.push(match http.protocol {
            Protocol::Http => "http ",
            Protocol::Sql(_) => "sql ",
            Protocol::Redis => "redis ",
            Protocol::Exec => "exec ",
        });
        self.stray(http)
    }

    /// A request of `strays`: HTTP does without the word.
    fn stray(&mut self, http: &Http) -> usize {
        if let Some(name) = &http.name {
            self.push(&format!("{} ", name.text));
        }
        match http.protocol {
            Protocol::Http => self.push(&format!("{} ", http.method.text)),
            Protocol::Sql(dialect) => self.push(&format!("{} ", dialect.word())),
            Protocol::Redis | Protocol::Exec => {}
        }
        // In capitals it would be taken for the method.
        if first_word(&http.url).is_some_and(|w| w.bytes().all(|b| b.is_ascii_uppercase())) {
            self.in_parentheses(&http.url);
        } else {
            self.expr(&http.url);
        }
        let mut end = http.url.span.end;
        if let Some(effect) = &http.effect {
            self.push(" ");
            self.effect(&effect.kind);
            end = effect.span.end;
        }
        if http.clauses.is_empty() {
            return end as usize;
        }
        self.push(" ");
        let braces = self.braces(end as usize, http.clauses.last().map(|c| c.span));
        self.block(
            &braces,
            &http.clauses,
            &STATEMENTS,
            |c| c.span,
            |p, c| p.clause(c),
        );
        self.after(&braces)
    }

    fn effect(&mut self, effect: &EffectKind) {
        let at_most = match effect {
            EffectKind::Reads => return self.push("reads"),
            EffectKind::Sets => return self.push("sets"),
            EffectKind::SetsSelf => return self.push("sets self"),
            EffectKind::SetsSlot => return self.push("sets slot"),
            EffectKind::Revokes => return self.push("revokes"),
            EffectKind::IssuesAdditive { at_most } => {
                self.push("issues additive");
                at_most
            }
            EffectKind::IssuesReplacing {
                key,
                grace,
                recover,
                accept,
                at_most,
            } => {
                self.push("issues replacing");
                if let Some(key) = key {
                    self.push(" key ");
                    self.quoted(key);
                }
                self.optional_duration(" grace ", grace.as_ref());
                if let Some(recover) = recover {
                    self.push(" recover with ");
                    self.ident(recover);
                }
                if let Some(accept) = accept {
                    self.push(" accept lockout-risk ");
                    self.quoted(accept);
                }
                at_most
            }
        };
        if let Some(count) = at_most {
            self.push(" at most ");
            self.count(count);
        }
    }

    fn clause(&mut self, clause: &Clause) {
        let start = clause.span.start as usize;
        match &clause.kind {
            ClauseKind::Bearer(value) => self.word_expr("bearer ", value),
            ClauseKind::Basic(user, password) => {
                self.word_expr("basic ", user);
                self.word_expr(", ", password);
            }
            ClauseKind::Client(id, secret) => {
                self.word_expr("client ", id);
                self.word_expr(", ", secret);
            }
            ClauseKind::Header(name, value) => {
                self.word_quoted("header ", name);
                self.word_expr(": ", value);
            }
            ClauseKind::Query(members) => self.word_members("query ", start, members),
            ClauseKind::Json(value) => self.word_expr("json ", value),
            ClauseKind::Form(members) => self.word_members("form ", start, members),
            ClauseKind::Text(value) => self.word_expr("text ", value),
            ClauseKind::Raw(value) => self.word_expr("raw ", value),
            ClauseKind::Timeout(value) => self.optional_duration("timeout ", Some(value)),
            ClauseKind::Connect(value) => self.optional_duration("connect ", Some(value)),
            ClauseKind::Retry {
                count,
                every,
                backoff,
                up_to,
            } => {
                self.push("retry ");
                self.count(count);
                self.optional_duration(" every ", every.as_ref());
                self.backoff(backoff.as_ref());
                self.optional_duration(" up to ", up_to.as_ref());
            }
            ClauseKind::ExpectStatus(statuses) => {
                self.push("expect status ");
                self.names(statuses);
            }
            ClauseKind::ExpectExit(codes) => {
                self.push("expect exit ");
                for (index, code) in codes.iter().enumerate() {
                    if index > 0 {
                        self.push(", ");
                    }
                    self.count(code);
                }
            }
            ClauseKind::ExpectHeader {
                name,
                operator,
                value,
            } => {
                self.word_quoted("expect header ", name);
                self.word_expr(&format!(" {} ", operator.operator.as_str()), value);
            }
            ClauseKind::ExpectBody {
                path,
                operator,
                value,
            } => {
                self.push(&format!(
                    "expect body {} {} ",
                    path.text,
                    operator.operator.as_str()
                ));
                self.expr(value);
            }
            ClauseKind::Capture {
                secret,
                name,
                source,
                ty,
                optional,
                to,
            } => {
                self.push(&format!(
                    "{} {} = ",
                    if *secret { "secret" } else { "public" },
                    name.text
                ));
                match source {
                    Source::Body(path) => self.push(&format!("body {}", path.text)),
                    Source::Text(_) => self.push("body"),
                    Source::Header(header) => self.word_quoted("header ", header),
                    Source::Status(_) => self.push("status"),
                }
                if let Some(ty) = ty {
                    self.push(&format!(" as {}", ty.text));
                }
                if *optional {
                    self.push(" optional");
                }
                self.destinations(to);
            }
            ClauseKind::Ca(file) => self.word_quoted("ca ", file),
            ClauseKind::Proxy => self.push("proxy env"),
            ClauseKind::Follow(count) => {
                self.push("follow ");
                self.count(count);
            }
            ClauseKind::Limit(size) => {
                self.push("limit ");
                self.size(size);
            }
            ClauseKind::Strays { list, revoke } => {
                for (word, request) in [("strays ", list), (" revoke ", revoke)] {
                    self.push(word);
                    match request.protocol {
                        Protocol::Http => self.stray(request),
                        Protocol::Sql(_) | Protocol::Redis | Protocol::Exec => {
                            self.request(request)
                        }
                    };
                }
            }
            ClauseKind::Sign { scheme, options } => {
                self.push(&format!("sign {} ", scheme.text));
                self.options(scheme.span.end as usize, options);
            }
            ClauseKind::Login(user, password) => {
                self.word_expr("login ", user);
                self.word_expr(", ", password);
            }
            ClauseKind::Statement(value) => self.word_expr("statement ", value),
            ClauseKind::Command(value) => self.word_expr("command ", value),
            ClauseKind::Stdin(value) => self.word_expr("stdin ", value),
            ClauseKind::Environment(members) => self.word_members("environment ", start, members),
            ClauseKind::Arguments(value) => self.word_expr("arguments ", value),
            ClauseKind::File(value) => self.word_expr("file ", value),
        }
    }

    fn word_quoted(&mut self, word: &str, name: &Name) {
        self.push(word);
        self.quoted(name);
    }

    fn word_members(&mut self, word: &str, start: usize, members: &[Member]) {
        self.push(word);
        let braces = self.braces(start, members.last().map(|m| m.value.span));
        self.members(&braces, members);
    }
}
