//! JSONPath, parsed once.

use serde::{Deserialize, Serialize};

/// A JSONPath as it was written, known to be valid.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonPath(pub String);
