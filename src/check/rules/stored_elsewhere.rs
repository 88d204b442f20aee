//! # ROT517 stored-elsewhere
//!
//! What it finds: in Conductor JSON a new credential that is stored where nobody looks for it, or the old one that was to be kept and is
//! not. A name that nothing reads beside one of nearly that name which is read and never written; the two halves of a pair, each
//! under the name of the other, or both under one; a place for what is to come (`…_NEXT`) whose value never comes into use while the old one is revoked; a
//! copy for `…_PREVIOUS` that is made when the secret is overwritten already.
//!
//! ## Why it matters
//!
//! Whoever reads the secret gets the value of before, and that is revoked next. Where both halves are exchanged, or the way back holds the
//! new value, nobody gets in at all.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/keys", "method": "POST", "headers": {"X-Key": "${workflow.secrets.adminKey}"},
//!     "outputFilter": {"_secrets": {"value": "$${mint.output.response.body.secret}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "REPORTS_API_KEY", "secretValue": "${mint.output._secrets.value}"}}},
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.REPORT_API_KEY}"}}}],
//!  "outputParameters": {"status": "${me.output.response.statusCode}"}}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/keys", "method": "POST", "headers": {"X-Key": "${workflow.secrets.adminKey}"},
//!     "outputFilter": {"_secrets": {"value": "$${mint.output.response.body.secret}"}}}},
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${mint.output._secrets.value}"}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "REPORT_API_KEY", "secretValue": "${mint.output._secrets.value}"}}}],
//!  "outputParameters": {"status": "${me.output.response.statusCode}"}}
//! ```

use crate::check::context::Context;
use crate::check::intent;
use crate::diagnostic::Diagnostic;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    intent::keep::stored_elsewhere(cx, out);
}
