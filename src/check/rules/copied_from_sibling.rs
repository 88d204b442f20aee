//! # ROT527 copied-from-sibling
//!
//! What it finds: two credentials that are rotated alike, and a step of one that was copied and still names the other: one new value stored in two secrets while
//! the other one is stored nowhere, the public key of one pair published for both, two revocations of one thing while the input that names the other is read by
//! nobody.
//!
//! ## Why it matters
//!
//! One of the two is lost or lives on, and no step of the run fails.
//!
//! ## Fails
//!
//! ```rot
//! secret admin to "auth.example.com" in header
//! secret signer, spare_signer to program "sign" in stdin
//!
//! rotation r {
//!   generate main rsa { bits 3072 }
//!   generate spare rsa { bits 3072 }
//!   stage signer = main.private_key
//!   stage spare_signer = spare.private_key
//!   http PUT "https://auth.example.com/jwks/main" sets { bearer secrets.admin  json { pem: main.public_key } }
//!   http PUT "https://auth.example.com/jwks/spare" sets { bearer secrets.admin  json { pem: main.public_key } }
//!   verify { exec "sign" { stdin pending.signer }  exec "sign" { stdin pending.spare_signer } }
//!   promote signer
//!   promote spare_signer
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin to "auth.example.com" in header
//! secret signer, spare_signer to program "sign" in stdin
//!
//! rotation r {
//!   generate main rsa { bits 3072 }
//!   generate spare rsa { bits 3072 }
//!   stage signer = main.private_key
//!   stage spare_signer = spare.private_key
//!   http PUT "https://auth.example.com/jwks/main" sets { bearer secrets.admin  json { pem: main.public_key } }
//!   http PUT "https://auth.example.com/jwks/spare" sets { bearer secrets.admin  json { pem: spare.public_key } }
//!   verify { exec "sign" { stdin pending.signer }  exec "sign" { stdin pending.spare_signer } }
//!   promote signer
//!   promote spare_signer
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent;
use crate::check::vocabulary::words;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::expr::Root;
use crate::plan::{Expr, ExprKind, Task};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Makers, and inputs, of one rotation that are compared with each other.
const COMPARED: usize = 32;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let stores = stores(cx);
    for rotation in 0..cx.plan.rotations.len() {
        let uses = Uses::of(cx, rotation);
        let makers = makers(cx, rotation);
        if makers.len() > 1 {
            stored_twice(cx, &makers, &stores, &uses, out);
        }
        published_twice(cx, &makers, &uses, out);
        input_unread(cx, rotation, &uses, out);
    }
}

/// Where captures and inputs of one rotation are read: by step, each once.
#[derive(Default)]
struct Uses<'p> {
    captures: HashMap<(&'p str, &'p str), Vec<(usize, Span)>>,
    whole: BTreeSet<&'p str>,
    inputs: HashMap<&'p str, Vec<(usize, Span)>>,
    all_inputs: bool,
}

impl<'p> Uses<'p> {
    fn of(cx: &Context<'_, 'p>, rotation: usize) -> Self {
        let mut uses = Self::default();
        let mut note = |step: usize, expr: &'p Expr| {
            expr.walk(&mut |part| match &part.kind {
                ExprKind::Ref(Root::Capture { step: maker, name }) => {
                    uses.captures.entry((maker, name)).or_default().push((step, part.at.0));
                }
                ExprKind::Ref(Root::Output(maker) | Root::TaskField { step: maker, .. }) => {
                    uses.whole.insert(maker);
                }
                ExprKind::Ref(Root::Input(name)) => uses.inputs.entry(name).or_default().push((step, part.at.0)),
                ExprKind::Ref(Root::Inputs) => uses.all_inputs = true,
                _ => {}
            });
        };
        for (id, node) in cx.order().of_rotation(rotation) {
            for expr in node.step.task.exprs() {
                note(id, expr);
            }
        }
        if let Some(of) = cx.plan.rotations.get(rotation) {
            of.outputs.iter().for_each(|output| note(usize::MAX, &output.value));
            of.result.iter().for_each(|result| note(usize::MAX, result));
            of.variables.iter().for_each(|(_, value)| note(usize::MAX, value));
            of.given.iter().for_each(|given| note(usize::MAX, &given.value));
        }
        uses
    }
}

