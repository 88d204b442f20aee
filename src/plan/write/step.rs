//! Steps.

use super::expr::until;
use super::http::Place;
use super::names::fresh;
use super::rotation::Writer;
use super::text::{block, key, quoted, secret_name};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{
    Alphabet, Backoff, CaptureSource, Generator, Repeat, Step, Switch, Task, Wait,
};
use crate::plan::{Expr, ExprKind, Function, Operator, Root};
use std::collections::HashSet;

/// Rounds of a `repeat` that says no number.
const UNSAID: u32 = 1000;

impl<'a> Writer<'a> {
    /// Steps, each as its lines.
    pub(super) fn steps(&mut self, steps: &'a [Step], place: Place) -> Vec<String> {
        let mut out = Vec::new();
        for step in steps {
            if step.optional {
                let help = "let a failure stop the run, or write the step by hand";
                self.cannot(
                    step.at,
                    format!(
                        "that a failure of `{}` does not stop the run cannot be expressed",
                        step.name
                    ),
                    help,
                );
            }
            if let Some(limit) = step.timeout {
                let help = "set the `timeout` of the rotation, or of the requests within";
                self.cannot(
                    step.at,
                    format!(
                        "a bound of {} on this step cannot be expressed",
                        limit.after
                    ),
                    help,
                );
            }
            if let Some(delay) = step.start_delay {
                out.push(format!("wait {delay}"));
            }
            if step.retry.is_some() && !matches!(step.task, Task::Http(_)) {
                self.cannot(
                    step.at,
                    format!("only requests are tried again, not `{}`", step.name),
                    "remove the retries",
                );
            }
            let text = self.step(step, place);
            if !text.is_empty() {
                out.push(text);
            }
        }
        out
    }

