//! What a value is made from, by name: through the variables, loops and scripts of a rotation.

use crate::check::flow::Analysis;
use crate::plan::expr::{Function, Root, Version};
use crate::plan::task::CaptureSource;
use crate::plan::{Expr, ExprKind, Task};
use std::collections::{HashMap, HashSet};

/// Names that a value leads to before the rest is left.
const NAMES: usize = 256;

/// What a value is made from.
#[derive(Debug, Default)]
pub(crate) struct Sources<'p> {
    /// Steps of which something is read, with the name of the part.
    pub(crate) steps: Vec<(&'p str, &'p str)>,
    /// Secrets that are read as they are then.
    pub(crate) secrets: HashSet<&'p str>,
    /// A filter of a path or a script may have chosen among several.
    pub(crate) chosen: bool,
    /// A script takes the youngest of a list.
    pub(crate) youngest: bool,
    /// A variable is among them, which may say what was done before.
    pub(crate) varies: bool,
    /// Other words on the way: keys of paths, names of values.
    pub(crate) words: Vec<String>,
}

/// Where the names of a plan get their values. Without any, only what an expression names itself is found.
#[derive(Debug, Default)]
pub(super) struct Names<'p> {
    values: HashMap<(usize, &'p str), Vec<&'p Expr>>,
    captures: HashMap<(usize, &'p str), &'p [crate::plan::task::Capture]>,
}

impl<'p> Names<'p> {
    pub(super) fn of(flow: &Analysis<'p>) -> Self {
        let mut values: HashMap<(usize, &str), Vec<&Expr>> = HashMap::new();
        let mut captures = HashMap::new();
        for (_, node) in flow.order.iter() {
            let mut add = |name: &'p str, value: &'p Expr| {
                values.entry((node.rotation, name)).or_default().push(value);
            };
            if let Task::Let(item) = &node.step.task {
                add(&item.name, &item.value);
            } else if let Task::ForEach(each) = &node.step.task {
                add(&each.item, &each.items);
            } else if let Task::SetVariables(set) = &node.step.task {
                set.values.iter().for_each(|(name, value)| add(name, value));
            } else if let Task::Http(http) = &node.step.task {
                captures.insert(
                    (node.rotation, node.step.name.as_str()),
                    http.captures.as_slice(),
                );
            }
        }
        Self { values, captures }
    }

    /// What expressions of a rotation are made from.
    pub(super) fn sources(&self, rotation: usize, exprs: &[&'p Expr]) -> Sources<'p> {
        let mut found = Sources::default();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open: Vec<&'p Expr> = exprs.to_vec();
        while let Some(expr) = open.pop() {
            if seen.len() > NAMES {
                break;
            }
            expr.walk(&mut |part| match &part.kind {
                ExprKind::Ref(Root::Capture { step, name }) => {
                    found.steps.push((step, name));
                    let capture = self
                        .captures
                        .get(&(rotation, step.as_str()))
                        .and_then(|all| all.iter().find(|c| c.name == *name));
                    if let Some(CaptureSource::Body(path)) = capture.map(|c| &c.source) {
                        found.chosen |= is_filter(path.as_str());
                    }
                }
                ExprKind::Ref(Root::Output(step) | Root::TaskField { step, .. }) => {
                    found.steps.push((step, ""))
                }
                ExprKind::Ref(Root::Secret {
                    name,
                    version: Version::Current,
                    ..
                }) => {
                    found.secrets.insert(name);
                }
                ExprKind::Ref(Root::Let(name) | Root::Variable(name)) if seen.insert(name) => {
                    found.varies |= matches!(&part.kind, ExprKind::Ref(Root::Variable(_)));
                    found.words.push(name.clone());
                    open.extend(
                        self.values
                            .get(&(rotation, name.as_str()))
                            .into_iter()
                            .flatten(),
                    );
                }
                ExprKind::Path(_, path) => {
                    found.chosen |= is_filter(path.as_str());
                    found.words.push(path.as_str().to_owned());
                }
                ExprKind::Field(_, name) => found.words.push(name.clone()),
                ExprKind::Call(Function::JavaScript | Function::Jq, arguments) => {
                    let program = arguments.first().and_then(Expr::as_str).unwrap_or("filter");
                    found.youngest |= takes_the_youngest(program);
                    found.chosen |= ["filter", "select", "!=", "==="]
                        .iter()
                        .any(|word| program.contains(word));
                }
                _ => {}
            });
        }
        found
            .words
            .extend(found.steps.iter().map(|(_, name)| (*name).to_owned()));
        found
    }
}

/// Words of a time in a sort, and what stands behind them where the last one is taken.
fn takes_the_youngest(program: &str) -> bool {
    let program: String = program
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase();
    let excludes = ["!=", "!==", ".[:-1]", "[-2]"]
        .iter()
        .any(|word| program.contains(word));
    let behind = |word: &str| {
        let at = program.find(word)?;
        let rest = program.get(at + word.len()..)?;
        let time = [
            "creat", "issued", "made", "time", "date", "_at", "start", "id",
        ]
        .iter()
        .any(|w| {
            rest.get(..rest.len().min(24))
                .is_some_and(|near| near.contains(w))
        });
        Some((time, rest.to_owned()))
    };
    let sorted = behind("sort_by(").is_some_and(|(time, rest)| {
        let last = [
            "|last",
            "|.[-1]",
            ")[-1]",
            "|reverse|first",
            "|reverse|.[0]",
        ]
        .iter()
        .any(|w| rest.contains(w));
        let reversed =
            rest.starts_with('-') && ["|first", "|.[0]"].iter().any(|w| rest.contains(w));
        time && (last && !rest.starts_with('-') || reversed)
    });
    let greatest = behind("max_by(").is_some_and(|(time, _)| time);
    (sorted || greatest) && !excludes
}

fn is_filter(path: &str) -> bool {
    path.contains("[?")
}

impl<'p> Sources<'p> {
    /// Whether something of a step is among them.
    pub(crate) fn reads(&self, step: &str) -> bool {
        self.steps.iter().any(|(name, _)| *name == step)
    }
}
