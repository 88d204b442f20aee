//! What the HTTP calls of a definition change. Conductor has no word for it; it is told from what becomes of the answer.

use super::context::Reader;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Step, Task, walk_steps};
use crate::plan::{Effect, Expr, ExprKind, Issues, Old, Root, Rotation};
use std::collections::{HashMap, HashSet};

impl Reader<'_> {
    /// Sets the effects of a rotation's calls: one whose answer becomes a secret issues a credential.
    pub(super) fn effects(&mut self, rotation: &mut Rotation) {
        let feeding = feeding(rotation);
        self.set_effects(&mut rotation.steps, &feeding);
    }

    fn set_effects(&mut self, steps: &mut [Step], feeding: &HashSet<String>) {
        for step in steps {
            let (name, at) = (step.name.clone(), step.at.0);
            if let Task::Http(http) = &mut step.task
                && (feeding.contains(&name) || http.captures.iter().any(|c| c.secret))
            {
                http.effect = Effect::Issues(Issues {
                    old: Old::Stays,
                    at_most: None,
                    assumed: true,
                });
                if !self.noted_additive {
                    self.noted_additive = true;
                    self.report(
                        Diagnostic::new(
                            codes::IMPORTED_AS_ADDITIVE,
                            at,
                            format!("`{name}` is read as a call that issues a new credential beside the old one"),
                        )
                        .at("issues additive")
                        .help("if the old credential dies on this call, write the rotation in `.rot` with `issues replacing`"),
                    );
                }
            }
            if let Task::Http(http) = &step.task
                && feeding.contains(&name)
                && !http.effect.is_read()
                && http.method != "GET"
                && let Some(place) = self.hedged.get(&name).copied()
            {
                self.report(
                    Diagnostic::new(
                        codes::NON_IDEMPOTENT_RETRY,
                        place,
                        format!("`{name}` is made several times at once, and each call issues a credential"),
                    )
                    .at("one is kept; nobody knows of the others")
                    .help("remove `hedgingConfig` from a call that issues a credential")
                    .severity(Severity::Error),
                );
            }
            for block in step.task.blocks_mut() {
                self.set_effects(block, feeding);
            }
        }
    }
}

/// The steps whose results become a secret, directly or by way of variables.
fn feeding(rotation: &Rotation) -> HashSet<String> {
    let mut updates: Vec<&Expr> = Vec::new();
    let mut set: HashMap<&str, Vec<&Expr>> = HashMap::new();
    let mut lets: HashMap<&str, Vec<&Expr>> = HashMap::new();
    rotation
        .variables
        .iter()
        .for_each(|(name, value)| set.entry(name).or_default().push(value));
    walk_steps(&rotation.steps, &mut |step| {
        if let Task::Update(update) = &step.task
            && let NewValue::Single(value) = &update.value
        {
            updates.push(value);
        }
        if let Task::Let(assign) = &step.task {
            lets.entry(&assign.name).or_default().push(&assign.value);
        }
        if let Task::SetVariables(variables) = &step.task {
            for (name, value) in &variables.values {
                set.entry(name).or_default().push(value);
            }
        }
    });
    let mut feeding = HashSet::new();
    let mut variables: HashSet<&str> = HashSet::new();
    while let Some(expr) = updates.pop() {
        expr.walk(&mut |e| match &e.kind {
            ExprKind::Ref(Root::Capture { step, .. } | Root::Output(step)) => {
                feeding.insert(step.clone());
            }
            ExprKind::Ref(Root::Let(name)) if variables.insert(name) => {
                updates.extend(lets.get(name.as_str()).into_iter().flatten());
            }
            ExprKind::Ref(Root::Variable(name)) if variables.insert(name) => {
                updates.extend(set.get(name.as_str()).into_iter().flatten());
            }
            _ => {}
        });
    }
    feeding
}
