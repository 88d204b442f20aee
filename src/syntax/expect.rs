//! What may follow a piece of text: asked of the grammar itself, so that it cannot drift from it.
//!
//! The text up to the cursor is parsed; where the grammar runs out of text it says which rules it tried there.

use super::grammar::{Grammar, Rule};
use super::lex::{self, Kind, Token};
use super::split::ITEMS;
use crate::source::FileId;
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pairs;

/// What may follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Following {
    /// Words of the language.
    pub words: Vec<&'static str>,
    /// An expression may stand here.
    pub expression: bool,
    /// A new name is chosen here.
    pub name: bool,
    /// The name of a declared secret may stand here.
    pub secret: bool,
    /// A JSONPath may stand here.
    pub path: bool,
}

/// What may follow `text`, which ends where a word could begin.
pub fn following(text: &str) -> Following {
    let lexed = lex::lex(FileId::NONE, text);
    let tokens = &lexed.tokens;
    let word = |token: &Token| text.get(token.start..token.end).unwrap_or_default();
    let mut open: Vec<u8> = Vec::new();
    let (mut start, mut since) = (text.len(), tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        let begins = token.first && token.kind == Kind::Word && ITEMS.contains(&word(token));
        if begins && (token.indent == 0 || open.is_empty()) {
            (start, since) = (token.start, at);
            open.clear();
        }
        match token.kind {
            Kind::Open(byte) => open.push(byte),
            Kind::Close(_) => drop(open.pop()),
            _ => {}
        }
    }
    let item = text.get(start..).unwrap_or_default();
    if item.trim().is_empty() {
        return top();
    }
    let found = if open.is_empty() {
        tried(Rule::item, item)
    } else {
        inside(item, &open)
    };
    let mut all = Following::default();
    for rule in found {
        add(rule, &mut all);
    }
    // A whole item may be followed by another.
    let ended = open.is_empty() && tokens.len() > since;
    let fresh = text
        .rsplit('\n')
        .next()
        .is_some_and(|l| l.trim().is_empty());
    if ended && fresh && Grammar::parse(Rule::item, item.trim_end()).is_ok() {
        all.words.extend(ITEMS);
    }
    all.words.sort_unstable();
    all.words.dedup();
    all
}

fn top() -> Following {
    Following {
        words: ITEMS.to_vec(),
        ..Following::default()
    }
}

/// The rules that were tried at the end of a text.
fn tried(rule: Rule, text: &str) -> Vec<Rule> {
    // Blanks ahead of the end are passed over, so that the end is where a word would begin.
    let unknown: String;
    let mut parsed = Grammar::parse(rule, text);
    if parsed.is_ok() {
        // What is whole may go on all the same: what stands for nothing shows how.
        unknown = format!("{text}\u{1}");
        parsed = Grammar::parse(rule, &unknown);
    }
    match parsed {
        Ok(_) => Vec::new(),
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            match error.variant {
                ErrorVariant::ParsingError { positives, .. } if at >= text.trim_end().len() => {
                    positives
                }
                _ => Vec::new(),
            }
        }
    }
}

/// What may follow within braces: what goes on the last statement, and what begins another.
fn inside(item: &str, open: &[u8]) -> Vec<Rule> {
    let mut closed = item.to_owned();
    for bracket in open.iter().rev() {
        closed.push('\n');
        closed.push(match bracket {
            b'(' => ')',
            b'[' => ']',
            _ => '}',
        });
    }
    let end = item.trim_end().len();
    let Ok(pairs) = Grammar::parse(Rule::item, &closed) else {
        return tried(Rule::item, item);
    };
    let mut block = None;
    inmost(pairs, end, &mut block);
    let Some(block) = block else {
        return tried(Rule::item, item);
    };
    let alone = |from: usize| tried(block.statement, item.get(from..).unwrap_or_default());
    let Some(last) = block.last else {
        return fresh(block.statement);
    };
    if !last.broken {
        let mut found = alone(last.from);
        found.extend(fresh(block.statement));
        return found;
    }
    // What stands on one line with a statement may go on with it.
    let found = block.before.map_or(Vec::new(), alone);
    if found.is_empty() {
        alone(last.from)
    } else {
        found
    }
}

/// What begins a statement. Behind a blank, so that the grammar names the rules within and not the one around them.
fn fresh(statement: Rule) -> Vec<Rule> {
    tried(statement, " ")
}

/// The inmost braces that are open at the end, which hold statements.
struct Block {
    /// The rule for one of its statements alone.
    statement: Rule,
    last: Option<Last>,
    /// Where the statement ahead of a broken one on its line begins.
    before: Option<usize>,
}

/// The last statement of a block.
#[derive(Clone, Copy)]
struct Last {
    from: usize,
    to: usize,
    broken: bool,
}

