//! Base32 (RFC 4648 section 6).

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// With padding.
pub fn encode(bytes: &[u8]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    for chunk in bytes.chunks(5) {
        let mut group = [0u8; 8];
        for (to, from) in group.iter_mut().skip(3).zip(chunk) {
            *to = *from;
        }
        let bits = u64::from_be_bytes(group);
        let used = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let index = (bits >> (35 - 5 * at)) & 31;
            let digit = ALPHABET.get(usize::try_from(index).unwrap_or(0));
            match digit.filter(|_| at < used) {
                Some(digit) => out.push(char::from(*digit)),
                None => out.push('='),
            }
        }
    }
    out
}

/// Of either case, with or without padding; blanks and hyphens, with which people group it, are left out.
///
/// # Errors
/// For other characters, a length that no bytes have, and bits that belong to no byte.
pub fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let wrong = || "this is not base32".to_owned();
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut bits, mut held, mut digits) = (0u32, 0u32, 0usize);
    for byte in text.trim_end_matches('=').bytes() {
        if matches!(byte, b' ' | b'-') {
            continue;
        }
        let upper = byte.to_ascii_uppercase();
        let value = ALPHABET.iter().position(|digit| *digit == upper);
        bits = bits << 5 | u32::try_from(value.ok_or_else(wrong)?).unwrap_or(0);
        held += 5;
        digits += 1;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).unwrap_or(0));
            bits &= (1 << held) - 1;
        }
    }
    match matches!(digits % 8, 1 | 3 | 6) || bits != 0 {
        true => Err(wrong()),
        false => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648 section 10.
    #[test]
    fn vectors_of_the_standard() {
        let vectors = [
            ("", ""),
            ("f", "MY======"),
            ("fo", "MZXQ===="),
            ("foo", "MZXW6==="),
            ("foob", "MZXW6YQ="),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI======"),
        ];
        for (text, base32) in vectors {
            assert_eq!(*encode(text.as_bytes()), base32);
            assert_eq!(*decode(base32).unwrap(), text.as_bytes());
            let bare = base32.trim_end_matches('=').to_ascii_lowercase();
            assert_eq!(*decode(&bare).unwrap(), text.as_bytes());
        }
        for wrong in ["A", "AAA", "MZ1A", "MZ", "ÄÄ"] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
        assert_eq!(*decode("mzxw 6ytb-oi").unwrap(), b"foobar");
    }
}
