//! The wider half of the generator: every step, clause, function, operator and kind of generated value that the language has.
//!
//! It chooses from the tables that define these. A row that it cannot write ends it, so that whoever adds one to the language
//! teaches it here; and a test fails where a row is never part of a program that is run.

use super::programs::Maker;
use rot::plan::expr::{Function, Operator, RunField};
use rot::plan::task::value::GENERATORS;
use rot::plan::{Place, Type};
use rot::syntax::keyword::{CLAUSES, EFFECTS, ENTRIES, STEPS};

/// What takes long to compute in a run, so that it is chosen seldom.
fn is_slow(function: Function) -> bool {
    use Function::{Bcrypt, JavaScript, Jq, ScramSha256, Sha512Crypt, SignJwt};
    [Bcrypt, JavaScript, Jq, ScramSha256, Sha512Crypt, SignJwt].contains(&function)
}

/// The first words of clauses of one request of each protocol.
const HTTP: [&str; 7] = [
    "header", "query", "retry", "expect", "timeout", "follow", "limit",
];
const PROVES: [&str; 5] = ["bearer", "basic", "client", "sign", "header"];
const BODIES: [&str; 4] = ["json", "form", "text", "raw"];
const PROGRAMS: [&str; 4] = ["stdin", "environment", "arguments", "file"];

/// What a clause is chosen for by its own part of the generator, so that a new one is not forgotten.
pub fn is_written(clause: &str) -> bool {
    let others = [
        "connect",
        "proxy",
        "secret",
        "public",
        "ca",
        "strays",
        "login",
        "statement",
        "command",
    ];
    [&HTTP[..], &PROVES, &BODIES, &PROGRAMS, &others]
        .iter()
        .any(|list| list.contains(&clause))
}

impl Maker {
    /// What stands before the rotations: each secret may stand in every part of a request to its own host.
    pub fn declarations(&mut self) {
        let places = |of_programs: bool| {
            let all = Place::DECLARED.into_iter();
            let some = all.filter(|place| place.is_of_program() == of_programs);
            some.map(Place::as_str).collect::<Vec<_>>().join(", ")
        };
        let (host, program) = (places(false), places(true));
        self.text.push_str(&format!(
            "env REGION\nsecret key to \"a.example.com\" in {host}\n\
             secret other to \"b.example.com\" in {host}, program \"tool\" in {program}\n\
             secret store, signer to \"a.example.com\"\n\n"
        ));
    }

    /// The clauses of a rotation that are no steps, before the steps.
    pub fn entries(&mut self) {
        for word in ENTRIES {
            if !self.random.chance(25) {
                continue;
            }
            match word {
                "description" => self.line("description \"a program\""),
                "every" => self.line("every 30d jitter 1m"),
                "cron" if !self.text.contains("every 30d") => {
                    self.line("cron \"0 0 3 * * MON\" in \"Europe/Berlin\"");
                }
                "timeout" => self.line("timeout 20h"),
                "input" => {
                    self.line("input handed: secret string = \"nothing\"");
                    self.secret.push("input.handed".into());
                }
                // They stand behind the steps.
                "cron" | "output" | "on" => {}
                other => panic!("the generator does not know the entry `{other}`"),
            }
        }
    }

    /// What stands behind the steps.
    pub fn ending(&mut self) {
        if self.random.chance(30) {
            self.line("on failure {");
            let public = self.public.clone();
            self.public.retain(|name| name.starts_with("input."));
            self.public.push("(run.reason ?? \"none\")".into());
            let secret = self.secret.clone();
            self.secret.retain(|name| name.starts_with("secrets."));
            self.nested(1, 2);
            (self.public, self.secret) = (public, secret);
            self.line("}");
        }
    }

    /// One step of any kind.
    pub fn word(&mut self, depth: usize) {
        let word = *self.random.pick(&STEPS);
        self.step(word, depth);
    }

