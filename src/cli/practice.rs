//! `rot demo --serve`: the demo's issuer, left running so that rotations can be tried against it. Each request is shown, so that
//! one sees what was called and what was not.

use super::context::Context;
use super::run;
use crate::demo::issuer::{Config, Issuer};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use crate::world::World;
use std::time::Duration;

/// How often new requests are looked for.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until the process is ended, or its output cannot be written.
///
/// # Errors
/// When the port cannot be listened on.
pub fn serve(port: u16, context: &Context) -> Result<()> {
    let config = Config {
        port,
        ..Config::default()
    };
    let issuer = Issuer::spawn(config).map_err(|_| {
        Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!("port {port} of 127.0.0.1 cannot be listened on"),
        )
        .help("another program has it: `rot demo --serve=PORT` takes another one")
    })?;
    context
        .out
        .stdout(&hello(&issuer.base_url, &issuer.state().config.admin));
    let clock = World::real().clock;
    let runtime = run::runtime()?;
    while !context.out.failed() {
        let seen = std::mem::take(&mut issuer.state().requests);
        for (request, status) in seen {
            let status = status.map_or_else(|| "-".to_owned(), |s| s.to_string());
            let path = request.path.printable();
            let line = format!("{:6} {path}  {status}\n", request.method);
            context.out.stdout(&line);
        }
        runtime.block_on(async { clock.sleep(PAUSE).await });
    }
    Ok(())
}

/// What can be tried.
fn hello(url: &str, admin: &str) -> String {
    format!(
        "A practice API on {url}, until Ctrl-C. What it issues opens nothing.

  POST   /keys {{\"name\": …}}   makes a key: 201 {{\"id\", \"key\", \"expires_at\"}}
  GET    /keys?name=…        lists the keys, without their values
  DELETE /keys/ID            ends one: 204
  GET    /me                 200 when the bearer is a key that works

  The administrator's bearer is `{admin}`. Each request is shown below.

"
    )
}
