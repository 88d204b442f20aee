//! # ROT403 wildcard-host-policy
//!
//! What it finds: a secret that may go to all names below a domain under which anybody can have one.
//!
//! ## Why it matters
//!
//! Whoever registers a name there can receive the secret once a URL is changed.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "*.github.io"
//!
//! rotation r {
//!   http GET "https://example.github.io/" {
//!     bearer secrets.api_key
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "example.github.io"
//!
//! rotation r {
//!   http GET "https://example.github.io/" {
//!     bearer secrets.api_key
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Policy;

/// Labels that registries put before a country's own.
const SECOND_LEVEL: [&str; 10] = ["co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go"];

/// Domains of providers who give names below them to their customers.
const SHARED: [&str; 24] = [
    "amazonaws.com",
    "appspot.com",
    "azurewebsites.net",
    "blob.core.windows.net",
    "cloudapp.net",
    "cloudfront.net",
    "execute-api.us-east-1.amazonaws.com",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "loca.lt",
    "netlify.app",
    "ngrok.io",
    "ngrok-free.app",
    "onrender.com",
    "pages.dev",
    "railway.app",
    "run.app",
    "s3.amazonaws.com",
    "vercel.app",
    "web.app",
    "workers.dev",
];

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for secret in &cx.plan.secrets {
        let Policy::Declared(destinations) = &secret.policy else { continue };
        for destination in destinations {
            let Some(domain) = destination.host.0.strip_prefix("*.") else { continue };
            if is_shared(&domain.to_ascii_lowercase()) {
                let place = if destination.at.0.is_some() { destination.at.0 } else { secret.at.0 };
                let message = format!("secret `{}` may go to every name below `{domain}`, where anybody can have one", secret.name);
                out.push(
                    Diagnostic::new(codes::WILDCARD_HOST, place, message)
                        .at("not only your own hosts")
                        .help("name the hosts, or a domain that is yours: `*.example.com`"),
                );
            }
        }
    }
}

fn is_shared(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    match labels.as_slice() {
        [_] => true,
        [second, country] if country.len() == 2 => SECOND_LEVEL.contains(second) || SHARED.contains(&domain),
        _ => SHARED.contains(&domain),
    }
}