    fn step(&mut self, step: &'a Step, place: Place) -> String {
        match &step.task {
            Task::Http(http) => {
                let name = self
                    .shown
                    .get(step.name.as_str())
                    .map(|n| format!("{n} "))
                    .unwrap_or_default();
                format!(
                    "http {name}{}",
                    self.request(&step.name, http, step.retry.as_ref(), place, step.at)
                )
            }
            Task::Let(assign) => {
                let name = self
                    .lets
                    .get(&assign.name)
                    .cloned()
                    .unwrap_or_else(|| assign.name.clone());
                format!("let {name} = {}", self.expr(&assign.value))
            }
            Task::SetVariables(set) => {
                let mut lines = Vec::new();
                for (name, value) in &set.values {
                    let Some(own) = self.variables.get(name.as_str()).cloned() else {
                        let help = "use a new `let` for each value";
                        self.cannot(
                            step.at,
                            format!("the variable `{name}` changes, and a `let` does not"),
                            help,
                        );
                        continue;
                    };
                    lines.push(format!("let {own} = {}", self.expr(value)));
                }
                lines.join("\n")
            }
            Task::Generate(generate) => self.generate(step, &generate.generator),
            Task::Log(log) => format!("log {}", self.expr(&log.message)),
            Task::Fail(fail) => format!("fail {}", self.expr(&fail.message)),
            Task::Stop(stop) => {
                if stop.output.is_some() {
                    self.cannot(
                        step.at,
                        "a `stop` with outputs of its own cannot be expressed",
                        "use `output`, or end the run without them",
                    );
                }
                match &stop.reason {
                    None => "stop".into(),
                    Some(reason) => {
                        let text = self.expr(reason);
                        if text.starts_with('"') {
                            format!("stop {text}")
                        } else {
                            format!("stop ({text})")
                        }
                    }
                }
            }
            Task::Update(update) => match update.secret.as_str() {
                Some(name) => self.store(
                    "update",
                    name,
                    &update.value,
                    update.expires.as_ref(),
                    update.allow,
                ),
                None => {
                    let help = "write one `update` for each secret";
                    self.cannot(step.at, "the name of the secret is computed", help)
                }
            },
            Task::Stage(stage) => self.store(
                "stage",
                &stage.secret,
                &stage.value,
                stage.expires.as_ref(),
                stage.allow,
            ),
            Task::Verify(verify) => {
                let within = verify
                    .within
                    .map(|d| format!(" within {d}"))
                    .unwrap_or_default();
                let every = verify
                    .every
                    .map(|d| format!(" every {d}"))
                    .unwrap_or_default();
                let steps = self.steps(&verify.steps, Place::Verify);
                block(&format!("verify{within}{every}"), &steps)
            }
            Task::Promote(promote) => format!("promote {}", secret_name(&promote.secret)),
            Task::Revoke(revoke) => {
                let after = revoke
                    .after
                    .map(|d| format!(" after {d}"))
                    .unwrap_or_default();
                let steps = self.steps(&revoke.steps, Place::Revoke);
                block(
                    &format!("revoke previous.{}{after}", secret_name(&revoke.secret)),
                    &steps,
                )
            }
            Task::Manual(manual) => {
                let head = format!(
                    "manual {} {}",
                    self.own_name(step),
                    self.expr(&manual.instructions)
                );
                let steps = self.steps(&manual.verify, Place::Verify);
                if steps.is_empty() {
                    head
                } else {
                    block(&head, &steps)
                }
            }
            Task::Worker(worker) => {
                let message = format!(
                    "the worker `{}` cannot be expressed: `.rot` runs no commands",
                    worker.name
                );
                self.cannot(step.at, message, "keep the definition as JSON, or call the service that the worker calls with `http`")
            }
            Task::Fork(_) => {
                let help = "keep the definition as JSON, or write the branches out with `parallel`";
                self.cannot(
                    step.at,
                    "branches that come into being at run time cannot be expressed",
                    help,
                )
            }
            Task::Wait(Wait::For(length)) => format!("wait {}", self.expr(length)),
            Task::Wait(Wait::Until(time)) => format!("wait until {}", self.expr(time)),
            Task::Switch(switch) => self.switch(switch, place),
            Task::Parallel(parallel) => {
                let mut taken = HashSet::new();
                let branches: Vec<String> = parallel
                    .branches
                    .iter()
                    .map(|branch| {
                        let name = fresh(super::names::without_ending(&branch.name), &mut taken);
                        let steps = self.steps(&branch.steps, place);
                        block(&name, &steps)
                    })
                    .collect();
                block("parallel", &branches)
            }
            Task::ForEach(each) if each.until.is_some() => {
                let help = "use `repeat … until` with an index, or leave out the condition";
                self.cannot(
                    step.at,
                    "a loop over a list that ends before the list does cannot be expressed"
                        .to_owned(),
                    help,
                )
            }
            Task::ForEach(each) => {
                let items = self.expr(&each.items);
                self.items.push(&each.item);
                let steps = self.steps(&each.steps, place);
                self.items.pop();
                block(&format!("for each {} in {items}", each.item), &steps)
            }
            Task::Repeat(repeat) => self.repeat(step, repeat, place),
            Task::Call(call) if call.each.is_some() => {
                let help = "call the rotation with `for each`, one after the other";
                self.cannot(
                    step.at,
                    format!(
                        "several runs of `{}` at once cannot be expressed",
                        call.rotation
                    ),
                    help,
                )
            }
            Task::Call(call) if call.is_apart => {
                let help =
                    "call the rotation, which waits for it, or give it a schedule of its own";
                self.cannot(
                    step.at,
                    format!(
                        "a run of `{}` that nobody waits for cannot be expressed",
                        call.rotation
                    ),
                    help,
                )
            }
            Task::Call(call) => {
                let inputs = if call.inputs.is_empty() {
                    String::new()
                } else {
                    format!(" {}", self.object(&call.inputs))
                };
                format!(
                    "call {} = {}{inputs}",
                    self.own_name(step),
                    key(&call.rotation)
                )
            }
        }
    }

