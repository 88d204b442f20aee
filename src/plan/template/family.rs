//! Families: one rotation over a list of names.
//!
//! `rotation NAME for each MEMBER in [ … ]` is replaced by one rotation for each member, `secret PREFIX/*` by one secret for each
//! member of the families that use it, before templates are. What is behind it knows rotations and secrets only: each member has
//! its own schedule, journal, lock and report, and every rule looks at each.

use super::arguments::{Bound, literal};
use super::substitute;
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::ast::{
    Ast, Deliver, Each, Expr, ExprKind, Family, Item, Member, Name, Part, Rotation, Secret,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What ends the name of a secret that each member has.
const EACH: &str = "/*";
/// Bytes of text that all members of a family may come to.
const LARGEST: usize = 32 << 20;

/// The member that a body is made for.
pub(super) struct Chosen<'a> {
    /// What it is called in the body.
    item: &'a str,
    member: &'a Entry<'a>,
    /// Names of secrets that each member has, without their end.
    declared: &'a HashSet<&'a str>,
    /// Those of them that the body names.
    used: &'a RefCell<BTreeSet<String>>,
}

/// One member as the list has it.
struct Entry<'a> {
    name: &'a str,
    /// What else is said of it.
    fields: &'a [Member],
    at: Span,
}

impl Chosen<'_> {
    /// `PREFIX/*` with the member in it.
    pub(super) fn secret(&self, name: &str) -> Option<String> {
        let prefix = name.strip_suffix(EACH)?;
        self.used.borrow_mut().insert(prefix.to_owned());
        Some(format!("{prefix}/{}", self.member.name))
    }

    /// The same where a text stands that may be something else.
    pub(super) fn secret_in_text(&self, text: &str) -> Option<String> {
        let prefix = text.strip_suffix(EACH)?;
        self.declared.contains(prefix).then(|| self.secret(text))?
    }

    /// What stands for the member, or for one of its fields.
    pub(super) fn value(&self, segments: &[Name], span: Span) -> Option<Expr> {
        let [first, rest @ ..] = segments else {
            return None;
        };
        if first.text != self.item {
            return None;
        }
        match rest {
            [] => Some(text(self.member.name, span)),
            [key] => {
                let found = self.member.fields.iter().find(|f| f.key.text == key.text);
                found.map(|field| field.value.clone())
            }
            _ => None,
        }
    }
}

fn text(text: &str, span: Span) -> Expr {
    Expr {
        kind: ExprKind::String(vec![Part::Text(text.to_owned(), span)]),
        span,
    }
}

/// Whether there is anything to replace in an item.
pub(super) fn is_concerned(item: &Item) -> bool {
    match item {
        Item::Rotation(rotation) => rotation.family.is_some(),
        Item::Secret(secret) => secret.names.iter().any(|(name, _)| prefix(name).is_some()),
        Item::Deliver(deliver) => prefix(&deliver.secret).is_some(),
        Item::Use(_) | Item::Env(_) | Item::Template(_) | Item::Target(_) | Item::Error(_) => false,
    }
}

fn prefix(name: &Name) -> Option<&str> {
    name.text.strip_suffix(EACH)
}

/// Trees without families.
pub(super) fn expand(trees: &[&Ast], diagnostics: &mut Vec<Diagnostic>) -> Vec<Ast> {
    let mut declared: HashSet<&str> = HashSet::new();
    let mut templates: HashMap<&str, usize> = HashMap::new();
    for item in trees.iter().flat_map(|tree| &tree.items) {
        match item {
            Item::Secret(secret) => {
                declared.extend(secret.names.iter().filter_map(|(name, _)| prefix(name)));
            }
            Item::Template(template) => {
                templates.insert(&template.name.text, length(template.span));
            }
            _ => {}
        }
    }
    // Which members a secret is declared for, in the order of the lists.
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut made: HashMap<(usize, usize), Vec<Item>> = HashMap::new();
    for (at, tree) in trees.iter().enumerate() {
        for (place, item) in tree.items.iter().enumerate() {
            let Item::Rotation(rotation) = item else {
                continue;
            };
            let Some(Family::Each(each)) = &rotation.family else {
                continue;
            };
            let used = RefCell::new(BTreeSet::new());
            let from = rotation
                .from
                .as_ref()
                .and_then(|from| templates.get(from.text.as_str()));
            let bytes = length(rotation.span).saturating_sub(length(each.span))
                + from.copied().unwrap_or_default();
            let list = list(each, bytes, diagnostics);
            let rotations = list
                .iter()
                .map(|member| one(rotation, each, member, &declared, &used));
            let mut items: Vec<Item> = rotations.collect();
            if items.is_empty() {
                // Its name stays known.
                items.push(Item::Error(rotation.span));
            }
            made.insert((at, place), items);
            for prefix in used.into_inner() {
                let known = members.entry(prefix).or_default();
                let mut seen: HashSet<String> = known.iter().cloned().collect();
                for member in &list {
                    if seen.insert(member.name.to_owned()) {
                        known.push(member.name.to_owned());
                    }
                }
            }
        }
    }
    let mut expanded = Vec::with_capacity(trees.len());
    for (at, tree) in trees.iter().enumerate() {
        let mut items = Vec::with_capacity(tree.items.len());
        for (place, item) in tree.items.iter().enumerate() {
            match item {
                Item::Secret(secret) => items.extend(secrets(secret, &members, diagnostics)),
                Item::Deliver(deliver) => items.extend(deliveries(deliver, &members)),
                item => match made.remove(&(at, place)) {
                    Some(rotations) => items.extend(rotations),
                    None => items.push(item.clone()),
                },
            }
        }
        expanded.push(Ast {
            file: tree.file,
            items,
            comments: tree.comments.clone(),
        });
    }
    expanded
}

