//! Slips in scripts that parse: an assignment where a comparison is meant, a function that gives nothing back, names that no
//! script has, what is written to a log, and the texts that a script can give.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Longest program that is looked at.
const LONGEST: usize = 64 * 1024;
/// Longest path that is followed.
const STEPS: usize = 8;
/// Texts that a script may give before they are no longer listed.
const VALUES: usize = 64;
/// Deepest choice within a choice.
const DEPTH: usize = 32;
/// Results and calls that are looked at, each as far as it reaches.
const PLACES: usize = 64;

const SIGNS: [&str; 16] = [
    "===", "!==", "**=", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "+=", "-=", "++",
    "--",
];
const COMPARISONS: [&str; 8] = ["===", "!==", "==", "!=", "<", ">", "<=", ">="];
/// What makes of a comparison beside it something else than a truth.
const COMBINING: [&str; 8] = ["&&", "||", "??", "+", "-", "*", "/", "%"];
const WRITERS: [&str; 7] = ["log", "info", "warn", "error", "debug", "trace", "dir"];

/// What a script is seen to do wrong, or to give.
#[derive(Debug, Default)]
pub(in crate::conductor::read) struct Slips {
    /// A `=` whose value is used.
    pub(in crate::conductor::read) assigns: bool,
    /// The function that is called gives nothing back.
    pub(in crate::conductor::read) gives_nothing: bool,
    /// The script is a function that nothing calls.
    pub(in crate::conductor::read) uncalled: bool,
    /// `NAME.FIELD` of names that the script does not declare.
    pub(in crate::conductor::read) foreign: Vec<(String, String)>,
    /// Paths below `$` that are written to a log; an empty one is all of it.
    pub(in crate::conductor::read) logged: Vec<Vec<String>>,
    /// All texts that it can give, where they are written out.
    pub(in crate::conductor::read) values: Option<Vec<String>>,
    /// Paths below `$` that it reads.
    pub(in crate::conductor::read) paths: Vec<Vec<String>>,
    /// The one expression that it gives, in the text.
    pub(in crate::conductor::read) expression: Option<Range<usize>>,
    /// What it decides by, each with `$.` before every name, so that it reads as a condition of its own.
    pub(in crate::conductor::read) conditions: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Number,
    Text,
    Sign,
}

#[derive(Debug, Clone)]
struct Token<'t> {
    kind: Kind,
    text: &'t str,
    at: usize,
}

impl Token<'_> {
    fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// What stands between the quotes.
    fn content(&self) -> &str {
        self.text
            .get(1..self.text.len().saturating_sub(1))
            .unwrap_or_default()
    }
}

/// Looks at a script. `is_body` when a server puts a function around it, `decides` when it is a condition.
pub(in crate::conductor::read) fn look(text: &str, is_body: bool, decides: bool) -> Slips {
    if text.len() > LONGEST {
        return Slips::default();
    }
    let Some(tokens) = tokens(text) else {
        return Slips::default();
    };
    let script = Script {
        tokens: &tokens,
        pairs: pairs(&tokens),
    };
    let body = if is_body {
        Some(0..tokens.len())
    } else {
        script.called_function()
    };
    let own = body.clone().map(|body| script.own(body));
    let returns: Option<Vec<Range<usize>>> = own.as_ref().map(|own| script.returns(own));
    let given = match (&own, &returns) {
        (Some(_), Some(returns)) => returns.clone(),
        _ => vec![script.whole()],
    };
    let expression = match (given.as_slice(), &own) {
        ([only], None) => Some(only.clone()),
        ([only], Some(own)) if own.first().is_some_and(|first| only.start == first + 1) => {
            Some(only.clone())
        }
        _ => None,
    };
    let place = |range: Range<usize>| {
        let first = tokens.get(range.start)?;
        let last = tokens.get(range.end.checked_sub(1)?)?;
        Some(first.at..last.at + last.text.len())
    };
    Slips {
        assigns: script.assigns(decides),
        gives_nothing: returns.as_ref().is_some_and(Vec::is_empty)
            && !tokens.is_empty()
            && !tokens.iter().any(|token| token.text == "throw"),
        uncalled: !is_body && script.is_uncalled(),
        foreign: script.foreign(),
        logged: script.logged(),
        paths: (0..tokens.len())
            .filter_map(|at| Some(script.path(at)?.0))
            .collect(),
        values: script.values(&given),
        expression: expression.and_then(place),
        conditions: script.conditions(&given),
    }
}