    fn own_name(&self, step: &Step) -> String {
        self.name_of(&step.name).unwrap_or("step").to_owned()
    }

    fn store(
        &mut self,
        word: &str,
        name: &str,
        value: &NewValue,
        expires: Option<&Expr>,
        allow: crate::plan::task::lifecycle::Allow,
    ) -> String {
        let record = self.plan.secret(name).is_some_and(|s| !s.fields.is_empty());
        let mut text = match value {
            // An object is stored as its JSON text, unless the secret is a record.
            NewValue::Single(value)
                if matches!(value.kind, ExprKind::Object(_) | ExprKind::List(_)) && !record =>
            {
                format!("{word} {} = json({})", secret_name(name), self.expr(value))
            }
            NewValue::Single(value) => {
                format!("{word} {} = {}", secret_name(name), self.expr(value))
            }
            NewValue::Fields(fields) => {
                format!("{word} {} {}", secret_name(name), self.object(fields))
            }
        };
        if let Some(expires) = expires {
            text.push_str(&format!(" expires {}", self.expr(expires)));
        }
        let allowed = allow.words();
        if !allowed.is_empty() {
            text.push_str(&format!(" allow {}", allowed.join(", ")));
        }
        text
    }

    fn generate(&mut self, step: &Step, generator: &Generator) -> String {
        let mut options = Vec::new();
        match generator {
            Generator::Password {
                length,
                alphabet,
                exclude,
            } => {
                options.push(format!("length {length}"));
                match alphabet {
                    Alphabet::Ascii => {}
                    Alphabet::Alphanumeric => options.push("alphabet alphanumeric".into()),
                    Alphabet::Custom(characters) => {
                        options.push(format!("alphabet {}", quoted(characters)))
                    }
                }
                if !exclude.is_empty() {
                    options.push(format!("exclude {}", quoted(exclude)));
                }
            }
            Generator::Hex { bytes } | Generator::Base64 { bytes } => {
                options.push(format!("bytes {bytes}"))
            }
            Generator::Rsa { bits } => options.push(format!("bits {bits}")),
            Generator::Openssh { comment } => {
                options.push("format \"openssh\"".to_owned());
                if !comment.is_empty() {
                    options.push(format!("comment {}", quoted(comment)));
                }
            }
            Generator::Uuid | Generator::Ed25519 | Generator::X25519 => {}
        }
        let head = format!("generate {} {}", self.own_name(step), generator.word());
        if options.is_empty() {
            head
        } else {
            block(&head, &options)
        }
    }

    /// `when` for a condition with what is done when it holds; `match` for a value.
    fn switch(&mut self, switch: &'a Switch, place: Place) -> String {
        if let [only] = switch.cases.as_slice()
            && only.name == "true"
        {
            let head = format!("when {}", self.expr(&switch.subject));
            let steps = self.steps(&only.steps, place);
            let mut text = block(&head, &steps);
            match switch.otherwise.as_slice() {
                [] => {}
                [
                    Step {
                        task: Task::Switch(next),
                        optional: false,
                        permissive: false,
                        timeout: None,
                        start_delay: None,
                        ..
                    },
                ] if is_when(next) => {
                    text.push_str(&format!(" else {}", self.switch(next, place)));
                }
                steps => {
                    let steps = self.steps(steps, place);
                    text.push_str(&block(" else", &steps));
                }
            }
            return text;
        }
        let mut arms = Vec::new();
        let kind = self.literals(&switch.subject);
        for case in &switch.cases {
            let bare = match kind {
                Literals::Text => false,
                Literals::Number => serde_json::from_str::<serde_json::Number>(&case.name).is_ok(),
                Literals::Bool => case.name == "true" || case.name == "false",
            };
            let literal = if bare {
                case.name.clone()
            } else {
                quoted(&case.name)
            };
            let steps = self.steps(&case.steps, place);
            arms.push(block(&literal, &steps));
        }
        if !switch.otherwise.is_empty() {
            let steps = self.steps(&switch.otherwise, place);
            arms.push(block("else", &steps));
        }
        block(&format!("match {}", self.expr(&switch.subject)), &arms)
    }

