//! What is asked in other ways than plain HTTP: the clauses of `sql`, `redis` and `exec`, and signatures.

use super::http::Once;
use super::scope::Symbol;
use super::{Resolver, errors};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::name::is_identifier;
use crate::plan::schedule::Dur;
use crate::plan::task::http::{
    Auth, Body, HmacAlgorithm, HmacEncoding, Http, Jwt, JwtAlgorithm, Protocol, Sign, SqlDialect,
};
use crate::plan::{Expr, ExprKind, Function, Type};
use crate::source::Span;
use crate::syntax::ast::{self, Clause, ClauseKind, Name};
use std::mem::discriminant;

const HTTP: Protocol = Protocol::Http;
const SQL: Protocol = Protocol::Sql(SqlDialect::Postgres);
const REDIS: Protocol = Protocol::Redis;
const EXEC: Protocol = Protocol::Exec;

/// How long a token is good for where nothing is said.
const DEFAULT_LIFETIME: Dur = Dur::minutes(5);

/// A name that is known within an exchange alone, with what it hides.
type Own = (&'static str, Option<(Symbol, Span)>);

/// The schemes of `sign`, each with its options; those behind the second list may be left out.
pub const SCHEMES: [(&str, &[&str], &[&str]); 3] = [
    (
        "aws_sigv4",
        &["key_id", "secret_key", "region", "service"],
        &["session_token"],
    ),
    (
        "hmac",
        &["key", "text", "header"],
        &["algorithm", "encoding", "prefix", "time_header"],
    ),
    (
        "jwt",
        &["algorithm", "key", "claims"],
        &["key_id", "header", "lifetime", "field"],
    ),
];

impl Resolver {
    /// Makes known what only the clauses of this exchange may name.
    pub(super) fn bring_names(&mut self, http: &ast::Http) -> Vec<Own> {
        let mut own = Vec::new();
        let mut bring = |resolver: &mut Self, name: &'static str, ty: Type| {
            let hidden = resolver
                .scope
                .set(name, Some((Symbol::Variable(ty), http.method.span)));
            own.push((name, hidden));
        };
        for clause in &http.clauses {
            match &clause.kind {
                ClauseKind::File(_) => bring(self, "path", Type::String),
                ClauseKind::Sign { scheme, .. } if scheme.text == "hmac" => {
                    bring(self, "request", Type::Any);
                }
                _ => {}
            }
        }
        own
    }

    pub(super) fn take_names(&mut self, own: Vec<Own>) {
        for (name, hidden) in own.into_iter().rev() {
            self.scope.set(name, hidden);
        }
    }

    /// Whether a clause is one of this protocol's; says so where it is not.
    pub(super) fn belongs(&mut self, protocol: Protocol, clause: &Clause) -> bool {
        let (word, of): (&str, &[Protocol]) = match &clause.kind {
            ClauseKind::Bearer(_) => ("bearer", &[HTTP]),
            ClauseKind::Basic(..) => ("basic", &[HTTP]),
            ClauseKind::Client(..) => ("client", &[HTTP]),
            ClauseKind::Header(..) => ("header", &[HTTP]),
            ClauseKind::Query(_) => ("query", &[HTTP]),
            ClauseKind::Json(_) => ("json", &[HTTP]),
            ClauseKind::Form(_) => ("form", &[HTTP]),
            ClauseKind::Text(_) => ("text", &[HTTP]),
            ClauseKind::Raw(_) => ("raw", &[HTTP]),
            ClauseKind::Proxy => ("proxy", &[HTTP]),
            ClauseKind::Follow(_) => ("follow", &[HTTP]),
            ClauseKind::Sign { .. } => ("sign", &[HTTP]),
            ClauseKind::ExpectStatus(_) => ("expect status", &[HTTP]),
            ClauseKind::ExpectHeader { .. } => ("expect header", &[HTTP]),
            ClauseKind::Connect(_) => ("connect", &[HTTP, SQL, REDIS]),
            ClauseKind::Ca(_) => ("ca", &[HTTP, SQL, REDIS]),
            ClauseKind::Login(..) => ("login", &[SQL, REDIS]),
            ClauseKind::Statement(_) => ("statement", &[SQL]),
            ClauseKind::Command(_) => ("command", &[REDIS]),
            ClauseKind::Stdin(_) => ("stdin", &[EXEC]),
            ClauseKind::Environment(_) => ("environment", &[EXEC]),
            ClauseKind::Arguments(_) => ("arguments", &[EXEC]),
            ClauseKind::File(_) => ("file", &[EXEC]),
            ClauseKind::ExpectExit(_) => ("expect exit", &[EXEC]),
            ClauseKind::Timeout(_)
            | ClauseKind::Retry { .. }
            | ClauseKind::ExpectBody { .. }
            | ClauseKind::Capture { .. }
            | ClauseKind::Limit(_)
            | ClauseKind::Strays { .. } => return true,
        };
        // Dialects of a protocol have the same clauses.
        if of
            .iter()
            .any(|one| discriminant(one) == discriminant(&protocol))
        {
            return true;
        }
        let steps: Vec<String> = of.iter().map(|p| format!("`{}`", p.word())).collect();
        self.report(errors::misplaced(
            clause.span,
            &format!("`{word}` is no clause of `{}`", protocol.word()),
            &format!("it belongs to {}", steps.join(", ")),
        ));
        false
    }

    /// What an exchange must have beside its target.
    pub(super) fn complete(&mut self, http: &ast::Http, made: &mut Http) {
        self.jwt_place(http, made);
        let lacks = match http.protocol {
            Protocol::Sql(_) if made.protocol() != http.protocol => Some("`statement \"…\"`"),
            Protocol::Redis if made.protocol() != http.protocol => Some("`command [\"…\"]`"),
            Protocol::Sql(_) if !matches!(made.auth, Some(Auth::Login(..))) => {
                Some("`login user, password`")
            }
            Protocol::Http | Protocol::Sql(_) | Protocol::Redis | Protocol::Exec => None,
        };
        if let Some(lacks) = lacks {
            let word = http.protocol.word();
            self.report(errors::bad_value(
                codes::MISSING_REQUIRED,
                http.method.span.to(http.url.span),
                format!("this `{word}` has no {lacks}"),
                format!("write {lacks} in its braces"),
            ));
            // Another step than the one that was meant must not come of it.
            if made.protocol() != http.protocol {
                let nothing = Expr::string("");
                made.body = match http.protocol {
                    Protocol::Sql(dialect) => Body::Statement {
                        dialect,
                        text: nothing,
                    },
                    Protocol::Http | Protocol::Redis | Protocol::Exec => {
                        Body::Command(vec![nothing])
                    }
                };
            }
        }
    }

    /// The address of a server or the name of a program, as one URL.
    pub(super) fn peer(&mut self, target: &ast::Expr, protocol: Protocol) -> Expr {
        let mut resolved = self.typed(target, &[Type::String], "text in quotes");
        let scheme = format!("{}://", protocol.scheme().unwrap_or("https"));
        match &mut resolved.kind {
            ExprKind::String(text) => text.insert_str(0, &scheme),
            ExprKind::Template(parts) => match parts.first_mut().map(|first| &mut first.kind) {
                Some(ExprKind::String(text)) => text.insert_str(0, &scheme),
                _ => parts.insert(0, Expr::new(ExprKind::String(scheme.clone()), target.span)),
            },
            _ => {}
        }
        if protocol == Protocol::Exec {
            match resolved.as_str() {
                Some(url) => {
                    let name = Name {
                        text: url.get(scheme.len()..).unwrap_or_default().to_owned(),
                        span: target.span,
                    };
                    self.program_name(&name);
                }
                None => self.report(errors::bad_value(
                    codes::SECRET_TO_COMPUTED_HOST,
                    target.span,
                    "nothing that a run computes chooses a program",
                    "write its name, which `[programs]` in rot.toml declares",
                )),
            }
            return resolved;
        }
        if let Some(text) = resolved.as_str() {
            let parsed = url::Url::parse(text).ok();
            let fits = parsed.as_ref().is_some_and(|url| {
                url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
                    && url.query().is_none()
                    && (protocol != SQL || url.path().len() > 1)
            });
            if !fits {
                let (what, example) = match protocol {
                    SQL => (
                        "this is not a server with a database",
                        "for example `\"db.example.com:5432/app\"`; user and password stand in `login`",
                    ),
                    _ => (
                        "this is not a server",
                        "for example `\"db.example.com:3306\"`; user and password stand in `login`",
                    ),
                };
                self.report(errors::bad_value(
                    codes::BAD_URL,
                    target.span,
                    what,
                    example,
                ));
            }
        }
        resolved
    }

    /// Programs are called by names that the settings of the machine know.
    pub(super) fn program_name(&mut self, name: &Name) {
        if !is_identifier(&name.text) || name.text.bytes().any(|b| b.is_ascii_uppercase()) {
            self.report(errors::bad_value(
                codes::BAD_NAME,
                name.span,
                format!("`{}` is not the name of a program", name.text),
                "lower-case letters, digits, `_` and `-`; the path stands in `[programs]` of rot.toml",
            ));
        }
    }

    /// The text of a statement. What is interpolated is quoted by us, so it may not stand in quotes of the author's.
    pub(super) fn statement(&mut self, text: &ast::Expr, dialect: SqlDialect) -> Expr {
        let ast::ExprKind::String(parts) = &text.kind else {
            return self.typed(text, &[Type::String], "a statement in quotes");
        };
        let mut scan = Scan {
            dialect,
            open: None,
            ended: false,
        };
        for part in parts {
            match part {
                ast::Part::Text(text, span) => {
                    if let Some(problem) = scan.text(text) {
                        self.report(errors::bad_value(
                            codes::BAD_VALUE,
                            *span,
                            problem,
                            "one statement a step: write another `sql` step for the next one",
                        ));
                        break;
                    }
                }
                ast::Part::Expr(expr) => {
                    if let Some(inside) = scan.inside() {
                        self.report(errors::bad_value(
                            codes::BAD_INTERPOLATION,
                            expr.span,
                            format!("a value cannot stand in {inside} of a statement"),
                            "leave the quotes out: `${value}` is quoted as a literal, `${name(value)}` as an identifier",
                        ));
                    }
                }
            }
        }
        let resolved = self.parts_of(parts, text.span);
        for part in resolved.children() {
            let quoted = matches!(&part.kind, ExprKind::Call(Function::Name, _));
            if let (ExprKind::Call(function, _), false) = (&part.kind, quoted)
                && matches!(function.returns(), Type::Json)
            {
                self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    part.at.0,
                    "this may be more than one value",
                    "write its text with `json(…)`, which is quoted as one literal",
                ));
            }
        }
        resolved
    }

    /// A statement's parts, each an expression of its own: none is joined to another before it is quoted.
    fn parts_of(&mut self, parts: &[ast::Part], span: Span) -> Expr {
        let parts = parts
            .iter()
            .map(|part| match part {
                ast::Part::Text(text, span) => Expr::new(ExprKind::String(text.clone()), *span),
                ast::Part::Expr(value) => {
                    let value = self.text(value);
                    // A literal that is interpolated, as constants of a template are, is a value as others are: what is
                    // written out in a statement is not quoted.
                    match &value.kind {
                        ExprKind::String(_) => {
                            let at = value.at;
                            Expr::new(ExprKind::Call(Function::Text, vec![value]), at)
                        }
                        _ => value,
                    }
                }
            })
            .collect();
        Expr::new(ExprKind::Template(parts), span)
    }

    /// The words of a command, each a text of its own.
    pub(super) fn words_of(&mut self, list: &ast::Expr) -> Vec<Expr> {
        let ast::ExprKind::List(items) = &list.kind else {
            return Vec::new();
        };
        if items.is_empty() {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                list.span,
                "there is no word in it",
                "for example `[\"ACL\", \"SETUSER\", input.user]`",
            ));
        }
        items.iter().map(|item| self.text(item)).collect()
    }

    pub(super) fn of_program(&mut self, clause: &Clause, made: &mut Http, once: &mut Once) {
        let Body::Program(program) = &mut made.body else {
            return;
        };
        let span = clause.span;
        match &clause.kind {
            ClauseKind::Stdin(value) => {
                self.once(&mut once.stdin, "`stdin`", span);
                program.stdin =
                    Some(self.typed(value, &[Type::String, Type::Bytes], "text or bytes"));
            }
            ClauseKind::File(value) => {
                self.once(&mut once.file, "`file`", span);
                program.file =
                    Some(self.typed(value, &[Type::String, Type::Bytes], "text or bytes"));
            }
            ClauseKind::Environment(members) => {
                self.once(&mut once.environment, "`environment`", span);
                for member in members {
                    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let name = &member.key.text;
                    if !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
                        self.report(errors::bad_value(
                            codes::BAD_NAME,
                            member.key.span,
                            format!("`{name}` is not the name of a variable"),
                            "letters, digits and `_`, not beginning with a digit",
                        ));
                    }
                }
                program.environment = self.pairs(members, false);
            }
            ClauseKind::Arguments(list) => {
                self.once(&mut once.arguments, "`arguments`", span);
                if let ast::ExprKind::List(items) = &list.kind {
                    program.arguments = items.iter().map(|item| self.text(item)).collect();
                }
            }
            _ => {}
        }
    }

    pub(super) fn sign(&mut self, scheme: &Name, options: &[(Name, ast::Expr)]) -> Option<Sign> {
        let Some((_, needed, optional)) = SCHEMES.iter().find(|(word, ..)| *word == scheme.text)
        else {
            let words = SCHEMES.map(|(word, ..)| word);
            self.offer(scheme, |_| super::words(words));
            self.report(errors::unknown_word(
                scheme.span,
                "a way to sign",
                &scheme.text,
                &words,
            ));
            return None;
        };
        let known: Vec<&str> = needed.iter().chain(*optional).copied().collect();
        for (at, (option, _)) in options.iter().enumerate() {
            if !known.contains(&option.text.as_str()) {
                self.offer(option, |_| super::words(known.iter().copied()));
                let what = format!("an option of `sign {}`", scheme.text);
                self.report(errors::unknown_word(
                    option.span,
                    &what,
                    &option.text,
                    &known,
                ));
            }
            let first = options.iter().take(at).find(|(o, _)| o.text == option.text);
            if let Some((first, _)) = first {
                self.report(errors::duplicate("option", option, first.span));
            }
        }
        let lacking: Vec<String> = needed
            .iter()
            .filter(|word| !options.iter().any(|(o, _)| o.text == **word))
            .map(|word| format!("`{word}`"))
            .collect();
        if !lacking.is_empty() {
            self.report(errors::bad_value(
                codes::MISSING_REQUIRED,
                scheme.span,
                format!("`sign {}` needs {}", scheme.text, lacking.join(", ")),
                format!("its options are {}", known.join(", ")),
            ));
            return None;
        }
        let get = |resolver: &mut Self, word: &str| -> Option<Expr> {
            let (_, value) = options.iter().find(|(option, _)| option.text == word)?;
            Some(resolver.typed(
                value,
                &[Type::String, Type::Bytes, Type::Int],
                "text or bytes",
            ))
        };
        if scheme.text == "jwt" {
            return self.jwt(options);
        }
        if scheme.text == "aws_sigv4" {
            return Some(Sign::AwsSigv4 {
                key_id: get(self, "key_id")?,
                secret_key: get(self, "secret_key")?,
                session_token: get(self, "session_token"),
                region: get(self, "region")?,
                service: get(self, "service")?,
            });
        }
        let (key, text) = (get(self, "key")?, get(self, "text")?);
        let algorithm = self.chosen(options, "algorithm", &HmacAlgorithm::WORDS);
        let encoding = self.chosen(options, "encoding", &HmacEncoding::WORDS);
        let header = self.header_option(options, "header")?;
        let prefix = self.literal_option(options, "prefix").map(|(text, _)| text);
        let time_header = self.header_option(options, "time_header");
        Some(Sign::Hmac {
            algorithm: algorithm.unwrap_or(HmacAlgorithm::Sha256),
            key,
            text,
            encoding: encoding.unwrap_or(HmacEncoding::Hex),
            header,
            prefix: prefix.unwrap_or_default(),
            time_header,
        })
    }

    fn jwt(&mut self, options: &[(Name, ast::Expr)]) -> Option<Sign> {
        let given = |word: &str| options.iter().find(|(option, _)| option.text == word);
        let text = |resolver: &mut Self, word: &str| {
            let (_, value) = given(word)?;
            Some(resolver.typed(value, &[Type::String, Type::Bytes], "text or bytes"))
        };
        let object = |resolver: &mut Self, word: &str| {
            let (_, value) = given(word)?;
            Some(resolver.typed(value, &[Type::Json], "an object"))
        };
        let algorithm = self.chosen(options, "algorithm", JwtAlgorithm::WORDS);
        let (key, key_id) = (text(self, "key")?, text(self, "key_id"));
        let (claims, header) = (object(self, "claims")?, object(self, "header"));
        let mut lifetime = DEFAULT_LIFETIME;
        if let Some((_, value)) = given("lifetime") {
            match &value.kind {
                ast::ExprKind::Duration(said) if said.as_millis() >= 1000 => lifetime = *said,
                _ => self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    value.span,
                    "the lifetime of a token is a length of time",
                    "for example `lifetime 5m`",
                )),
            }
        }
        let field = self.literal_option(options, "field").map(|(text, _)| text);
        Some(Sign::Jwt(Jwt {
            algorithm: algorithm?,
            key,
            key_id,
            header,
            claims,
            lifetime,
            field,
        }))
    }

    /// A token stands in the form that it names, or is the only one that says who asks.
    fn jwt_place(&mut self, http: &ast::Http, made: &Http) {
        let Some(Sign::Jwt(jwt)) = made.sign.as_deref() else {
            return;
        };
        let problem = match (&jwt.field, &made.body, &made.auth) {
            (Some(_), Body::Form(_), _) | (None, _, None) => return,
            (Some(_), ..) => (
                "`field` names a member of a form, and there is none",
                "write `form { … }`; without `field` the token is sent as `Authorization: Bearer`",
            ),
            (None, ..) => (
                "this request has two ways to say who asks",
                "leave `bearer`, `basic` or `client` out, or send the token as a `field` of the form",
            ),
        };
        self.report(errors::bad_value(
            codes::BAD_VALUE,
            http.method.span.to(http.url.span),
            problem.0,
            problem.1,
        ));
    }

    pub(super) fn literal_option(
        &mut self,
        options: &[(Name, ast::Expr)],
        word: &str,
    ) -> Option<(String, Span)> {
        let (option, value) = options.iter().find(|(option, _)| option.text == word)?;
        let text = super::steps::literal_text(value);
        if text.is_none() {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                value.span,
                format!("`{}` is a literal", option.text),
                "write the value itself",
            ));
        }
        Some((text?, value.span))
    }

    fn header_option(&mut self, options: &[(Name, ast::Expr)], word: &str) -> Option<String> {
        let (text, span) = self.literal_option(options, word)?;
        if text.is_empty() || !text.bytes().all(super::http::is_token) {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                span,
                format!("`{text}` is not a header name"),
                "letters, digits and `-` (RFC 9110 section 5.6.2)",
            ));
        }
        Some(text)
    }

    pub(super) fn chosen<T: Copy>(
        &mut self,
        options: &[(Name, ast::Expr)],
        word: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let (text, span) = self.literal_option(options, word)?;
        let found = choices.iter().find(|(choice, _)| *choice == text);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            self.report(errors::unknown_word(
                span,
                &format!("a choice of `{word}`"),
                &text,
                &words,
            ));
        }
        found.map(|(_, choice)| *choice)
    }

    /// An exchange that is not HTTP says what it changes, unless it stands where it can only read.
    pub(super) fn needs_effect(&mut self, http: &ast::Http) {
        let word = http.protocol.word();
        self.report(
            Diagnostic::new(
                codes::MISSING_EFFECT,
                http.method.span.to(http.url.span),
                format!("this `{word}` does not say what it changes"),
            )
            .at("say its effect behind the target")
            .help("`reads` when nothing changes, `sets` when we choose the value, `issues additive` when a new credential comes of it, `revokes` when one dies"),
        );
    }
}