fn length(span: Span) -> usize {
    span.end.saturating_sub(span.start) as usize
}

/// The members of a list; none where nothing can be made of it.
fn list<'a>(each: &'a Each, bytes: usize, diagnostics: &mut Vec<Diagnostic>) -> Vec<Entry<'a>> {
    let items = match &each.members.kind {
        ExprKind::List(items) => items.as_slice(),
        _ => &[],
    };
    if items.is_empty() {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                each.members.span,
                "a family without members",
            )
            .at("nothing stands in it")
            .help("name them: `for each tenant in [\"acme\", \"globex\"]`"),
        );
        return Vec::new();
    }
    if items.len().saturating_mul(bytes) > LARGEST {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                each.members.span,
                format!(
                    "{} members of {bytes} bytes each are more than {} MiB",
                    items.len(),
                    LARGEST >> 20
                ),
            )
            .at("too many for a rotation of this length")
            .help("put a part of the members into a file of its own"),
        );
        return Vec::new();
    }
    let mut seen: HashMap<&str, Span> = HashMap::new();
    let mut found: Vec<Entry<'a>> = Vec::with_capacity(items.len());
    for item in items {
        let (name, fields): (Option<(&str, Span)>, &[Member]) = match &item.kind {
            ExprKind::Object(members) => {
                let named = members.iter().find(|m| m.key.text == "name");
                let name = named.and_then(|m| Some((literal(&m.value)?, m.value.span)));
                (name, members)
            }
            _ => (literal(item).map(|name| (name, item.span)), &[]),
        };
        let Some((name, at)) = name else {
            diagnostics.push(
                Diagnostic::new(
                    codes::TYPE_MISMATCH,
                    item.span,
                    "a member is a name in quotes, or an object with a `name` in quotes",
                )
                .at("has no name that is known before the run")
                .help("where secrets are must be written in the file: `\"acme\"`, `{ name: \"acme\", host: \"acme.example.com\" }`"),
            );
            continue;
        };
        if name.contains('/') || !crate::plan::name::is_secret_name(name) {
            diagnostics.push(
                Diagnostic::new(
                    codes::BAD_NAME,
                    at,
                    format!("`{name}` cannot name a member"),
                )
                .at("not a valid name")
                .help("letters, digits, `_` and `-`, beginning with a letter or digit: it becomes part of the names of its secrets"),
            );
            continue;
        }
        if let Some(first) = seen.insert(name, at) {
            diagnostics.push(
                Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    at,
                    format!("member `{name}` is in the list twice"),
                )
                .at("again here")
                .label(first, "first here"),
            );
            continue;
        }
        if let Some(lacking) = lacking(found.first(), name, fields, item.span) {
            diagnostics.push(lacking);
            continue;
        }
        found.push(Entry {
            name,
            fields,
            at: item.span,
        });
    }
    found
}

/// What the first member says and another one does not, or the other way round: the body would mean something else for it.
fn lacking(
    first: Option<&Entry<'_>>,
    name: &str,
    fields: &[Member],
    at: Span,
) -> Option<Diagnostic> {
    let first = first?;
    let lacks = |these: &[Member], those: &[Member]| {
        let missing = those
            .iter()
            .find(|f| !these.iter().any(|own| own.key.text == f.key.text));
        missing.map(|field| field.key.text.clone())
    };
    let (who, field) = match (lacks(fields, first.fields), lacks(first.fields, fields)) {
        (Some(field), _) => (name, field),
        (None, Some(field)) => (first.name, field),
        (None, None) => return None,
    };
    let found = Diagnostic::new(
        codes::MISSING_REQUIRED,
        at,
        format!("member `{who}` has no `{field}`, which another one has"),
    );
    Some(
        found
            .at("all members say the same")
            .label(first.at, "the first one"),
    )
}

