//! Suppressions that stand in the files themselves: comments in `.rot`, `metadata` in Conductor JSON. A text without the
//! words is not looked at a second time.

use super::{Scope, Suppression, text};
use crate::diagnostic::{Diagnostic, Edit, codes, nearest};
use crate::json::{self, Node, layout};
use crate::source::{FileId, SourceFile, Span};
use crate::syntax::remark::{Remark, remarks};
use crate::workspace::load;

/// The key in `metadata`.
const KEY: &str = "rot.ignore";
/// What a comment may say behind `rot:`.
const WORDS: [&str; 2] = ["ignore", "ignore-file"];

/// What a file suppresses in itself, and what is wrong with how it says so.
pub fn read(id: FileId, file: &SourceFile) -> (Vec<Suppression>, Vec<Diagnostic>) {
    let mut out = (Vec::new(), Vec::new());
    if load::is_json(file) {
        if file.text().contains(KEY)
            && let (Some(root), _) = json::parse_all(id, file)
        {
            definitions(&root, &mut out);
        }
    } else if file.text().contains("rot:") {
        for remark in remarks(id, file.text()) {
            comment(file, &remark, &mut out);
        }
    }
    out
}

type Found = (Vec<Suppression>, Vec<Diagnostic>);

fn comment(file: &SourceFile, remark: &Remark, out: &mut Found) {
    let whole = file.slice(remark.span.start, remark.span.end);
    let Some(directive) = whole
        .trim_start_matches('#')
        .trim_start()
        .strip_prefix("rot:")
    else {
        return;
    };
    let directive = directive.trim_start();
    let offset = remark.span.start as usize + (whole.len() - directive.len());
    let span = |range: std::ops::Range<usize>| {
        Span::new(remark.span.file, offset + range.start, offset + range.end)
    };
    let word = directive
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .next()
        .unwrap_or_default();
    let wrong = |range, message: String, help: String| {
        Diagnostic::new(codes::UNKNOWN_SUPPRESSION, span(range), message)
            .at("suppresses nothing")
            .help(help)
    };
    let form = "it is written `# rot: ignore[ROT301] reason`";
    if !WORDS.contains(&word) {
        let help = nearest(word, WORDS).map_or(form.to_owned(), |near| {
            format!("the nearest is `{near}`: {form}")
        });
        out.1.push(wrong(
            0..word.len(),
            format!("`rot: {word}` is not a directive"),
            help,
        ));
        return;
    }
    let rest = directive.get(word.len()..).unwrap_or_default();
    let Some((list, reason)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) else {
        out.1.push(wrong(
            0..word.len(),
            "this suppression names no rule".into(),
            form.into(),
        ));
        return;
    };
    let of_file = word == "ignore-file";
    if of_file && !remark.head {
        let help =
            "it holds for the whole file and stands ahead of everything else; here write `ignore`";
        out.1.push(wrong(
            0..word.len(),
            "`ignore-file` stands too far down".into(),
            help.into(),
        ));
        return;
    }
    let scope = if of_file {
        Scope::File(remark.span.file)
    } else {
        Scope::Place(remark.about)
    };
    let whole = Edit {
        span: file.whole_lines(remark.span),
        text: String::new(),
    };
    let said = Said {
        list,
        reason,
        scope,
        at: remark.span,
        whole: Some(whole),
        parts: true,
    };
    add(
        &said,
        &|range| span(word.len() + 1 + range.start..word.len() + 1 + range.end),
        out,
    );
}

/// Every object with tasks and `metadata`, also within start requests and inline sub-workflows.
fn definitions(node: &Node, out: &mut Found) {
    if let Some(metadata) = node.get("metadata").filter(|_| node.get("tasks").is_some())
        && let Some(ignores) = metadata.get(KEY)
    {
        for (index, member) in ignores.members().iter().enumerate() {
            let whole = without(&[(node, "metadata"), (metadata, KEY)], ignores, index);

            let pointer = member.key.text.as_str();
            let target = if pointer.is_empty() || pointer.starts_with('/') {
                node.at_pointer(pointer)
            } else {
                None
            };
            let Some(target) = target else {
                let message = format!("there is nothing at `{pointer}` in this definition");
                let help = "the pointer starts from the definition, as in `/tasks/0/inputParameters/body`; `` is all of it";
                out.1.push(
                    Diagnostic::new(codes::UNUSED_SUPPRESSION, member.key.span, message)
                        .at("suppresses nothing")
                        .help(help)
                        .fix_if("remove it", true, whole.map(|e| vec![e])),
                );
                continue;
            };
            let scope = Scope::Place(with_key(node, target));
            let several = std::slice::from_ref(&member.value);
            let values = if member.value.is_array() {
                member.value.items()
            } else {
                several
            };
            for (number, value) in values.iter().enumerate() {
                let Some(words) = value.as_str() else {
                    let message = format!("a suppression is a text, not {}", value.describe());
                    let help = "it is written `\"ROT303 reason\"`, or as a list of such texts";
                    let one = Diagnostic::new(codes::UNKNOWN_SUPPRESSION, value.span, message);
                    out.1.push(one.at("suppresses nothing").help(help));
                    continue;
                };
                let (list, reason) = split(words);
                let one = layout::without_item(&member.value, number).map(|span| Edit {
                    span,
                    text: String::new(),
                });
                let whole = if values.len() > 1 { one } else { whole.clone() };
                let said = Said {
                    list,
                    reason,
                    scope: scope.clone(),
                    at: value.span,
                    whole,
                    parts: false,
                };
                let place = |range: std::ops::Range<usize>| {
                    value
                        .as_string()
                        .map_or(value.span, |s| s.span_of(range.start, range.end))
                };
                add(&said, &place, out);
            }
        }
    }
    for item in node.items() {
        definitions(item, out);
    }
    for member in node.members() {
        definitions(&member.value, out);
    }
}

