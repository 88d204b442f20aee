//! The tree of a `.rot` file: every node with its place, nothing resolved. A successful parse is not yet a valid
//! program; `plan::resolve` makes it one.
//!
//! Comments stand beside the tree ([`Ast::comments`]); the formatter puts them back.

pub use super::delivery::{Deliver, Target};
pub use super::family::{Each, Family};

use crate::source::Dur;
use crate::source::{FileId, Span};
use crate::syntax::Operator;
use serde::{Deserialize, Serialize};

/// A parsed file.
#[derive(Debug, Clone, PartialEq)]
pub struct Ast {
    /// The file.
    pub file: FileId,
    /// Top-level items in order; broken ones as [`Item::Error`].
    pub items: Vec<Item>,
    /// Comments in order, with `#` and without the line ending.
    pub comments: Vec<Span>,
}

/// A top-level item.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `use "file.rot"`
    Use(Use),
    /// `env NAME, …`
    Env(Env),
    /// `secret …`
    Secret(Secret),
    /// `rotation NAME { … }`
    Rotation(Rotation),
    /// `template NAME { … }`
    Template(Template),
    /// `target NAME KIND "place" { … }`
    Target(Target),
    /// `deliver SECRET to NAME, …`
    Deliver(Deliver),
    /// Text that could not be parsed; a diagnostic was made for it.
    Error(Span),
}

impl Item {
    /// All of it.
    pub fn span(&self) -> Span {
        match self {
            Item::Use(item) => item.span,
            Item::Env(item) => item.span,
            Item::Secret(item) => item.span,
            Item::Rotation(item) => item.span,
            Item::Template(item) => item.span,
            Item::Target(item) => item.span,
            Item::Deliver(item) => item.span,
            Item::Error(span) => *span,
        }
    }
}

/// A name with its place. Quotes, where it stood in them, are part of the place and not of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// `use "file.rot"`
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// The path, relative to this file.
    pub path: Name,
    /// The item.
    pub span: Span,
}

/// `env NAME, …`
#[derive(Debug, Clone, PartialEq)]
pub struct Env {
    /// The variables.
    pub names: Vec<Name>,
    /// The item.
    pub span: Span,
}

/// `secret NAME { fields }, … to "host" in header, query, "host"`
#[derive(Debug, Clone, PartialEq)]
pub struct Secret {
    /// The names, each with its fields (empty for a single value).
    pub names: Vec<(Name, Vec<Name>)>,
    /// Where they may be sent.
    pub to: Vec<Destination>,
    /// The item.
    pub span: Span,
}

/// One destination of a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// `host`, `host:port`, `*.domain`.
    pub host: Name,
    /// It is written `"${name}"` and names a host parameter of the template in which it stands.
    pub parameter: bool,
    /// `program` stands before it: a program of this machine, not a host.
    pub program: bool,
    /// Parts of the request after `in`; empty when not said.
    pub places: Vec<Name>,
    /// All of it.
    pub span: Span,
}

/// `rotation NAME { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// Its name.
    pub name: Name,
    /// The template that it is made from.
    pub from: Option<Name>,
    /// That it is many, or one of many.
    pub family: Option<Family>,
    /// Clauses and steps in text order; the formatter keeps the order.
    pub body: Vec<Entry>,
    /// The item.
    pub span: Span,
}

/// `template NAME { … }`: a rotation with parameters, which `plan::template` replaces before anything is resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: Name,
    /// Facts, parameters, clauses and steps in text order.
    pub body: Vec<Entry>,
    /// The item.
    pub span: Span,
}

