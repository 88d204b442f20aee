//! What a template asks for, and what a use of it gives.

use super::KINDS;
use super::family::Chosen;
use crate::diagnostic::{Diagnostic, codes, nearest};
use crate::plan::resolve::parse_host;
use crate::source::{Dur, Span};
use crate::syntax::ast::{Entry, Expr, ExprKind, Member, Name, Part, Rotation, Template};
use std::collections::{BTreeMap, HashMap};

/// What stands for the parameters of a template.
pub(super) struct Bound<'a> {
    values: HashMap<String, Expr>,
    secrets: HashMap<String, String>,
    /// The member of a family; then there are no parameters.
    pub(super) member: Option<Chosen<'a>>,
}

impl<'a> Bound<'a> {
    /// What stands for the member of a family.
    pub(super) fn of_member(member: Chosen<'a>) -> Self {
        Self {
            values: HashMap::new(),
            secrets: HashMap::new(),
            member: Some(member),
        }
    }

    /// What stands for a parameter that is a value.
    pub(super) fn value(&self, name: &str) -> Option<&Expr> {
        self.values.get(name)
    }

    /// The secret that stands for a parameter.
    pub(super) fn secret(&self, name: &str) -> Option<String> {
        match &self.member {
            Some(member) => member.secret(name),
            None => self.secrets.get(name).cloned(),
        }
    }

    /// The length of time that stands for a parameter.
    pub(super) fn duration(&self, name: &str) -> Option<Dur> {
        match self.values.get(name)?.kind {
            ExprKind::Duration(value) => Some(value),
            _ => None,
        }
    }

    /// The text that stands for a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        literal(self.values.get(name)?)
    }
}

/// Puts what an environment gives for the parameters of a rotation in the place of what its `with` says.
pub(super) fn replace(rotation: &mut Rotation, given: &BTreeMap<String, String>) {
    let span = rotation.name.span;
    let text = |text: &str, span: Span| Expr {
        kind: ExprKind::String(vec![Part::Text(text.to_owned(), span)]),
        span,
    };
    let own = rotation.body.iter_mut().find_map(|entry| match entry {
        Entry::With { arguments, .. } => Some(arguments),
        _ => None,
    });
    let mut added = Vec::new();
    let arguments = own.unwrap_or(&mut added);
    for (name, value) in given {
        match arguments.iter_mut().find(|member| member.key.text == *name) {
            Some(member) => member.value = text(value, member.value.span),
            None => arguments.push(Member {
                key: Name {
                    text: name.clone(),
                    span,
                },
                value: text(value, span),
            }),
        }
    }
    if !added.is_empty() {
        rotation.body.push(Entry::With {
            arguments: added,
            span,
        });
    }
}

/// One parameter.
struct Parameter<'a> {
    name: &'a Name,
    ty: &'a Name,
    fields: &'a [Name],
    default: Option<&'a Expr>,
}

fn parameters(template: &Template) -> Vec<Parameter<'_>> {
    let mut all = Vec::new();
    for entry in &template.body {
        if let Entry::Parameter {
            names,
            ty,
            fields,
            default,
            ..
        } = entry
        {
            all.extend(names.iter().map(|name| Parameter {
                name,
                ty,
                fields,
                default: default.as_ref(),
            }));
        }
    }
    all
}

/// Says what is wrong with the parameters themselves.
pub(super) fn declared(template: &Template, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for parameter in parameters(template) {
        let name = parameter.name;
        if let Some(first) = seen.insert(&name.text, name.span) {
            diagnostics.push(
                Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    name.span,
                    format!("parameter `{}` is declared twice", name.text),
                )
                .at("again here")
                .label(first, "first here"),
            );
        }
    }
    for entry in &template.body {
        if let Entry::With { span, .. } = entry {
            diagnostics.push(
                Diagnostic::new(
                    codes::SYNTAX_ERROR,
                    *span,
                    "`with` belongs to a rotation that is made from a template",
                )
                .at("does not belong here")
                .help("a template declares its parameters: `parameter NAME: KIND`"),
            );
        }
        let Entry::Parameter {
            ty,
            fields,
            default,
            to,
            ..
        } = entry
        else {
            continue;
        };
        let secret = ty.text == "secret";
        if !KINDS.contains(&ty.text.as_str()) {
            let found = Diagnostic::new(
                codes::TYPE_MISMATCH,
                ty.span,
                format!("`{}` is not a kind of parameter", ty.text),
            )
            .at("not known");
            diagnostics.push(match nearest(&ty.text, KINDS) {
                Some(near) => found.help(format!("a word that is close: `{near}`")),
                None => found.help(format!("kinds are {}", KINDS.join(", "))),
            });
        } else if !secret && (!fields.is_empty() || !to.is_empty()) {
            let place = fields.first().map_or_else(
                || to.first().map_or(ty.span, |target| target.span),
                |field| field.span,
            );
            diagnostics.push(
                Diagnostic::new(
                    codes::SYNTAX_ERROR,
                    place,
                    "only a `secret` has fields and destinations",
                )
                .at("belongs to a secret")
                .help(format!("it is declared as `{}`", ty.text)),
            );
        } else if secret && let Some(default) = default {
            diagnostics.push(
                Diagnostic::new(
                    codes::SYNTAX_ERROR,
                    default.span,
                    "a secret has no default: each use of the template names its own",
                )
                .at("does not belong here"),
            );
        }
    }
}

