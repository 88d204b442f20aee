//! Values of a run. Each carries the label of the secrets that it came from, in the checker's own domain.
//!
//! No `Debug`, `Display` or `Serialize`: a value leaves a run through a request, the vault, or [`Value::shown`], which masks.

use crate::plan::schedule::Dur;
use crate::plan::{Derivation, Label, Origin};
use crate::vault::Secret;
use zeroize::Zeroizing;

/// A value with its label. The label of a list or object is its own part only; [`Value::full_label`] joins the rest.
#[derive(Clone)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Which secrets it came from.
    pub label: Label,
}

/// What a value is.
#[derive(Clone)]
pub enum Data {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A JSON number as it was written.
    Number(Zeroizing<String>),
    /// Text.
    Text(Zeroizing<String>),
    /// Bytes.
    Bytes(Zeroizing<Vec<u8>>),
    /// A point in time.
    Time(jiff::Timestamp),
    /// A length of time.
    Duration(Dur),
    /// A list.
    List(Vec<Value>),
    /// An object; keys in order.
    Object(Vec<(String, Value)>),
}

impl From<Data> for Value {
    fn from(data: Data) -> Self {
        Self {
            data,
            label: Label::PUBLIC,
        }
    }
}

impl Value {
    /// Nothing, public.
    pub fn null() -> Self {
        Data::Null.into()
    }

    /// Public text.
    pub fn text(text: impl Into<String>) -> Self {
        Data::Text(Zeroizing::new(text.into())).into()
    }

    /// A public whole number.
    pub fn int(number: i64) -> Self {
        Data::Number(Zeroizing::new(number.to_string())).into()
    }

    /// The value of a secret: text where it is UTF-8, else bytes.
    pub fn secret(secret: &Secret, origin: Origin) -> Self {
        let data = match secret.expose_text() {
            Some(text) => Data::Text(Zeroizing::new(text.to_owned())),
            None => Data::Bytes(Zeroizing::new(secret.expose().to_vec())),
        };
        Self {
            data,
            label: Label::of(origin),
        }
    }

    /// The same value with more in its label.
    #[must_use]
    pub fn labelled(mut self, label: &Label) -> Self {
        self.label.join(label);
        self
    }

    /// The same value under another label, at every depth.
    #[must_use]
    pub fn relabelled(mut self, label: &Label) -> Self {
        fn set(value: &mut Value, label: &Label) {
            value.label = label.clone();
            match &mut value.data {
                Data::List(items) => items.iter_mut().for_each(|v| set(v, label)),
                Data::Object(members) => members.iter_mut().for_each(|(_, v)| set(v, label)),
                _ => {}
            }
        }
        set(&mut self, label);
        self
    }