/// A line of a rotation's body. Most are steps, so that a box around the largest would save nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// `description "…"`
    Description(Name),
    /// `every 45m jitter 5m`
    Every {
        /// The interval.
        interval: Duration,
        /// `jitter`
        jitter: Option<Duration>,
        /// The clause.
        span: Span,
    },
    /// `cron "0 0 3 * * MON" in "Europe/Berlin" jitter 10m`
    Cron {
        /// The expression.
        expression: Name,
        /// `in`; required, `None` when it was left out.
        zone: Option<Name>,
        /// `jitter`
        jitter: Option<Duration>,
        /// The clause.
        span: Span,
    },
    /// `timeout 5m`
    Timeout(Duration),
    /// `input NAME: [secret] TYPE = default`
    Input {
        /// Name.
        name: Name,
        /// `secret` stands before the type.
        secret: bool,
        /// Type word.
        ty: Name,
        /// Default.
        default: Option<Expr>,
        /// The clause.
        span: Span,
    },
    /// `output [secret] NAME = expr`
    Output {
        /// Name.
        name: Name,
        /// Declared as masked.
        secret: bool,
        /// Value.
        value: Expr,
        /// The clause.
        span: Span,
    },
    /// `on failure { … }`
    OnFailure {
        /// The steps.
        steps: Vec<Step>,
        /// The clause.
        span: Span,
    },
    /// `with { parameter: value, … }` of a rotation that is made from a template
    With {
        /// Arguments.
        arguments: Vec<Member>,
        /// The clause.
        span: Span,
    },
    /// `about { source "…" }` of a template
    About {
        /// Word and text.
        facts: Vec<(Name, Name)>,
        /// The clause.
        span: Span,
    },
    /// `parameter a, b: TYPE { fields } = default to host` of a template
    Parameter {
        /// Names that share what follows.
        names: Vec<Name>,
        /// Type word: `host`, `string`, `int`, `number`, `bool`, `duration`, `list`, `secret`.
        ty: Name,
        /// Fields of a secret that is a record.
        fields: Vec<Name>,
        /// Default.
        default: Option<Expr>,
        /// Where a secret may be sent, when its declaration does not say.
        to: Vec<Destination>,
        /// The clause.
        span: Span,
    },
    /// A step.
    Step(Step),
}

/// A length of time as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duration {
    /// Its value.
    pub value: Dur,
    /// The parameter of a template that stands in its place.
    pub parameter: Option<Name>,
    /// Where.
    pub span: Span,
}

/// A whole number as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Its value, saturated.
    pub value: u64,
    /// Where.
    pub span: Span,
}

/// An operator with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// Which.
    pub operator: Operator,
    /// Where.
    pub span: Span,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it is.
    pub kind: StepKind,
    /// All of it.
    pub span: Span,
}

impl Step {
    /// The blocks within, in text order.
    pub fn blocks(&self) -> Vec<&[Step]> {
        match &self.kind {
            StepKind::Verify { steps, .. }
            | StepKind::Revoke { steps, .. }
            | StepKind::ForEach { steps, .. }
            | StepKind::Repeat { steps, .. } => vec![steps],
            StepKind::Manual { verify, .. } => vec![verify],
            StepKind::When { arms, otherwise }
            | StepKind::Match {
                arms, otherwise, ..
            } => arms
                .iter()
                .map(|(_, steps)| steps.as_slice())
                .chain(otherwise.as_deref())
                .collect(),
            StepKind::Parallel(branches) => {
                branches.iter().map(|(_, steps)| steps.as_slice()).collect()
            }
            StepKind::Http(_)
            | StepKind::Let { .. }
            | StepKind::Log(_)
            | StepKind::Fail(_)
            | StepKind::Stop(_)
            | StepKind::Update(_)
            | StepKind::Stage(_)
            | StepKind::Promote(_)
            | StepKind::Generate { .. }
            | StepKind::Wait { .. }
            | StepKind::Call { .. } => Vec::new(),
        }
    }
}

