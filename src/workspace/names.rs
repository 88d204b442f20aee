//! Definitions, uses and renaming across the files of a project.

use super::project::{Project, View};
use super::suppress::hides_others;
use super::texts::Overlay;
use crate::diagnostic::Diagnostic;
use crate::plan::index::{Definition, NameKind};
use crate::plan::name::{is_identifier, is_secret_name};
use crate::source::Span;
use crate::syntax::is_keyword;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The file.
    pub path: PathBuf,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

/// A name under the cursor.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it names.
    pub definition: Definition,
    /// Where that is defined.
    pub site: Site,
    /// Where the cursor is.
    pub here: Span,
}

/// The name at a byte of a view's own text.
pub fn at(view: &View, offset: u32) -> Option<Found> {
    let (definition, here) = view.loaded.index.at(view.id(), offset)?;
    Some(Found {
        definition: definition.clone(),
        site: site(view, definition.at)?,
        here,
    })
}

/// The place of a span of a view.
pub fn site(view: &View, span: Span) -> Option<Site> {
    let (path, _) = view.source(span.file)?;
    Some(Site {
        path,
        start: span.start,
        end: span.end,
    })
}

/// All places where a name is used, in all files of the project; with its definition when that is wanted.
pub fn uses(project: &mut Project, found: &Found, with_definition: bool) -> Vec<Site> {
    let mut all: BTreeSet<Site> = BTreeSet::new();
    for view in project.views() {
        let index = &view.loaded.index;
        let own = index
            .definitions
            .iter()
            .filter(|d| d.kind == found.definition.kind && d.name == found.definition.name)
            .filter(|d| site(&view, d.at).as_ref() == Some(&found.site));
        for definition in own {
            all.extend(index.uses(definition.at).filter_map(|at| site(&view, at)));
        }
    }
    if with_definition {
        all.insert(found.site.clone());
    } else {
        all.remove(&found.site);
    }
    all.into_iter().collect()
}

/// New texts for places, by file, each in the order of the text.
pub type Edits = BTreeMap<PathBuf, Vec<(Site, String)>>;

/// Gives a name another text wherever it stands, or says why that cannot be.
pub fn rename(project: &mut Project, found: &Found, new: &str) -> Result<Edits, String> {
    let Definition { kind, name, .. } = &found.definition;
    renamable(found)?;
    if new == name {
        return Ok(Edits::new());
    }
    well_formed(*kind, new, is_json(&found.site.path))?;
    let places = uses(project, found, true);
    let mut edits = Edits::new();
    for place in places {
        let text = project
            .text(&place.path)
            .ok_or_else(|| format!("`{}` cannot be read", place.path.display()))?;
        let old = text
            .get(place.start as usize..place.end as usize)
            .unwrap_or_default();
        let quoted = old.starts_with('"');
        if old.trim_matches('"') != name {
            return Err(format!(
                "`{name}` is written in another way in `{}`, line {}: rename it there by hand",
                place.path.display(),
                line(&text, place.start)
            ));
        }
        let text = if quoted {
            format!("\"{new}\"")
        } else {
            new.to_owned()
        };
        edits
            .entry(place.path.clone())
            .or_default()
            .push((place, text));
    }
    proven(project, &edits, name, new)?;
    Ok(edits)
}

/// Whether a name is one that can be renamed here, else why not.
pub fn renamable(found: &Found) -> Result<(), String> {
    match found.definition.kind {
        NameKind::Env => Err("an environment variable is named by whoever sets it".to_owned()),
        NameKind::Rotation if is_json(&found.site.path) => Err(
            "a workflow is called by its name from other definitions and from outside: rename it where it is registered"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json")
}

fn well_formed(kind: NameKind, new: &str, json: bool) -> Result<(), String> {
    let fits = match kind {
        NameKind::Secret => is_secret_name(new),
        _ => is_identifier(new),
    };
    if !fits {
        return Err(format!(
            "`{new}` is no name for a {}: letters, digits, `_` and `-`",
            kind.describe()
        ));
    }
    let bare = matches!(kind, NameKind::Let | NameKind::Element);
    if !json && bare && is_keyword(new) {
        return Err(format!("`{new}` is a word of the language"));
    }
    let roots = [
        "secrets", "pending", "previous", "input", "run", "env", "workflow",
    ];
    if matches!(kind, NameKind::Step | NameKind::Let | NameKind::Element) && roots.contains(&new) {
        return Err(format!("`{new}` is a word that paths begin with"));
    }
    Ok(())
}

/// A renaming is good when no file that it touches, or that uses one of those, says anything new against it.
fn proven(project: &mut Project, edits: &Edits, old: &str, new: &str) -> Result<(), String> {
    let mut among: Overlay = project.overlay().clone();
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (path, changes) in edits {
        let text = project.text(path).unwrap_or_default();
        texts.insert(path.clone(), applied(&text, changes));
    }
    for (path, text) in &texts {
        among.set(path, text.as_str());
    }
    for view in project.views() {
        let touched = texts.contains_key(&view.path)
            || view
                .loaded
                .sources
                .files()
                .any(|(id, _)| view.source(id).is_some_and(|(p, _)| texts.contains_key(&p)));
        if !touched {
            continue;
        }
        let text = texts
            .get(&view.path)
            .cloned()
            .unwrap_or_else(|| view.file.text().to_owned());
        let after = project.look_among(&view.path, &text, &among);
        let before = errors(&view.loaded.findings);
        let uses = |view: &View| view.loaded.index.references.len();
        if errors(&after.loaded.findings) > before || uses(&after) != uses(&view) {
            let why = after
                .loaded
                .findings
                .iter()
                .find(|d| hides_others(d) && d.message.contains(new))
                .map_or(format!("`{new}` is taken"), |d| d.message.clone());
            return Err(format!("`{old}` cannot become `{new}`: {why}"));
        }
    }
    Ok(())
}

fn errors(findings: &[Diagnostic]) -> usize {
    findings.iter().filter(|d| hides_others(d)).count()
}

/// A text with places replaced.
pub fn applied(text: &str, changes: &[(Site, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (site, new) in changes {
        let (start, end) = (site.start as usize, site.end as usize);
        if start < at {
            continue;
        }
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str(new);
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

fn line(text: &str, at: u32) -> usize {
    text.get(..at as usize)
        .map_or(0, |before| before.matches('\n').count() + 1)
}