/// What a use gives for each parameter; `None` when something is wrong with it.
pub(super) fn bind(
    template: &Template,
    rotation: &Rotation,
    secrets: &HashMap<&str, &[Name]>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Bound<'static>> {
    let before = diagnostics.len();
    let given: Vec<&Member> = rotation
        .body
        .iter()
        .filter_map(|entry| match entry {
            Entry::With { arguments, .. } => Some(arguments),
            _ => None,
        })
        .flatten()
        .collect();
    let parameters = parameters(template);
    for (at, member) in given.iter().enumerate() {
        let key = &member.key;
        if !parameters.iter().any(|p| p.name.text == key.text) {
            diagnostics.push(unknown_argument(template, &parameters, key));
        } else if let Some(first) = given.iter().take(at).find(|m| m.key.text == key.text) {
            diagnostics.push(
                Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    key.span,
                    format!("`{}` is given twice", key.text),
                )
                .at("again here")
                .label(first.key.span, "first here"),
            );
        }
    }
    let mut bound = Bound {
        values: HashMap::new(),
        secrets: HashMap::new(),
        member: None,
    };
    let mut missing = Vec::new();
    for parameter in &parameters {
        let name = &parameter.name.text;
        let argument = given.iter().find(|m| m.key.text == *name).map(|m| &m.value);
        let Some(value) = argument.or(parameter.default) else {
            missing.push(parameter);
            continue;
        };
        if parameter.ty.text == "secret" {
            match named_secret(parameter, value, secrets) {
                Ok(secret) => drop(bound.secrets.insert(name.clone(), secret)),
                Err(found) => diagnostics.push(*found),
            }
            continue;
        }
        match fits(parameter, value) {
            Ok(()) => drop(bound.values.insert(name.clone(), value.clone())),
            Err(found) => diagnostics.push(*found),
        }
    }
    if let Some(from) = rotation.from.as_ref().filter(|_| !missing.is_empty()) {
        let names: Vec<String> = missing
            .iter()
            .map(|p| format!("`{}`", p.name.text))
            .collect();
        let mut found = Diagnostic::new(
            codes::MISSING_REQUIRED,
            from.span,
            format!(
                "template `{}` needs {}",
                template.name.text,
                names.join(", ")
            ),
        )
        .at("not given");
        for parameter in missing.iter().take(3) {
            found = found.label(
                parameter.name.span,
                format!("declared as `{}`", parameter.ty.text),
            );
        }
        let wanted: Vec<String> = missing
            .iter()
            .map(|p| format!("{}: …", p.name.text))
            .collect();
        diagnostics.push(found.help(format!("add `with {{ {} }}`", wanted.join("  "))));
    }
    (diagnostics.len() == before).then_some(bound)
}