    /// Which literals a subject is compared with.
    fn literals(&self, subject: &Expr) -> Literals {
        match &subject.kind {
            ExprKind::Bool(_) | ExprKind::Not(_) => Literals::Bool,
            ExprKind::Binary(operator, ..)
                if !matches!(operator, Operator::Add | Operator::Else) =>
            {
                Literals::Bool
            }
            ExprKind::Call(Function::IsSet, _) => Literals::Bool,
            ExprKind::Number(_) | ExprKind::Call(Function::Length | Function::Epoch, _) => {
                Literals::Number
            }
            ExprKind::Ref(Root::Capture { step, name }) => {
                let status = self
                    .http_of(step)
                    .and_then(|h| h.captures.iter().find(|c| c.name == *name))
                    .map(|c| &c.source);
                if status == Some(&CaptureSource::Status) {
                    Literals::Number
                } else {
                    Literals::Text
                }
            }
            ExprKind::Path(inner, path)
                if path.as_str() == "$.response.statusCode"
                    && matches!(inner.kind, ExprKind::Ref(Root::Output(_))) =>
            {
                Literals::Number
            }
            _ => Literals::Text,
        }
    }

    fn repeat(&mut self, step: &'a Step, repeat: &'a Repeat, place: Place) -> String {
        let most = if repeat.at_most == UNSAID {
            String::new()
        } else {
            format!(" at most {}", repeat.at_most)
        };
        let every = repeat
            .every
            .map(|d| format!(" every {d}"))
            .unwrap_or_default();
        let backoff = match repeat.backoff {
            Backoff::Fixed => "",
            Backoff::Linear => " backoff linear",
            Backoff::Exponential => " backoff exponential",
        };
        let steps = self.steps(&repeat.steps, place);
        let condition = self.condition(step, repeat);
        format!(
            "{} until {condition}",
            block(&format!("repeat{most}{every}{backoff}"), &steps)
        )
    }

    /// The condition without the count of rounds, which `at most` says.
    fn condition(&mut self, step: &'a Step, repeat: &'a Repeat) -> String {
        let counted = |e: &Expr| counts(e, &step.name);
        let again = match &repeat.until.kind {
            ExprKind::Not(inner) => Some(&**inner),
            _ => None,
        };
        let rest = match again.map(|a| &a.kind) {
            Some(ExprKind::Binary(Operator::And, left, right))
                if counted(left) && !counted(right) =>
            {
                Some(&**right)
            }
            Some(ExprKind::Binary(Operator::And, left, right))
                if counted(right) && !counted(left) =>
            {
                Some(&**left)
            }
            _ => None,
        };
        if let Some(rest) = rest {
            let message = format!(
                "`repeat at most {}` fails when the rounds run out, where a server goes on",
                repeat.at_most
            );
            self.differs(
                step.at,
                message,
                "that is right for waiting for something; else write `for each`",
            );
            let text = until(&Expr::new(
                ExprKind::Not(Box::new(rest.clone())),
                repeat.until.at,
            ));
            return self.expr(&text);
        }
        self.expr(&until(&repeat.until))
    }
}

enum Literals {
    Text,
    Number,
    Bool,
}

fn is_when(switch: &Switch) -> bool {
    matches!(switch.cases.as_slice(), [only] if only.name == "true")
}

/// Whether an expression reads the rounds of its own loop.
fn counts(expr: &Expr, own: &str) -> bool {
    let mut found = false;
    expr.walk(&mut |e| {
        found |= matches!(&e.kind, ExprKind::Ref(Root::Output(step)) if step == own)
    });
    found
}
