//! Usage errors in our own words. clap prints a wrong argument back, up to three times; it may be a secret that
//! somebody put in the wrong place, and CI logs keep what is printed.

use super::args::Cli;
use crate::diagnostic::{Error, Failure, codes, nearest};
use crate::report::Format;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;

/// What the arguments ask for.
pub enum Parsed {
    /// A command.
    Command(Box<Cli>),
    /// `--help`, `--version`, `help TOPIC`: the text for standard output.
    Text(String),
    /// Nothing was asked for.
    Nothing,
}

/// Parses the arguments, the program's name first.
pub fn parse(arguments: &[OsString]) -> Result<Parsed, Error> {
    if arguments.len() <= 1 {
        return Ok(Parsed::Nothing);
    }
    if let [program, help, words @ ..] = arguments
        && help == "help"
    {
        return helped(program, words);
    }
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Parsed::Command(Box::new(cli))),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            Ok(Parsed::Text(error.render().to_string()))
        }
        Err(error) => Err(reword(&error, arguments)),
    }
}

/// `rot help`, `rot help TOPIC`, `rot help COMMAND`.
fn helped(program: &OsString, words: &[OsString]) -> Result<Parsed, Error> {
    let word = words.first().and_then(|w| w.to_str()).unwrap_or_default();
    if let (1, Some(page)) = (words.len(), super::topics::page(word)) {
        return Ok(Parsed::Text(page));
    }
    let command = Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(|c| c.get_name()).collect();
    if words.is_empty() || names.contains(&word) {
        let mut rewritten = vec![program.clone()];
        rewritten.extend(words.iter().cloned());
        rewritten.push("--help".into());
        return parse(&rewritten);
    }
    let near = super::topics::near(word).or_else(|| nearest(word, names.iter().copied()));
    let help = match near {
        Some(near) => format!("the nearest is `{near}`"),
        None => "`rot help topics` lists the topics, `rot --help` the commands".to_owned(),
    };
    let message = "this is neither a command nor a topic";
    Err(Error::plain(Failure::Usage, codes::USAGE, message).help(help))
}

/// Whether it is `rot vault set NAME` with one word too many.
fn takes_value(arguments: &[OsString]) -> bool {
    let words: Vec<&str> = arguments
        .iter()
        .skip(1)
        .filter_map(|word| word.to_str())
        .filter(|word| !word.starts_with('-'))
        .collect();
    words.windows(2).any(|pair| pair == ["vault", "set"])
}

fn reword(error: &clap::Error, arguments: &[OsString]) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(ContextValue::StyledStr(text)) => Some(text.to_string()),
        Some(ContextValue::StyledStrs(texts)) => Some(
            texts
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        _ => None,
    };
    // Names of our own options; an unknown argument is never shown.
    let option = text(ContextKind::InvalidArg).unwrap_or_default();
    let nth = |kind| match text(kind).and_then(|t| position(arguments, &t)) {
        Some(nth) => format!("argument {nth}"),
        None => "an argument".to_owned(),
    };
    let near = text(ContextKind::SuggestedArg);
    let ours = (error.kind() == ErrorKind::UnknownArgument)
        .then(|| elsewhere(&option, arguments))
        .flatten();
    if error.kind() == ErrorKind::UnknownArgument && takes_value(arguments) {
        let message = format!(
            "{}: a value is never an argument",
            nth(ContextKind::InvalidArg)
        );
        return Error::plain(Failure::Usage, codes::USAGE, message)
            .note("every process of this machine can see arguments, and the shell keeps them in its history; if it was the value, take it for known")
            .help("pipe it in (`pass show x | rot vault set NAME`), or type it at the hidden prompt: `rot vault set NAME`");
    }
    let message = match error.kind() {
        ErrorKind::UnknownArgument => match (near.or_else(|| ours.clone()), misspelt(&option)) {
            // What is nearly one of our own options, or an option of many programs, is no secret.
            (Some(_), Some(flag)) => format!("`{flag}` is not an option here"),
            _ => format!("{} is not expected here", nth(ContextKind::InvalidArg)),
        },
        ErrorKind::InvalidSubcommand => {
            format!("{} is not a command", nth(ContextKind::InvalidSubcommand))
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue).is_none_or(|v| v.is_empty()) => {
            format!("a value is missing for `{option}`")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("this is not a value for `{option}`")
        }
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("`{option}` has the wrong number of values")
        }
        ErrorKind::TooManyValues => format!("`{option}` has too many values"),
        ErrorKind::MissingRequiredArgument => format!("missing: {option}"),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "no command was given".to_owned()
        }
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_default();
            if other.is_empty() || other == option {
                format!("`{option}` can be given once only")
            } else {
                format!("`{option}` and `{other}` exclude each other")
            }
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => "the arguments do not make sense".to_owned(),
    };
    let suggested = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(text);
    let reason = std::error::Error::source(error).map(ToString::to_string);
    let valid = text(ContextKind::ValidValue).filter(|v| !v.is_empty());
    let help = match (reason, ours.or(suggested), valid) {
        // Only our own value parsers have a reason, and they do not quote the value.
        (Some(reason), ..) if error.kind() == ErrorKind::ValueValidation => reason,
        (_, Some(near), _) => format!("the nearest is `{near}`"),
        (_, _, Some(valid)) => format!("possible values: {valid}"),
        _ => usage(arguments),
    };
    Error::plain(Failure::Usage, codes::USAGE, message).help(help)
}

