//! Content codings (RFC 9110 section 8.4): `gzip`, `deflate`, `br` and `zstd`, undone within the limit of a body.
//!
//! None is asked for (`Accept-Encoding: identity`), and some servers and proxies send them all the same.

use super::real::append;
use std::io::Read;
use zeroize::Zeroizing;

/// What came of it.
pub(super) enum Decoded {
    /// The body as the server meant it.
    Body(Zeroizing<Vec<u8>>),
    /// It is larger than the limit.
    TooLarge,
    /// A coding that is not known, or bytes that are none of it.
    Unreadable,
}

/// More codings on top of each other are an attack.
const DEEPEST: usize = 3;

/// Undoes the codings of a `Content-Encoding`, the last one first.
pub(super) fn decode(codings: &str, body: &[u8], limit: usize) -> Decoded {
    let names: Vec<String> = codings
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    if names.len() > DEEPEST {
        return Decoded::Unreadable;
    }
    let mut decoded = Zeroizing::new(body.to_vec());
    for name in names.iter().rev() {
        let input = decoded.as_slice();
        let next = match name.as_str() {
            "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(input), limit),
            // By the book this is zlib's form; some servers send the bare one.
            "deflate" => match read(flate2::read::ZlibDecoder::new(input), limit) {
                Decoded::Unreadable => read(flate2::read::DeflateDecoder::new(input), limit),
                other => other,
            },
            "br" => read(brotli_decompressor::Decompressor::new(input, 4096), limit),
            "zstd" => match ruzstd::decoding::StreamingDecoder::new(input) {
                Ok(reader) => read(reader, limit),
                Err(_) => Decoded::Unreadable,
            },
            _ => Decoded::Unreadable,
        };
        match next {
            Decoded::Body(body) => decoded = body,
            other => return other,
        }
    }
    Decoded::Body(decoded)
}

fn read(mut reader: impl Read, limit: usize) -> Decoded {
    let mut out = Zeroizing::new(Vec::new());
    let mut chunk = Zeroizing::new([0u8; 8192]);
    loop {
        match reader.read(chunk.as_mut_slice()) {
            Ok(0) => return Decoded::Body(out),
            Ok(count) if out.len() + count > limit => return Decoded::TooLarge,
            Ok(count) => append(&mut out, chunk.get(..count).unwrap_or_default()),
            Err(_) => return Decoded::Unreadable,
        }
    }
}
