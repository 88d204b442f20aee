//! The flows of secrets as a picture: secrets → steps → hosts, vault and people. Every form is the same for the same plan.

mod dot;
mod layout;
mod mermaid;
mod svg;

pub use dot::write as dot;
pub use mermaid::write as mermaid;
pub use svg::write as svg;

use super::redact::visible;
use crate::check::graph::{Flow, Flows, Kind, SecretFlow, To, how};
use std::collections::BTreeMap;

/// What is drawn.
#[derive(Debug, Default)]
pub struct Picture {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Debug)]
struct Node {
    look: Look,
    title: String,
    /// What kind of thing it is; small.
    note: String,
}

/// How a node is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    /// Kept in the vault, passed in, or standing in the text.
    Secret,
    /// Comes into being in the run.
    Minted,
    Step,
    Host,
    Vault,
    /// Where people can see it.
    Public,
}

impl Look {
    const ALL: [Look; 6] = [
        Look::Secret,
        Look::Minted,
        Look::Step,
        Look::Host,
        Look::Vault,
        Look::Public,
    ];

    fn name(self) -> &'static str {
        match self {
            Look::Secret => "secret",
            Look::Minted => "new credential",
            Look::Step => "step",
            Look::Host => "server",
            Look::Vault => "vault",
            Look::Public => "people can see it",
        }
    }

    /// Fill, line.
    fn colors(self) -> (&'static str, &'static str) {
        match self {
            Look::Secret => ("#fff4d6", "#b7791f"),
            Look::Minted => ("#e6f6ea", "#2f855a"),
            Look::Step => ("#f3f4f6", "#6b7280"),
            Look::Host => ("#e3effc", "#2b6cb0"),
            Look::Vault => ("#efe9fb", "#6b46c1"),
            Look::Public => ("#fde8e8", "#c53030"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    from: usize,
    to: usize,
    label: String,
    /// Only whether something happens depends on it.
    dashed: bool,
}

impl Picture {
    /// The picture of the ways of all secrets.
    pub fn of(flows: &Flows) -> Self {
        let several = {
            let mut names: Vec<&str> = flows
                .secrets
                .iter()
                .flat_map(|s| &s.flows)
                .map(|f| f.rotation.as_str())
                .collect();
            names.sort_unstable();
            names.dedup();
            names.len() > 1
        };
        let mut builder = Builder {
            picture: Picture::default(),
            known: BTreeMap::new(),
            several,
        };
        for secret in &flows.secrets {
            builder.secret(secret);
        }
        builder.issuers(flows);
        builder.picture
    }
}

struct Builder {
    picture: Picture,
    known: BTreeMap<(Look, String), usize>,
    several: bool,
}

impl Builder {
    fn node(&mut self, look: Look, key: String, title: &str, note: &str) -> usize {
        let nodes = &mut self.picture.nodes;
        *self.known.entry((look, key)).or_insert_with(|| {
            nodes.push(Node {
                look,
                title: visible(title).into_owned(),
                note: visible(note).into_owned(),
            });
            nodes.len() - 1
        })
    }

    fn edge(&mut self, from: usize, to: usize, label: &str, dashed: bool) {
        match self
            .picture
            .edges
            .iter_mut()
            .find(|e| e.from == from && e.to == to && e.dashed == dashed)
        {
            Some(edge) if label.is_empty() || edge.label.split(", ").any(|l| l == label) => {}
            Some(edge) if edge.label.is_empty() => edge.label = label.to_owned(),
            Some(edge) => edge.label = format!("{}, {label}", edge.label),
            None => self.picture.edges.push(Edge {
                from,
                to,
                label: visible(label).into_owned(),
                dashed,
            }),
        }
    }

    fn key(secret: &SecretFlow) -> String {
        format!(
            "{}\0{}",
            secret.rotation.as_deref().unwrap_or_default(),
            secret.name
        )
    }

    fn secret(&mut self, secret: &SecretFlow) {
        let (look, note) = match secret.kind {
            Kind::Vault => (Look::Secret, "secret"),
            Kind::Input => (Look::Secret, "secret input"),
            Kind::Literal => (Look::Secret, "stands in the text"),
            Kind::Minted => (Look::Minted, "new credential"),
            Kind::Answer => (Look::Minted, "answer with a credential"),
        };
        let from = self.node(look, Self::key(secret), &secret.name, note);
        for flow in &secret.flows {
            self.flow(from, flow);
        }
    }

    fn step(&mut self, rotation: &str, name: &str, kind: &str) -> usize {
        let kind = if name.starts_with(kind) { "step" } else { kind };
        let note = if self.several {
            format!("{kind} in {rotation}")
        } else {
            kind.to_owned()
        };
        self.node(Look::Step, format!("{rotation}\0{name}"), name, &note)
    }

    fn flow(&mut self, from: usize, flow: &Flow) {
        let (look, title, note) = match &flow.to {
            To::Host { name, .. } => (Look::Host, name.clone(), "server"),
            To::Vault { name } => (
                Look::Vault,
                name.split('.').next().unwrap_or_default().to_owned(),
                "vault",
            ),
            To::Output { name, masked } => (
                Look::Public,
                name.clone(),
                if *masked {
                    "output, shown as ***"
                } else {
                    "output"
                },
            ),
            To::Call { name } => (
                Look::Step,
                name.split('.').next().unwrap_or_default().to_owned(),
                "rotation",
            ),
            To::Variable { name, masked } => (
                Look::Public,
                name.clone(),
                if *masked {
                    "variable, shown as ***"
                } else {
                    "variable"
                },
            ),
            To::Target { name, .. } => (Look::Host, name.clone(), "target"),
            To::Log => (Look::Public, "log".to_owned(), "lines for people"),
            To::Error => (Look::Public, "error message".to_owned(), "lines for people"),
            To::Instructions => (Look::Public, "instructions".to_owned(), "lines for people"),
            To::Status => (Look::Public, "status".to_owned(), "day of expiry"),
            To::Released { reason } => (Look::Public, reason.clone(), "released on purpose"),
        };
        let to = self.node(look, format!("{}\0{title}", flow.to.kind()), &title, note);
        let place = match &flow.to {
            To::Vault { name } => name.split_once('.').map_or("", |(_, field)| field),
            to => to.place(),
        };
        let how = how(flow.how);
        let label = match (place.is_empty(), how.is_empty() || flow.decides) {
            (_, true) => place.to_owned(),
            (true, false) => how.to_owned(),
            (false, false) => format!("{place} ({how})"),
        };
        let label = if flow.decides { "decides" } else { &label };
        match &flow.step {
            Some((name, kind)) => {
                let step = self.step(&flow.rotation, name, kind);
                self.edge(from, step, label, flow.decides);
                if step != to {
                    self.edge(step, to, "", false);
                }
            }
            None => self.edge(from, to, label, flow.decides),
        }
    }

    /// From the steps that bring credentials to these.
    fn issuers(&mut self, flows: &Flows) {
        for secret in &flows.secrets {
            let Some(issuer) = &secret.issuer else {
                continue;
            };
            let rotation = secret.rotation.clone().unwrap_or_default();
            let to = self.known.get(&(Look::Minted, Self::key(secret))).copied();
            let from = match self
                .known
                .get(&(Look::Step, format!("{rotation}\0{issuer}")))
                .copied()
            {
                Some(step) => step,
                None => self.step(&rotation, issuer, "brings a credential"),
            };
            if let Some(to) = to {
                self.edge(from, to, "", false);
            }
        }
    }
}
