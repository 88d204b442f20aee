//! Keys for other purposes, from the one that a vault carries.

/// HKDF of RFC 5869 for one block of SHA-256, spelled with HMAC because ring's own cannot promise a length.
pub(super) fn hkdf(secret: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    use ring::hmac::{HMAC_SHA256, Key, sign};
    let extracted = sign(&Key::new(HMAC_SHA256, salt), secret);
    let block = sign(
        &Key::new(HMAC_SHA256, extracted.as_ref()),
        &[info, &[1]].concat(),
    );
    let mut out = [0; 32];
    out.iter_mut()
        .zip(block.as_ref())
        .for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect()
    }

    /// Appendix A.1 of RFC 5869, the first block of its output.
    #[test]
    fn agrees_with_rfc_5869() {
        let (secret, salt, info) = (
            [0x0b; 22],
            bytes("000102030405060708090a0b0c"),
            bytes("f0f1f2f3f4f5f6f7f8f9"),
        );
        let expected = bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        assert_eq!(hkdf(&secret, &salt, &info).as_slice(), expected);
    }
}
