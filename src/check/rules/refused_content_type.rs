//! # ROT218 refused-content-type
//!
//! What it finds: a body of a type that the service does not take: a PATCH of the Kubernetes API as `application/json` (it wants `application/merge-patch+json` or one of its
//! kin), JSON at a token endpoint of OAuth or at an API that takes forms alone (Stripe, Twilio), a form where JSON:API is spoken.
//!
//! ## Why it matters
//!
//! The server answers 415 or 400 each time, and the step never succeeds.
//!
//! ## Fails
//!
//! ```rot
//! secret cluster to "k8s.example.com:6443" in header
//!
//! rotation r {
//!   http PATCH "https://k8s.example.com:6443/api/v1/namespaces/shop/secrets/smtp" sets {
//!     bearer secrets.cluster
//!     json { metadata: { annotations: { rotated: "yes" } } }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret cluster to "k8s.example.com:6443" in header
//!
//! rotation r {
//!   http PATCH "https://k8s.example.com:6443/api/v1/namespaces/shop/secrets/smtp" sets {
//!     bearer secrets.cluster
//!     header "Content-Type": "application/merge-patch+json"
//!     json { metadata: { annotations: { rotated: "yes" } } }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent::written;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::Task;
use crate::plan::task::{Body, Http};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A service by what its address holds: the end of the host (all where it is empty), a part of the path, methods (all where there are none).
struct Service {
    name: &'static str,
    host: &'static str,
    path: &'static str,
    methods: &'static [&'static str],
    refuses: &'static [&'static str],
    takes: &'static str,
    certain: bool,
}

const fn forms_only(name: &'static str, host: &'static str, path: &'static str) -> Service {
    Service { name, host, path, methods: &["POST"], refuses: &[JSON], takes: FORM, certain: true }
}

/// What services document of the types that they take.
const SERVICES: [Service; 17] = [
    Service { name: "the Kubernetes API", host: "", path: "/api/v1/namespaces/", methods: &["PATCH"], refuses: &[JSON, FORM], takes: "application/merge-patch+json", certain: true },
    Service { name: "the Kubernetes API", host: "", path: "/apis/apps/", methods: &["PATCH"], refuses: &[JSON, FORM], takes: "application/merge-patch+json", certain: true },
    Service { name: "the Kubernetes API", host: "", path: "/apis/batch/", methods: &["PATCH"], refuses: &[JSON, FORM], takes: "application/merge-patch+json", certain: true },
    Service { name: "the Kubernetes API", host: "", path: "/apis/external-secrets.io/", methods: &["PATCH"], refuses: &[JSON, FORM], takes: "application/merge-patch+json", certain: true },
    forms_only("the token endpoint of Microsoft", "login.microsoftonline.com", "/oauth2/"),
    forms_only("the token endpoint of Okta", ".okta.com", "/v1/token"),
    forms_only("the token endpoint of Okta", ".okta.com", "/v1/revoke"),
    forms_only("the token endpoint of Keycloak", "", "/protocol/openid-connect/token"),
    forms_only("the token endpoint of Keycloak", "", "/protocol/openid-connect/revoke"),
    forms_only("the token endpoint of Salesforce", ".salesforce.com", "/services/oauth2/token"),
    forms_only("the token endpoint of PayPal", "paypal.com", "/v1/oauth2/token"),
    forms_only("the token endpoint of Zoom", "zoom.us", "/oauth/token"),
    forms_only("the token endpoint of Cognito", ".amazoncognito.com", "/oauth2/token"),
    Service { certain: false, ..forms_only("Stripe", "api.stripe.com", "/v1/") },
    Service { certain: false, ..forms_only("Twilio", "api.twilio.com", "/2010-04-01/") },
    Service { name: "the API of HCP Terraform", host: "app.terraform.io", path: "/api/v2/", methods: &["POST", "PATCH"], refuses: &[FORM, JSON], takes: "application/vnd.api+json", certain: false },
    Service { name: "SendGrid", host: "api.sendgrid.com", path: "/v3/", methods: &["POST", "PUT", "PATCH"], refuses: &[FORM], takes: JSON, certain: true },
];

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        let Some(sent) = sent(http) else { continue };
        let text = written(http).to_ascii_lowercase();
        let Some((_, rest)) = text.split_once("://") else { continue };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = host.split(':').next().unwrap_or_default();
        let service = SERVICES.iter().find(|s| {
            host.ends_with(s.host) && path.contains(s.path) && (s.methods.is_empty() || s.methods.contains(&http.method.as_str())) && s.refuses.contains(&sent.as_str())
        });
        let Some(service) = service else { continue };
        let place = http.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-type")).map_or(http.url.at.0, |h| h.value.at.0);
        let place = if place.is_some() { place } else { node.step.at.0 };
        out.push(
            Diagnostic::new(codes::REFUSED_CONTENT_TYPE, place, format!("{} refuses a {} with `{sent}`", service.name, http.method))
                .at("never succeeds")
                .help(format!("send it as `{}`", service.takes))
                .severity(if service.certain { Severity::Error } else { Severity::Warning }),
        );
    }
}

/// The type of the body, without its parameters, where it is known.
fn sent(http: &Http) -> Option<String> {
    let header = http.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-type"));
    if let Some(header) = header {
        let value = header.value.as_str()?;
        return Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    }
    match &http.body {
        Body::Json(_) => Some(JSON.to_owned()),
        Body::Form(_) => Some(FORM.to_owned()),
        Body::None | Body::Text(_) | Body::Raw(_) | Body::Statement { .. } | Body::Command(_) | Body::Program(_) => None,
    }
}