fn unknown_argument(template: &Template, parameters: &[Parameter<'_>], key: &Name) -> Diagnostic {
    let found = Diagnostic::new(
        codes::UNRESOLVED_REFERENCE,
        key.span,
        format!(
            "template `{}` has no parameter `{}`",
            template.name.text, key.text
        ),
    )
    .at("not known");
    let names: Vec<&str> = parameters.iter().map(|p| p.name.text.as_str()).collect();
    match nearest(&key.text, names.iter().copied()) {
        Some(near) => found.help(format!("a name that is close: `{near}`")),
        None => found.help(format!("it has {}", names.join(", "))),
    }
}

fn named_secret(
    parameter: &Parameter<'_>,
    value: &Expr,
    secrets: &HashMap<&str, &[Name]>,
) -> Result<String, Box<Diagnostic>> {
    let name = match &value.kind {
        ExprKind::Path(segments) => match segments.as_slice() {
            [name] => Some(name.text.as_str()),
            _ => None,
        },
        _ => literal(value),
    };
    let Some(name) = name else {
        return Err(Box::new(
            Diagnostic::new(
                codes::TYPE_MISMATCH,
                value.span,
                format!(
                    "`{}` takes the name of a declared secret",
                    parameter.name.text
                ),
            )
            .at("is no name")
            .help("write the bare name, without `secrets.`; one with `/` is written in quotes"),
        ));
    };
    let Some(fields) = secrets.get(name) else {
        let found = Diagnostic::new(
            codes::UNDECLARED_SECRET,
            value.span,
            format!("secret `{name}` is not declared"),
        )
        .at("not declared");
        let wanted: Vec<&str> = parameter.fields.iter().map(|f| f.text.as_str()).collect();
        let declaration = match wanted.is_empty() {
            true => format!("secret {name}"),
            false => format!("secret {name} {{ {} }}", wanted.join(", ")),
        };
        return Err(Box::new(match nearest(name, secrets.keys().copied()) {
            Some(near) => found.help(format!("a name that is close: `{near}`")),
            None => found.help(format!("declare it: `{declaration}`")),
        }));
    };
    let lacking: Vec<&str> = parameter
        .fields
        .iter()
        .map(|f| f.text.as_str())
        .filter(|f| !fields.iter().any(|own| own.text == *f))
        .collect();
    if lacking.is_empty() && parameter.fields.is_empty() == fields.is_empty() {
        return Ok(name.to_owned());
    }
    let wanted: Vec<&str> = parameter.fields.iter().map(|f| f.text.as_str()).collect();
    let help = match wanted.is_empty() {
        true => format!("the template wants a single value: `secret {name}`"),
        false => format!(
            "the template wants `secret {name} {{ {} }}`",
            wanted.join(", ")
        ),
    };
    Err(Box::new(
        Diagnostic::new(
            codes::UNKNOWN_FIELD,
            value.span,
            format!("secret `{name}` does not have the fields that the template uses"),
        )
        .at("given here")
        .label(parameter.name.span, "asked for here")
        .help(help),
    ))
}

/// The text of a string without interpolation.
pub(super) fn literal(value: &Expr) -> Option<&str> {
    match &value.kind {
        ExprKind::String(parts) => match parts.as_slice() {
            [] => Some(""),
            [Part::Text(text, _)] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn fits(parameter: &Parameter<'_>, value: &Expr) -> Result<(), Box<Diagnostic>> {
    let kind = parameter.ty.text.as_str();
    if kind == "host" {
        return match literal(value).map(parse_host) {
            Some(Ok(_)) => Ok(()),
            Some(Err(help)) => Err(Box::new(
                Diagnostic::new(codes::BAD_URL, value.span, "this is not a host")
                    .at("given here")
                    .help(help),
            )),
            None => Err(Box::new(
                Diagnostic::new(
                    codes::SECRET_TO_COMPUTED_HOST,
                    value.span,
                    format!("host `{}` is not known before the run", parameter.name.text),
                )
                .at("a host is written as a text")
                .label(parameter.name.span, "declared as a host")
                .help("where secrets go must be written in the file: put the host in quotes"),
            )),
        };
    }
    let found = match &value.kind {
        ExprKind::String(_) => "string",
        ExprKind::Number(text) if text.contains(['.', 'e', 'E']) => "number",
        ExprKind::Number(_) => "int",
        ExprKind::Bool(_) => "bool",
        ExprKind::Duration(_) => "duration",
        ExprKind::List(_) => "list",
        ExprKind::Object(_) => "object",
        ExprKind::Null => "null",
        // What is computed has the type that the place in which it ends up asks for.
        _ if kind == "duration" => "expression",
        _ => return Ok(()),
    };
    if found == kind || (found == "int" && kind == "number") {
        return Ok(());
    }
    Err(Box::new(
        Diagnostic::new(
            codes::TYPE_MISMATCH,
            value.span,
            format!(
                "parameter `{}` is a {kind}, and this is {} {found}",
                parameter.name.text,
                if found.starts_with(['a', 'e', 'i', 'o']) {
                    "an"
                } else {
                    "a"
                }
            ),
        )
        .at("given here")
        .label(parameter.ty.span, "declared here"),
    ))
}
