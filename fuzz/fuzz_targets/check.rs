//! The whole of `rot check` on any text, in both forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use rot::source::SourceFile;

fuzz_target!(|text: &str| {
    let name = if text.starts_with(['{', '[']) { "x.json" } else { "x.rot" };
    // Files that are used are none of the fuzzer's business.
    if text.contains("use") && name == "x.rot" {
        return;
    }
    let loaded = analyse(&SourceFile::new(name, text), &Config::default());
    for finding in &loaded.findings {
        assert!(!finding.message.is_empty());
    }
});
