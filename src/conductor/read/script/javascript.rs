//! The part of JavaScript that conditions are made of: comparisons of `$.name`, `&&`, `||`, `!`, and one choice.
//!
//! Everything else is refused, not guessed.

use crate::conductor::template::StepKind;
use crate::plan::{Expr, ExprKind, Operator};
use crate::source::At;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 32;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::conductor::read) enum Js {
    /// `$.a.b['c']`
    Path(Vec<String>),
    /// `'text'`
    Text(String),
    /// `12`
    Number(String),
    /// `true`, `false`
    Bool(bool),
    /// `null`
    Null,
    /// `undefined`; `==` takes it for null
    Undefined,
    /// `!a`
    Not(Box<Js>),
    /// `a == b` …
    Binary(Operator, Box<Js>, Box<Js>),
    /// `test ? 'a' : 'b'`
    Choice(Box<Js>, String, String),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

impl Js {
    /// Calls `visit` with each strict comparison of a path with a text: the operator, the path, the text.
    pub(in crate::conductor::read) fn each_comparison(
        &self,
        visit: &mut dyn FnMut(Operator, &[String], &str),
    ) {
        match self {
            Js::Not(inner) | Js::Choice(inner, ..) => inner.each_comparison(visit),
            Js::Binary(operator, left, right) => {
                if matches!(operator, Operator::Same | Operator::Different)
                    && let (Js::Path(path), Js::Text(text)) | (Js::Text(text), Js::Path(path)) =
                        (&**left, &**right)
                {
                    visit(*operator, path, text);
                }
                left.each_comparison(visit);
                right.each_comparison(visit);
            }
            Js::Path(_) | Js::Text(_) | Js::Number(_) | Js::Bool(_) | Js::Null | Js::Undefined => {}
        }
    }
}

const SIGNS: [&str; 23] = [
    "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", "{", "}",
    ".", "?", ":", ";", "$", "-",
];

impl Js {
    /// Whether it is true or false whatever it is given.
    fn is_bool(&self) -> bool {
        match self {
            Js::Bool(_) | Js::Not(_) => true,
            Js::Binary(Operator::And | Operator::Or, left, right) => {
                left.is_bool() && right.is_bool()
            }
            Js::Binary(..) => true,
            Js::Path(_) | Js::Text(_) | Js::Number(_) | Js::Null | Js::Undefined => false,
            Js::Choice(..) => false,
        }
    }
}

/// Reads a condition; none when it is more than that.
pub(in crate::conductor::read) fn parse(text: &str) -> Option<Js> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
    };
    let script = if parser.word("if") {
        parser.if_true_else_false()?
    } else {
        parser.choice(0)?
    };
    while parser.sign(";") {}
    let decided = match &script {
        Js::Choice(test, ..) => &**test,
        other => other,
    };
    // Whether something stands at the end of a longer path, and what a path into null does, the engine knows.
    let deep = match decided {
        Js::Path(path) => path.len() > 1,
        // `1.0` is written `1`.
        Js::Number(digits) => !digits.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    };
    (!deep && parser.at == tokens.len()).then_some(script)
}

/// A condition as an expression; `name` gives what a path stands for.
pub(in crate::conductor::read) fn lower(
    script: &Js,
    name: &mut dyn FnMut(&[String]) -> Option<Expr>,
) -> Option<Expr> {
    let kind = match script {
        Js::Path(path) => return name(path),
        Js::Text(text) => ExprKind::String(text.clone()),
        Js::Number(number) => ExprKind::Number(number.clone()),
        Js::Bool(value) => ExprKind::Bool(*value),
        Js::Null | Js::Undefined => ExprKind::Null,
        Js::Not(inner) => ExprKind::Not(Box::new(lower(inner, name)?)),
        Js::Binary(operator, left, right) => {
            let (left, right) = (lower(left, name), lower(right, name));
            ExprKind::Binary(*operator, Box::new(left?), Box::new(right?))
        }
        Js::Choice(..) => return None,
    };
    Some(Expr::new(kind, At::NOWHERE))
}

