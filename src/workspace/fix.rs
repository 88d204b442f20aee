//! `--fix`: the edits of findings, applied until nothing is left to mend.
//!
//! A fix is kept only when the text, checked again, has lost its finding and gained none. Findings that a broken text hid
//! are not gained: after a missing brace is back the checker sees the rest of the file. Everything outside the edits stays
//! byte for byte.

use super::config::Config;
use super::suppress::{self, Setting, hides_others};
use super::{FrontEnds, pointer};
use crate::diagnostic::{Category, Code, Diagnostic, Edit, codes};
use crate::source::{FileId, SourceFile, SourceMap};
use std::collections::HashMap;
use std::path::Path;

/// Rounds after which no more is mended; what a round uncovers is rarely more than one layer.
const ROUNDS: usize = 16;

/// Reads a text anew: its findings, without those that people decided to live with.
pub type Look<'a> = dyn Fn(&SourceFile) -> (SourceMap, Vec<Diagnostic>) + 'a;

/// A mended text.
pub struct Mended {
    /// The text.
    pub text: String,
    /// How many findings went.
    pub fixed: usize,
}

/// Mends what can be mended in one file; `None` when nothing can.
pub fn mend(file: &SourceFile, unsafe_too: bool, look: &Look<'_>) -> Option<Mended> {
    let mut text = file.text().to_owned();
    let mut fixed = 0;
    let mut found = own(look, file);
    for _ in 0..ROUNDS {
        let changes = changes(&found, unsafe_too);
        let Some((next, after, count)) = step(file.name(), &text, &found, &changes, look) else {
            break;
        };
        (text, found) = (next, after);
        fixed += count;
    }
    (fixed > 0).then_some(Mended { text, fixed })
}

/// The findings in the file itself, not in files that it uses.
fn own(look: &Look<'_>, file: &SourceFile) -> Vec<Diagnostic> {
    let (sources, found) = look(file);
    let id = sources
        .files()
        .find(|(_, f)| f.name() == file.name())
        .map_or(FileId::NONE, |(id, _)| id);
    found.into_iter().filter(|d| d.span().file == id).collect()
}

/// One fix and the findings that it mends.
struct Change<'d> {
    edits: &'d [Edit],
    codes: Vec<Code>,
}

/// The first usable fix of each finding; findings with the same edits share one.
fn changes(found: &[Diagnostic], unsafe_too: bool) -> Vec<Change<'_>> {
    let mut changes: Vec<Change<'_>> = Vec::new();
    for one in found {
        let own = |edits: &[Edit]| {
            !edits.is_empty() && edits.iter().all(|e| e.span.file == one.span().file)
        };
        let Some(fix) = one
            .fixes
            .iter()
            .find(|f| (f.safe || unsafe_too) && own(&f.edits))
        else {
            continue;
        };
        match changes.iter_mut().find(|c| c.edits == fix.edits.as_slice()) {
            Some(same) => same.codes.push(one.code),
            None => changes.push(Change {
                edits: &fix.edits,
                codes: vec![one.code],
            }),
        }
    }
    changes
}

type Step = (String, Vec<Diagnostic>, usize);

/// As many changes at once as do not overlap; when that goes wrong, the first that goes well alone.
fn step(
    name: &str,
    text: &str,
    before: &[Diagnostic],
    changes: &[Change<'_>],
    look: &Look<'_>,
) -> Option<Step> {
    let mut together: Vec<&Change<'_>> = Vec::new();
    for change in changes {
        if !together.iter().any(|other| {
            other
                .edits
                .iter()
                .any(|a| change.edits.iter().any(|b| touch(a, b)))
        }) {
            together.push(change);
        }
    }
    let attempt = |some: &[&Change<'_>]| {
        let edits: Vec<&Edit> = some.iter().flat_map(|c| c.edits).collect();
        let next = apply(text, edits)?;
        let after = own(look, &SourceFile::new(name, next.as_str()));
        let codes: Vec<Code> = some.iter().flat_map(|c| c.codes.iter().copied()).collect();
        gains_nothing(before, &codes, &after).then_some((next, after, codes.len()))
    };
    if together.is_empty() {
        return None;
    }
    attempt(&together).or_else(|| {
        if together.len() > 1 || changes.len() > 1 {
            changes.iter().find_map(|one| attempt(&[one]))
        } else {
            None
        }
    })
}

/// Whether two edits cannot both be made. Two insertions at one place have no order.
fn touch(a: &Edit, b: &Edit) -> bool {
    let (a, b) = (a.span, b.span);
    (a.start < b.end && b.start < a.end)
        || a.start == b.start
        || (a.start == a.end && b.contains(a))
        || (b.start == b.end && a.contains(b))
}

/// The text with the edits made; `None` when one does not fit the text.
fn apply(text: &str, mut edits: Vec<&Edit>) -> Option<String> {
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.span.start as usize)?);
        out.push_str(&edit.text);
        at = edit.span.end as usize;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