fn inmost(pairs: Pairs<'_, Rule>, end: usize, found: &mut Option<Block>) {
    for pair in pairs {
        let (rule, span) = (pair.as_rule(), pair.as_span());
        if span.start() > end || span.end() <= end {
            continue;
        }
        let statement = match rule {
            Rule::rotation => Some(Rule::entry_only),
            Rule::block => Some(Rule::step_only),
            Rule::clauses => Some(Rule::clause_only),
            Rule::match_step => Some(Rule::arm_only),
            Rule::parallel => Some(Rule::branch_only),
            _ => None,
        };
        if let Some(statement) = statement {
            let text = span.get_input();
            let mut block = Block {
                statement,
                last: None,
                before: None,
            };
            let mut opened = false;
            for inner in pair.clone().into_inner() {
                let (kind, place) = (inner.as_rule(), inner.as_span());
                if kind == Rule::open {
                    opened = true;
                } else if opened && kind != Rule::close && place.start() < end {
                    let broken = kind == Rule::bad;
                    let near = |last: Last| {
                        text.get(last.to..place.start())
                            .is_some_and(|gap| gap.trim().is_empty() && !gap.contains('\n'))
                    };
                    let before = block.last.filter(|last| broken && near(*last));
                    block.before = before.map(|last| last.from);
                    block.last = Some(Last {
                        from: place.start(),
                        to: place.end(),
                        broken,
                    });
                }
            }
            if opened {
                *found = Some(block);
            }
        }
        inmost(pair.into_inner(), end, found);
    }
}

fn add(rule: Rule, all: &mut Following) {
    let words: &[&'static str] = match rule {
        Rule::effect => &super::keyword::EFFECTS,
        Rule::at_most => &["at most"],
        Rule::zone => &["in"],
        Rule::jitter => &["jitter"],
        Rule::expires => &["expires"],
        Rule::allow => &["allow"],
        Rule::within => &["within"],
        Rule::pause => &["every"],
        Rule::after => &["after"],
        Rule::else_arm => &["else"],
        Rule::backoff => &["backoff"],
        Rule::up_to => &["up to"],
        Rule::replay_key => &["key"],
        Rule::grace => &["grace"],
        Rule::recover => &["recover with"],
        Rule::accept => &["accept lockout-risk"],
        Rule::because => &["because"],
        Rule::source => &["body", "header", "status"],
        Rule::capture => &["secret", "public"],
        Rule::previous => &["previous"],
        Rule::let_step => &["let"],
        Rule::when_step => &["when"],
        Rule::match_step => &["match"],
        Rule::for_each => &["for each"],
        Rule::on_failure => &["on failure"],
        Rule::secret_item => &["secret"],
        Rule::use_item => &["use"],
        Rule::env_item => &["env"],
        Rule::target_item => &["target"],
        Rule::deliver_item => &["deliver"],
        Rule::kw_recover => &["recover with"],
        Rule::kw_accept => &["accept lockout-risk"],
        Rule::kw_up => &["up to"],
        Rule::kw_on => &["on failure"],
        Rule::kw_for => &["for each"],
        Rule::kw_at => &["at most"],
        Rule::kw_lockout_risk => &["lockout-risk"],
        Rule::expr | Rule::term | Rule::bare | Rule::path => {
            all.expression = true;
            &[]
        }
        Rule::secret_word | Rule::store | Rule::delivered => {
            all.secret = true;
            &[]
        }
        Rule::ident => {
            all.name = true;
            &[]
        }
        Rule::jsonpath => {
            all.path = true;
            &[]
        }
        other => match name(other) {
            Some(word) => {
                all.words.push(word);
                &[]
            }
            None => &[],
        },
    };
    all.words.extend(words);
}

/// The word that a rule begins with, where it has its name.
fn name(rule: Rule) -> Option<&'static str> {
    let text = format!("{rule:?}");
    let word = text.strip_prefix("kw_").unwrap_or(&text);
    WORDS.iter().find(|known| **known == word).copied()
}

/// Words that rules are named for.
const WORDS: [&str; 76] = [
    "additive",
    "after",
    "allow",
    "as",
    "backoff",
    "basic",
    "bearer",
    "because",
    "body",
    "ca",
    "call",
    "client",
    "connect",
    "cron",
    "description",
    "each",
    "else",
    "env",
    "every",
    "expect",
    "expires",
    "fail",
    "failure",
    "follow",
    "form",
    "generate",
    "grace",
    "header",
    "http",
    "in",
    "input",
    "issues",
    "jitter",
    "json",
    "key",
    "let",
    "limit",
    "log",
    "manual",
    "match",
    "most",
    "not",
    "optional",
    "output",
    "parallel",
    "promote",
    "proxy",
    "public",
    "query",
    "raw",
    "reads",
    "repeat",
    "replacing",
    "retry",
    "reveal",
    "revoke",
    "revokes",
    "rotation",
    "secret",
    "self",
    "sets",
    "slot",
    "stage",
    "status",
    "stop",
    "strays",
    "text",
    "timeout",
    "to",
    "until",
    "update",
    "verify",
    "wait",
    "when",
    "with",
    "within",
];