/// The tokens of a text without blanks and comments; none where a quote is not closed.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next()?;
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            at += rest.find("*/")? + 2;
            continue;
        }
        let divides = found.last().is_some_and(|last| match last.kind {
            Kind::Word => !matches!(last.text, "return" | "typeof" | "case" | "in" | "of"),
            Kind::Number | Kind::Text => true,
            Kind::Sign => matches!(last.text, ")" | "]"),
        });
        let (kind, length) = if is_word(first) && !first.is_ascii_digit() {
            (Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len()))
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
            (Kind::Number, end.unwrap_or(rest.len()))
        } else if matches!(first, '"' | '\'' | '`') {
            (Kind::Text, closed(rest, first)?)
        } else if let Some(length) = (first == '/' && !divides)
            .then(|| closed(rest, '/'))
            .flatten()
        {
            (Kind::Text, length)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            (Kind::Sign, sign.map_or(first.len_utf8(), |s| s.len()))
        };
        let text = rest.get(..length)?;
        found.push(Token { kind, text, at });
        at += length;
    }
    Some(found)
}

/// For each bracket the place of the other one.
fn pairs(tokens: &[Token<'_>]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => open.push(at),
            ")" | "]" | "}" => {
                if let Some(begin) = open.pop() {
                    for (from, to) in [(begin, at), (at, begin)] {
                        if let Some(pair) = pairs.get_mut(from) {
                            *pair = Some(to);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    pairs
}

/// The length of a text from its quote to the next one.
fn closed(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote != '`' => return None,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

struct Script<'s, 't> {
    tokens: &'s [Token<'t>],
    pairs: Vec<Option<usize>>,
}

impl<'t> Script<'_, 't> {
    fn get(&self, at: usize) -> Option<&Token<'t>> {
        self.tokens.get(at)
    }

    fn is(&self, at: usize, sign: &str) -> bool {
        self.get(at).is_some_and(|t| t.is(sign))
    }

    fn is_word(&self, at: usize, words: &[&str]) -> bool {
        self.get(at)
            .is_some_and(|t| t.kind == Kind::Word && words.contains(&t.text))
    }

    /// All of it but the signs that end it.
    fn whole(&self) -> Range<usize> {
        let end = self.tokens.iter().rposition(|t| !t.is(";"));
        0..end.map_or(0, |end| end + 1)
    }

    /// What closes the bracket at a place, or opens it.
    fn closing(&self, bracket: usize) -> Option<usize> {
        self.pairs.get(bracket).copied().flatten()
    }

    /// The body of a function that begins here.
    fn function(&self, at: usize) -> Option<Range<usize>> {
        let open = if self.is_word(at, &["function"]) {
            let list = at + if self.is(at + 1, "(") { 1 } else { 2 };
            self.closing(list)? + 1
        } else if self.is(at, "(") {
            let arrow = self.closing(at)? + 1;
            self.is(arrow, "=>").then_some(arrow + 1)?
        } else {
            return None;
        };
        self.is(open, "{").then_some(())?;
        Some(open + 1..self.closing(open)?)
    }

    /// The body of the function that the script is, called at once.
    fn called_function(&self) -> Option<Range<usize>> {
        self.is(0, "(").then_some(())?;
        let body = self.function(1)?;
        // Nothing but brackets, arguments and `;` stands behind.
        let behind = self.tokens.get(body.end + 1..)?;
        let called = behind.iter().any(|t| t.is("("));
        let closes = behind.first().is_some_and(|t| t.is(")") || t.is("("));
        let alone = !behind
            .iter()
            .any(|t| t.kind == Kind::Sign && !matches!(t.text, "(" | ")" | ";" | "." | ","));
        (called && closes && alone).then_some(body)
    }

    /// Whether it is a function and no call of it, with or without brackets around.
    fn is_uncalled(&self) -> bool {
        let begins = (0..self.tokens.len())
            .take(DEPTH)
            .take_while(|at| *at == 0 || self.is(at - 1, "("))
            .find_map(|at| self.function(at));
        begins.is_some_and(|body| {
            let behind = self.tokens.get(body.end + 1..).unwrap_or_default();
            behind.iter().all(|t| t.is(")") || t.is(";"))
        })
    }

    /// The places within a body that stand in no function of its own.
    fn own(&self, body: Range<usize>) -> Vec<usize> {
        let mut own = Vec::new();
        let mut at = body.start;
        while at < body.end {
            let begins = self.is_word(at, &["function"]) || self.is(at, "(");
            match self.function(at).filter(|_| begins) {
                Some(inner) => at = inner.end + 1,
                None if self.is(at, "=>") && self.is(at + 1, "{") => {
                    at = self.closing(at + 1).unwrap_or(body.end) + 1;
                }
                None => {
                    own.push(at);
                    at += 1;
                }
            }
        }
        own
    }

    /// What each `return` gives.
    fn returns(&self, own: &[usize]) -> Vec<Range<usize>> {
        let places = own.iter().filter(|at| self.is_word(**at, &["return"]));
        places
            .take(PLACES)
            .map(|at| at + 1..self.end_of(at + 1))
            .collect()
    }

    /// Where an expression ends.
    fn end_of(&self, start: usize) -> usize {
        let mut at = start;
        while let Some(token) = self.get(at) {
            at = match token.text {
                "(" | "[" | "{" => self.closing(at).unwrap_or(self.tokens.len()) + 1,
                ";" | ")" | "]" | "}" => return at,
                _ => at + 1,
            };
        }
        at.min(self.tokens.len())
    }

    /// Whether the value of an assignment is used. A loop over what a call gives is written so on purpose.
    fn assigns(&self, decides: bool) -> bool {
        let mut places = self.tokens.iter().enumerate().filter(|(_, t)| t.is("="));
        places.any(|(at, _)| {
            let Some(start) = self.path_before(at) else {
                return false;
            };
            let Some(before) = start.checked_sub(1) else {
                // All of the script is one assignment to its input.
                let end = self.end_of(at);
                let rest = self.tokens.get(end..).unwrap_or_default();
                return decides && self.is_word(0, &["$"]) && rest.iter().all(|t| t.is(";"));
            };
            let asked = self.is(before, "(")
                && before
                    .checked_sub(1)
                    .is_some_and(|word| self.is_word(word, &["if"]));
            let given = self.is_word(before, &["return"])
                || self.get(before).is_some_and(|t| t.is("&&") || t.is("||"));
            asked || decides && given
        })
    }

    /// Where the name or path before a place begins.
    fn path_before(&self, at: usize) -> Option<usize> {
        let mut start = at;
        loop {
            let last = start.checked_sub(1)?;
            if self.is(last, "]") {
                start = self.closing(last)?;
                continue;
            }
            (self.get(last)?.kind == Kind::Word).then_some(())?;
            match last.checked_sub(1).filter(|dot| self.is(*dot, ".")) {
                Some(dot) => start = dot,
                None => return Some(last),
            }
        }
    }

    /// The names below `$` from a place on, and where they end.
    fn path(&self, at: usize) -> Option<(Vec<String>, usize)> {
        self.is_word(at, &["$"]).then_some(())?;
        let mut names = Vec::new();
        let mut at = at + 1;
        while names.len() < STEPS {
            let dotted = self.is(at, ".") || self.is(at, "?.");
            if dotted && self.get(at + 1).is_some_and(|t| t.kind == Kind::Word) {
                names.push(self.get(at + 1)?.text.to_owned());
                at += 2;
            } else if self.is(at, "[")
                && self.is(at + 2, "]")
                && self.get(at + 1).is_some_and(|t| t.kind == Kind::Text)
            {
                names.push(self.get(at + 1)?.content().to_owned());
                at += 3;
            } else {
                break;
            }
        }
        Some((names, at))
    }

    /// Names that stand for a path below `$`.
    fn aliases(&self) -> HashMap<&'t str, Vec<String>> {
        let mut aliases = HashMap::new();
        for (at, token) in self.tokens.iter().enumerate() {
            if token.kind == Kind::Word
                && self.is(at + 1, "=")
                && let Some((path, end)) = self.path(at + 2)
                && self
                    .get(end)
                    .is_none_or(|t| t.is(";") || t.is(",") || t.kind == Kind::Word)
            {
                aliases.insert(token.text, path);
            }
        }
        aliases
    }

    /// What is written to a log.
    fn logged(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut aliases = None;
        let mut calls = 0;
        for (at, token) in self.tokens.iter().enumerate() {
            let open = if token.is_word("console")
                && self.is(at + 1, ".")
                && self.is_word(at + 2, &WRITERS)
            {
                at + 3
            } else if token.is_word("print") || token.is_word("println") {
                at + 1
            } else {
                continue;
            };
            calls += 1;
            if !self.is(open, "(") || calls > PLACES {
                continue;
            }
            let end = self.closing(open).unwrap_or(self.tokens.len());
            for place in open + 1..end {
                let after_dot = place.checked_sub(1).is_some_and(|dot| self.is(dot, "."));
                if let Some((path, _)) = self.path(place) {
                    found.push(path);
                } else if !after_dot
                    && let Some(word) = self.get(place).filter(|t| t.kind == Kind::Word)
                {
                    let known = aliases.get_or_insert_with(|| self.aliases());
                    found.extend(known.get(word.text).cloned());
                }
            }
        }
        found
    }

    /// Members of names that nothing here declares.
    fn foreign(&self) -> Vec<(String, String)> {
        let mut declared: HashSet<&str> = HashSet::new();
        let mut found: Vec<(String, String)> = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            if token.kind != Kind::Word || token.text.starts_with('$') {
                continue;
            }
            let before = at.checked_sub(1);
            let is_member = before.is_some_and(|b| self.is(b, ".") || self.is(b, "?."));
            let field = self.get(at + 2).filter(|t| t.kind == Kind::Word);
            if is_member {
                continue;
            }
            match field.filter(|_| self.is(at + 1, ".")) {
                Some(field) => found.push((token.text.to_owned(), field.text.to_owned())),
                // Declared, set, or named as a parameter.
                None => {
                    declared.insert(token.text);
                }
            }
        }
        found.retain(|(name, _)| !declared.contains(name.as_str()));
        found.dedup();
        found
    }

    /// What stands in the brackets of `if` and `while`, before a `?`, and what is given.
    fn conditions(&self, given: &[Range<usize>]) -> Vec<String> {
        let asked = (0..self.tokens.len()).filter_map(|at| {
            let asks = self.is_word(at, &["if", "while"]) && self.is(at + 1, "(");
            asks.then(|| Some(at + 2..self.closing(at + 1)?))?
        });
        let places = given.iter().cloned().chain(asked).take(PLACES);
        let mut found: Vec<String> = places.map(|range| self.condition(range)).collect();
        found.dedup();
        found
    }

    /// The text of a condition, up to what depends on it.
    fn condition(&self, range: Range<usize>) -> String {
        let mut text = String::new();
        let mut at = range.start;
        while at < range.end {
            let Some(token) = self.get(at).filter(|t| !t.is("?")) else {
                break;
            };
            let member = at.checked_sub(1).is_some_and(|dot| self.is(dot, "."));
            let own = token.kind == Kind::Word
                && !member
                && !token.text.starts_with('$')
                && !matches!(token.text, "true" | "false" | "null" | "undefined");
            if own {
                text.push_str("$.");
            }
            text.push_str(token.text);
            if !self.is(at, ".") && !self.is(at + 1, ".") {
                text.push(' ');
            }
            at += 1;
        }
        text
    }

    /// All that a list of expressions can give, where it is written out.
    fn values(&self, given: &[Range<usize>]) -> Option<Vec<String>> {
        let mut values = Vec::new();
        for range in given {
            self.value(range.clone(), &mut values, 0)?;
        }
        values.sort();
        values.dedup();
        (!values.is_empty()).then_some(values)
    }

    fn value(&self, range: Range<usize>, values: &mut Vec<String>, depth: usize) -> Option<()> {
        if depth > DEPTH || values.len() > VALUES || range.is_empty() {
            return None;
        }
        if self.is(range.start, "(") && self.closing(range.start) == Some(range.end - 1) {
            return self.value(range.start + 1..range.end - 1, values, depth + 1);
        }
        if range.len() == 1 {
            let token = self.get(range.start)?;
            let text = match token.kind {
                Kind::Text if !token.text.starts_with('/') && !token.text.contains(['\\', '$']) => {
                    token.content()
                }
                Kind::Number => token.text,
                Kind::Word if matches!(token.text, "true" | "false") => token.text,
                _ => return None,
            };
            values.push(text.to_owned());
            return Some(());
        }
        let (mut depth_of, mut choices) = (0_usize, 0_usize);
        let (mut question, mut colon) = (None, None);
        let (mut compares, mut combines) = (false, false);
        for at in range.clone() {
            let token = self.get(at).filter(|t| t.kind == Kind::Sign);
            match token.map(|t| t.text) {
                Some("(" | "[" | "{") => depth_of += 1,
                Some(")" | "]" | "}") => depth_of = depth_of.checked_sub(1)?,
                Some(";") if depth_of == 0 => return None,
                Some("?") if depth_of == 0 => {
                    question = question.or(Some(at));
                    choices += 1;
                }
                Some(":") if depth_of == 0 => {
                    choices = choices.checked_sub(1)?;
                    if choices == 0 {
                        colon = colon.or(Some(at));
                    }
                }
                Some(sign) if depth_of == 0 => {
                    compares |= COMPARISONS.contains(&sign);
                    combines |= COMBINING.contains(&sign);
                }
                _ => {}
            }
        }
        match (question, colon) {
            (Some(question), Some(colon)) => {
                self.value(question + 1..colon, values, depth + 1)?;
                self.value(colon + 1..range.end, values, depth + 1)
            }
            (None, None) if !combines && (compares || self.is(range.start, "!")) => {
                values.extend(["true".to_owned(), "false".to_owned()]);
                Some(())
            }
            _ => None,
        }
    }
}