/// The kinds of step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    /// `http NAME METHOD "url" effect { … }`
    Http(Http),
    /// `let NAME = expr`
    Let {
        /// The name.
        name: Name,
        /// Its value.
        value: Expr,
    },
    /// `log "…"`
    Log(Expr),
    /// `fail "…"`
    Fail(Expr),
    /// `stop "…"`; the reason may be left out.
    Stop(Option<Expr>),
    /// `update NAME = expr …` or `update NAME { field: expr } …`
    Update(Store),
    /// `stage NAME = expr …` or `stage NAME { field: expr } …`
    Stage(Store),
    /// `verify within 2m every 5s { … }`
    Verify {
        /// `within`
        within: Option<Duration>,
        /// `every`
        every: Option<Duration>,
        /// Steps.
        steps: Vec<Step>,
    },
    /// `promote NAME`
    Promote(Name),
    /// `revoke previous.NAME after 24h { … }`
    Revoke {
        /// The secret.
        secret: Name,
        /// `after`
        after: Option<Duration>,
        /// Steps.
        steps: Vec<Step>,
    },
    /// `generate NAME KIND { option value … }`
    Generate {
        /// Step name.
        name: Name,
        /// `password`, `hex`, …
        kind: Name,
        /// `length 32`, `exclude "'\""`, `alphabet "…"`, `bytes 32`, `bits 3072`.
        options: Vec<(Name, Expr)>,
    },
    /// `manual NAME "instructions" { verify steps }`
    Manual {
        /// Step name.
        name: Name,
        /// What to do.
        instructions: Expr,
        /// Steps that must succeed.
        verify: Vec<Step>,
    },
    /// `wait 5m`, `wait until expr`
    Wait {
        /// `until` stands before it.
        until: bool,
        /// The length or the time.
        value: Expr,
    },
    /// `when expr { … } else when … else { … }`
    When {
        /// Conditions with their steps.
        arms: Vec<(Expr, Vec<Step>)>,
        /// `else`
        otherwise: Option<Vec<Step>>,
    },
    /// `match expr { "a" { … } else { … } }`
    Match {
        /// What is looked at.
        subject: Expr,
        /// Literal and steps.
        arms: Vec<(Expr, Vec<Step>)>,
        /// `else`
        otherwise: Option<Vec<Step>>,
    },
    /// `parallel { NAME { … } NAME { … } }`
    Parallel(Vec<(Name, Vec<Step>)>),
    /// `for each NAME in expr { … }`
    ForEach {
        /// Name of the element.
        item: Name,
        /// The list.
        items: Expr,
        /// Steps.
        steps: Vec<Step>,
    },
    /// `repeat at most 10 every 5s backoff linear { … } until expr`
    Repeat {
        /// `at most`
        at_most: Option<Count>,
        /// `every`
        every: Option<Duration>,
        /// `backoff`: `fixed`, `linear`, `exponential`.
        backoff: Option<Name>,
        /// Steps.
        steps: Vec<Step>,
        /// `until`
        until: Expr,
    },
    /// `call NAME = ROTATION { input: expr }`
    Call {
        /// Step name.
        name: Name,
        /// The rotation.
        rotation: Name,
        /// Its inputs.
        inputs: Vec<Member>,
    },
}

/// The rest of `update` and `stage`.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// The secret.
    pub secret: Name,
    /// One value after `=`, or fields in braces.
    pub value: StoreValue,
    /// `expires expr`
    pub expires: Option<Expr>,
    /// Words after `allow`: `empty`, `unchanged`.
    pub allow: Vec<Name>,
}

/// What `update` and `stage` store.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreValue {
    /// `= expr`
    Single(Expr),
    /// `{ field: expr, … }`
    Fields(Vec<Member>),
}

/// `key: expr`
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Identifier or string without interpolation.
    pub key: Name,
    /// Value.
    pub value: Expr,
}

/// What an exchange speaks: the first word of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http NAME METHOD "url" …`
    Http,
    /// `sql NAME DIALECT "host:port/database" …`
    Sql(SqlDialect),
    /// `redis NAME "host:port" …`
    Redis,
    /// `exec NAME "program" …`
    Exec,
}

/// What a server of `sql` speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlDialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB: MySQL's protocol; passwords are logged, and a user may have two.
    Mariadb,
}

impl SqlDialect {
    /// All of them.
    pub const ALL: [SqlDialect; 3] = [SqlDialect::Postgres, SqlDialect::Mysql, SqlDialect::Mariadb];