/// `ROT303, ROT304 reason`: the rules end at the first word that no comma follows.
fn split(words: &str) -> (&str, &str) {
    let mut rest = words.trim_start();
    loop {
        let end = rest
            .find(|c: char| c == ',' || c.is_whitespace())
            .unwrap_or(rest.len());
        match rest
            .get(end..)
            .unwrap_or_default()
            .trim_start()
            .strip_prefix(',')
        {
            Some(more) => rest = more.trim_start(),
            None => return words.split_at(words.len() - rest.len() + end),
        }
    }
}

/// The value with its key: findings may point at either.
fn with_key(root: &Node, target: &Node) -> Span {
    // Members and elements stand in the order of the text.
    let members = root.members();
    if let Some(member) =
        members.get(members.partition_point(|m| m.value.span.end < target.span.end))
    {
        if member.value.span == target.span {
            return member.key.span.to(target.span);
        }
        if member.value.span.contains(target.span) {
            return with_key(&member.value, target);
        }
    }
    let items = root.items();
    let around = items.get(items.partition_point(|i| i.span.end < target.span.end));
    around
        .filter(|i| i.span.contains(target.span) && i.span != target.span)
        .map_or(target.span, |i| with_key(i, target))
}

/// The removal of a member, with the objects that hold nothing else, inmost last.
fn without(around: &[(&Node, &str)], object: &Node, index: usize) -> Option<Edit> {
    let (mut object, mut index) = (object, index);
    for (outer, key) in around.iter().rev() {
        if object.members().len() > 1 {
            break;
        }
        index = outer.members().iter().rposition(|m| m.key.text == *key)?;
        object = outer;
    }
    layout::without_member(object, index).map(|span| Edit {
        span,
        text: String::new(),
    })
}

/// One comment or text: what it suppresses, why, and where.
struct Said<'a> {
    list: &'a str,
    reason: &'a str,
    scope: Scope,
    at: Span,
    /// Its removal as a whole.
    whole: Option<Edit>,
    /// Whether findings name the place of the rule, and not of the whole text.
    parts: bool,
}

fn add(said: &Said<'_>, place: &dyn Fn(std::ops::Range<usize>) -> Span, out: &mut Found) {
    let (why, until) = text::reason(said.reason);
    let rules = text::rules(said.list);
    let mut known = false;
    for (index, (name, range)) in rules.iter().enumerate() {
        let at = if said.parts {
            place(range.clone())
        } else {
            said.at
        };
        match text::rule(name, at) {
            Ok(rule) => {
                known = true;
                let before = index.checked_sub(1).and_then(|i| rules.get(i));
                let removal = match (rules.get(index + 1), before) {
                    (Some((_, next)), _) => Some(Edit {
                        span: place(range.start..next.start),
                        text: String::new(),
                    }),
                    (None, Some((_, before))) => Some(Edit {
                        span: place(before.end..range.end),
                        text: String::new(),
                    }),
                    (None, None) => said.whole.clone(),
                };
                out.0.push(Suppression {
                    rule,
                    until,
                    at: said.at,
                    scope: said.scope.clone(),
                    removal,
                });
            }
            Err(diagnostic) => out.1.push(*diagnostic),
        }
    }
    if known && why.is_empty() {
        let one = Diagnostic::new(
            codes::SUPPRESSION_WITHOUT_REASON,
            said.at,
            "this suppression gives no reason",
        );
        out.1.push(
            one.at("why is it accepted")
                .help("write the reason behind the rule"),
        );
    }
}