/// Options as other programs call them, and ours that do the same.
const ELSEWHERE: [(&[&str], &str); 6] = [
    (
        &["--format", "--output-format", "--output", "--reporter"],
        "--report",
    ),
    (
        &["--fail-level", "--level", "--min-severity", "--severity"],
        "--fail-on",
    ),
    (&["--env", "--profile"], "--environment"),
    (&["--key", "--key-file", "--identity-file"], "--identity"),
    (&["--vault-file"], "--vault"),
    (&["--config-file"], "--config"),
];

/// What somebody means who knows an option from another program: `--report json` for `--format json` or `--json`.
fn elsewhere(option: &str, arguments: &[OsString]) -> Option<String> {
    let name = misspelt(option)?;
    let (command, flags) = command_of(arguments);
    if name == "--dry-run" && command == "run" {
        return Some("rot plan".to_owned());
    }
    let format = |word: &str| Format::ALL.iter().map(|(f, _)| *f).find(|f| *f == word);
    let known = ELSEWHERE.iter().find(|(names, _)| names.contains(&name));
    let (ours, format) = match known {
        Some((_, ours)) => (*ours, value_of(name, arguments).and_then(format)),
        None => ("--report", Some(format(name.strip_prefix("--")?)?)),
    };
    let given = flags.iter().any(|flag| flag == ours);
    given.then(|| match format {
        Some(word) if ours == "--report" => format!("--report {word}"),
        _ => ours.to_owned(),
    })
}

/// The command that is called, and the options that it takes.
fn command_of(arguments: &[OsString]) -> (String, Vec<String>) {
    let mut root = Cli::command();
    root.build();
    let (mut command, mut path) = (&root, Vec::new());
    for word in arguments.iter().skip(1).filter_map(|a| a.to_str()) {
        if let Some(inner) = command.get_subcommands().find(|c| c.get_name() == word) {
            path.push(word);
            command = inner;
        }
    }
    let flags = command.get_arguments().filter_map(|a| a.get_long());
    (path.join(" "), flags.map(|f| format!("--{f}")).collect())
}

/// The value of an option: `--format json`, `--format=json`.
fn value_of<'a>(name: &str, arguments: &'a [OsString]) -> Option<&'a str> {
    let mut words = arguments.iter().filter_map(|a| a.to_str());
    let own = words.find(|word| word.split('=').next() == Some(name))?;
    match own.split_once('=') {
        Some((_, value)) => Some(value),
        None => words.next(),
    }
}

/// The name of an option without its value, if it looks like one of ours.
fn misspelt(argument: &str) -> Option<&str> {
    let name = argument.split(['=', ' ']).next()?;
    let letters = name.strip_prefix("--")?;
    (letters.len() <= 24 && letters.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        .then_some(name)
}

/// Which argument it is, counted from 1 behind the program's name. clap may give an option without its value.
fn position(arguments: &[OsString], text: &str) -> Option<usize> {
    arguments
        .iter()
        .skip(1)
        .position(|a| {
            a.to_str()
                .is_some_and(|a| a == text || a.split('=').next() == Some(text))
        })
        .map(|i| i + 1)
}

fn usage(arguments: &[OsString]) -> String {
    let mut root = Cli::command();
    root.build();
    let given = arguments.iter().skip(1).filter_map(|a| a.to_str());
    let names: Vec<String> = root
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    let command = given
        .into_iter()
        .find_map(|a| names.iter().find(|n| *n == a));
    match command {
        Some(name) => format!("`rot {name} --help` shows what it takes"),
        None => format!(
            "the commands are {}; `rot --help` shows more",
            names.join(", ")
        ),
    }
}
