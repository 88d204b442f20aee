//! `$` within a filter is the whole workflow on a server: `items[?(@.id == $.workflow.input.id)]`. Each path that begins so is a
//! reference as any other, so that what the filter reads is known before the run; its value stands in the document that is looked through.

use crate::conductor::read::context::Reader;
use crate::conductor::read::reference::Named;
use crate::plan::{Expr, ExprKind};
use std::fmt::Write as _;
use std::ops::Range;

/// The name of what is looked through, and the beginning of those that a filter reads beside it. No task is called so.
const SUBJECT: &str = "@";

/// A path in a filter that begins with `$`: where it stands, and its names.
pub(super) struct Rooted {
    range: Range<usize>,
    names: Vec<String>,
}

/// The paths within the filters of a path that begin with `$` and are made of names alone.
pub(super) fn roots(path: &str) -> Vec<Rooted> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut end = 0;
    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '$') if at > 0 && at >= end => {
                if let Some(rooted) = chain(path, at) {
                    end = rooted.range.end;
                    found.push(rooted);
                }
            }
            _ => {}
        }
    }
    found
}

/// The names behind a `$`: `.name` and `['name']`.
fn chain(path: &str, at: usize) -> Option<Rooted> {
    let mut names = Vec::new();
    let mut end = at + 1;
    loop {
        let rest = path.get(end..).unwrap_or_default();
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let (name, length) = if let Some(rest) = rest.strip_prefix('.') {
            let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            (rest.get(..length).unwrap_or_default(), length + 1)
        } else if let Some(rest) = rest.strip_prefix("['") {
            let Some(length) = rest.find("']") else { break };
            (rest.get(..length).unwrap_or_default(), length + 4)
        } else {
            break;
        };
        if name.is_empty() {
            break;
        }
        names.push(name.to_owned());
        end += length;
    }
    (names.len() > 1).then_some(Rooted {
        range: at..end,
        names,
    })
}

impl Reader<'_> {
    /// A path over a value whose filters read other values of the workflow.
    pub(super) fn filtered_by(
        &mut self,
        value: Expr,
        named: &Named<'_>,
        path: &str,
        roots: &[Rooted],
    ) -> Expr {
        let mut members = vec![(SUBJECT.to_owned(), value)];
        let mut text = format!("$['{SUBJECT}']");
        let mut done = 1;
        for (number, rooted) in roots.iter().enumerate() {
            let own = format!("{SUBJECT}{number}");
            let read = self.named(&named.other(rooted.names.iter().cloned()));
            members.push((own.clone(), read));
            text.push_str(path.get(done..rooted.range.start).unwrap_or_default());
            // Writing to a text does not fail.
            let _ = write!(text, "$['{own}']");
            done = rooted.range.end;
        }
        text.push_str(path.get(done..).unwrap_or_default());
        match self.json_path(text, named.span) {
            Some(path) => {
                let document = Expr::new(ExprKind::Object(members), named.span);
                Expr::new(ExprKind::Path(Box::new(document), path), named.span)
            }
            None => Expr::new(ExprKind::Null, named.span),
        }
    }
}