/// A step, its name, what it is alike to, and what it gives.
type Maker<'p> = (usize, &'p str, String, &'p str);

/// Steps that make a credential, with what makes two of them alike.
fn makers<'p>(cx: &Context<'_, 'p>, rotation: usize) -> Vec<Maker<'p>> {
    let mut makers = Vec::new();
    for (id, node) in cx.order().of_rotation(rotation) {
        let made = if let Task::Generate(generate) = &node.step.task {
            let (name, _) = generate.generator.captures().first().copied().unwrap_or(("value", true));
            Some((format!("generate {}", generate.generator.word()), name))
        } else if let Task::Http(http) = &node.step.task
            && !http.effect.is_read()
            && http.method != "GET"
        {
            let mut secret = http.captures.iter().filter(|c| c.secret);
            let only = secret.next().filter(|_| secret.next().is_none());
            // What numbers an address has is what tells siblings apart.
            let place: String = intent::written(http).chars().filter(|c| !c.is_ascii_digit()).collect();
            only.filter(|_| !intent::is_login(http)).map(|c| (format!("{} {place}", http.method), c.name.as_str()))
        } else {
            None
        };
        makers.extend(made.map(|(kind, capture)| (id, node.step.name.as_str(), kind, capture)));
        if makers.len() >= COMPARED {
            break;
        }
    }
    makers
}

/// Where what a step makes is stored, and as which secret; each secret once.
type Stores<'p> = HashMap<usize, Vec<(usize, &'p str)>>;

fn stores<'p>(cx: &Context<'_, 'p>) -> Stores<'p> {
    let mut stores = Stores::new();
    for kept in cx.keepings() {
        let of = stores.entry(kept.maker).or_default();
        if !of.iter().any(|(_, secret)| *secret == kept.secret) {
            of.push((kept.store, kept.secret));
        }
    }
    stores
}

/// One value becomes two secrets, and what its sibling made becomes none.
fn stored_twice<'p>(cx: &Context<'_, 'p>, makers: &[Maker<'p>], stores: &Stores<'p>, uses: &Uses<'p>, out: &mut Vec<Diagnostic>) {
    for (id, name, kind, capture) in makers {
        if stores.contains_key(id) || uses.whole.contains(name) {
            continue;
        }
        let twin = makers.iter().find(|(other, _, of, _)| other != id && of == kind && stores.get(other).is_some_and(|s| s.len() > 1));
        let Some((twin, twin_name, ..)) = twin else { continue };
        // Whoever else works with it may keep it.
        let elsewhere = uses.captures.get(&(*name, *capture)).is_some_and(|all| {
            all.iter().any(|(step, _)| *step == usize::MAX || cx.order().get(*step).is_some_and(|n| matches!(n.step.task, Task::Call(_) | Task::Worker(_) | Task::Fork(_) | Task::Let(_) | Task::SetVariables(_))))
        });
        if elsewhere {
            continue;
        }
        let Some((store, secret)) = stores.get(twin).and_then(|s| s.iter().max_by_key(|(step, secret)| (nearness(name, secret), *step))) else { continue };
        let (Some(store), Some(made)) = (cx.order().get(*store), cx.order().get(*id)) else { continue };
        out.push(
            Diagnostic::new(
                codes::COPIED_FROM_SIBLING,
                store.step.at.0,
                format!("`{secret}` gets what `{twin_name}` made, which is stored twice, and what `{name}` made is stored nowhere"),
            )
            .at("copied from its sibling")
            .label(made.step.at.0, "lost")
            .help(format!("store what `{name}` gives"))
            .severity(Severity::Error),
        );
    }
}

/// How many words two names share.
fn nearness(a: &str, b: &str) -> usize {
    let b = words(b);
    words(a).iter().filter(|word| b.contains(word)).count()
}

