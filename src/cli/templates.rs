//! `rot templates`: the library that is part of the program, and files made from it.

use super::args::{TemplatesArgs, TemplatesCommand};
use super::config::Config;
use super::context::Context;
use super::process::public_mode;
use super::{files, load};
use crate::diagnostic::{Error, Failure, Printable, Result, Severity, codes, nearest};
use crate::plan::write::{quoted, secret_name};
use crate::source::{FileId, SourceFile};
use crate::syntax::ast::{Entry, Item, Name, Template};
use crate::syntax::{self, ast::Expr};
use crate::templates::{ALL, Library};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What stands for a host that nobody said.
const PLACEHOLDER: &str = "HOST.example.com";

/// Runs the command.
///
/// # Errors
/// Exit code 2 for a name that is not in the library, or a file that cannot be written.
pub fn run(args: &TemplatesArgs, context: &Context) -> Result<()> {
    match &args.command {
        None => {
            let width = ALL.iter().map(|one| one.name.len()).max().unwrap_or(0);
            let lines: Vec<String> = ALL
                .iter()
                .map(|one| {
                    let known = Known::of(one);
                    format!("{:width$}  {}\n", one.name, known.fact("summary"))
                })
                .collect();
            context.out.stdout(&lines.concat());
            context
                .out
                .info("`rot templates show NAME` shows one, `rot init --template NAME` makes a rotation from it");
            Ok(())
        }
        Some(TemplatesCommand::Show { name }) => {
            context.out.stdout(&page(find(name)?));
            Ok(())
        }
        Some(TemplatesCommand::Copy { name, to }) => {
            let library = find(name)?;
            let path = to
                .clone()
                .unwrap_or_else(|| PathBuf::from(format!("{}.rot", library.name)));
            write(&path, library.text)?;
            let shown = path.display();
            context.out.info(&format!(
                "made {shown}; `use \"./{shown}\"` takes the place of `use \"std:{}@{}\"`",
                library.name, library.version
            ));
            Ok(())
        }
    }
}

/// A template of the library, by its name with or without `std:` and version.
fn find(name: &str) -> Result<&'static Library> {
    let bare = name.strip_prefix("std:").unwrap_or(name);
    let bare = bare.split('@').next().unwrap_or(bare);
    ALL.iter().find(|one| one.name == bare).ok_or_else(|| {
        let error = Error::plain(
            Failure::Usage,
            codes::USAGE,
            "the library has no template of this name",
        );
        match nearest(bare, ALL.iter().map(|one| one.name)) {
            Some(near) => error.help(format!("a name that is close: `{near}`")),
            None => error.help("`rot templates` lists all of them"),
        }
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    let shown = path.display();
    files::create_dir(&files::parent(path))
        .and_then(|()| files::create(path, text, public_mode()))
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => is_there(path),
            kind => Error::plain(
                Failure::Usage,
                codes::STORAGE_FAILED,
                format!("cannot make `{shown}`: {kind}"),
            ),
        })
}

fn is_there(path: &Path) -> Error {
    Error::plain(
        Failure::Usage,
        codes::USAGE,
        format!(
            "`{}` is there already, and nothing is overwritten",
            path.display()
        ),
    )
    .help("name another file, or move that one away")
}

/// A template of the library as its source says it.
struct Known {
    template: Option<Template>,
    source: SourceFile,
}

/// One parameter.
struct Parameter<'a> {
    name: &'a Name,
    ty: &'a str,
    fields: &'a [Name],
    default: Option<&'a Expr>,
}

impl Known {
    fn of(library: &Library) -> Self {
        let source = SourceFile::new(library.name, library.text);
        let (tree, _) = syntax::parse(FileId::new(0), &source);
        let template = tree.items.into_iter().find_map(|item| match item {
            Item::Template(template) => Some(template),
            _ => None,
        });
        Self { template, source }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.template.iter().flat_map(|template| &template.body)
    }