    /// Its word behind `sql`, which is also the scheme of its addresses in a plan.
    pub fn word(self) -> &'static str {
        match self {
            SqlDialect::Postgres => "postgres",
            SqlDialect::Mysql => "mysql",
            SqlDialect::Mariadb => "mariadb",
        }
    }

    /// The dialect of a word.
    pub fn find(word: &str) -> Option<SqlDialect> {
        SqlDialect::ALL.into_iter().find(|one| one.word() == word)
    }

    /// The port of a server for which none is written.
    pub fn port(self) -> u16 {
        match self {
            SqlDialect::Postgres => 5432,
            SqlDialect::Mysql | SqlDialect::Mariadb => 3306,
        }
    }
}

impl Protocol {
    /// Those whose addresses in a plan begin with a scheme of their own.
    pub fn with_schemes() -> impl Iterator<Item = Protocol> {
        let sql = SqlDialect::ALL.into_iter().map(Protocol::Sql);
        sql.chain([Protocol::Redis, Protocol::Exec])
    }

    /// The first word of its step.
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Sql(_) => "sql",
            Protocol::Redis => "redis",
            Protocol::Exec => "exec",
        }
    }

    /// What its addresses begin with in a plan; absent for HTTP, whose addresses are written out.
    pub fn scheme(self) -> Option<&'static str> {
        match self {
            Protocol::Http => None,
            Protocol::Sql(dialect) => Some(dialect.word()),
            Protocol::Redis => Some("redis"),
            Protocol::Exec => Some("exec"),
        }
    }

    /// The port of a server for which none is written.
    pub fn port(self) -> Option<u16> {
        match self {
            Protocol::Sql(dialect) => Some(dialect.port()),
            Protocol::Redis => Some(6379),
            Protocol::Http | Protocol::Exec => None,
        }
    }
}

/// An `http`, `sql`, `redis` or `exec` step.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// What it speaks.
    pub protocol: Protocol,
    /// Step name; may be left out where nothing refers to it.
    pub name: Option<Name>,
    /// Method as written; of what is not HTTP the first word of the step.
    pub method: Name,
    /// URL, or the host or program in its place.
    pub url: Expr,
    /// What it changes.
    pub effect: Option<Effect>,
    /// Clauses in text order.
    pub clauses: Vec<Clause>,
}

/// `reads`, `issues additive`, …
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// What was declared.
    pub kind: EffectKind,
    /// All of it.
    pub span: Span,
}

/// The declared effects.
#[derive(Debug, Clone, PartialEq)]
pub enum EffectKind {
    /// `reads`
    Reads,
    /// `issues additive [at most N]`
    IssuesAdditive {
        /// `at most`
        at_most: Option<Count>,
    },
    /// `issues replacing [key "Header"] [grace D] [recover with NAME] [accept lockout-risk "reason"] [at most N]`
    IssuesReplacing {
        /// `key`: header (a string) that carries the idempotency key.
        key: Option<Name>,
        /// `grace`
        grace: Option<Duration>,
        /// `recover with`
        recover: Option<Name>,
        /// `accept lockout-risk`
        accept: Option<Name>,
        /// `at most`
        at_most: Option<Count>,
    },
    /// `sets`
    Sets,
    /// `sets self`
    SetsSelf,
    /// `sets slot`
    SetsSlot,
    /// `revokes`
    Revokes,
}

/// A clause of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// What it is.
    pub kind: ClauseKind,
    /// All of it.
    pub span: Span,
}

