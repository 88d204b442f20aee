//! The text of scripts: what can be told of a JavaScript or jq program without running it. Brackets and quotes, the names
//! that it reads of its input, and what it reaches for that no script has here.

use std::collections::HashSet;

/// Longest program that is looked at.
const LONGEST: usize = 64 * 1024;
/// Names of the world outside, which scripts do not have; the word and what stands behind it.
const OUTSIDE: [(&str, &str); 10] = [
    ("require", "("),
    ("Java", "."),
    ("Packages", "."),
    ("Polyglot", "."),
    ("process", "."),
    ("XMLHttpRequest", "("),
    ("fetch", "("),
    ("load", "("),
    ("eval", "("),
    ("Function", "("),
];

/// Words with which names and values may stand side by side.
const KEYWORDS: [&str; 42] = [
    "var",
    "let",
    "const",
    "function",
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "new",
    "delete",
    "void",
    "throw",
    "else",
    "do",
    "instanceof",
    "if",
    "while",
    "for",
    "switch",
    "try",
    "catch",
    "finally",
    "break",
    "continue",
    "default",
    "class",
    "extends",
    "async",
    "await",
    "yield",
    "static",
    "get",
    "set",
    "import",
    "export",
    "as",
    "from",
    "with",
    "debugger",
    "this",
    "super",
];

/// What a script is seen to do.
#[derive(Default)]
pub(super) struct Seen {
    /// Members of `$` that it reads and does not set.
    pub(super) names: Vec<String>,
    /// What it reaches for outside.
    pub(super) outside: Option<&'static str>,
}

/// Reads a JavaScript text; the error says what keeps it from being one.
pub(super) fn javascript(text: &str) -> Result<Seen, String> {
    let mut scan = Scan {
        rest: text,
        before: '\n',
        ..Scan::default()
    };
    if text.len() <= LONGEST
        && let Err(problem) = scan.all()
        && !scan.doubtful
    {
        return Err(problem);
    }
    let Scan {
        mut seen,
        set,
        outside,
        declared,
        ..
    } = scan;
    seen.names.retain(|name| !set.contains(name));
    seen.outside = outside.into_iter().find(|name| !declared.contains(*name));
    Ok(seen)
}

/// What keeps a text from being a jq program, as far as brackets, quotes and operators tell. The parser of jq itself recurses, and its stack is not
/// bounded by what a definition may hold.
pub(super) fn jq_fault(text: &str) -> Option<String> {
    // What closes each bracket that is open; `"` for a text around a `\\(`.
    let mut open: Vec<char> = Vec::new();
    let mut last = ' ';
    let mut chars = text.chars().peekable();
    let mut within = false;
    while let Some(c) = chars.next() {
        if within {
            match c {
                '"' => (within, last) = (false, '"'),
                '\\' => {
                    let begins_a_program = chars.next() == Some('(');
                    if begins_a_program {
                        open.extend(['"', ')']);
                        (within, last) = (false, '(');
                    }
                }
                _ => {}
            }
            continue;
        }
        match c {
            '"' => within = true,
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '(' | '[' | '{' => open.push(closing(c)),
            ')' | ']' | '}' => match open.pop() {
                Some(wanted) if wanted == c => {
                    within = c == ')' && open.pop_if(|o| *o == '"').is_some()
                }
                Some(wanted) => return Some(format!("`{c}` stands where `{wanted}` is missing")),
                None => return Some(format!("`{c}` closes nothing")),
            },
            '&' => return Some("`&` is no operator of jq: write `and`".to_owned()),
            '|' if last == '|' && chars.peek() != Some(&'=') => {
                return Some("`||` is no operator of jq: write `or`".to_owned());
            }
            _ => {}
        }
        if !c.is_whitespace() && !within {
            last = c;
        }
    }
    if within {
        return Some("a text in \" is not closed".to_owned());
    }
    match (open.last(), last) {
        (Some(wanted), _) => Some(format!("`{wanted}` is missing at the end")),
        (None, ' ') => Some("it is empty".to_owned()),
        (None, '|' | ',' | '+' | '-' | '*' | '/' | '=' | '<' | '>' | ':' | '%') => {
            Some(format!("something is missing behind the last `{last}`"))
        }
        _ => None,
    }
}