/// The rotation of one member.
fn one(
    rotation: &Rotation,
    each: &Each,
    member: &Entry<'_>,
    declared: &HashSet<&str>,
    used: &RefCell<BTreeSet<String>>,
) -> Item {
    let bound = Bound::of_member(Chosen {
        item: &each.item.text,
        member,
        declared,
        used,
    });
    let body = rotation.body.iter();
    Item::Rotation(Rotation {
        name: Name {
            text: format!("{}/{}", rotation.name.text, member.name),
            span: rotation.name.span,
        },
        from: rotation.from.clone(),
        family: Some(Family::Member {
            family: rotation.name.text.clone(),
            member: member.name.to_owned(),
        }),
        body: body.map(|e| substitute::entry(e, &bound)).collect(),
        span: rotation.span,
    })
}

/// The secrets that a declaration stands for.
fn secrets(
    secret: &Secret,
    members: &BTreeMap<String, Vec<String>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Item> {
    let mut names = Vec::with_capacity(secret.names.len());
    for (name, fields) in &secret.names {
        let Some(prefix) = prefix(name) else {
            names.push((name.clone(), fields.clone()));
            continue;
        };
        match members.get(prefix) {
            Some(members) => names.extend(members.iter().map(|member| {
                let text = format!("{prefix}/{member}");
                let span = name.span;
                (Name { text, span }, fields.clone())
            })),
            None => diagnostics.push(
                Diagnostic::new(
                    codes::UNUSED_SECRET,
                    name.span,
                    format!("no family uses secret `{}`", name.text),
                )
                .at("its members are not known")
                .help(format!(
                    "`rotation NAME for each MEMBER in [ … ]` that stores or reads `{}`",
                    name.text
                )),
            ),
        }
    }
    if names.is_empty() {
        return Vec::new();
    }
    vec![Item::Secret(Secret {
        names,
        to: secret.to.clone(),
        span: secret.span,
    })]
}

/// The deliveries that one stands for.
fn deliveries(deliver: &Deliver, members: &BTreeMap<String, Vec<String>>) -> Vec<Item> {
    let known = prefix(&deliver.secret).and_then(|p| Some((p, members.get(p)?)));
    let Some((prefix, members)) = known else {
        return vec![Item::Deliver(deliver.clone())];
    };
    let one = |member: &String| {
        Item::Deliver(Deliver {
            secret: Name {
                text: format!("{prefix}/{member}"),
                span: deliver.secret.span,
            },
            ..deliver.clone()
        })
    };
    members.iter().map(one).collect()
}

/// Says once what was found at the same place for several members: the text is one.
pub fn once(diagnostics: &mut Vec<Diagnostic>, trees: &[&Ast]) {
    let items: Vec<&Item> = trees.iter().flat_map(|tree| &tree.items).collect();
    let mut spans: Vec<Span> = Vec::new();
    let mut from: HashSet<&str> = HashSet::new();
    let mut members: HashSet<&str> = HashSet::new();
    for item in items.iter().filter(|item| is_concerned(item)) {
        spans.push(item.span());
        let Item::Rotation(rotation) = item else {
            continue;
        };
        from.extend(rotation.from.iter().map(|from| from.text.as_str()));
        let Some(Family::Each(each)) = &rotation.family else {
            continue;
        };
        // What is wrong with a member is wrong with it alone.
        members.extend(list(each, 0, &mut Vec::new()).iter().map(|m| m.name));
    }
    if spans.is_empty() {
        return;
    }
    for item in items {
        if let Item::Template(template) = item
            && from.contains(template.name.text.as_str())
        {
            spans.push(template.span);
        }
    }
    let mut first: HashMap<(&str, Span, String), usize> = HashMap::new();
    let mut kept: Vec<(Diagnostic, usize)> = Vec::with_capacity(diagnostics.len());
    for diagnostic in std::mem::take(diagnostics) {
        let span = diagnostic.span();
        if !spans.iter().any(|known| known.contains(span)) {
            kept.push((diagnostic, 0));
            continue;
        }
        let key = (
            diagnostic.code.id(),
            span,
            without(&diagnostic.message, &members),
        );
        match first.get(&key).and_then(|at| kept.get_mut(*at)) {
            Some((_, others)) => *others += 1,
            None => {
                first.insert(key, kept.len());
                kept.push((diagnostic, 0));
            }
        }
    }
    let said = |(diagnostic, others): (Diagnostic, usize)| match others {
        0 => diagnostic,
        1 => diagnostic.note("the same for another member"),
        others => diagnostic.note(format!("the same for {others} other members")),
    };
    diagnostics.extend(kept.into_iter().map(said));
}

/// A message with `*` for each member that it names.
fn without(message: &str, members: &HashSet<&str>) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(inner) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|c| !inner(c)).unwrap_or(word.len());
        let (word, behind) = word.split_at(end);
        out.push_str(before);
        out.push_str(if members.contains(word) { "*" } else { word });
        rest = behind;
    }
    out + rest
}
