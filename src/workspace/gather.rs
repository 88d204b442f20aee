//! Inputs to findings: analysed on all cores, then brought over one map of texts in the order of the inputs.

use super::FrontEnds;
use super::inputs::Input;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, SourceFile, SourceMap, Span};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

type Analysed = (SourceMap, Vec<Diagnostic>);

/// Analyses all inputs on all cores; the results stand in the order of the inputs.
pub fn analyse(inputs: &[Input], ends: &FrontEnds<'_>) -> Vec<Analysed> {
    let threads = if inputs.len() < 2 {
        1
    } else {
        std::thread::available_parallelism()
            .map_or(1, |n| n.get())
            .min(inputs.len())
    };
    if threads == 1 {
        return inputs
            .iter()
            .map(|input| one(input, ends.analyse))
            .collect();
    }
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Analysed>> = inputs.iter().map(|_| Mutex::default()).collect();
    let work_on = ends.analyse;
    let work = || {
        while let Some((input, slot)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            inputs.get(i).zip(results.get(i))
        } {
            let done = one(input, work_on);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = done;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    results
        .into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

fn one(input: &Input, work_on: &dyn Fn(&SourceFile) -> Analysed) -> Analysed {
    if input.problem.is_none() {
        return work_on(&input.file);
    }
    let mut sources = SourceMap::new();
    let id = sources.add(input.file.clone());
    (sources, input.unreadable(id).into_iter().collect())
}

/// The findings of all inputs over one map of texts. A file that several inputs use is one file, and what is wrong in
/// it is said once.
#[derive(Default)]
pub struct Gathered {
    /// All texts.
    pub sources: SourceMap,
    /// All findings.
    pub found: Vec<Diagnostic>,
    ids: HashMap<(String, usize), FileId>,
    said: HashSet<(FileId, u32, u32, Code, String)>,
}

impl Gathered {
    /// The id of a text, which is added when it is new.
    pub fn add(&mut self, file: &SourceFile) -> FileId {
        let key = (file.name().to_owned(), file.text().len());
        let known = self.ids.get(&key).copied().filter(|id| {
            self.sources
                .get(*id)
                .is_some_and(|f| f.text() == file.text())
        });
        known.unwrap_or_else(|| {
            let id = self.sources.add(file.clone());
            self.ids.insert(key, id);
            id
        })
    }

    /// Takes in the findings of one input.
    pub fn absorb(&mut self, sources: &SourceMap, found: Vec<Diagnostic>) {
        let ids: Vec<FileId> = sources.files().map(|(_, file)| self.add(file)).collect();
        for mut one in found {
            for_each_span(&mut one, &mut |span| {
                span.file = ids.get(span.file.index()).copied().unwrap_or(FileId::NONE)
            });
            let span = one.span();
            if self.said.insert((
                span.file,
                span.start,
                span.end,
                one.code,
                one.message.clone(),
            )) {
                self.found.push(one);
            }
        }
    }
}

fn for_each_span(one: &mut Diagnostic, change: &mut dyn FnMut(&mut Span)) {
    change(&mut one.primary.span);
    one.labels
        .iter_mut()
        .chain(&mut one.flow)
        .for_each(|l| change(&mut l.span));
    one.fixes
        .iter_mut()
        .flat_map(|f| &mut f.edits)
        .for_each(|e| change(&mut e.span));
    one.redact.iter_mut().for_each(change);
}
