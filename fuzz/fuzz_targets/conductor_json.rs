//! Any JSON, and any text that is not: findings, no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rot::conductor::{ReadOptions, read};
use rot::source::{SourceFile, SourceMap};

fuzz_target!(|text: &str| {
    let file = SourceFile::new("x.json", text);
    let id = SourceMap::new().add(file.clone());
    let (plan, _) = read(id, &file, &ReadOptions::default());
    let encoded = rot::plan::document::encode(&plan);
    assert!(rot::plan::document::decode(&encoded).is_ok(), "a plan that was written cannot be read");
});
