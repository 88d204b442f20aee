//! Any path on a fixed document: what parses evaluates, and prints as it was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rot::plan::path::{JsonPath, PathDialect};

fuzz_target!(|text: &str| {
    let json = serde_json::json!({ "a": [1, "two", { "b": null, "c d": [true, 1.5] }], "token": "x", "": {} });
    for dialect in [PathDialect::Rfc9535, PathDialect::Conductor] {
        if let Ok(path) = JsonPath::parse(text, dialect) {
            assert_eq!(path.as_str(), text);
            let _ = path.query(&json);
            let _ = path.locate(&json);
        }
    }
});
