//! # ROT303 secret-in-url-query
//!
//! What it finds: a secret in the query of a URL, where its declaration does not allow that.
//!
//! ## Why it matters
//!
//! Proxies, servers and clients log URLs; Conductor writes the URL of each failed HTTP task to its own log and into the task's error.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me?key=${secrets.api_key}" {
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/me?key=${workflow.secrets.apiKey}", "method": "GET"}}]}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" {
//!     bearer secrets.api_key
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/me", "method": "GET", "headers": {"Authorization": "Bearer ${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::check::flow::Part;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    super::secret_in_url_path::in_url(cx, &[Part::Query], codes::SECRET_IN_URL_QUERY, out);
}