/// The members of its input that a jq program reads before its first pipe, where `.` is the input still.
pub(super) fn jq_names(text: &str) -> Vec<&str> {
    let first = text.split('|').next().unwrap_or_default();
    let begins_with_input = ![
        "def ", "reduce", "foreach", "import", "include", "as ", "\"", "#", "..", "$",
    ]
    .iter()
    .any(|word| first.contains(word));
    if !begins_with_input || text.len() > LONGEST {
        return Vec::new();
    }
    let mut names = Vec::new();
    let mut before = ' ';
    for (at, c) in first.char_indices() {
        let behind = first.get(at + 1..).unwrap_or_default();
        let length = behind
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(behind.len());
        let name = behind.get(..length).unwrap_or_default();
        let of_input = matches!(
            before,
            ' ' | '(' | '[' | '{' | ',' | ':' | '+' | '-' | '\n' | '\t'
        );
        if c == '.' && of_input && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            names.push(name);
        }
        before = c;
    }
    names
}

fn closing(c: char) -> char {
    match c {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

#[derive(Default)]
struct Scan<'t> {
    rest: &'t str,
    /// Brackets that are open, with what closes them; `` ` `` for the text around a `${`.
    open: Vec<char>,
    /// Whether the last token was a value, so that `/` divides.
    operand: bool,
    before: char,
    /// A `/` was met that begins no regular expression: those behind it are not looked at as such.
    divides: bool,
    /// A `/` stands behind a bracket, where it divides or begins a regular expression: what follows may be misread.
    doubtful: bool,
    seen: Seen,
    set: HashSet<String>,
    outside: Vec<&'static str>,
    /// Names that the script gives to functions and variables of its own, as far as they are in [`OUTSIDE`].
    declared: HashSet<&'t str>,
    /// The word before.
    last: &'t str,
    /// The operator before, which wants a value.
    wants: Option<char>,
    /// A name stands before, on the same line.
    named: Option<&'t str>,
}

impl<'t> Scan<'t> {
    fn all(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.chars().next() {
            self.check_sequence(c)?;
            match c {
                '"' | '\'' => self.quoted(c)?,
                '`' => {
                    self.skip(1);
                    self.template()?;
                }
                '/' if self.rest.starts_with("//") => {
                    self.skip(self.rest.find('\n').unwrap_or(self.rest.len()))
                }
                '/' if self.rest.starts_with("/*") => match self.rest.find("*/") {
                    Some(end) => self.skip(end + 2),
                    None => return Err("a comment is not closed".to_owned()),
                },
                '/' if !self.operand && !self.divides => self.regex(),
                '/' => {
                    self.doubtful |= self.before == ')';
                    self.sign(c);
                }
                '(' | '[' | '{' => {
                    self.open.push(if c == '(' {
                        ')'
                    } else if c == '[' {
                        ']'
                    } else {
                        '}'
                    });
                    self.sign(c);
                }
                ')' | ']' | '}' => {
                    match self.open.pop() {
                        Some(wanted) if wanted == c => {}
                        Some(wanted) => {
                            return Err(format!("`{c}` stands where `{wanted}` is missing"));
                        }
                        None => return Err(format!("`{c}` closes nothing")),
                    }
                    self.sign(c);
                    self.operand = c != '}';
                    if self.open.last() == Some(&'`') && c == '}' {
                        self.open.pop();
                        self.template()?;
                    }
                }
                '$' if !self.rest.chars().nth(1).is_some_and(is_word) => self.input(),
                c if is_word(c) => self.word(),
                c if c.is_whitespace() => self.skip(c.len_utf8()),
                c => self.sign(c),
            }
        }
        match self.open.last() {
            Some('`') => Err("a text in backquotes is not closed".to_owned()),
            Some(wanted) => Err(format!("`{wanted}` is missing at the end")),
            None => Ok(()),
        }
    }

    /// What cannot stand behind what stood before: a value is missing, or an operator.
    fn check_sequence(&mut self, c: char) -> Result<(), String> {
        let comment = self.rest.starts_with("//") || self.rest.starts_with("/*");
        if c == '\n' {
            self.named = None;
        }
        if c.is_whitespace() || comment {
            return Ok(());
        }
        if let Some(operator) = self.wants
            && matches!(c, ';' | ')' | ']' | ',' | '}')
            && !self.doubtful
        {
            return Err(format!("a value is missing between `{operator}` and `{c}`"));
        }
        let begins = is_word(c) && !c.is_ascii_digit() || matches!(c, '"' | '\'');
        if let Some(name) = self.named.filter(|_| begins) {
            let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
            let word = self.rest.get(..end).unwrap_or_default();
            if !KEYWORDS.contains(&word) && !self.doubtful {
                return Err(format!(
                    "`{name}` is followed by another value, with nothing between"
                ));
            }
        }
        let twice = self.wants == Some(c) && matches!(c, '+' | '-');
        let operator = matches!(c, '+' | '-' | '*' | '%' | '=' | '<' | '&' | '|' | '^');
        self.wants = (operator && !twice).then_some(c);
        self.named = None;
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        let (done, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        if let Some(last) = done.chars().rfind(|c| !c.is_whitespace()) {
            self.before = last;
        }
        self.rest = rest;
    }

    fn sign(&mut self, c: char) {
        self.operand = false;
        if self.rest.starts_with("...") {
            self.skip(3);
            // What comes is spread, and is no member.
            self.before = ' ';
        } else {
            self.skip(c.len_utf8());
        }
    }

    fn quoted(&mut self, quote: char) -> Result<(), String> {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' => break,
                c if c == quote => {
                    self.skip(at + 1);
                    self.operand = true;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(format!("a text in {quote} is not closed"))
    }

    /// The text of a template up to its end, or to the next `${`.
    fn template(&mut self) -> Result<(), String> {
        let mut escaped = false;
        let mut dollar = false;
        for (at, c) in self.rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '`' => {
                    self.skip(at + 1);
                    self.operand = true;
                    return Ok(());
                }
                '{' if dollar => {
                    self.open.extend(['`', '}']);
                    self.skip(at + 1);
                    self.operand = false;
                    return Ok(());
                }
                _ => {}
            }
            dollar = c == '$';
        }
        Err("a text in backquotes is not closed".to_owned())
    }

    /// A regular expression; what is none is passed over.
    fn regex(&mut self) {
        let (mut escaped, mut class) = (false, false);
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '/' if !class => {
                    self.skip(at + 1);
                    self.operand = true;
                    return;
                }
                _ => {}
            }
        }
        self.divides = true;
        self.sign('/');
    }

    fn word(&mut self) {
        let after_dot = self.before == '.';
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let (word, behind) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        let behind = behind.trim_start();
        self.operand = !matches!(
            word,
            "return"
                | "typeof"
                | "case"
                | "in"
                | "of"
                | "new"
                | "delete"
                | "void"
                | "throw"
                | "else"
                | "do"
        );
        if !after_dot && let Some((name, next)) = OUTSIDE.iter().find(|(name, _)| *name == word) {
            if matches!(self.last, "function" | "var" | "let" | "const") {
                self.declared.insert(word);
            } else if behind.starts_with(next) {
                self.outside.push(name);
            }
        }
        self.last = word;
        self.skip(end);
        self.named = Some(word).filter(|word| after_dot || !KEYWORDS.contains(word));
    }

    /// `$.name` and `$['name']`: a member of the input. What is set, or called, is no input.
    fn input(&mut self) {
        self.skip(1);
        self.operand = true;
        let at = self.rest.trim_start();
        let name = match at.strip_prefix("?.").or_else(|| at.strip_prefix('.')) {
            Some(name) => name
                .split(|c| !is_word(c))
                .next()
                .map(|n| (n, name.get(n.len()..).unwrap_or_default())),
            None => ["['", "[\""]
                .iter()
                .find_map(|open| at.strip_prefix(open))
                .and_then(|inner| {
                    let (name, behind) = inner.split_once(['\'', '"'])?;
                    Some((name, behind.strip_prefix(']')?))
                }),
        };
        let Some((name, behind)) = name.filter(|(name, _)| !name.is_empty()) else {
            return;
        };
        let behind = behind.trim_start();
        if behind.starts_with('=') && !behind.starts_with("==") && !behind.starts_with("=>") {
            self.set.insert(name.to_owned());
        } else if !behind.starts_with('(') && !self.seen.names.iter().any(|n| n == name) {
            self.seen.names.push(name.to_owned());
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