/// Clauses of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseKind {
    /// `bearer expr`
    Bearer(Expr),
    /// `basic user, password`
    Basic(Expr, Expr),
    /// `client id, secret` (RFC 6749 section 2.3.1)
    Client(Expr, Expr),
    /// `header "Name": expr`
    Header(Name, Expr),
    /// `query { name: expr, … }`
    Query(Vec<Member>),
    /// `json expr`
    Json(Expr),
    /// `form { name: expr, … }`
    Form(Vec<Member>),
    /// `text expr`
    Text(Expr),
    /// `raw expr`
    Raw(Expr),
    /// `timeout 10s`
    Timeout(Duration),
    /// `connect timeout 5s` is written `connect 5s`
    Connect(Duration),
    /// `retry 3 every 2s backoff exponential up to 1m`
    Retry {
        /// Attempts after the first.
        count: Count,
        /// `every`
        every: Option<Duration>,
        /// `backoff`: `fixed`, `linear`, `exponential`.
        backoff: Option<Name>,
        /// `up to`
        up_to: Option<Duration>,
    },
    /// `expect status 200, 2xx`
    ExpectStatus(Vec<Name>),
    /// `expect exit 0, 3`
    ExpectExit(Vec<Count>),
    /// `expect header "Name" == expr`
    ExpectHeader {
        /// Header.
        name: Name,
        /// Comparison.
        operator: Sign,
        /// With what.
        value: Expr,
    },
    /// `expect body $.path == expr`
    ExpectBody {
        /// Path as written.
        path: Name,
        /// Comparison.
        operator: Sign,
        /// With what.
        value: Expr,
    },
    /// `secret NAME = source as TYPE optional to "host"`, `public NAME = …`
    Capture {
        /// `secret` or `public`.
        secret: bool,
        /// Name.
        name: Name,
        /// Where.
        source: Source,
        /// `as`
        ty: Option<Name>,
        /// `optional`
        optional: bool,
        /// Hosts after `to`.
        to: Vec<Destination>,
    },
    /// `ca "file.pem"`
    Ca(Name),
    /// `proxy env`
    Proxy,
    /// `follow 3`
    Follow(Count),
    /// `limit 4MiB`
    Limit(Count),
    /// `strays METHOD "url" { … } revoke METHOD "url" { … }`: how credentials that an unanswered call left are found and revoked.
    Strays {
        /// The listing request; its capture `ids` is the list.
        list: Box<Http>,
        /// The request that revokes one, named `stray`.
        revoke: Box<Http>,
    },
    /// `sign SCHEME { option expr … }`
    Sign {
        /// `aws_sigv4`, `hmac`.
        scheme: Name,
        /// Words with their values.
        options: Vec<(Name, Expr)>,
    },
    /// `login user, password`
    Login(Expr, Expr),
    /// `statement "…"`
    Statement(Expr),
    /// `command ["…", …]`
    Command(Expr),
    /// `stdin expr`
    Stdin(Expr),
    /// `environment { NAME: expr, … }`
    Environment(Vec<Member>),
    /// `arguments ["…", …]`
    Arguments(Expr),
    /// `file expr`: a file in memory whose path is called `path`.
    File(Expr),
}

/// Where a capture is found.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// `body $.path`
    Body(Name),
    /// `body`
    Text(Span),
    /// `header "Name"`
    Header(Name),
    /// `status`
    Status(Span),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// Expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Digits as written: `42`, `-1.5e3`.
    Number(String),
    /// `45m`
    Duration(Dur),
    /// `"text ${expr} text"`: literal and interpolated parts. A string without interpolation has at most one literal part.
    String(Vec<Part>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{ key: value }`
    Object(Vec<Member>),
    /// `secrets.name.field`, `step.capture`, `"quoted"` segments allowed after the first. Each segment with its place.
    Path(Vec<Name>),
    /// `expr.field` on what is not a name, or `expr[0]`.
    Index(Box<Expr>, Box<Expr>),
    /// `name(args)`
    Call(Name, Vec<Expr>),
    /// `a == b`
    Binary(Box<Expr>, Sign, Box<Expr>),
    /// `not a`
    Not(Box<Expr>),
    /// `reveal expr because "reason"`
    Reveal(Box<Expr>, Option<Name>),
    /// Could not be parsed.
    Error,
}

/// A part of a string.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text with escapes decoded.
    Text(String, Span),
    /// `${expr}`
    Expr(Expr),
}
