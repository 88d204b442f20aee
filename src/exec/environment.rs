//! Which variables the child gets.

use super::Given;
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use crate::vault::variable;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// The largest value of a variable that Linux takes, with its name (`MAX_ARG_STRLEN`), in bytes.
const MAX_VARIABLE: usize = 128 * 1024;

/// What passes with `--pure`, beside every `LC_*`.
const KEPT: [&str; 9] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TZ",
    "TERM",
    "COLORTERM",
];

/// What never passes: it speaks to `rot` and not to its child.
const OURS: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "CREDENTIALS_DIRECTORY",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];

/// Whether a name may be given to a secret.
pub fn is_refused(name: &str) -> bool {
    OURS.contains(&name) || variable::is_steering(name)
}

/// Refuses what the child could not be given, before anything is started.
///
/// # Errors
/// ROT812 for a name that is refused, that is none, or that two secrets share; for a value with a NUL byte or that is too long.
pub fn prove<'g>(given: impl Iterator<Item = &'g Given>, in_variables: bool) -> Result<()> {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for one in given {
        let Given {
            name,
            variable,
            value,
        } = one;
        if !variable::is_valid(variable) {
            return Err(unfit(format!(
                "secret `{name}` is to go into `{}`, which is no name of a variable",
                variable.printable()
            ))
            .help("a name is made of letters, digits and `_`, and does not begin with a digit"));
        }
        if is_refused(variable) {
            return Err(unfit(format!(
                "secret `{name}` would become `{variable}`, which decides what programs run or load"
            ))
            .help(format!(
                "give it another name: `--secret {name}=MY_{variable}`"
            )));
        }
        if let Some(other) = taken.insert(variable, name) {
            return Err(unfit(format!(
                "`{other}` and `{name}` would both become `{variable}`"
            ))
            .help(format!("give one another name: `--secret {name}=OTHER`")));
        }
        if !in_variables {
            continue;
        }
        if value.expose().contains(&0) {
            return Err(unfit(format!(
                "secret `{name}` has a NUL byte, which no variable can hold"
            ))
            .help(format!("give it as a file: `--file {name}={variable}`")));
        }
        if value.len() + variable.len() + 2 > MAX_VARIABLE {
            return Err(unfit(format!(
                "secret `{name}` is longer than the 128 KiB that a variable can hold"
            ))
            .help(format!("give it as a file: `--file {name}={variable}`")));
        }
    }
    Ok(())
}

fn unfit(message: String) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_BAD_VALUE, message)
}

/// The variables of this process that the child gets, in the order of their names. `pure` names those that are kept beside
/// the fixed list.
pub fn passed_on(
    own: impl Iterator<Item = (OsString, OsString)>,
    pure: Option<&[String]>,
) -> BTreeMap<OsString, OsString> {
    own.filter(|(name, _)| {
        let Some(name) = name.to_str() else {
            return pure.is_none();
        };
        if name.starts_with("ROT_") || OURS.contains(&name) {
            return false;
        }
        match pure {
            None => true,
            Some(more) => {
                KEPT.contains(&name)
                    || name.starts_with("LC_")
                    || more.iter().any(|kept| kept == name)
            }
        }
    })
    .collect()
}
