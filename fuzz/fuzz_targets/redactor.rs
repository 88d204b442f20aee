//! A secret of at least eight bytes that is no plain word is in no redacted text, whole or in chunks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rot::report::{RedactingWriter, Redactor};
use rot::vault::Secret;
use std::io::Write;

fuzz_target!(|input: (Vec<u8>, String, u8)| {
    let (secret, around, chunk) = input;
    if secret.len() < 8 || secret.contains(&b'*') {
        return;
    }
    let Ok(text) = String::from_utf8(secret.clone()) else { return };
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return;
    }
    let redactor = Redactor::new();
    redactor.register(&Secret::new(secret));
    let whole = format!("{around}{text}{around}");
    let shown = redactor.redact(&whole).into_owned();
    // What stands around it can complete a second occurrence only with letters of the mask, which the secret has not.
    assert!(!shown.contains(&text), "the secret is in the text");
    let mut writer = RedactingWriter::new(Vec::new(), redactor);
    for part in whole.as_bytes().chunks(usize::from(chunk).max(1)) {
        writer.write_all(part).unwrap();
    }
    writer.finish().unwrap();
    let written = String::from_utf8_lossy(writer.get_ref()).into_owned();
    assert!(!written.contains(&text), "the secret is in the stream");
});