fn gains_nothing(before: &[Diagnostic], mended: &[Code], after: &[Diagnostic]) -> bool {
    let seen = before
        .iter()
        .filter(|d| hides_others(d))
        .map(|d| d.code.category().phase())
        .min()
        .unwrap_or(2);
    let mut counts: HashMap<Code, isize> = HashMap::new();
    for one in before {
        *counts.entry(one.code).or_default() += 1;
    }
    for code in mended {
        *counts.entry(*code).or_default() -= 1;
    }
    for one in after.iter().filter(|d| d.code.category().phase() <= seen) {
        *counts.entry(one.code).or_default() -= 1;
    }
    counts.values().all(|left| *left >= 0)
}

/// What is mended at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What is wrong with a file.
    Findings,
    /// Suppressions that suppress nothing.
    Suppressions,
}

impl Stage {
    /// The findings of a stage; of what is not its business the fixes are left out.
    fn of(self, mut kept: Vec<Diagnostic>) -> Vec<Diagnostic> {
        match self {
            Stage::Findings => kept.retain(|d| {
                d.code.may_be_turned_off() || d.code.category() != Category::Housekeeping
            }),
            Stage::Suppressions => kept
                .iter_mut()
                .filter(|d| d.code != codes::UNUSED_SUPPRESSION)
                .for_each(|d| d.fixes.clear()),
        }
        kept
    }
}

/// Findings without those that people decided to live with.
pub struct Judged<'a> {
    /// How findings come about.
    pub ends: &'a FrontEnds<'a>,
    /// The project's settings.
    pub config: &'a Config,
    /// The folder that names of files start from.
    pub cwd: &'a Path,
}

impl Judged<'_> {
    fn look(&self, file: &SourceFile, stage: Stage) -> (SourceMap, Vec<Diagnostic>) {
        let (sources, found) = (self.ends.analyse)(file);
        let kept = {
            let pointer = pointer(&sources, self.ends.pointers);
            let own = |id| {
                stage == Stage::Suppressions
                    && sources.get(id).is_some_and(|f| f.name() == file.name())
            };
            let setting = Setting {
                config: self.config,
                sources: &sources,
                pointer: &pointer,
                cwd: self.cwd,
                today: self.ends.today,
                checked: &own,
            };
            suppress::apply(found, &setting).kept
        };
        (sources, stage.of(kept))
    }
}

/// What `--fix` makes of a file: its findings are mended, then the suppressions that are of no use any more.
pub fn whole(file: &SourceFile, unsafe_too: bool, judged: &Judged<'_>) -> Option<Mended> {
    let first = mend(file, unsafe_too, &|file| judged.look(file, Stage::Findings));
    // Only when nothing is left to mend is it known which suppressions are of no use.
    let between = first.as_ref().map_or_else(
        || file.clone(),
        |m| SourceFile::new(file.name(), m.text.as_str()),
    );
    let second = mend(&between, unsafe_too, &|file| {
        judged.look(file, Stage::Suppressions)
    });
    let fixed = first.iter().chain(&second).map(|m| m.fixed).sum();
    let text = second.or(first)?.text;
    Some(Mended { text, fixed })
}
