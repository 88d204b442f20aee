//! Labels: which secrets a value came from, and how. One domain for the checker, which infers them, and the
//! interpreter, which carries them; the run's are always below the checker's.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a secret value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A secret of the vault.
    Secret(String),
    /// A credential that a step captured or generated.
    Minted {
        /// The rotation that the step stands in.
        rotation: String,
        /// Step name.
        step: String,
        /// Capture name.
        name: String,
    },
    /// The answer to an authenticated request, where nothing was projected out of it.
    Response(String),
    /// An input that is declared secret.
    Input(String),
    /// A secret that stands in the text.
    Literal(u32),
}

impl Origin {
    /// For messages: the name, never a value.
    pub fn describe(&self) -> String {
        match self {
            Origin::Secret(name) => format!("secret `{name}`"),
            Origin::Minted { step, name, .. } => format!("`{step}.{name}`"),
            Origin::Response(step) => format!("the answer of `{step}`"),
            Origin::Input(name) => format!("secret input `{name}`"),
            Origin::Literal(_) => "a secret in the text".into(),
        }
    }
}

/// How a value still shows the secret it came from: what a masker can find is below what it cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivation {
    /// Only that a request made with it succeeded or failed: `status`, and steps after a check of it.
    Weak,
    /// As it is, or spliced whole into a text.
    Whole,
    /// In an encoding that a masker knows (base64, URL, JSON, hex).
    Encoded,
    /// A piece of it.
    Part,
    /// Changed beyond recognition, or one bit of it.
    Opaque,
}

/// The set of secrets that a value came from, each with how. Empty: public.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Label(BTreeMap<Origin, Derivation>);

impl Label {
    /// No secret.
    pub const PUBLIC: Label = Label(BTreeMap::new());

    /// One secret as it is.
    pub fn of(origin: Origin) -> Self {
        Self::derived(origin, Derivation::Whole)
    }

    /// One secret in a derived form.
    pub fn derived(origin: Origin, derivation: Derivation) -> Self {
        Self(BTreeMap::from([(origin, derivation)]))
    }

    /// Whether no secret is in it, not even weakly.
    pub fn is_public(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a secret is in it in more than the weak way.
    pub fn is_secret(&self) -> bool {
        self.0.values().any(|d| *d > Derivation::Weak)
    }

    /// The origins with their derivations, in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, Derivation)> {
        self.0.iter().map(|(o, d)| (o, *d))
    }

    /// Adds all of `other`: union of origins, the higher derivation for each.
    pub fn join(&mut self, other: &Label) {
        for (origin, derivation) in &other.0 {
            match self.0.get_mut(origin) {
                Some(mine) => *mine = (*mine).max(*derivation),
                None => {
                    self.0.insert(origin.clone(), *derivation);
                }
            }
        }
    }

    /// The join of two labels.
    #[must_use]
    pub fn joined(mut self, other: &Label) -> Label {
        self.join(other);
        self
    }

    /// The label of a value that is made from this one in the way of `derivation`; weak origins stay weak.
    #[must_use]
    pub fn raised(&self, derivation: Derivation) -> Label {
        Label(
            self.0
                .iter()
                .map(|(o, d)| {
                    (
                        o.clone(),
                        if *d == Derivation::Weak {
                            *d
                        } else {
                            (*d).max(derivation)
                        },
                    )
                })
                .collect(),
        )
    }

    /// Only that something made with these secrets succeeded or failed.
    #[must_use]
    pub fn weakened(&self) -> Label {
        Label(
            self.0
                .keys()
                .map(|o| (o.clone(), Derivation::Weak))
                .collect(),
        )
    }

    /// Whether `self` is below or equal to `other` in the lattice.
    pub fn is_below(&self, other: &Label) -> bool {
        self.0
            .iter()
            .all(|(o, d)| other.0.get(o).is_some_and(|theirs| d <= theirs))
    }

    /// How `origin` is in it.
    pub fn get(&self, origin: &Origin) -> Option<Derivation> {
        self.0.get(origin).copied()
    }
}