    /// Its label joined with those of all parts.
    pub fn full_label(&self) -> Label {
        let mut label = self.label.clone();
        match &self.data {
            Data::List(items) => items.iter().for_each(|v| label.join(&v.full_label())),
            Data::Object(members) => members
                .iter()
                .for_each(|(_, v)| label.join(&v.full_label())),
            _ => {}
        }
        label
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// Whether it is null, or text without anything but blanks.
    pub fn is_blank(&self) -> bool {
        match &self.data {
            Data::Null => true,
            Data::Text(text) => text.trim().is_empty(),
            Data::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        }
    }

    /// The word for its type, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "bool",
            Data::Number(_) => "number",
            Data::Text(_) => "text",
            Data::Bytes(_) => "bytes",
            Data::Time(_) => "time",
            Data::Duration(_) => "duration",
            Data::List(_) => "list",
            Data::Object(_) => "object",
        }
    }

    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match &self.data {
            Data::Object(members) => members
                .iter()
                .rev()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v),
            _ => None,
        }
    }

    /// Text of a scalar: what is spliced, sent in a header or stored. `None` for null, lists and objects.
    pub fn scalar_text(&self) -> Option<Zeroizing<String>> {
        Some(match &self.data {
            Data::Text(text) => text.clone(),
            Data::Number(digits) => digits.clone(),
            Data::Bool(value) => Zeroizing::new(value.to_string()),
            Data::Time(time) => Zeroizing::new(time.to_string()),
            Data::Duration(duration) => Zeroizing::new(duration.to_string()),
            Data::Bytes(bytes) => Zeroizing::new(std::str::from_utf8(bytes).ok()?.to_owned()),
            Data::Null | Data::List(_) | Data::Object(_) => return None,
        })
    }

    /// The bytes of a scalar; JSON text of a list or object; `None` for null.
    pub fn bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        match &self.data {
            Data::Null => None,
            Data::Bytes(bytes) => Some(bytes.clone()),
            Data::List(_) | Data::Object(_) => {
                Some(Zeroizing::new(self.json_text().as_bytes().to_vec()))
            }
            _ => self
                .scalar_text()
                .map(|t| Zeroizing::new(t.as_bytes().to_vec())),
        }
    }

    /// JSON text, values in clear: for request bodies and for storing.
    pub fn json_text(&self) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::new());
        self.write_json(&mut out, false);
        out
    }

    /// JSON text with `***` for every value that is secret: for reports.
    pub fn shown(&self) -> serde_json::Value {
        let mut out = Zeroizing::new(String::new());
        self.write_json(&mut out, true);
        serde_json::from_str(&out).unwrap_or(serde_json::Value::Null)
    }

    fn write_json(&self, out: &mut String, masked: bool) {
        if masked && self.label.is_secret() {
            out.push_str("\"***\"");
            return;
        }
        match &self.data {
            Data::Null => out.push_str("null"),
            Data::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Data::Number(digits) => out.push_str(digits),
            Data::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_json(out, masked);
                }
                out.push(']');
            }
            Data::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_json_string(out, name);
                    out.push(':');
                    value.write_json(out, masked);
                }
                out.push('}');
            }
            Data::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => write_json_string(out, text),
                Err(_) => {
                    use base64::Engine;
                    write_json_string(
                        out,
                        &base64::engine::general_purpose::STANDARD.encode(&**bytes),
                    );
                }
            },
            Data::Text(_) | Data::Time(_) | Data::Duration(_) => {
                write_json_string(out, &self.scalar_text().unwrap_or_default())
            }
        }
    }

    /// Java's `toString`, which Conductor splices into text.
    pub fn java_text(&self) -> Zeroizing<String> {
        match &self.data {
            Data::Null => Zeroizing::new("null".into()),
            Data::List(items) => {
                let mut out = Zeroizing::new(String::from("["));
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(&item.java_text());
                }
                out.push(']');
                out
            }
            Data::Object(members) => {
                let mut out = Zeroizing::new(String::from("{"));
                for (i, (name, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(name);
                    out.push('=');
                    out.push_str(&value.java_text());
                }
                out.push('}');
                out
            }
            Data::Number(digits) => super::script::java_number(digits),
            _ => self.scalar_text().unwrap_or_default(),
        }
    }

    /// From JSON that quotes no secret, or whose label is given.
    pub fn from_json(json: &serde_json::Value, label: &Label) -> Self {
        let data = match json {
            serde_json::Value::Null => Data::Null,
            serde_json::Value::Bool(value) => Data::Bool(*value),
            serde_json::Value::Number(number) => Data::Number(Zeroizing::new(number.to_string())),
            serde_json::Value::String(text) => Data::Text(Zeroizing::new(text.clone())),
            serde_json::Value::Array(items) => {
                Data::List(items.iter().map(|v| Value::from_json(v, label)).collect())
            }
            serde_json::Value::Object(members) => Data::Object(
                members
                    .iter()
                    .map(|(n, v)| (n.clone(), Value::from_json(v, label)))
                    .collect(),
            ),
        };
        Value {
            data,
            label: label.clone(),
        }
    }

    /// From parsed JSON with exact numbers.
    pub fn from_node(node: &crate::json::Node, label: &Label) -> Self {
        use crate::json::NodeKind;
        let data = match &node.kind {
            NodeKind::Null => Data::Null,
            NodeKind::Bool(value) => Data::Bool(*value),
            NodeKind::Number(raw) => Data::Number(Zeroizing::new(raw.to_string())),
            NodeKind::String(text) => Data::Text(Zeroizing::new(text.text.to_string())),
            NodeKind::Array(items) => {
                Data::List(items.iter().map(|n| Value::from_node(n, label)).collect())
            }
            // Of a repeated key the last value holds.
            NodeKind::Object(_) => Data::Object(
                node.unique_members()
                    .into_iter()
                    .map(|m| (m.key.text.to_string(), Value::from_node(&m.value, label)))
                    .collect(),
            ),
        };
        Value {
            data,
            label: label.clone(),
        }
    }

    /// As the JSON that paths are evaluated over; numbers that a double cannot hold become strings there, so the caller
    /// takes the value itself by its place.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Null => serde_json::Value::Null,
            Data::Bool(value) => serde_json::Value::Bool(*value),
            Data::Number(digits) => digits.parse::<serde_json::Number>().map_or_else(
                |_| serde_json::Value::String(digits.to_string()),
                serde_json::Value::Number,
            ),
            Data::List(items) => {
                serde_json::Value::Array(items.iter().map(Value::to_json).collect())
            }
            Data::Object(members) => serde_json::Value::Object(
                members
                    .iter()
                    .map(|(n, v)| (n.clone(), v.to_json()))
                    .collect(),
            ),
            _ => serde_json::Value::String(
                self.scalar_text()
                    .map(|t| t.to_string())
                    .unwrap_or_default(),
            ),
        }
    }

    /// Wraps the value for the vault.
    pub fn into_secret(self) -> Option<Secret> {
        self.bytes().map(Secret::new)
    }

    /// The same data, with the label of something derived from it.
    pub fn derived(data: Data, from: &[&Value], derivation: Derivation) -> Self {
        let mut label = Label::PUBLIC;
        for value in from {
            label.join(&value.full_label().raised(derivation));
        }
        Self { data, label }
    }

    /// Whether two values are equal: numbers by value, text by characters, times by instant.
    pub fn equals(&self, other: &Value) -> bool {
        match (&self.data, &other.data) {
            (Data::Null, Data::Null) => true,
            (Data::Bool(a), Data::Bool(b)) => a == b,
            (Data::Number(a), Data::Number(b)) => {
                **a == **b
                    || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(x), Ok(y)) if x == y)
            }
            (Data::Time(a), Data::Time(b)) => a == b,
            (Data::Duration(a), Data::Duration(b)) => a == b,
            (Data::List(a), Data::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.equals(y))
            }
            (Data::Object(a), Data::Object(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(n, v)| other.get(n).is_some_and(|w| v.equals(w)))
                    && b.iter().all(|(n, _)| self.get(n).is_some())
            }
            (Data::Text(_) | Data::Bytes(_), Data::Text(_) | Data::Bytes(_)) => {
                match (self.bytes(), other.bytes()) {
                    (Some(a), Some(b)) => Secret::new(a).same_as(&Secret::new(b)),
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// Appends a JSON string (RFC 8259 section 7).
fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}