/// The public half of one pair goes to two places, and that of its sibling to none.
fn published_twice(cx: &Context<'_, '_>, makers: &[Maker<'_>], uses: &Uses<'_>, out: &mut Vec<Diagnostic>) {
    let steps = |name: &str, capture: &str| -> Vec<(usize, Span)> {
        let mut all = uses.captures.get(&(name, capture)).cloned().unwrap_or_default();
        all.dedup_by_key(|(step, _)| *step);
        all
    };
    for (id, name, kind, capture) in makers.iter().filter(|(.., capture)| *capture == "private_key") {
        if !steps(name, "public_key").is_empty() || steps(name, capture).is_empty() {
            continue;
        }
        let twin = makers.iter().find_map(|(other, twin, of, _)| {
            let published = steps(twin, "public_key");
            (other != id && of == kind && published.len() > 1).then_some((*twin, published))
        });
        let Some((twin, published)) = twin else { continue };
        let nearest = published.iter().max_by_key(|(step, _)| (nearness(name, cx.flow.step_name(*step)), *step));
        let (Some((_, span)), Some(made)) = (nearest, cx.order().get(*id)) else { continue };
        out.push(
            Diagnostic::new(
                codes::COPIED_FROM_SIBLING,
                *span,
                format!("the public key of `{twin}` is published twice, and that of `{name}` nowhere"),
            )
            .at("copied from its sibling")
            .label(made.step.at.0, "nobody can verify what this signs")
            .help(format!("send `{name}.public_key`"))
            .severity(Severity::Error),
        );
    }
}

/// An input that nothing reads, beside one of nearly its name that two steps read alike.
fn input_unread(cx: &Context<'_, '_>, rotation: usize, uses: &Uses<'_>, out: &mut Vec<Diagnostic>) {
    let Some(of) = cx.plan.rotations.get(rotation).filter(|_| !uses.all_inputs) else { return };
    for input in of.inputs.iter().take(COMPARED).filter(|i| !uses.inputs.contains_key(i.name.as_str())) {
        let own = words(&input.name);
        let twin = of.inputs.iter().take(COMPARED).find_map(|twin| {
            let theirs = words(&twin.name);
            let differ = own.iter().zip(&theirs).filter(|(a, b)| a != b).count();
            let alike = own.len() == theirs.len() && own.len() > 1 && differ == 1;
            let mut steps: Vec<(usize, Span)> = uses.inputs.get(twin.name.as_str())?.clone();
            steps.retain(|(step, _)| *step != usize::MAX);
            steps.dedup_by_key(|(step, _)| *step);
            let kinds: BTreeMap<String, usize> = steps.iter().fold(BTreeMap::new(), |mut kinds, (step, _)| {
                if let Some(kind) = cx.order().get(*step).and_then(|n| what(&n.step.task)) {
                    *kinds.entry(kind).or_default() += 1;
                }
                kinds
            });
            let again = kinds.values().any(|count| *count > 1);
            (alike && again).then_some((twin.name.as_str(), steps))
        });
        let Some((twin, steps)) = twin else { continue };
        let differs = own.iter().filter(|w| !words(twin).contains(w)).cloned().collect::<Vec<_>>().join(" ");
        let Some((step, span)) = steps.iter().max_by_key(|(step, _)| (nearness(&differs, cx.flow.step_name(*step)), *step)) else { continue };
        let mut found = Diagnostic::new(
            codes::COPIED_FROM_SIBLING,
            *span,
            format!("`{}` reads `{twin}` as another step does, and nothing reads `{}`", cx.flow.step_name(*step), input.name),
        )
        .at("copied from its sibling")
        .help(format!("name `{}` here", input.name));
        if input.at.0.is_some() {
            found = found.label(input.at.0, "declared, and read by nobody");
        }
        out.push(found);
    }
}

/// What two steps have to have in common to be of one kind.
fn what(task: &Task) -> Option<String> {
    if let Task::Http(http) = task {
        (!http.effect.is_read()).then(|| http.method.clone())
    } else if let Task::Worker(worker) = task {
        Some(format!("worker {}", worker.name))
    } else if let Task::Call(call) = task {
        Some(format!("call {}", call.rotation))
    } else {
        None
    }
}
