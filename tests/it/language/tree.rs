//! Trees made from choices, for the properties of the formatter. Nothing in them comes from a text.

use rot::plan::schedule::Dur;
use rot::source::{FileId, Span};
use rot::syntax::Operator;
use rot::syntax::ast::*;

/// A source of choices; zeros when it runs dry, so that trees end.
pub struct Choices<'a> {
    bytes: &'a [u8],
    depth: usize,
}

const AT: Span = Span::NONE;

const WORDS: [&str; 24] = [
    "a", "token", "status", "secret", "value", "GET", "until", "else", "in", "to", "x-1", "_b",
    "reads", "expires", "key", "json", "when", "A9", "not", "previous", "reveal", "header",
    "optional", "env",
];
const TEXTS: [&str; 12] = [
    "",
    "plain",
    "q\"uo\\te",
    "${x}",
    "$",
    "$${",
    "a$",
    "é😀",
    "\n\t\r",
    "\u{202e}\u{0}",
    "# no comment",
    "{ } [ ( 'x' //;",
];

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, depth: 0 }
    }

    fn next(&mut self) -> usize {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first as usize
            }
            None => 0,
        }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.next() % of.len()]
    }

    fn yes(&mut self) -> bool {
        self.next() % 2 == 1
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.yes() { Some(make(self)) } else { None }
    }

    fn some<T>(&mut self, least: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = least + if self.depth > 4 { 0 } else { self.next() % 3 };
        self.depth += 1;
        let made = (0..count).map(|_| make(self)).collect();
        self.depth -= 1;
        made
    }

    fn named(text: &str) -> Name {
        Name {
            text: text.to_owned(),
            span: AT,
        }
    }

    fn word(&mut self) -> Name {
        Self::named(self.pick(&WORDS))
    }

    /// A name that can be used alone.
    fn bare(&mut self) -> Name {
        let word = self.pick(&WORDS);
        Self::named(if rot::syntax::is_keyword(word) {
            "free"
        } else {
            word
        })
    }

    fn text(&mut self) -> Name {
        Self::named(self.pick(&TEXTS))
    }

    fn word_or_text(&mut self) -> Name {
        if self.yes() { self.word() } else { self.text() }
    }

    fn secret(&mut self) -> Name {
        Self::named(self.pick(&[
            "a", "team/db", "9x/*", "*", "9x/y", "to", "a b", "x.y", "previous", "ends-", "${",
        ]))
    }

    fn duration(&mut self) -> Duration {
        Duration {
            value: self.dur(),
            parameter: None,
            span: AT,
        }
    }

    fn dur(&mut self) -> Dur {
        Dur(self.pick(&[
            0,
            1,
            999,
            1000,
            5_400_000,
            86_400_000,
            u64::MAX,
            1_209_600_001,
        ]))
    }

    fn count(&mut self) -> Count {
        Count {
            value: self.pick(&[0, 1, 1023, 1024, 4 * 1024 * 1024, u64::MAX]),
            span: AT,
        }
    }

    fn expr(&mut self) -> Expr {
        self.depth += 1;
        let kind = if self.depth > 7 {
            ExprKind::Null
        } else {
            self.expr_kind()
        };
        self.depth -= 1;
        Expr { kind, span: AT }
    }

    /// A string, which some clauses take alone.
    fn quoted(&mut self) -> Expr {
        Expr {
            kind: ExprKind::String(self.parts()),
            span: AT,
        }
    }

    fn list(&mut self) -> Expr {
        Expr {
            kind: ExprKind::List(self.some(0, Self::expr)),
            span: AT,
        }
    }

    fn boxed(&mut self) -> Box<Expr> {
        Box::new(self.expr())
    }

    fn expr_kind(&mut self) -> ExprKind {
        match self.next() % 14 {
            0 => ExprKind::Null,
            1 => ExprKind::Bool(self.yes()),
            2 => ExprKind::Number(self.pick(&["0", "42", "-1.5e3", "1E+9"]).to_owned()),
            3 => ExprKind::Duration(self.dur()),
            4 | 5 => ExprKind::String(self.parts()),
            6 => ExprKind::List(self.some(0, Self::expr)),
            7 => ExprKind::Object(self.some(0, Self::member)),
            8 => {
                let mut names = vec![self.word()];
                names.extend(self.some(0, Self::word_or_text));
                if let [only] = names.as_mut_slice() {
                    *only = self.bare();
                }
                ExprKind::Path(names)
            }
            9 => ExprKind::Index(self.boxed(), self.boxed()),
            10 => {
                let name = self.word();
                let name = if matches!(name.text.as_str(), "not" | "reveal") {
                    Self::named("f")
                } else {
                    name
                };
                ExprKind::Call(name, self.some(0, Self::expr))
            }
            11 => {
                let operator = self.pick(&Operator::ALL);
                let sign = Sign { operator, span: AT };
                ExprKind::Binary(self.boxed(), sign, self.boxed())
            }
            12 => ExprKind::Not(self.boxed()),
            _ => ExprKind::Reveal(self.boxed(), self.maybe(Self::text)),
        }
    }

    fn parts(&mut self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for _ in 0..self.next() % 4 {
            let text = self.pick(&TEXTS);
            if !text.is_empty() && !matches!(parts.last(), Some(Part::Text(..))) {
                parts.push(Part::Text(text.to_owned(), AT));
            } else {
                parts.push(Part::Expr(self.expr()));
            }
        }
        parts
    }

    fn member(&mut self) -> Member {
        Member {
            key: self.word_or_text(),
            value: self.expr(),
        }
    }

    pub fn ast(&mut self) -> Ast {
        Ast {
            file: FileId::NONE,
            items: self.some(1, Self::item),
            comments: Vec::new(),
        }
    }

    fn item(&mut self) -> Item {
        match self.next() % 10 {
            0 => Item::Use(Use {
                path: self.text(),
                span: AT,
            }),
            1 => Item::Env(Env {
                names: self.some(1, Self::word),
                span: AT,
            }),
            2 => Item::Secret(Secret {
                names: self.some(1, |c| (c.secret(), c.some(0, Self::word))),
                to: self.some(0, |c| c.destination()),
                span: AT,
            }),
            3 => Item::Template(Template {
                name: self.word(),
                body: self.some(2, |c| if c.yes() { c.parameter() } else { c.entry() }),
                span: AT,
            }),
            5 => Item::Target(Target {
                name: self.word(),
                kind: Self::named(self.pick(&["file", "command", "other"])),
                place: self.text(),
                options: self.some(0, |c| (c.word(), c.expr())),
                span: AT,
            }),
            6 => Item::Deliver(Deliver {
                secret: self.secret(),
                field: self.maybe(Self::word),
                to: self.some(1, |c| (c.word(), c.maybe(Self::text))),
                span: AT,
            }),
            4 => Item::Rotation(Rotation {
                name: self.word_or_text(),
                from: Some(self.word()),
                family: self.maybe(Self::family),
                body: self.some(2, |c| {
                    if c.yes() {
                        Entry::With {
                            arguments: c.some(0, Self::member),
                            span: AT,
                        }
                    } else {
                        c.entry()
                    }
                }),
                span: AT,
            }),
            _ => Item::Rotation(Rotation {
                name: self.word_or_text(),
                from: None,
                family: self.maybe(Self::family),
                body: self.some(2, Self::entry),
                span: AT,
            }),
        }
    }

    fn family(&mut self) -> Family {
        Family::Each(Each {
            item: self.bare(),
            members: Expr {
                kind: ExprKind::List(self.some(0, Self::expr)),
                span: AT,
            },
            span: AT,
        })
    }

    fn destination(&mut self) -> Destination {
        let parameter = self.yes();
        Destination {
            host: match parameter {
                true => Self::named(self.pick(&["api", "host-2", "h"])),
                false => self.text(),
            },
            parameter,
            program: self.yes(),
            places: self.some(0, Self::word),
            span: AT,
        }
    }

    fn parameter(&mut self) -> Entry {
        if self.yes() {
            return Entry::About {
                facts: self.some(0, |c| (c.word(), c.text())),
                span: AT,
            };
        }
        Entry::Parameter {
            names: self.some(1, Self::bare),
            ty: self.ty(),
            fields: self.some(0, Self::word),
            default: self.maybe(Self::expr),
            to: self.some(0, Self::destination),
            span: AT,
        }
    }

    fn ty(&mut self) -> Name {
        Self::named(self.pick(&["string", "json", "bool", "list"]))
    }

    fn entry(&mut self) -> Entry {
        match self.next() % 12 {
            0 => Entry::Description(self.text()),
            1 => Entry::Every {
                interval: self.duration(),
                jitter: self.maybe(Self::duration),
                span: AT,
            },
            2 => Entry::Cron {
                expression: self.text(),
                zone: self.maybe(Self::text),
                jitter: self.maybe(Self::duration),
                span: AT,
            },
            3 => Entry::Timeout(self.duration()),
            4 => Entry::Input {
                name: self.word(),
                secret: self.yes(),
                ty: self.ty(),
                default: self.maybe(Self::expr),
                span: AT,
            },
            5 => Entry::Output {
                name: self.word(),
                secret: self.yes(),
                value: self.expr(),
                span: AT,
            },
            6 => Entry::OnFailure {
                steps: self.steps(),
                span: AT,
            },
            _ => Entry::Step(self.step()),
        }
    }

    fn steps(&mut self) -> Vec<Step> {
        self.some(0, Self::step)
    }

    fn step(&mut self) -> Step {
        Step {
            kind: self.step_kind(),
            span: AT,
        }
    }

    fn step_kind(&mut self) -> StepKind {
        match self.next() % 24 {
            0 => StepKind::Let {
                name: self.bare(),
                value: self.expr(),
            },
            1 => StepKind::Log(self.expr()),
            2 => StepKind::Fail(self.expr()),
            3 => StepKind::Stop(self.maybe(Self::expr)),
            4 => StepKind::Update(self.store()),
            5 => StepKind::Stage(self.store()),
            6 => StepKind::Verify {
                within: self.maybe(Self::duration),
                every: self.maybe(Self::duration),
                steps: self.steps(),
            },
            7 => StepKind::Promote(self.secret()),
            8 => StepKind::Revoke {
                secret: self.secret(),
                after: self.maybe(Self::duration),
                steps: self.steps(),
            },
            9 => StepKind::Generate {
                name: self.word(),
                kind: self.word(),
                options: self.some(0, |c| (c.word(), c.expr())),
            },
            10 => StepKind::Manual {
                name: self.word(),
                instructions: self.expr(),
                verify: self.steps(),
            },
            11 => StepKind::Wait {
                until: self.yes(),
                value: self.expr(),
            },
            12 => StepKind::When {
                arms: self.some(1, |c| (c.expr(), c.steps())),
                otherwise: self.maybe(Self::steps),
            },
            13 => StepKind::Match {
                subject: self.expr(),
                arms: self.some(0, |c| (c.expr(), c.steps())),
                otherwise: self.maybe(Self::steps),
            },
            14 => StepKind::Parallel(self.some(0, |c| (c.word(), c.steps()))),
            15 => StepKind::ForEach {
                item: self.bare(),
                items: self.expr(),
                steps: self.steps(),
            },
            16 => StepKind::Repeat {
                at_most: self.maybe(Self::count),
                every: self.maybe(Self::duration),
                backoff: self.maybe(Self::word),
                steps: self.steps(),
                until: self.expr(),
            },
            17 => StepKind::Call {
                name: self.word(),
                rotation: self.word_or_text(),
                inputs: self.some(0, Self::member),
            },
            _ => StepKind::Http(self.http()),
        }
    }

    fn store(&mut self) -> Store {
        Store {
            secret: self.secret(),
            value: if self.yes() {
                StoreValue::Single(self.expr())
            } else {
                StoreValue::Fields(self.some(0, Self::member))
            },
            expires: self.maybe(Self::expr),
            allow: self.some(0, Self::word),
        }
    }

    fn http(&mut self) -> Http {
        let protocol = self.pick(&[
            Protocol::Http,
            Protocol::Http,
            Protocol::Sql(SqlDialect::Postgres),
            Protocol::Sql(SqlDialect::Mysql),
            Protocol::Sql(SqlDialect::Mariadb),
            Protocol::Redis,
            Protocol::Exec,
        ]);
        Http {
            protocol,
            name: self.maybe(Self::word),
            method: match protocol {
                Protocol::Http => Self::named(self.pick(&["GET", "POST", "X"])),
                other => Self::named(other.word()),
            },
            url: match protocol {
                Protocol::Http => self.expr(),
                _ => self.quoted(),
            },
            effect: self.maybe(|c| Effect {
                kind: c.effect(),
                span: AT,
            }),
            clauses: self.some(0, |c| Clause {
                kind: c.clause(),
                span: AT,
            }),
        }
    }

    fn effect(&mut self) -> EffectKind {
        match self.next() % 7 {
            0 => EffectKind::Reads,
            1 => EffectKind::IssuesAdditive {
                at_most: self.maybe(Self::count),
            },
            2 => EffectKind::Sets,
            3 => EffectKind::SetsSelf,
            4 => EffectKind::SetsSlot,
            5 => EffectKind::Revokes,
            _ => EffectKind::IssuesReplacing {
                key: self.maybe(Self::text),
                grace: self.maybe(Self::duration),
                recover: self.maybe(Self::word_or_text),
                accept: self.maybe(Self::text),
                at_most: self.maybe(Self::count),
            },
        }
    }

    fn path(&mut self) -> Name {
        Self::named(self.pick(&["$", "$.token", "$['a b}'][0]", "$..x[?@.y == \"]\"]"]))
    }

    fn comparison(&mut self) -> Sign {
        let all: Vec<Operator> = Operator::ALL.into_iter().filter(|o| o.compares()).collect();
        Sign {
            operator: self.pick(&all),
            span: AT,
        }
    }

    fn clause(&mut self) -> ClauseKind {
        match self.next() % 31 {
            0 => ClauseKind::Bearer(self.expr()),
            1 => ClauseKind::Basic(self.expr(), self.expr()),
            2 => ClauseKind::Client(self.expr(), self.expr()),
            3 => ClauseKind::Header(self.text(), self.expr()),
            4 => ClauseKind::Query(self.some(0, Self::member)),
            5 => ClauseKind::Json(self.expr()),
            6 => ClauseKind::Form(self.some(0, Self::member)),
            7 => ClauseKind::Text(self.expr()),
            8 => ClauseKind::Raw(self.expr()),
            9 => ClauseKind::Timeout(self.duration()),
            10 => ClauseKind::Connect(self.duration()),
            11 => ClauseKind::Retry {
                count: self.count(),
                every: self.maybe(Self::duration),
                backoff: self.maybe(Self::word),
                up_to: self.maybe(Self::duration),
            },
            12 => ClauseKind::ExpectStatus(
                self.some(1, |c| Self::named(c.pick(&["200", "2xx", "404"]))),
            ),
            13 => ClauseKind::ExpectHeader {
                name: self.text(),
                operator: self.comparison(),
                value: self.expr(),
            },
            14 => ClauseKind::ExpectBody {
                path: self.path(),
                operator: self.comparison(),
                value: self.expr(),
            },
            15 => ClauseKind::Ca(self.text()),
            16 => ClauseKind::Proxy,
            17 => ClauseKind::Follow(self.count()),
            18 => ClauseKind::Limit(self.count()),
            22 => ClauseKind::Sign {
                scheme: self.word(),
                options: self.some(0, |c| (c.word(), c.expr())),
            },
            23 => ClauseKind::Login(self.expr(), self.expr()),
            24 => ClauseKind::Statement(self.quoted()),
            25 => ClauseKind::Command(self.list()),
            26 => ClauseKind::Arguments(self.list()),
            27 => ClauseKind::Stdin(self.expr()),
            28 => ClauseKind::Environment(self.some(0, Self::member)),
            29 => ClauseKind::File(self.expr()),
            30 => ClauseKind::ExpectExit(self.some(1, Self::count)),
            19 if self.depth < 5 => {
                self.depth += 2;
                let (list, revoke) = (Box::new(self.http()), Box::new(self.http()));
                self.depth -= 2;
                ClauseKind::Strays { list, revoke }
            }
            _ => ClauseKind::Capture {
                secret: self.yes(),
                name: self.word(),
                source: match self.next() % 4 {
                    0 => Source::Text(AT),
                    1 => Source::Header(self.text()),
                    2 => Source::Status(AT),
                    _ => Source::Body(self.path()),
                },
                ty: self.maybe(Self::ty),
                optional: self.yes(),
                to: self.some(0, |c| c.destination()),
            },
        }
    }
}