/// A name of a path as a step: digits are an index.
pub(in crate::conductor::read) fn step_kind(name: &str) -> StepKind {
    name.parse::<i64>()
        .ok()
        .filter(|n| *n >= 0)
        .map_or_else(|| StepKind::Name(name.to_owned()), StepKind::Index)
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphabetic() || first == '_' {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest.get(..end)?.to_owned()));
            end
        } else if first.is_ascii_digit() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            tokens.push(Token::Number(rest.get(..end)?.to_owned()));
            end
        } else if first == '\'' || first == '"' {
            let inner = rest.get(1..)?;
            let end = inner.find([first, '\\', '\n'])?;
            if !inner.get(end..)?.starts_with(first) {
                return None;
            }
            tokens.push(Token::Text(inner.get(..end)?.to_owned()));
            end + 2
        } else {
            let sign = SIGNS.into_iter().find(|s| rest.starts_with(s))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(s)) if *s == wanted);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w == wanted);
        self.at += usize::from(found);
        found
    }

    /// `if (test) { true; } else { false; }`, the form that Conductor's own examples use.
    fn if_true_else_false(&mut self) -> Option<Js> {
        self.sign("(").then_some(())?;
        let test = self.or(0)?;
        self.sign(")").then_some(())?;
        let yes = self.braced_bool()?;
        self.word("else").then_some(())?;
        match (yes, self.braced_bool()?) {
            (true, false) if test.is_bool() => Some(test),
            (true, false) => Some(Js::Not(Box::new(Js::Not(Box::new(test))))),
            (false, true) => Some(Js::Not(Box::new(test))),
            _ => None,
        }
    }

    fn braced_bool(&mut self) -> Option<bool> {
        let braced = self.sign("{");
        self.word("return");
        let value = if self.word("true") {
            true
        } else if self.word("false") {
            false
        } else {
            return None;
        };
        self.sign(";");
        if braced && !self.sign("}") {
            return None;
        }
        Some(value)
    }

    fn choice(&mut self, depth: usize) -> Option<Js> {
        let test = self.or(depth)?;
        if !self.sign("?") {
            return Some(test);
        }
        let yes = self.text()?;
        self.sign(":").then_some(())?;
        let no = self.text()?;
        Some(Js::Choice(Box::new(test), yes, no))
    }

    fn text(&mut self) -> Option<String> {
        let Some(Token::Text(text)) = self.peek().cloned() else {
            return None;
        };
        self.at += 1;
        Some(text)
    }

    fn or(&mut self, depth: usize) -> Option<Js> {
        let mut left = self.and(depth)?;
        while self.sign("||") {
            left = Js::Binary(Operator::Or, Box::new(left), Box::new(self.and(depth)?));
        }
        Some(left)
    }

    fn and(&mut self, depth: usize) -> Option<Js> {
        let mut left = self.comparison(depth)?;
        while self.sign("&&") {
            left = Js::Binary(
                Operator::And,
                Box::new(left),
                Box::new(self.comparison(depth)?),
            );
        }
        Some(left)
    }

    fn comparison(&mut self, depth: usize) -> Option<Js> {
        let left = self.unary(depth)?;
        let operator = match self.peek() {
            Some(Token::Sign("==")) => Operator::Eq,
            Some(Token::Sign("!=")) => Operator::Ne,
            Some(Token::Sign("===")) => Operator::Same,
            Some(Token::Sign("!==")) => Operator::Different,
            Some(Token::Sign("<")) => Operator::Lt,
            Some(Token::Sign("<=")) => Operator::Le,
            Some(Token::Sign(">")) => Operator::Gt,
            Some(Token::Sign(">=")) => Operator::Ge,
            _ => return Some(left),
        };
        self.at += 1;
        let right = self.unary(depth)?;
        // Only `==` and `!=` take what is not there for null.
        let loose = matches!(operator, Operator::Eq | Operator::Ne);
        if !loose && [&left, &right].contains(&&Js::Undefined) {
            return None;
        }
        Some(Js::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn unary(&mut self, depth: usize) -> Option<Js> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.sign("!") {
            return Some(Js::Not(Box::new(self.unary(depth + 1)?)));
        }
        if self.sign("(") {
            let inner = self.or(depth + 1)?;
            return self.sign(")").then_some(inner);
        }
        if self.sign("$") {
            return self.path();
        }
        let negative = self.sign("-");
        let token = self.peek()?.clone();
        self.at += 1;
        match token {
            Token::Number(number) => Some(Js::Number(if negative {
                format!("-{number}")
            } else {
                number
            })),
            _ if negative => None,
            Token::Text(text) => Some(Js::Text(text)),
            Token::Word(word) => match word.as_str() {
                "true" => Some(Js::Bool(true)),
                "false" => Some(Js::Bool(false)),
                "null" => Some(Js::Null),
                "undefined" => Some(Js::Undefined),
                _ => None,
            },
            Token::Sign(_) => None,
        }
    }

    fn path(&mut self) -> Option<Js> {
        let mut names = Vec::new();
        loop {
            if self.sign(".") {
                let Some(Token::Word(name)) = self.peek().cloned() else {
                    return None;
                };
                self.at += 1;
                names.push(name);
            } else if self.sign("[") {
                let token = self.peek()?.clone();
                self.at += 1;
                match token {
                    Token::Text(name) | Token::Number(name) => names.push(name),
                    _ => return None,
                }
                self.sign("]").then_some(())?;
            } else {
                break;
            }
        }
        // A call (`$.a.includes(…)`) is more than a path.
        if names.is_empty() || matches!(self.peek(), Some(Token::Sign("("))) {
            None
        } else {
            Some(Js::Path(names))
        }
    }
}