/// Where in a statement the author's text has come to.
struct Scan {
    dialect: SqlDialect,
    /// What ends the quotes or the comment that is open.
    open: Option<Open>,
    /// A `;` was seen: nothing may follow.
    ended: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Open {
    Literal,
    /// By the quote that ends it.
    Identifier(char),
    Line,
    Block,
    Dollar(String),
}

impl Scan {
    fn inside(&self) -> Option<&'static str> {
        Some(match self.open.as_ref()? {
            Open::Literal | Open::Identifier(_) | Open::Dollar(_) => "quotes",
            Open::Line | Open::Block => "a comment",
        })
    }

    /// Takes the next piece of text; says what is wrong with it.
    fn text(&mut self, text: &str) -> Option<&'static str> {
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let ends = match &self.open {
                Some(Open::Literal) => rest.starts_with('\'').then_some(1),
                Some(Open::Identifier(quote)) => rest.starts_with(*quote).then_some(1),
                Some(Open::Line) => rest.starts_with('\n').then_some(1),
                Some(Open::Block) => rest.starts_with("*/").then_some(2),
                Some(Open::Dollar(tag)) => rest.starts_with(tag.as_str()).then_some(tag.len()),
                None => {
                    let (opens, length) = opens(rest, self.dialect);
                    if self.ended && !next.is_whitespace() && opens != Some(Open::Line) {
                        return Some("there are two statements in it");
                    }
                    self.ended |= next == ';';
                    self.open = opens;
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
            };
            if ends.is_some() {
                self.open = None;
            }
            rest = rest
                .get(ends.unwrap_or(next.len_utf8())..)
                .unwrap_or_default();
        }
        None
    }
}

/// What begins here, and how long its beginning is.
fn opens(rest: &str, dialect: SqlDialect) -> (Option<Open>, usize) {
    let mysql = matches!(dialect, SqlDialect::Mysql | SqlDialect::Mariadb);
    let dollar = rest.strip_prefix('$').filter(|_| !mysql).and_then(|after| {
        let tag = after.split('$').next()?;
        let fits = tag.chars().all(|c| c.is_alphanumeric() || c == '_');
        (fits && after.len() > tag.len()).then(|| format!("${tag}$"))
    });
    match rest {
        _ if rest.starts_with('\'') => (Some(Open::Literal), 1),
        _ if rest.starts_with('"') => (Some(Open::Identifier('"')), 1),
        _ if mysql && rest.starts_with('`') => (Some(Open::Identifier('`')), 1),
        _ if mysql && rest.starts_with('#') => (Some(Open::Line), 1),
        _ if rest.starts_with("--") => (Some(Open::Line), 2),
        _ if rest.starts_with("/*") => (Some(Open::Block), 2),
        _ => match dollar {
            Some(tag) => (Some(Open::Dollar(tag.clone())), tag.len()),
            None => (None, rest.chars().next().map_or(1, char::len_utf8)),
        },
    }
}
