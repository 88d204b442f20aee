//! `rot vault get`: prints a value in clear. It exists to do that.

use super::args::GetArgs;
use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use crate::vault::StoredValue;
use zeroize::Zeroizing;

pub(super) fn run(cx: &Ctx, args: &GetArgs) -> Result<Output> {
    let vault = cx.open()?;
    let name = &args.name;
    let entry = vault.doc().entry(name)?;
    let (wanted, version) = match args.version.as_deref() {
        None | Some("current") => ("current", entry.current_version()),
        Some("previous") => ("previous", entry.previous_version()),
        Some("pending") => ("pending", entry.pending_version()),
        Some(id) => (id, entry.version(id)),
    };
    let Some(version) = version else {
        return Err(missing(format!(
            "secret `{name}` has no version `{}`",
            wanted.printable()
        ))
        .help(format!("`rot vault history {name}` lists its versions")));
    };
    let Some(value) = &version.value else {
        return Err(missing(format!(
            "the value of version `{}` of secret `{name}` was pruned",
            version.id
        )));
    };
    let part = value
        .part(args.field.as_deref())
        .ok_or_else(|| match (value, &args.field) {
            (StoredValue::Single(_), _) => usage(format!(
                "secret `{name}` is a single value and has no fields"
            ))
            .help("leave `--field` away"),
            (StoredValue::Fields(_), None) => usage(format!("secret `{name}` is a record")).help(
                format!("name a field with `--field`: {}", entry.fields.join(", ")),
            ),
            (StoredValue::Fields(_), Some(field)) => missing(format!(
                "secret `{name}` has no field `{}`",
                field.printable()
            ))
            .help(format!("its fields are {}", entry.fields.join(", "))),
        })?;
    let mut stdout = Zeroizing::new(Vec::with_capacity(part.len() + 1));
    stdout.extend_from_slice(part.expose());
    if !args.no_newline {
        stdout.push(b'\n');
    }
    let expired = version.is_expired(cx.world.clock.now());
    let mut output = Output::new(&vault);
    output.stdout = stdout;
    Ok(if expired {
        output.note(format!("version {} of `{name}` has expired", version.id))
    } else {
        output
    })
}

fn missing(message: String) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_NO_SUCH_SECRET, message)
}

fn usage(message: String) -> Error {
    Error::plain(Failure::Usage, codes::USAGE, message)
}