    /// One step by its first word.
    pub fn step(&mut self, word: &'static str, depth: usize) {
        let deep = depth > 1;
        match word {
            "http" => self.request(),
            "sql" => self.sql(),
            "redis" => self.redis(),
            "exec" => self.exec(),
            "let" => {
                let name = self.fresh("w");
                let value = self.secret_value();
                self.line(&format!("let {name} = {value}"));
                self.secret.push(name);
            }
            "log" => {
                let value = self.mostly_public(94);
                self.line(&format!("log \"{} ${{{value}}}\"", word));
            }
            "fail" => {
                let (condition, value) = (self.condition(), self.mostly_public(92));
                self.line(&format!(
                    "when {condition} {{ fail \"since ${{{value}}}\" }}"
                ));
            }
            "stop" => {
                let condition = self.condition();
                self.line(&format!("when {condition} {{ stop }}"));
            }
            "update" | "stage" | "verify" | "promote" | "revoke" => self.life(word),
            "generate" => self.generated(),
            "manual" => {
                let name = self.fresh("m");
                let value = self.mostly_public(94);
                self.line(&format!("manual {name} \"type ${{{value}}}\" {{"));
                self.nested(1, 2);
                self.line("}");
                self.secret.push(format!("{name}.value"));
            }
            "wait" => {
                let value = self.mostly_public(90);
                let line = match self.random.below(3) {
                    0 => "wait 1s".to_owned(),
                    1 => "wait until run.started_at + 1m".to_owned(),
                    _ => format!("wait until time(length({value}) + 1795000000)"),
                };
                self.line(&line);
            }
            "when" if !deep => {
                let (one, two) = (self.condition(), self.condition());
                let operator = if self.random.chance(50) { "and" } else { "or" };
                self.line(&format!("when {one} {operator} {two} {{"));
                self.nested(1, depth);
                let other = self.condition();
                self.line(&format!("}} else when {other} {{"));
                self.nested(1, depth);
                self.line("} else {");
                self.nested(1, depth);
                self.line("}");
            }
            "match" if !deep => {
                let subject = self.mostly_public(85);
                self.line(&format!("match {subject} {{"));
                self.indent += 1;
                self.line("null {");
                self.nested(1, depth);
                self.line("}");
                self.line("\"word\" {");
                self.nested(1, depth);
                self.line("}");
                self.indent -= 1;
                self.line("}");
            }
            "parallel" if !deep => {
                self.line("parallel {");
                self.indent += 1;
                for branch in ["left", "right"] {
                    let name = self.fresh(branch);
                    self.line(&format!("{name} {{"));
                    self.nested(1, depth);
                    self.line("}");
                }
                self.indent -= 1;
                self.line("}");
            }
            "for" if !deep => {
                let item = self.fresh("e");
                let value = self.mostly_public(85);
                self.line(&format!("for each {item} in split({value}, \"-\") {{"));
                self.public.push(item.clone());
                self.nested(1, depth);
                self.public.retain(|name| *name != item);
                self.line("}");
            }
            "repeat" if !deep => {
                self.line("repeat at most 2 every 1s backoff linear {");
                self.nested(1, depth);
                let until = self.condition();
                self.line(&format!("}} until {until}"));
            }
            "when" | "match" | "parallel" | "for" | "repeat" => self.line("wait 1s"),
            "call" => {
                if self.has_child && !self.in_child {
                    let (name, value) = (self.fresh("c"), self.mostly_public(85));
                    self.line(&format!("call {name} = child {{ x: {value} }}"));
                    self.public.push(format!("{name}.y"));
                }
            }
            other => panic!("the generator does not know the step `{other}`"),
        }
    }

    /// The life of the secret `store`, from one of its steps on.
    fn life(&mut self, word: &str) {
        if !self.updates || self.in_child {
            return;
        }
        let value = self.secret_value();
        let allow = "allow unchanged, empty";
        if word == "update" {
            let time = if self.random.chance(30) {
                " expires run.started_at + 24h"
            } else {
                ""
            };
            self.line(&format!("update store = {value}{time} {allow}"));
            return;
        }
        self.line(&format!("stage store = {value} {allow}"));
        if word != "stage" && self.random.chance(80) {
            let way = *self.random.pick(&["", " within 1m every 20s"]);
            self.line(&format!("verify{way} {{"));
            self.line("  http GET \"https://a.example.com/try\" { bearer pending.store }");
            if self.random.chance(50) {
                let compared = self.mostly_public(80);
                self.line(&format!(
                    "  http GET \"https://c.example.com/try\" {{ expect body $.p != {compared} }}"
                ));
            }
            self.line("}");
        }
        if word == "promote" || word == "revoke" {
            self.line("promote store");
        }
        if word == "revoke" {
            let after = *self.random.pick(&["", " after 1h"]);
            self.line(&format!("revoke previous.store{after} {{"));
            self.line(
                "  http DELETE \"https://a.example.com/old\" revokes { bearer previous.store }",
            );
            self.line("}");
        }
    }