    /// What `about` says of a word; empty where it says nothing.
    fn fact(&self, word: &str) -> String {
        self.entries()
            .find_map(|entry| match entry {
                Entry::About { facts, .. } => facts.iter().find(|(w, _)| w.text == word),
                _ => None,
            })
            .map_or_else(String::new, |(_, text)| text.text.clone())
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        self.entries()
            .filter_map(|entry| match entry {
                Entry::Parameter {
                    names,
                    ty,
                    fields,
                    default,
                    ..
                } => Some(names.iter().map(move |name| Parameter {
                    name,
                    ty: &ty.text,
                    fields,
                    default: default.as_ref(),
                })),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Whether the current value of a secret is read.
    fn reads(&self, role: &str) -> bool {
        let wanted = format!("secrets.{role}");
        self.source.text().match_indices(&wanted).any(|(at, _)| {
            let rest = self.source.text().get(at + wanted.len()..).unwrap_or("");
            !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        })
    }

    /// The schedule that it comes with, as written.
    fn schedule(&self) -> Option<&str> {
        self.entries().find_map(|entry| match entry {
            Entry::Every { span, .. } | Entry::Cron { span, .. } => self
                .source
                .text()
                .get(span.start as usize..span.end as usize),
            _ => None,
        })
    }

    /// How a default is written.
    fn written(&self, value: &Expr) -> &str {
        self.source
            .text()
            .get(value.span.start as usize..value.span.end as usize)
            .unwrap_or("")
    }
}

/// The page of a template: facts, parameters, source.
pub fn page(library: &Library) -> String {
    use std::fmt::Write;
    let known = Known::of(library);
    let mut text = format!("{}: {}\n\n", library.name, known.fact("summary"));
    for (word, title) in [
        ("source", "by"),
        ("needs", "needs"),
        ("lag", "in force after"),
    ] {
        let _ = writeln!(text, "{title:>14}  {}", known.fact(word));
    }
    text.push_str("\nparameters:\n");
    for parameter in known.parameters() {
        let fields = match parameter.fields {
            [] => String::new(),
            fields => format!(
                " {{ {} }}",
                fields
                    .iter()
                    .map(|f| f.text.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let default = parameter
            .default
            .map_or_else(String::new, |d| format!(" = {}", known.written(d)));
        let _ = writeln!(
            text,
            "  {}: {}{fields}{default}",
            parameter.name.text, parameter.ty
        );
    }
    let _ = write!(text, "\n{}", library.text);
    text
}

/// A secret of a rotation that was made from a template.
pub struct Needed {
    /// Its name.
    pub name: String,
    /// Its fields; none for a single value.
    pub fields: Vec<String>,
    /// Whether the rotation starts from its value; another one it makes itself.
    pub read: bool,
}

/// The text of a rotation made from a template, and the secrets that it needs. `given` holds what `--set` said.
///
/// # Errors
/// Exit code 2 for a template or a parameter that is not known.
pub fn instance(name: &str, given: &[(String, String)]) -> Result<(String, String, Vec<Needed>)> {
    let library = find(name)?;
    let known = Known::of(library);
    let parameters = known.parameters();
    let mut given: BTreeMap<&str, &str> = given
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let rotation = given.remove("name").unwrap_or(library.name).to_owned();
    // It becomes the name of a file too.
    if !crate::plan::name::is_identifier(&rotation) || rotation.starts_with('_') {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!("`{}` is no name for a rotation", rotation.printable()),
        )
        .help("letters, digits, `_` and `-`, with a letter in front"));
    }
    let prefix = rotation.replace('-', "_");
    let mut arguments = String::new();
    let mut secrets: Vec<Needed> = Vec::new();
    for parameter in &parameters {
        let key = parameter.name.text.as_str();
        let value = given.remove(key);
        if parameter.ty == "secret" {
            let secret = value.map_or_else(|| format!("{prefix}_{key}"), str::to_owned);
            let fields = parameter.fields.iter().map(|f| f.text.clone()).collect();
            // A bare name, where it can stand alone as a value.
            let bare = crate::plan::name::is_identifier(&secret) && !syntax::is_keyword(&secret);
            let shown = if bare {
                secret.clone()
            } else {
                quoted(&secret)
            };
            arguments.push_str(&format!("    {key}: {shown}\n"));
            secrets.push(Needed {
                name: secret,
                fields,
                read: known.reads(key),
            });
            continue;
        }
        let written = match (value, parameter.default) {
            (Some(value), _) if matches!(parameter.ty, "host" | "string") => quoted(value),
            (Some(value), _) => value.to_owned(),
            (None, Some(_)) => continue,
            (None, None) if parameter.ty == "host" => quoted(PLACEHOLDER),
            (None, None) if parameter.ty == "list" => {
                let word = key.to_uppercase();
                format!(
                    "[{}, {}]",
                    quoted(&format!("{word}_A")),
                    quoted(&format!("{word}_B"))
                )
            }
            (None, None) => quoted(&key.to_uppercase()),
        };
        arguments.push_str(&format!("    {key}: {written}\n"));
    }
    if let Some(unknown) = given.keys().next() {
        let names: Vec<&str> = parameters.iter().map(|p| p.name.text.as_str()).collect();
        let error = Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!(
                "template `{}` has no parameter `{}`",
                library.name,
                unknown.printable()
            ),
        );
        return Err(match nearest(unknown, names.iter().copied()) {
            Some(near) => error.help(format!("a name that is close: `{near}`")),
            None => error.help(format!("it has name, {}", names.join(", "))),
        });
    }
    let mut text = format!("use \"std:{}@{}\"\n\n", library.name, library.version);
    for Needed {
        name: secret,
        fields,
        ..
    } in &secrets
    {
        let shown = secret_name(secret);
        match fields.is_empty() {
            true => text.push_str(&format!("secret {shown}\n")),
            false => text.push_str(&format!("secret {shown} {{ {} }}\n", fields.join(", "))),
        }
    }
    text.push_str(&format!(
        "\nrotation {rotation} from {} {{\n  with {{\n{arguments}  }}\n  {}\n}}\n",
        library.name,
        known.schedule().unwrap_or("every 30d jitter 1h")
    ));
    let source = SourceFile::new(format!("{rotation}.rot"), text.as_str());
    let (tree, _) = syntax::parse(FileId::new(0), &source);
    Ok((rotation, syntax::print(&tree, &source), secrets))
}

/// A rotation that is made from a template, before anything is written.
pub struct Made {
    path: PathBuf,
    text: String,
    secrets: Vec<Needed>,
    /// What stands in it for something that nobody said.
    placeholders: Vec<String>,
}

/// Makes a rotation from a template for the folder `dir`, and proves that it can be written and what it says holds.
///
/// # Errors
/// Exit code 2 for a template or a parameter that is not known, a value that does not check, and a file that is there already.
pub fn make(dir: &Path, name: &str, given: &[(String, String)]) -> Result<Made> {
    let (rotation, text, secrets) = instance(name, given)?;
    let path = dir.join("rotations").join(format!("{rotation}.rot"));
    if path.symlink_metadata().is_ok() {
        return Err(is_there(&path));
    }
    let file = SourceFile::new(format!("{rotation}.rot"), text.as_str());
    let findings = load::analyse(&file, &Config::default()).findings;
    if let Some(first) = findings.iter().find(|d| d.severity == Severity::Error) {
        let error = Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!("the rotation would not pass `rot check`: {}", first.message),
        )
        .note("nothing was written");
        let said = given.iter().map(|(key, _)| format!("`--set {key}=…`"));
        let said: Vec<String> = said.collect();
        return Err(match said.is_empty() {
            true => error.help(format!("`rot templates show {name}` has the parameters")),
            false => error.help(format!(
                "look at {}; `rot templates show {name}` says what each parameter is",
                said.join(", ")
            )),
        });
    }
    let placeholders = text
        .match_indices(PLACEHOLDER)
        .next()
        .map(|_| PLACEHOLDER.to_owned());
    Ok(Made {
        path,
        text,
        secrets,
        placeholders: placeholders.into_iter().collect(),
    })
}

impl Made {
    /// Writes the file and says what to type next.
    ///
    /// # Errors
    /// Exit code 2 when it cannot be written.
    pub fn write(&self, context: &Context) -> Result<()> {
        write(&self.path, &self.text)?;
        let shown = self.path.strip_prefix(".").unwrap_or(&self.path).display();
        context.out.info(&format!("made {shown}"));
        for placeholder in &self.placeholders {
            context.out.info(&format!(
                "warning: no host was given: {shown} says `{placeholder}`, which is yours to replace (`--set host=…`)"
            ));
        }
        let commands: Vec<String> = self
            .secrets
            .iter()
            .filter(|secret| secret.read)
            .flat_map(|secret| match secret.fields.is_empty() {
                true => vec![format!("rot vault set {}", secret.name)],
                false => secret
                    .fields
                    .iter()
                    .map(|field| format!("rot vault set {} --field {field}", secret.name))
                    .collect(),
            })
            .collect();
        context.out.info(&format!(
            "next: `rot check {shown}`, then what the rotation starts from:\n  {}",
            commands.join("\n  ")
        ));
        Ok(())
    }
}
