//! `rot vault export`: current values in clear, for other programs.

use super::args::ExportArgs;
use super::{Ctx, Output};
use crate::diagnostic::Result;
use crate::vault::export::{Manifest, export};

pub(super) fn run(cx: &Ctx, args: &ExportArgs) -> Result<Output> {
    let vault = cx.open()?;
    let stdout = export(
        vault.doc(),
        args.format.into(),
        &args.names,
        &Manifest {
            name: &args.manifest,
            namespace: args.namespace.as_deref(),
            kind: &args.kind,
            keys: &args.keys,
        },
        &args.prefix,
    )?;
    let mut output = Output::new(&vault);
    output.stdout = stdout;
    Ok(output)
}
