//! Signatures of requests. What is signed is the request as it goes out, so this comes last; the time is the attempt's.

use super::functions::hex;
use ring::{digest, hmac};
use url::Url;
use zeroize::Zeroizing;

/// A header of ours, ready to go.
pub type Header = (String, Zeroizing<Vec<u8>>);

/// Credentials and scope of an AWS signature.
pub struct AwsSigv4<'a> {
    /// Access key id.
    pub key_id: &'a str,
    /// Secret access key.
    pub secret_key: &'a str,
    /// Session token of temporary credentials.
    pub session_token: Option<&'a str>,
    /// For example `us-east-1`.
    pub region: &'a str,
    /// For example `iam`.
    pub service: &'a str,
}

/// The request as it goes out.
pub struct Signed<'a> {
    /// Upper-case method.
    pub method: &'a str,
    /// Absolute URL.
    pub url: &'a Url,
    /// Headers of the author and of the body.
    pub headers: &'a [Header],
    /// The body.
    pub body: &'a [u8],
    /// When it goes out.
    pub at: jiff::Timestamp,
}

/// Headers that something between us and the server may change, and so are not signed.
const UNSIGNED: [&str; 3] = ["accept", "authorization", "user-agent"];

impl AwsSigv4<'_> {
    /// The headers that the signature adds (AWS, "Signature Version 4 signing process").
    pub fn headers(&self, request: &Signed<'_>) -> Vec<Header> {
        let stamp = request.at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let text =
            |name: &str, value: &str| (name.to_owned(), Zeroizing::new(value.as_bytes().to_vec()));
        let mut added = vec![text("X-Amz-Date", &stamp)];
        if let Some(token) = self.session_token {
            added.push(text("X-Amz-Security-Token", token));
        }
        let hash = hex(digest::digest(&digest::SHA256, request.body).as_ref());
        if self.service == "s3" {
            added.push(text("X-Amz-Content-Sha256", &hash));
        }
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .chain(&added)
            .filter(|(name, _)| !UNSIGNED.iter().any(|u| u.eq_ignore_ascii_case(name)))
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value);
                let words: Vec<&str> = value.split_ascii_whitespace().collect();
                (name.to_ascii_lowercase(), words.join(" "))
            })
            .collect();
        headers.push(("host".to_owned(), host_of(request.url)));
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(n, v)| format!("{n}:{v}\n")).collect();
        let canonical = Zeroizing::new(format!(
            "{}\n{}\n{}\n{lines}\n{names}\n{hash}",
            request.method,
            self.path(request.url),
            query(request.url)
        ));
        let date = stamp.get(..8).unwrap_or_default();
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
            hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
        );
        let first = Zeroizing::new(format!("AWS4{}", self.secret_key));
        let mut key = Zeroizing::new(first.as_bytes().to_vec());
        for part in [date, self.region, self.service, "aws4_request"] {
            *key = mac(&key, part.as_bytes());
        }
        let signature = hex(&mac(&key, to_sign.as_bytes()));
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.key_id
        );
        added.push(text("Authorization", &value));
        added
    }

    /// The path as it is encoded in the URL; all services but S3 take `//` for `/` and encode it once more.
    fn path(&self, url: &Url) -> String {
        let path = url.path();
        if self.service == "s3" {
            return path.to_owned();
        }
        let mut out = String::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            out.push('/');
            out.push_str(&super::functions::percent_encode(segment));
        }
        if path.ends_with('/') {
            out.push('/');
        }
        out
    }
}

/// The query in the order and spelling in which it is signed; it is also sent so, since servers differ in how they read `+`.
pub fn query(url: &Url) -> String {
    let encode = super::functions::percent_encode;
    let mut pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

/// The `Host` header that the client will send.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
        .as_ref()
        .to_vec()
}

/// What the text of `sign hmac` may name of the request.
pub fn facts(request: &Signed<'_>) -> Vec<(&'static str, String)> {
    let hash = hex(digest::digest(&digest::SHA256, request.body).as_ref());
    vec![
        ("time", request.at.as_second().to_string()),
        ("method", request.method.to_owned()),
        ("host", host_of(request.url)),
        ("path", request.url.path().to_owned()),
        ("query", request.url.query().unwrap_or_default().to_owned()),
        ("body", String::from_utf8_lossy(request.body).into_owned()),
        ("body_sha256", hash),
    ]
}

/// The names of [`facts`], for the reference.
pub const FACTS: [&str; 7] = [
    "time",
    "method",
    "host",
    "path",
    "query",
    "body",
    "body_sha256",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
        service: &str,
    ) -> String {
        let headers: Vec<Header> = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), Zeroizing::new(v.as_bytes().to_vec())))
            .collect();
        let scheme = AwsSigv4 {
            key_id: "AKIDEXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token: None,
            region: "us-east-1",
            service,
        };
        let request = Signed {
            method,
            url: &Url::parse(url).unwrap(),
            headers: &headers,
            body: body.as_bytes(),
            at: "2015-08-30T12:36:00Z".parse().unwrap(),
        };
        let made = scheme.headers(&request);
        let value = String::from_utf8(made.last().unwrap().1.to_vec()).unwrap();
        value.split("Signature=").nth(1).unwrap().to_owned()
    }

    /// Cases of the test suite that AWS published for Signature Version 4, and the example of its documentation. Its cases of
    /// paths begin with one that is not encoded, which no URL has; `tests/it/reach` compares those with botocore.
    #[test]
    fn aws_signatures_are_those_of_the_published_suite() {
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let cases: [(&str, &str, &[(&str, &str)], &str, &str, &str); 5] = [
            (
                "GET",
                "https://example.amazonaws.com/",
                &[],
                "",
                "service",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "POST",
                "https://example.amazonaws.com/",
                &[],
                "",
                "service",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "GET",
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                &[],
                "",
                "service",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "POST",
                "https://example.amazonaws.com/",
                &[form],
                "Param1=value1",
                "service",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "GET",
                "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                &[(
                    "Content-Type",
                    "application/x-www-form-urlencoded; charset=utf-8",
                )],
                "",
                "iam",
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ];
        for (method, url, headers, body, service, wanted) in cases {
            assert_eq!(
                signature(method, url, headers, body, service),
                wanted,
                "{method} {url}"
            );
        }
    }
}
