//! Random rotations: mostly careful with their secrets, sometimes not.

use super::world::Random;

const HOSTS: [&str; 3] = ["a.example.com", "b.example.com", "c.example.com"];

/// A rotation in the making.
pub struct Maker {
    pub(super) random: Random,
    pub(super) text: String,
    pub(super) indent: usize,
    pub(super) public: Vec<String>,
    pub(super) secret: Vec<String>,
    count: usize,
    pub(super) in_child: bool,
    pub(super) has_child: bool,
    pub(super) updates: bool,
    /// Whether all of the language is used, or the part of it that most flows are made of.
    wide: bool,
}

/// The text of a program in the part of the language that most flows are made of.
pub fn program(seed: u64) -> String {
    made(seed, false)
}

/// The text of a program in all of the language.
pub fn wide_program(seed: u64) -> String {
    made(seed, true)
}

/// A program of `count` steps of one kind, each by itself.
pub fn repeated(word: &'static str, count: usize) -> String {
    let mut maker = Maker::new(7, true);
    maker.declarations();
    maker.text.push_str("rotation child {\n  input x: string\n  output y = input.x\n}\n\nrotation r {\n  input word: string = \"hello\"\n");
    (maker.in_child, maker.has_child, maker.updates) = (false, true, true);
    for _ in 0..count {
        maker.reset(&["input.word"]);
        maker.step(word, 1);
    }
    maker.text.push_str("}\n");
    maker.text
}

fn made(seed: u64, wide: bool) -> String {
    let mut maker = Maker::new(seed, wide);
    if wide {
        maker.declarations();
    } else {
        maker.text.push_str("secret key to \"a.example.com\"\nsecret other to \"b.example.com\"\nsecret store to \"a.example.com\"\n\n");
    }
    let child = maker.random.chance(35);
    maker.has_child = child;
    if child {
        maker.text.push_str("rotation child {\n  input x: string\n");
        maker.reset(&["input.x"]);
        let size = maker.random.below(3);
        maker.block(size, 1);
        let value = maker.mostly_public(70);
        maker.line(&format!("output y = {value}"));
        maker.text.push_str("}\n\n");
    }
    maker.in_child = false;
    maker.updates = maker.random.chance(if wide { 30 } else { 4 });
    maker
        .text
        .push_str("rotation r {\n  input word: string = \"hello\"\n");
    maker.reset(&["input.word"]);
    if wide {
        maker.public.push("env.REGION".into());
        maker.entries();
    }
    let size = 2 + maker.random.below(5);
    maker.block(size, 0);
    if child {
        let value = maker.mostly_public(60);
        maker.line(&format!("call done = child {{ x: {value} }}"));
        maker.public.push("done.y".into());
        let more = maker.random.below(3);
        maker.block(more, 0);
    }
    for name in ["one", "two"] {
        if maker.random.chance(60) {
            let value = maker.mostly_public(92);
            maker.line(&format!("output {name} = {value}"));
        }
    }
    if wide {
        maker.ending();
    }
    maker.text.push_str("}\n");
    maker.text
}

