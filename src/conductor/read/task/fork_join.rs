//! FORK_JOIN with its JOIN: branches at the same time, all waited for.

use crate::conductor::read::context::Reader;
use crate::conductor::read::scope::{reference_name, type_of};
use crate::conductor::read::shape::field;
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::json::Node;
use crate::plan::task::{Branch, Parallel, Task};
use crate::source::Span;

impl<'a> Reader<'a> {
    pub(super) fn fork_join(&mut self, node: &'a Node, next: Option<&'a Node>) -> Option<Task> {
        self.check_inputs(node);
        let Some(forks) = field(node, "forkTasks").filter(|f| f.is_array()) else {
            self.missing(
                node,
                "forkTasks",
                "the FORK_JOIN task",
                "a list of branches, each a list of tasks",
            );
            return None;
        };
        if forks.items().is_empty() {
            self.report(
                Diagnostic::new(
                    codes::MISSING_REQUIRED,
                    forks.span,
                    "the FORK_JOIN task has no branch",
                )
                .at("a server refuses the definition")
                .help("list the branches, each a list of tasks"),
            );
        }
        if next.is_none_or(|n| type_of(n) != "JOIN") {
            let span = field(node, "type").map_or(node.span, |t| t.span);
            self.report(
                Diagnostic::new(
                    codes::MISSING_REQUIRED,
                    span,
                    "no JOIN follows this FORK_JOIN",
                )
                .at("a server ends the workflow as failed when it is started")
                .help("put a JOIN behind it, with the last task of each branch in `joinOn`"),
            );
        }
        let mut branches = Vec::new();
        for (index, fork) in forks.items().iter().enumerate() {
            if !fork.is_array() {
                self.wrong_type(fork, "forkTasks", "a list of lists of tasks");
                continue;
            }
            if fork.items().is_empty() {
                self.report(
                    Diagnostic::new(
                        codes::MISSING_REQUIRED,
                        fork.span,
                        "this branch has no task",
                    )
                    .at("a server cannot start the workflow")
                    .help("remove the branch, or put a NOOP task into it"),
                );
            }
            let name = fork
                .items()
                .first()
                .and_then(reference_name)
                .map_or_else(|| format!("{}", index + 1), |(name, _)| name);
            let steps = self.block(fork.items());
            branches.push(Branch {
                name,
                steps,
                at: fork.span.into(),
            });
        }
        Some(Task::Parallel(Parallel { branches }))
    }

    /// A JOIN is part of the fork before it; only its names are checked.
    pub(super) fn join(&mut self, node: &'a Node, previous: Option<&Node>) -> Option<Task> {
        self.check_inputs(node);
        for item in field(node, "joinOn").map_or(&[][..], Node::items) {
            let Some(string) = item.as_string() else {
                self.wrong_type(item, "joinOn", "a list of reference names");
                continue;
            };
            if self.scope.tasks.contains_key(&string.text) || string.text.contains("${") {
                self.check_references(item);
                continue;
            }
            let mut diagnostic = Diagnostic::new(
                codes::UNRESOLVED_TASK_REF,
                item.span,
                format!("no task has the reference name `{}`", string.text),
            )
            .at("waited for, and never done");
            if let Some(near) = self.nearest(&string.text, self.scope.names()) {
                let edit = Edit {
                    span: string.inner_span(),
                    text: near.to_owned(),
                };
                diagnostic = diagnostic.help(format!("did you mean `{near}`?")).fix(
                    format!("write `{near}`"),
                    false,
                    vec![edit],
                );
            }
            if self.scope.dynamic {
                diagnostic = diagnostic.severity(Severity::Note);
            }
            self.report(diagnostic);
        }
        let fork = previous.filter(|p| type_of(p) == "FORK_JOIN");
        if let Some(fork) = fork {
            self.check_joined(node, fork);
        }
        None
    }

    fn check_joined(&mut self, join: &Node, fork: &Node) {
        let Some(list) = field(join, "joinOn").filter(|j| !j.items().is_empty()) else {
            if field(fork, "forkTasks").is_none_or(|branches| branches.items().is_empty()) {
                return;
            }
            self.differs(
                field(join, "joinOn").map_or(join.span, |list| list.span),
                "every branch is waited for, though `joinOn` names none: a server goes on at once",
                "name the last task of each branch in `joinOn`",
            );
            return;
        };
        let joined: Vec<&str> = list.items().iter().filter_map(Node::as_str).collect();
        let forks = field(fork, "forkTasks").map_or(&[][..], Node::items);
        let missed = forks
            .iter()
            .filter_map(|f| Some((f, reference_name(f.items().last()?)?)))
            .find(|(_, (n, _))| !joined.contains(&n.as_str()));
        if let Some((branch, (name, _))) = missed {
            // On a server what follows does not wait for it, whatever it finds.
            if branch
                .items()
                .iter()
                .filter_map(reference_name)
                .any(|(n, _)| is_a_check(&n))
            {
                self.report(
                    Diagnostic::new(
                        codes::CONDUCTOR_DIFFERENCE,
                        list.span,
                        format!("`joinOn` leaves out the branch that ends with `{name}`: on a server what follows comes before its check is done"),
                    )
                    .help(format!("add `{name}` to `joinOn`"))
                    .severity(Severity::Warning),
                );
                return;
            }
            let few = self.diagnostics.len() < TOLD;
            if let Some(read) = self
                .current
                .filter(|_| few)
                .and_then(|whole| read_behind(whole, (fork.span, join.span), branch))
            {
                self.report(
                    Diagnostic::new(
                        codes::CONDUCTOR_DIFFERENCE,
                        list.span,
                        format!("`joinOn` leaves out the branch that ends with `{name}`, and what follows reads its output: on a server that may not be there yet"),
                    )
                    .at("not waited for")
                    .label(read, "read here")
                    .help(format!("add `{name}` to `joinOn`"))
                    .severity(Severity::Warning),
                );
                return;
            }
            self.differs(
                list.span,
                format!("the branch that ends with `{name}` is waited for too, though `joinOn` leaves it out"),
                "a rotation that ends while a branch still runs could lose a credential",
            );
        }
    }
}

/// Behind this many findings the whole definition is not searched for each further fork.
const TOLD: usize = 64;

/// A text of the definition behind the join that reads the output of a task of a branch. Another JOIN may wait for it as well: then it is
/// there.
fn read_behind(whole: &Node, (fork, join): (Span, Span), branch: &Node) -> Option<Span> {
    let names: Vec<String> = branch
        .items()
        .iter()
        .filter_map(reference_name)
        .map(|(name, _)| name)
        .collect();
    let read: Vec<String> = names.iter().map(|n| format!("${{{n}.")).collect();
    let mut found = None;
    let mut open = vec![whole];
    while let Some(node) = open.pop() {
        if node.span == fork || node.span == join {
            continue;
        }
        if type_of(node) == "JOIN"
            && let Some(list) = field(node, "joinOn")
            && list
                .items()
                .iter()
                .filter_map(Node::as_str)
                .any(|waited| names.iter().any(|name| name == waited))
        {
            return None;
        }
        if let Some(text) = node.as_str()
            && read.iter().any(|name| text.contains(name.as_str()))
        {
            found = found.or(Some(node.span));
        }
        open.extend(
            node.items()
                .iter()
                .chain(node.members().iter().map(|m| &m.value)),
        );
    }
    found
}

/// Whether a task says by its name that it tries something.
fn is_a_check(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "verif", "valid", "check", "test", "prob", "smoke", "confirm",
    ]
    .iter()
    .any(|word| name.contains(word))
}
