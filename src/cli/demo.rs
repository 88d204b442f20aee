//! `rot demo`: the main job on a scratch project, against a token issuer on this machine.
//!
//! Everything is real: a new identity and vault, the README's rotation (only its host is the issuer's), the checker, the
//! interpreter, HTTP over loopback. Every value goes through the same sink as elsewhere.

use super::args::DemoArgs;
use super::config::Config;
use super::context::Context;
use super::vault::Ctx;
use super::vault::args::{InitArgs, ListArgs, VaultArgs, VaultCommand};
use super::watch::Watch;
use super::{files, load, process, run, runreport, vault};
use crate::demo::issuer::{Config as IssuerConfig, Issuer, IssuerHandle};
use crate::diagnostic::{Error, Failure, Result, Severity, codes};
use crate::plan::document;
use crate::report::findings::counted;
use crate::run::Job;
use crate::source::SourceFile;
use crate::vault::{NewVersion, Paths, Secret, StoredValue, Vault};
use crate::world::World;
use crate::world::http::{Attempt, Limits, Request};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The README's rotation.
const ROTATION: &str = include_str!("../../examples/update_token.rot");
/// The origin that the issuer stands in for.
const ORIGIN: &str = "https://conductor-server.orkesconductor.io";
const HOST: &str = "conductor-server.orkesconductor.io";
const TOKEN: &str = "my_secret_holding_a_token";

/// Runs the command.
pub fn run(args: &DemoArgs, context: &Context) -> Result<()> {
    if let Some(port) = args.serve {
        return super::practice::serve(port, context);
    }
    let dir = folder(args, context)?;
    let world = World::real();
    let issuer = issuer()?;
    let say = |line: &str| context.out.info(line);
    say(&format!(
        "A scratch project in {}, and a token issuer on {}.",
        shown(&dir, context),
        issuer.base_url
    ));

    let paths = Paths {
        vault: dir.join("rot.vault"),
        identities: vec![dir.join("identity.txt")],
        state: dir.join("state"),
        lock_wait: super::paths::LOCK_WAIT,
    };
    say("\n$ rot vault init");
    let cx = Ctx::new(world.clone(), paths);
    let paths = &cx.paths;
    vault_command(
        &cx,
        VaultCommand::Init(InitArgs {
            recipients: Vec::new(),
            anew: false,
        }),
        context,
    )?;
    let store = RefCell::new(Vault::open(&world, paths)?);
    let (id, secret) = issuer.state().config.application.clone();
    for (name, value) in [("appKeyId", id), ("appKeySecret", secret)] {
        say(&format!("$ … | rot vault set {name}"));
        let value = Secret::new(value.into_bytes());
        context.out.redactor().register(&value);
        put(&world, &store, name, value)?;
    }

    let text = ROTATION
        .replace(ORIGIN, &issuer.base_url)
        .replace(HOST, "127.0.0.1");
    let file = dir.join("update_token.rot");
    write(&file, &text)?;
    say(&format!("\n$ cat {}", shown(&file, context)));
    context.out.stdout(&text);

    say(&format!("\n$ rot check {}", shown(&file, context)));
    let loaded = load::analyse(
        &SourceFile::new(file.display().to_string(), text.as_str()),
        &Config::default(),
    );
    let errors = loaded
        .findings
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count();
    context.adopt(&loaded.sources);
    context.complain(&loaded.findings);
    say(&format!("checked 1 file: {}", counted(errors, "error")));
    if errors > 0 {
        return Err(Error {
            failure: Failure::Refused,
            diagnostics: Vec::new(),
        });
    }

    say(&format!("\n$ rot run {}", shown(&file, context)));
    let rotation = load::choose(&loaded.plan, None)?;
    let document = document::encode(&loaded.plan);
    let job = Job {
        plan: &loaded.plan,
        rotation,
        document: &document,
        inputs: Vec::new(),
        scheduled_at: None,
        source: Some(file.display().to_string()),
        certificates: Default::default(),
        lock_wait: paths.lock_wait,
    };
    let watch = Watch::new(&context.out, Some(&loaded.plan), true);
    let report = run::runtime()?.block_on(crate::run::run(&world, &store, &job, &watch))?;
    runreport::emit(context, &report, super::args::ResultFormat::Text)?;

    say("\n$ rot vault list");
    vault_command(
        &cx,
        VaultCommand::List(ListArgs {
            report: vault::args::Report::Text,
        }),
        context,
    )?;
    prove(&world, &store.borrow(), &issuer, context)?;
    say(&format!(
        "\nThe project stays in {}: look at it with\n  cd {} && rot status --vault rot.vault --identity identity.txt --state state",
        shown(&dir, context),
        shown(&dir, context)
    ));
    Ok(())
}

