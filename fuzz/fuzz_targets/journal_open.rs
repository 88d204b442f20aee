//! Any bytes as a journal: torn or corrupt, never a record that nobody sealed, no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ring::hmac;
use rot::run::journal::{decode, peek};

fuzz_target!(|bytes: &[u8]| {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a key that no input knows");
    assert!(decode(&key, &Default::default(), 0, bytes).is_err(), "a record without its seal was taken");
    let mut at = 0;
    while let Some((_, length)) = bytes.get(at..).and_then(peek) {
        assert!(length > 0);
        at += length;
    }
});
