//! `rot identity`: the key that opens a vault, and its public half, which others add to theirs.

use super::args::IdentityCommand;
use super::context::Context;
use super::vault::make_identity;
use super::{environment, paths};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::crypt::Identity;
use crate::vault::{Paths, identity};
use crate::world::World;

/// Runs the command.
pub fn run(command: IdentityCommand, context: &Context) -> Result<()> {
    let config = context.config()?;
    let world = environment::world(context, &config)?;
    let paths = paths::resolve_anew(context, &config, &world)?.paths;
    if let IdentityCommand::New = command {
        make(&world, &paths, context)?;
    }
    let keys = public(&world, &paths)?;
    context.out.stdout(&format!("{}\n", keys.join("\n")));
    if let IdentityCommand::New = command {
        invite(context, &keys);
    }
    Ok(())
}

/// What somebody else has to do.
pub fn invite(context: &Context, keys: &[String]) {
    for key in keys {
        context.out.info(&format!(
            "somebody who can open the vault lets you in: rot vault recipients add {key} --name YOU"
        ));
    }
}

/// Makes the identity of this command, where there is none.
fn make(world: &World, paths: &Paths, context: &Context) -> Result<()> {
    let [only] = paths.identities.as_slice() else {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            "several identities are named, and one can be made",
        )
        .help("name the one to make: `--identity PATH`"));
    };
    if !world.fs.stat(only).is_ok_and(|stat| stat.is_none()) {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!("there is something at {} already", only.display()),
        )
        .note("an identity is never overwritten")
        .help("`rot identity show` prints its public key; `--identity PATH` names another place"));
    }
    make_identity(world, only)?;
    context
        .out
        .info(&format!("made the identity {}", only.display()));
    context
        .out
        .info("keep a copy of it in a safe place: without it you cannot open what is sealed to it");
    Ok(())
}

/// The public keys of the identities at hand.
///
/// # Errors
/// ROT813 to ROT815.
pub fn public(world: &World, paths: &Paths) -> Result<Vec<String>> {
    let all = identity::load_all(world, &paths.identities)?;
    Ok(all.iter().filter_map(Identity::recipient).collect())
}