fn vault_command(cx: &Ctx, command: VaultCommand, context: &Context) -> Result<()> {
    let output = vault::run(cx, &VaultArgs { command })?;
    output.tell(context);
    context.out.stdout(&String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// Asks the issuer whether it knows the token that now stands in the vault.
fn prove(world: &World, vault: &Vault, issuer: &IssuerHandle, context: &Context) -> Result<()> {
    let stored = vault
        .doc()
        .get(TOKEN)
        .and_then(|e| e.current_version())
        .and_then(|v| v.value.as_ref())
        .and_then(|v| v.part(None).cloned());
    let Some(token) = stored else {
        return Err(Error::plain(
            Failure::Internal,
            codes::INTERNAL,
            "the demo stored no token",
        ));
    };
    let request = Request {
        method: "GET".into(),
        url: Zeroizing::new(format!("{}/api/ping", issuer.base_url)),
        headers: vec![(
            "X-Authorization".into(),
            Zeroizing::new(token.expose().to_vec()),
        )],
        body: None,
        secret: true,
        limits: Limits::default(),
    };
    let status = match run::runtime()?.block_on(world.http.call(&request)) {
        Attempt::Answered(answer) => answer.status,
        Attempt::NotSent(_) | Attempt::Unknown(..) => 0,
    };
    if status != 200 {
        return Err(Error::plain(
            Failure::Internal,
            codes::INTERNAL,
            format!("the issuer answered {status} to the stored token"),
        ));
    }
    context.out.info("\nThe issuer accepts the token that is in the vault: GET /api/ping answered 200. No value was shown on the way.");
    Ok(())
}

/// A folder of its own: the named one, or `rot-demo`, `rot-demo-2`, … whichever is not there yet.
fn folder(args: &DemoArgs, context: &Context) -> Result<PathBuf> {
    let failed = |dir: &Path, e: std::io::Error| {
        Error::plain(
            Failure::Usage,
            codes::STORAGE_FAILED,
            format!(
                "cannot make `{}`: {}",
                dir.display(),
                crate::diagnostic::why(&e)
            ),
        )
        .help("name another folder: `rot demo DIR`")
    };
    if let Some(dir) = &args.dir {
        let dir = context.cwd.join(dir);
        if dir.join("rot.vault").exists() {
            return Err(Error::plain(
                Failure::Usage,
                codes::VAULT_EXISTS,
                format!(
                    "`{}` has a vault already; the demo overwrites nothing",
                    dir.display()
                ),
            )
            .help("name a folder that is not there yet"));
        }
        files::create_dir(&dir).map_err(|e| failed(&dir, e))?;
        return Ok(dir);
    }
    let free = (1..1000)
        .map(|n| {
            context.cwd.join(if n == 1 {
                "rot-demo".to_owned()
            } else {
                format!("rot-demo-{n}")
            })
        })
        .find(|d| !d.exists());
    let dir = free.unwrap_or_else(|| context.cwd.join("rot-demo-new"));
    files::create_dir(&dir).map_err(|e| failed(&dir, e))?;
    Ok(dir)
}

fn issuer() -> Result<IssuerHandle> {
    Issuer::spawn(IssuerConfig::default()).map_err(|_| {
        Error::plain(
            Failure::BeforeEffect,
            codes::INTERNAL,
            "the demo's issuer could not listen on 127.0.0.1",
        )
        .help("is the loopback interface up?")
    })
}

fn put(world: &World, vault: &RefCell<Vault>, name: &str, value: Secret) -> Result<()> {
    let id = crate::run::ids::run_id(world).map_err(|_| {
        Error::plain(
            Failure::BeforeEffect,
            codes::INTERNAL,
            "the system has no randomness",
        )
    })?;
    let version = NewVersion {
        id,
        value: StoredValue::Single(value),
        expires_at: None,
        run: None,
        rotation: None,
        created_at: world.clock.now(),
    };
    vault
        .borrow_mut()
        .commit(|doc| doc.put_current(name, version))
}

fn write(path: &Path, text: &str) -> Result<()> {
    files::create(path, text, process::public_mode()).map_err(|e| {
        Error::plain(
            Failure::Usage,
            codes::STORAGE_FAILED,
            format!(
                "cannot write `{}`: {}",
                path.display(),
                crate::diagnostic::why(&e)
            ),
        )
        .help("is the disk full?")
    })
}

fn shown(path: &Path, context: &Context) -> String {
    path.strip_prefix(&context.cwd)
        .unwrap_or(path)
        .display()
        .to_string()
}