impl Maker {
    fn new(seed: u64, wide: bool) -> Self {
        Self {
            random: Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x1234_5678),
            text: String::new(),
            indent: 1,
            public: Vec::new(),
            secret: Vec::new(),
            count: 0,
            in_child: true,
            has_child: false,
            updates: false,
            wide,
        }
    }

    pub(super) fn reset(&mut self, public: &[&str]) {
        self.public = public.iter().map(|p| (*p).to_owned()).collect();
        self.secret = vec!["secrets.key".into(), "secrets.other".into()];
    }

    pub(super) fn line(&mut self, text: &str) {
        let blanks = "  ".repeat(self.indent);
        self.text.push_str(&format!("{blanks}{text}\n"));
    }

    pub(super) fn fresh(&mut self, letter: &str) -> String {
        self.count += 1;
        format!("{letter}{}", self.count)
    }

    fn block(&mut self, size: usize, depth: usize) {
        for _ in 0..size {
            self.statement(depth);
        }
    }

    pub(super) fn nested(&mut self, size: usize, depth: usize) {
        let (public, secret) = (self.public.clone(), self.secret.clone());
        self.indent += 1;
        self.block(size, depth + 1);
        self.indent -= 1;
        (self.public, self.secret) = (public, secret);
    }

    fn statement(&mut self, depth: usize) {
        if self.wide && self.random.chance(45) {
            self.word(depth);
            return;
        }
        match self.random.below(if depth > 1 { 60 } else { 100 }) {
            0..22 => self.http(),
            22..38 => {
                let name = self.fresh("l");
                let is_public = self.random.chance(50);
                let value = if is_public {
                    self.public_value()
                } else {
                    self.secret_value()
                };
                self.line(&format!("let {name} = {value}"));
                if is_public {
                    self.public.push(name)
                } else {
                    self.secret.push(name)
                }
            }
            38..58 => {
                let value = self.mostly_public(94);
                self.line(&format!("log \"see ${{{value}}}\""));
            }
            58..60 => {
                let value = self.mostly_public(90);
                let condition = self.condition();
                self.line(&format!(
                    "when {condition} {{ stop \"because ${{{value}}}\" }}"
                ));
            }
            60..78 => {
                let condition = self.condition();
                self.line(&format!("when {condition} {{"));
                let size = 1 + self.random.below(2);
                self.nested(size, depth);
                if self.random.chance(40) {
                    self.line("} else {");
                    self.nested(1, depth);
                }
                self.line("}");
            }
            78..86 => {
                let item = self.fresh("i");
                let (one, two) = (self.mostly_public(80), self.mostly_public(80));
                self.line(&format!("for each {item} in [{one}, {two}] {{"));
                self.public.push(item.clone());
                let size = 1 + self.random.below(2);
                self.nested(size, depth);
                self.public.retain(|name| *name != item);
                self.line("}");
            }
            86..92 => {
                let subject = self.mostly_public(85);
                self.line(&format!("match {subject} {{"));
                self.indent += 1;
                self.line("\"hello\" {");
                self.nested(1, depth);
                self.line("}");
                self.line("else {");
                self.nested(1, depth);
                self.line("}");
                self.indent -= 1;
                self.line("}");
            }
            92..97 => {
                self.line("repeat at most 3 {");
                let size = 1 + self.random.below(2);
                self.nested(size, depth);
                let until = self.condition();
                self.line(&format!("}} until {until} or true"));
            }
            _ => {
                if self.updates && !self.in_child {
                    let value = self.secret_value();
                    self.line(&format!("update store = {value}"));
                } else {
                    self.line("wait 1s");
                }
            }
        }
    }

    fn http(&mut self) {
        let name = self.fresh("s");
        let at = self.random.below(3);
        let host = HOSTS[at];
        let path = if self.random.chance(30) {
            let value = self.mostly_public(92);
            format!("/x/${{{value}}}")
        } else {
            "/x".to_owned()
        };
        let issues = self.random.chance(25);
        let method = if issues { "POST" } else { "GET" };
        let effect = if issues { " issues additive" } else { "" };
        self.line(&format!(
            "http {name} {method} \"https://{host}{path}\"{effect} {{"
        ));
        self.indent += 1;
        let careful = self.random.chance(93);
        match (at, careful) {
            (0, true) => self.line("bearer secrets.key"),
            (1, true) => self.line("bearer secrets.other"),
            (2, true) => {}
            _ => {
                let value = self.secret_value();
                self.line(&format!("bearer {value}"));
            }
        }
        if issues && self.random.chance(60) {
            let value = self.mostly_public(80);
            self.line(&format!("json {{ name: {value} }}"));
        } else if self.random.chance(20) {
            let value = self.mostly_public(90);
            self.line(&format!("header \"X-More\": {value}"));
        } else if self.random.chance(20) {
            let value = self.mostly_public(95);
            self.line(&format!("query {{ q: {value} }}"));
        }
        let mut kept = Vec::new();
        if issues || self.random.chance(50) {
            let path = *self.random.pick(&["$.v", "$.deep.v"]);
            self.line(&format!("secret v = body {path}"));
            kept.push((false, format!("{name}.v")));
        }
        if self.random.chance(60) {
            let path = *self.random.pick(&["$.p", "$.deep.p", "$.items[0]"]);
            self.line(&format!("public p = body {path}"));
            kept.push((true, format!("{name}.p")));
        }
        if self.random.chance(20) {
            self.line("public code = status");
            kept.push((true, format!("\"${{{name}.code}}\"")));
        }
        self.indent -= 1;
        self.line("}");
        for (is_public, name) in kept {
            if is_public {
                self.public.push(name)
            } else {
                self.secret.push(name)
            }
        }
    }

    pub(super) fn condition(&mut self) -> String {
        match self.random.below(10) {
            0..4 => format!("{} == \"hello\"", self.public_value()),
            4..6 => format!("length({}) > 4", self.public_value()),
            6 => format!("not is_set({})", self.secret_value()),
            7 => format!("is_set({})", self.secret_value()),
            8 => format!("{} == \"guess\"", self.mostly_public(60)),
            _ => format!("{} != {}", self.public_value(), self.mostly_public(70)),
        }
    }

    pub(super) fn mostly_public(&mut self, percent: usize) -> String {
        if self.random.chance(percent) {
            self.public_value()
        } else {
            self.secret_value()
        }
    }

    pub(super) fn public_value(&mut self) -> String {
        if self.wide && self.random.chance(5) {
            return self.of_the_run();
        }
        let base = if self.random.chance(30) {
            "\"word\"".to_owned()
        } else {
            self.random.pick(&self.public.clone()).clone()
        };
        self.changed(base)
    }

    pub(super) fn secret_value(&mut self) -> String {
        let base = self.random.pick(&self.secret.clone()).clone();
        self.changed(base)
    }

    fn changed(&mut self, base: String) -> String {
        if self.wide && self.random.chance(25) {
            return if self.random.chance(70) {
                self.called(&base)
            } else {
                self.operated(&base)
            };
        }
        match self.random.below(24) {
            0 => format!("base64({base})"),
            1 => format!("lower({base})"),
            2 => format!("sha256({base})"),
            3 => format!("urlencode({base})"),
            4 => format!("\"a ${{{base}}} b\""),
            5 => format!("({base} ?? \"none\")"),
            6 => format!("text(length({base}))"),
            7 => format!("hex({base})"),
            8 => format!("split({base}, \"-\")[0]"),
            9 => format!("json({{ a: {base}, b: \"c\" }})"),
            10 => format!("{{ a: {base}, b: \"c\" }}.b"),
            11 => format!("hmac_sha256({base}, \"m\")"),
            _ => base,
        }
    }
}
