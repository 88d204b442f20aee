//! Rules of the grammar as people call them, and lists of them in a sentence.

use super::grammar::Rule;

/// What was expected at one place: without repetition, likeliest first.
pub struct Expected {
    phrases: Vec<String>,
}

/// How many alternatives a message names.
const MOST: usize = 4;

/// Words for the rules that pest tried.
pub fn expected(rules: &[Rule]) -> Expected {
    let mut phrases: Vec<(u8, String)> = Vec::new();
    let expression = rules
        .iter()
        .any(|r| matches!(r, Rule::expr | Rule::bare | Rule::term));
    for rule in rules {
        let entry = match phrase(*rule) {
            Some(phrase) => phrase,
            None => continue,
        };
        if expression && entry.1 == "a quoted string" || phrases.contains(&entry) {
            continue;
        }
        phrases.push(entry);
    }
    if expression {
        phrases.push((1, "an expression".into()));
        phrases.retain(|(_, p)| {
            !matches!(
                p.as_str(),
                "`{`" | "`not`" | "`reveal`" | "a duration such as `45m`"
            )
        });
    }
    let steps = |p: &str| {
        super::keyword::STEPS
            .iter()
            .chain(&super::keyword::ENTRIES)
            .any(|w| p.trim_matches('`') == *w)
    };
    let clauses = |p: &str| {
        super::keyword::CLAUSES
            .iter()
            .any(|w| p.trim_matches('`') == *w)
    };
    group(&mut phrases, steps, "a step such as `http` or `update`");
    group(
        &mut phrases,
        clauses,
        "a clause such as `bearer` or `expect`",
    );
    phrases.sort_by_key(|(rank, _)| *rank);
    if phrases.len() > 1 {
        phrases.retain(|(rank, _)| *rank < 9);
    }
    Expected {
        phrases: phrases.into_iter().map(|(_, p)| p).collect(),
    }
}

/// Puts one phrase in the place of many of a kind.
fn group(phrases: &mut Vec<(u8, String)>, is: impl Fn(&str) -> bool, name: &str) {
    if phrases.iter().filter(|(_, p)| is(p)).count() > MOST {
        phrases.retain(|(_, p)| !is(p));
        phrases.push((1, name.to_owned()));
    }
}

impl Expected {
    /// Whether `phrase` is among them.
    pub fn has(&self, phrase: &str) -> bool {
        self.phrases.iter().any(|p| p == phrase)
    }

    /// The keywords among them.
    pub fn words(&self) -> Vec<&str> {
        let bare = |p: &str| p.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        self.phrases
            .iter()
            .map(|p| p.trim_matches('`'))
            .filter(|p| bare(p))
            .collect()
    }

    /// `a, b or c`
    pub fn list(&self) -> String {
        let shown: Vec<&str> = self.phrases.iter().take(MOST).map(String::as_str).collect();
        match shown.split_last() {
            None => "something else".into(),
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        }
    }
}

/// What a rule is called in a message.
pub fn name(rule: Rule) -> String {
    phrase(rule).map_or_else(String::new, |(_, words)| words)
}

/// A rule's rank (less is likelier) and words; `None` for what would only be noise.
fn phrase(rule: Rule) -> Option<(u8, String)> {
    let fixed = |rank: u8, text: &str| Some((rank, text.to_owned()));
    match rule {
        Rule::eq => fixed(0, "`=`"),
        Rule::colon => fixed(0, "`:`"),
        Rule::comma => fixed(0, "`,`"),
        Rule::open | Rule::block | Rule::clauses | Rule::members | Rule::fields | Rule::options => {
            fixed(2, "`{`")
        }
        Rule::close => fixed(3, "`}`"),
        Rule::ident | Rule::recipient | Rule::branch | Rule::option | Rule::segment => {
            fixed(1, "a name")
        }
        Rule::member => fixed(1, "`key: value`"),
        Rule::secret_word | Rule::secret_decl | Rule::store | Rule::delivered => {
            fixed(1, "a secret's name")
        }
        Rule::previous => fixed(1, "`previous.` and a secret's name"),
        Rule::method | Rule::request => fixed(1, "a method such as `GET`"),
        Rule::string | Rule::destination => fixed(1, "a quoted string"),
        Rule::duration => fixed(1, "a duration such as `45m`"),
        Rule::integer => fixed(1, "a whole number"),
        Rule::size => fixed(1, "a size such as `4MiB`"),
        Rule::status => fixed(1, "a status such as `200` or `2xx`"),
        Rule::jsonpath => fixed(1, "a JSONPath such as `$.token`"),
        Rule::comparison => fixed(1, "a comparison such as `==`"),
        Rule::source => fixed(1, "`body`, `header` or `status`"),
        Rule::effect => fixed(4, "an effect such as `issues additive`"),
        Rule::because => fixed(1, "`because`"),
        Rule::at_most => fixed(4, "`at most`"),
        Rule::op => fixed(7, "an operator"),
        Rule::EOI => fixed(9, "the end of the statement"),
        Rule::match_arm => fixed(1, "an arm such as `\"value\" { … }`"),
        Rule::zone => fixed(4, "`in`"),
        Rule::jitter => fixed(5, "`jitter`"),
        Rule::expires => fixed(5, "`expires`"),
        Rule::allow => fixed(5, "`allow`"),
        Rule::within => fixed(5, "`within`"),
        Rule::pause => fixed(5, "`every`"),
        Rule::after => fixed(5, "`after`"),
        Rule::else_arm => fixed(5, "`else`"),
        Rule::backoff => fixed(5, "`backoff`"),
        Rule::up_to => fixed(5, "`up to`"),
        Rule::replay_key => fixed(4, "`key`"),
        Rule::grace => fixed(4, "`grace`"),
        Rule::recover => fixed(4, "`recover with`"),
        Rule::accept => fixed(4, "`accept lockout-risk`"),
        other => {
            let name = format!("{other:?}");
            name.strip_prefix("kw_")
                .map(|word| (4, format!("`{}`", word.replace('_', "-"))))
        }
    }
}
