//! Any bytes as an age file, as an identity and as a recipient: a clear fault, no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rot::vault::crypt;

fuzz_target!(|bytes: &[u8]| {
    let _ = crypt::form(bytes);
    assert!(crypt::decrypt(bytes, &[crypt::Identity::generate()]).is_err());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = crypt::Identity::from_native(text);
        let _ = crypt::parse_ssh_identity(text);
        let _ = rot::vault::recipient::parse(text);
    }
});