    fn generated(&mut self) {
        let kind = self.random.pick(&GENERATORS);
        // A key pair of this kind takes seconds.
        if kind.word == "rsa" && !self.random.chance(2) {
            return;
        }
        let name = self.fresh("g");
        let mut options = Vec::new();
        for (option, _) in kind.options {
            let value = match *option {
                "length" => "24",
                "alphabet" => "\"alphanumeric\"",
                "exclude" => "\"xyz\"",
                "bytes" => "16",
                "bits" => "2048",
                "format" => "\"openssh\"",
                "comment" => "\"a key\"",
                other => panic!("the generator does not know the option `{other}`"),
            };
            if self.random.chance(30) && (*option != "comment" || options.len() == 1) {
                options.push(format!("{option} {value}"));
            }
        }
        if kind.word == "rsa" {
            options = vec!["bits 2048".into()];
        }
        let options = match options.as_slice() {
            [] => String::new(),
            some => format!(" {{ {} }}", some.join(", ")),
        };
        self.line(&format!("generate {name} {}{options}", kind.word));
        if ["ed25519", "rsa", "x25519"].contains(&kind.word) {
            self.secret.push(format!("{name}.private_key"));
            self.public.push(format!("{name}.public_key"));
        } else {
            self.secret.push(format!("{name}.value"));
        }
    }

