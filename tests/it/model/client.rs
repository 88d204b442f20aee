//! The two clients: fetch-then-store as a script does it, and the protocol that `rot` follows.

use super::explorer::Choices;
use super::world::{Broken, Class, Entry, Labels, Step, World};
use std::collections::BTreeSet;

/// Runs of the tool after which it must be idle.
const RUNS: usize = 12;

pub(super) type Client = fn(&mut World<'_>) -> Step<()>;

/// Fetch, then store: a shell script, or a plain workflow.
pub(super) fn naive(world: &mut World<'_>) -> Step<()> {
    let old = world.vault.current.clone();
    let new = match world.class {
        Class::Sets | Class::SetsSelf => {
            world.values += 1;
            let value = format!("n{}", world.values);
            let auth = (world.class == Class::SetsSelf).then(|| old.clone());
            world
                .http(|issuer| issuer.set(&value, auth.as_deref()))?
                .then_some(value)
        }
        class => {
            let auth = if class == Class::Additive {
                "root".to_owned()
            } else {
                old.clone()
            };
            world.http(|issuer| issuer.issue(&auth, None))?
        }
    };
    let Some(new) = new else {
        world.needs_operator = true;
        return Ok(());
    };
    let previous = if matches!(world.class, Class::Sets | Class::SetsSelf) {
        world.vault.previous.clone()
    } else {
        Some(old)
    };
    world.commit(Labels {
        current: new,
        previous,
        pending: world.vault.pending.clone(),
    })?;
    world.done = true;
    Ok(())
}

/// Intent, call, answer, stage, verify, promote, revoke, end: each written down before the next.
pub(super) fn journaled(world: &mut World<'_>) -> Step<()> {
    let without = |world: &World<'_>, broken: Broken| world.broken == Some(broken);
    if world.journal.contains(&Entry::End) {
        world.done = true;
        return Ok(());
    }
    let intent = |world: &World<'_>| {
        world.journal.iter().find_map(|e| {
            if let Entry::Intent { key, value, old } = e {
                Some((key.clone(), value.clone(), old.clone()))
            } else {
                None
            }
        })
    };
    if intent(world).is_none() || (without(world, Broken::VolatileIntent) && world.fresh) {
        world.fresh = false;
        world.journal.retain(|e| !matches!(e, Entry::Intent { .. }));
        world.values += 1;
        let entry = Entry::Intent {
            key: format!("key{}", world.values),
            value: format!("n{}", world.values),
            old: world.vault.current.clone(),
        };
        world.log(entry)?;
    }
    let (key, value, old) = intent(world).unwrap();
    let response = |world: &World<'_>| {
        world.journal.iter().find_map(|e| {
            if let Entry::Response(new) = e {
                Some(new.clone())
            } else {
                None
            }
        })
    };
    if response(world).is_none() {
        match obtain(world, &key, &value, &old)? {
            Some(new) => world.log(Entry::Response(new))?,
            None => {
                world.needs_operator = true;
                return Ok(());
            }
        }
    }
    let new = response(world).unwrap();
    if world.class == Class::Additive
        && without(world, Broken::RevokeFirst)
        && !world.journal.contains(&Entry::Revoked)
    {
        world.http(|issuer| issuer.revoke(&old))?;
        world.log(Entry::Revoked)?;
    }
    if world.vault.current != new {
        if world.vault.pending.as_ref() != Some(&new) {
            world.commit(Labels {
                pending: Some(new.clone()),
                ..world.vault.clone()
            })?;
        }
        if !world.http(|issuer| issuer.accepts(&new))? {
            world.needs_operator = true;
            return Ok(());
        }
        world.commit(Labels {
            current: new,
            previous: Some(world.vault.current.clone()),
            pending: None,
        })?;
    }
    if world.class == Class::Additive && !world.journal.contains(&Entry::Revoked) {
        if !world.journal.contains(&Entry::Revoking) {
            world.log(Entry::Revoking)?;
        }
        world.http(|issuer| issuer.revoke(&old))?;
        world.log(Entry::Revoked)?;
    }
    world.log(Entry::End)?;
    world.done = true;
    Ok(())
}

/// The call itself, by the rule of its class; `None` asks for a person.
fn obtain(world: &mut World<'_>, key: &str, value: &str, old: &str) -> Step<Option<String>> {
    match world.class {
        Class::Sets => {
            world.http(|issuer| issuer.set(value, None))?;
            return Ok(Some(value.to_owned()));
        }
        Class::SetsSelf => {
            // The pending value first, then the current one.
            let done = world.http(|issuer| issuer.accepts(value))?
                || world.http(|issuer| issuer.set(value, Some(old)))?;
            return Ok(done.then(|| value.to_owned()));
        }
        _ => {}
    }
    let sent = world.journal.contains(&Entry::Sent);
    if sent && world.class == Class::Replacing && !world.http(|issuer| issuer.accepts(old))? {
        return Ok(None);
    }
    if sent && world.class == Class::Additive && world.broken != Some(Broken::NoReaping) {
        let mut known = world.vault.all();
        known.insert(old.to_owned());
        let strays: BTreeSet<String> = world
            .http(|issuer| issuer.live.clone())?
            .difference(&known)
            .cloned()
            .collect();
        for stray in strays {
            world.http(|issuer| issuer.revoke(&stray))?;
        }
    }
    if world.broken != Some(Broken::NoSentMark) {
        world.log(Entry::Sent)?;
    }
    let auth = if world.class == Class::Additive {
        "root"
    } else {
        old
    };
    let key = (world.class == Class::Keyed).then_some(key);
    world.http(|issuer| issuer.issue(auth, key))
}

/// Runs a client until it is done or asks for a person; says how it ended.
pub(super) fn scenario(
    choices: &mut Choices,
    client: Client,
    class: Class,
    broken: Option<Broken>,
) -> String {
    let mut world = World::new(choices, class, broken);
    for _ in 0..RUNS {
        if world.done || world.needs_operator {
            break;
        }
        world.fresh = true;
        // A crash or a lost answer: cron runs the tool again.
        let _ended = client(&mut world);
    }
    let locked = !world.issuer.accepts(&world.vault.current);
    if world.needs_operator {
        return if locked {
            "stopped, operator told"
        } else {
            "stopped, operator told (still valid)"
        }
        .to_owned();
    }
    if !world.done {
        return "NOT FINISHED".to_owned();
    }
    if locked {
        return "SILENT LOCK-OUT".to_owned();
    }
    let mut known = world.vault.all();
    known.extend(world.journal.iter().filter_map(|e| {
        if let Entry::Response(new) = e {
            Some(new.clone())
        } else {
            None
        }
    }));
    let stray = world.issuer.live.difference(&known).next().is_some();
    format!(
        "ok{}{}",
        if stray { " + UNKNOWN ORPHAN" } else { "" },
        if world.down { " + DOWNTIME" } else { "" }
    )
}