    /// The effect of a request, with its options.
    fn effect(&mut self) -> &'static str {
        if self.random.chance(50) {
            return "";
        }
        match *self.random.pick(&EFFECTS) {
            "reads" => " reads",
            "issues" => self.random.pick::<&str>(&[
                " issues additive",
                " issues additive at most 2",
                " issues replacing key \"Idempotency-Key\" grace 10m",
                " issues replacing recover with child",
                " issues replacing accept lockout-risk \"a test\"",
            ]),
            "sets" => self
                .random
                .pick::<&str>(&[" sets", " sets self", " sets slot"]),
            "revokes" => " revokes",
            other => panic!("the generator does not know the effect `{other}`"),
        }
    }

    /// A request with clauses of all kinds.
    fn request(&mut self) {
        let name = self.fresh("q");
        let own = self.random.below(3);
        let host = ["a.example.com", "b.example.com", "c.example.com"][own];
        let credential = match (own, self.random.chance(94)) {
            (0, true) => "secrets.key".to_owned(),
            (1, true) => "secrets.other".to_owned(),
            (_, true) => self.public_value(),
            _ => self.secret_value(),
        };
        let mut effect = self.effect();
        if effect.contains("child") && (!self.has_child || self.in_child) {
            effect = " issues additive";
        }
        let issues = effect.contains("issues");
        self.line(&format!(
            "http {name} POST \"https://{host}/wide\"{effect} {{"
        ));
        self.indent += 1;
        let proof = *self.random.pick(&PROVES);
        match proof {
            "bearer" => self.line(&format!("bearer {credential}")),
            "basic" => self.line(&format!("basic \"user\", {credential}")),
            "client" => self.line(&format!("client \"id\", {credential}")),
            "header" => self.line(&format!("header \"X-Key\": {credential}")),
            "sign" => {
                let text = self.mostly_public(90);
                let line = match self.random.below(3) {
                    0 => format!(
                        "sign hmac {{ key {credential}, text \"${{request.method}} ${{{text}}}\", header \"X-Signature\" }}"
                    ),
                    1 => format!(
                        "sign aws_sigv4 {{ key_id {text}, secret_key {credential}, region \"eu\", service \"iam\" }}"
                    ),
                    _ => format!(
                        "sign jwt {{ algorithm \"HS256\", key sha256({credential}), claims {{ iss: {text}, jti: \"one\", iat: 1, exp: 4000000000 }} }}"
                    ),
                };
                self.line(&line);
            }
            other => panic!("the generator does not know the clause `{other}`"),
        }
        if self.random.chance(60) {
            let value = self.mostly_public(90);
            match *self.random.pick(&BODIES) {
                "json" => self.line(&format!("json {{ a: {value}, b: [1, null, true, false] }}")),
                "form" => self.line(&format!("form {{ a: {value} }}")),
                "text" => self.line(&format!("text \"say ${{{value}}}\"")),
                "raw" => self.line(&format!("raw \"say ${{{value}}}\"")),
                other => panic!("the generator does not know the clause `{other}`"),
            }
        }
        for word in HTTP {
            if !self.random.chance(18) {
                continue;
            }
            let value = self.mostly_public(92);
            match word {
                "header" if proof != "header" => {
                    self.line(&format!("header \"X-More\": base64({value})"));
                }
                "header" => {}
                "query" => self.line(&format!("query {{ q: {value} }}")),
                "retry" => self.line("retry 1 every 1s backoff exponential up to 5s"),
                "expect" => {
                    let operator = *self.random.pick(&["==", "!=", "<", "<=", ">", ">="]);
                    let what = match self.random.below(4) {
                        0 => "status 200, 2xx".to_owned(),
                        1 => "header \"content-type\" != \"x\"".to_owned(),
                        2 => format!("body $.p != {value}"),
                        _ => format!("body $.p {operator} {value}"),
                    };
                    self.line(&format!("expect {what}"));
                }
                "timeout" => self.line("timeout 9s"),
                "follow" => self.line("follow 2"),
                "limit" => self.line("limit 1MiB"),
                other => panic!("the generator does not know the clause `{other}`"),
            }
        }
        if self.random.chance(10) {
            self.line("connect 2s");
        }
        if self.random.chance(5) {
            self.line("proxy env");
        }
        let captured = self.captures(&name, issues, host);
        if issues && self.random.chance(25) {
            self.line(&format!("strays GET \"https://{host}/list\" {{ public ids = body $.items }} revoke DELETE \"https://{host}/${{stray}}\" {{ expect status 2xx }}"));
        }
        self.indent -= 1;
        self.line("}");
        self.keep(captured);
    }

    /// Captures, and whether each is public.
    fn captures(&mut self, step: &str, issues: bool, host: &str) -> Vec<(bool, String)> {
        let mut kept = Vec::new();
        if issues || self.random.chance(40) {
            let optional = *self.random.pick(&["", " as string", " as string optional"]);
            let to = if self.random.chance(10) {
                format!(" to \"{host}\"")
            } else {
                String::new()
            };
            self.line(&format!("secret v = body $.v{optional}{to}"));
            kept.push((false, format!("({step}.v ?? \"none\")")));
        }
        if self.random.chance(40) {
            let source = *self.random.pick(&[
                "body $.deep.p as string",
                "body $.items[1]",
                "header \"content-type\"",
                "body $.missing optional",
            ]);
            self.line(&format!("public p = {source}"));
            kept.push((true, format!("({step}.p ?? \"none\")")));
        }
        kept
    }

    fn keep(&mut self, captured: Vec<(bool, String)>) {
        for (public, name) in captured {
            if public {
                self.public.push(name);
            } else {
                self.secret.push(name);
            }
        }
    }

    fn sql(&mut self) {
        let (name, effect) = (self.fresh("t"), self.effect_of_peer());
        let dialect = *self.random.pick(&["postgres", "mysql", "mariadb"]);
        let (own, other) = (self.random.chance(94), self.mostly_public(90));
        let login = if own {
            "secrets.key".to_owned()
        } else {
            self.secret_value()
        };
        self.line(&format!(
            "sql {name} {dialect} \"a.example.com:5432/app\"{effect} {{"
        ));
        self.indent += 1;
        self.line(&format!("login \"admin\", {login}"));
        let quoted = if self.random.chance(30) {
            format!("name({other})")
        } else {
            other
        };
        self.line(&format!("statement \"SELECT ${{{quoted}}}\""));
        let captured = self.captures(&name, effect.contains("issues"), "a.example.com");
        self.indent -= 1;
        self.line("}");
        self.keep(captured);
    }

    fn redis(&mut self) {
        let (name, effect) = (self.fresh("d"), self.effect_of_peer());
        let (own, word) = (self.random.chance(94), self.mostly_public(90));
        let login = if own {
            "secrets.other".to_owned()
        } else {
            self.secret_value()
        };
        self.line(&format!("redis {name} \"b.example.com:6379\"{effect} {{"));
        self.indent += 1;
        self.line(&format!("login \"admin\", {login}"));
        self.line(&format!("command [\"SET\", \"a\", {word}]"));
        let captured = self.captures(&name, effect.contains("issues"), "b.example.com");
        self.indent -= 1;
        self.line("}");
        self.keep(captured);
    }

    fn exec(&mut self) {
        let (name, effect) = (self.fresh("x"), self.effect_of_peer());
        self.line(&format!("exec {name} \"tool\"{effect} {{"));
        self.indent += 1;
        for word in PROGRAMS {
            if !self.random.chance(35) {
                continue;
            }
            let value = if word != "arguments" && self.random.chance(40) {
                "secrets.other".to_owned()
            } else {
                self.mostly_public(94)
            };
            match word {
                "stdin" => self.line(&format!("stdin \"in ${{{value}}}\"")),
                "environment" => self.line(&format!("environment {{ TOKEN: {value} }}")),
                "arguments" => self.line(&format!("arguments [\"-x\", {value}]")),
                "file" => self.line(&format!("file {value}")),
                other => panic!("the generator does not know the clause `{other}`"),
            }
        }
        if self.random.chance(30) {
            self.line("expect exit 0, 1");
        }
        let captured = self.captures_of_program(&name, effect.contains("issues"));
        self.indent -= 1;
        self.line("}");
        self.keep(captured);
    }

    fn captures_of_program(&mut self, step: &str, issues: bool) -> Vec<(bool, String)> {
        let mut kept = Vec::new();
        if issues || self.random.chance(40) {
            self.line("secret v = body $.v");
            kept.push((false, format!("{step}.v")));
        }
        if self.random.chance(40) {
            self.line("public p = body $.p");
            kept.push((true, format!("{step}.p")));
        }
        kept
    }

    fn effect_of_peer(&mut self) -> &'static str {
        self.random.pick::<&str>(&[
            " reads",
            " reads",
            " issues additive",
            " sets",
            " sets slot",
            " revokes",
        ])
    }

    /// A call of one of all functions, written so that it does not fail by what the value is.
    pub fn called(&mut self, value: &str) -> String {
        let mut function = *self.random.pick(Function::ALL);
        if is_slow(function) && !self.random.chance(4) {
            function = Function::Trim;
        }
        let name = function.name();
        match function {
            // These take only what another one made.
            Function::Base64Decode => format!("base64_decode(base64({value}))"),
            Function::Base64Bytes => format!("hex(base64_bytes(base64({value})))"),
            Function::HexDecode => format!("base64(hex_decode(hex({value})))"),
            Function::Base32Bytes => format!("hex(base32_bytes(base32({value})))"),
            Function::ParseJson => format!("text(parse_json(json({{ a: {value} }})).a)"),
            Function::Time => format!("rfc3339(time(length({value})))"),
            Function::Date | Function::Rfc3339 => format!("{name}(time(length({value})))"),
            Function::Epoch => format!("text(epoch(time(length({value}))))"),
            // These take a list or an object.
            Function::Next => format!("next([\"one\", {value}, \"two\"], \"one\")"),
            Function::Member => match self.random.below(2) {
                0 => format!("text(member({{ a: {value}, b: \"c\" }}, \"a\"))"),
                _ => format!("text(member({{ word: \"c\" }}, {value}) ?? \"none\")"),
            },
            Function::Split => format!("(split({value}, \"-\")[1] ?? \"none\")"),
            // A program is a literal.
            Function::Jq => format!("text(jq(\".\", {value})[0])"),
            Function::JavaScript => format!("text(javascript(\"$ + 'x'\", {value}))"),
            Function::SignJwt => format!("sign_jwt({{ a: {value} }}, secrets.signer, null)"),
            // A salted hash of at most 72 bytes.
            Function::Bcrypt => format!("bcrypt(sha256({value}))"),
            Function::IsSet => format!("text(is_set({value}))"),
            Function::Length => format!("text(length({value}))"),
            Function::Sha256Bytes => format!("hex(sha256_bytes({value}))"),
            Function::HmacSha256Bytes => format!("hex(hmac_sha256_bytes({value}, \"m\"))"),
            Function::HmacSha256 => format!("hmac_sha256(\"m\", {value})"),
            // All others make a text of one text.
            other => {
                assert!(
                    matches!(other.parameters(), [Type::Any | Type::String])
                        && other.returns() == Type::String,
                    "the generator does not know the function `{}`",
                    other.name()
                );
                format!("{name}({value})")
            }
        }
    }

    /// Something that one of all operators makes, as a text.
    pub fn operated(&mut self, value: &str) -> String {
        let operator = *self.random.pick(&Operator::ALL);
        let sign = operator.as_str();
        match operator {
            Operator::Eq | Operator::Ne => format!("text({value} {sign} \"guess\")"),
            Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge => {
                format!("text(length({value}) {sign} 12)")
            }
            Operator::And | Operator::Or => {
                format!("text(is_set({value}) {sign} not ({value} == \"guess\"))")
            }
            Operator::Add => format!("text(length({value}) {sign} 2)"),
            Operator::Else => format!("({value} {sign} \"none\")"),
            Operator::Same | Operator::Different => {
                unreachable!("the language has no sign for them")
            }
        }
    }

    /// What is known of every run.
    pub fn of_the_run(&mut self) -> String {
        let field = *self.random.pick(&RunField::WORDS);
        match field {
            RunField::Reason => "(run.reason ?? \"none\")".to_owned(),
            RunField::Rotation => "run.rotation".to_owned(),
            // The run's identity and its times are the same in both runs, and differ from machine to machine.
            _ => format!("text(run.{})", field.as_str()),
        }
    }
}

/// Every clause of the language has its place in the generator.
#[test]
fn the_generator_knows_every_clause() {
    let unknown: Vec<&str> = CLAUSES
        .into_iter()
        .filter(|word| !is_written(word))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
