//! Whether a text looks like a credential.
//!
//! Two ways: forms that are known by their first characters, and random text under the name of a credential. A wrong alarm
//! costs more than a miss here, so that what a person would write as a placeholder is left alone.

use super::vocabulary::letters;
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// How a text looks like a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// A form that is known, in words.
    Known(&'static str),
    /// Random text under a name that says so.
    Random,
}

/// A form: words, how it begins, which further characters it has, and at least how many.
struct Form(
    &'static str,
    &'static [&'static str],
    fn(char) -> bool,
    usize,
);

const FORMS: [Form; 9] = [
    Form(
        "an AWS access key",
        &["AKIA", "ASIA"],
        |c| c.is_ascii_uppercase() || c.is_ascii_digit(),
        16,
    ),
    Form(
        "a GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        |c| c.is_ascii_alphanumeric(),
        30,
    ),
    Form(
        "a GitHub token",
        &["github_pat_"],
        |c| c.is_ascii_alphanumeric() || c == '_',
        22,
    ),
    Form(
        "a GitLab token",
        &["glpat-", "gldt-", "glrt-"],
        |c| c.is_ascii_alphanumeric() || "_-".contains(c),
        16,
    ),
    Form(
        "a Slack token",
        &[
            "xoxb-", "xoxp-", "xoxa-", "xoxe-", "xoxr-", "xoxs-", "xapp-",
        ],
        |c| c.is_ascii_alphanumeric() || c == '-',
        16,
    ),
    Form(
        "a Stripe key",
        &["sk_live_", "rk_live_"],
        |c| c.is_ascii_alphanumeric(),
        16,
    ),
    Form(
        "a Google API key",
        &["AIza"],
        |c| c.is_ascii_alphanumeric() || "_-".contains(c),
        30,
    ),
    Form(
        "a Slack webhook",
        &["hooks.slack.com/services/T"],
        |c| c.is_ascii_alphanumeric() || c == '/',
        20,
    ),
    Form("an npm token", &["npm_"], |c| c.is_ascii_alphanumeric(), 36),
];

/// Different characters that a text of a known form has at least; a row of `x` has one.
const VARIETY: usize = 6;
/// Bits per character below which text is not random.
const RANDOM: f64 = 3.5;
/// Bits per character above which even a word such as `example` in it is chance.
const SURELY_RANDOM: f64 = 4.3;
/// The same as [`RANDOM`] where only a password can stand.
const PASSWORD: f64 = 2.7;

/// Names at the end of which a credential is meant.
const CREDENTIALS: [&str; 16] = [
    "token",
    "secret",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "signingkey",
    "clientkey",
    "credential",
    "credentials",
    "authorization",
    "keysecret",
    "appsecret",
    "bearer",
    "jwt",
];

const PASSWORDS: [&str; 6] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "clientsecret",
    "keysecret",
];

const PLACEHOLDERS: [&str; 20] = [
    "changeme",
    "example",
    "placeholder",
    "your",
    "dummy",
    "sample",
    "redacted",
    "insert",
    "replace",
    "fake",
    "todo",
    "test",
    "xxx",
    "***",
    "...",
    "1234567",
    "abcdef",
    "secret-",
    "-secret",
    "demo",
];

/// Whether a text looks like a credential, given the name it stands under.
pub(super) fn looks_like_secret(text: &str, name: Option<&str>) -> Option<Looks> {
    if let Some(what) = known_form(text) {
        return Some(Looks::Known(what));
    }
    let name = letters(name?);
    let value = behind_scheme(text, &name).trim();
    let is_password = PASSWORDS.iter().any(|p| name.ends_with(p));
    let is_named = is_password
        || CREDENTIALS.iter().any(|c| name.ends_with(c))
        || (name == "key" && value.len() >= 20);
    if !is_named || !is_token(value) {
        return None;
    }
    let bits = entropy(value);
    if (is_placeholder(value) && bits < SURELY_RANDOM) || is_sample_uuid(value) {
        return None;
    }
    let wanted = if is_password { PASSWORD } else { RANDOM };
    let long = value.len() >= if is_password { 8 } else { 12 };
    (long && bits >= wanted && is_mixed(value) && (is_password || !is_wordy(value)))
        .then_some(Looks::Random)
}

/// All beginnings of what [`known_form`] knows: most texts hold none, and are passed over once.
static BEGINNINGS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let forms = FORMS
        .iter()
        .flat_map(|Form(_, beginnings, ..)| beginnings.iter().copied());
    AhoCorasick::new(forms.chain(["-----BEGIN", "eyJ"])).ok()
});

fn known_form(text: &str) -> Option<&'static str> {
    if BEGINNINGS.as_ref().is_some_and(|all| !all.is_match(text)) {
        return None;
    }
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if is_jwt(text) {
        return Some("a signed token");
    }
    for Form(what, beginnings, allowed, length) in &FORMS {
        for beginning in *beginnings {
            for (at, _) in text.match_indices(beginning) {
                let inside = text
                    .get(..at)
                    .and_then(|before| before.chars().next_back())
                    .is_some_and(|c| c.is_ascii_alphanumeric());
                let rest: String = text
                    .get(at + beginning.len()..)
                    .unwrap_or_default()
                    .chars()
                    .take_while(|c| allowed(*c))
                    .collect();
                if !inside && rest.len() >= *length && variety(&rest) >= VARIETY {
                    return Some(what);
                }
            }
        }
    }
    None
}

/// A JSON Web Token with its signature.
fn is_jwt(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || c == '"').any(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        matches!(parts.as_slice(), [header, claims, signature]
            if header.starts_with("eyJ") && claims.starts_with("eyJ") && header.len() > 10 && claims.len() > 10 && signature.len() >= 20)
    })
}

/// What stands behind the scheme of an `Authorization` header (RFC 9110 section 11.4), whatever its name is.
fn behind_scheme<'t>(text: &'t str, name: &str) -> &'t str {
    let known = ["Bearer ", "Basic ", "token ", "Token "]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let any = || {
        let (scheme, rest) = text
            .split_once(' ')
            .filter(|_| name.ends_with("authorization"))?;
        let is_scheme = !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-');
        // `Token token=…`, `key="…"`
        let value = rest
            .trim()
            .rsplit_once('=')
            .filter(|(key, value)| !value.is_empty() && key.chars().all(char::is_alphanumeric));
        is_scheme.then(|| value.map_or(rest, |(_, value)| value.trim_matches('"')))
    };
    known.or_else(any).unwrap_or(text)
}

/// One word without the marks of a template, a path or an address.
fn is_token(value: &str) -> bool {
    !value.contains("${")
        && !value.contains("{{")
        && !value.contains("://")
        && !value.starts_with(['/', '<', '$', '[', '{', '%', '@'])
        && value.chars().all(|c| c.is_ascii_graphic())
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| lower.contains(word)) || variety(value) < VARIETY
}

/// A UUID of documentation: all zeros, or one of those that everybody copies.
fn is_sample_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let shape = parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12])
        && value.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    let sample = [
        "123e4567", "550e8400", "12345678", "f47ac10b", "6ba7b810", "deadbeef",
    ];
    shape
        && (variety(value) < 8
            || sample
                .iter()
                .any(|s| value.to_ascii_lowercase().starts_with(s)))
}

/// Letters, and digits or marks among them.
fn is_mixed(value: &str) -> bool {
    let letters = value.chars().any(|c| c.is_ascii_alphabetic());
    letters
        && value
            .chars()
            .any(|c| c.is_ascii_digit() || "!@#$%^&*+/=".contains(c))
}

/// Words and numbers with marks between them, such as `ci-token-2024`: a name, not a value.
fn is_wordy(value: &str) -> bool {
    value
        .split(|c: char| !c.is_ascii_alphanumeric())
        .all(|word| {
            let digits = word.chars().filter(char::is_ascii_digit).count();
            let letters_first = word
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .chars()
                .all(|c| c.is_ascii_alphabetic());
            (digits == 0 && word.len() <= 16)
                || digits == word.len()
                || (letters_first && digits <= 4 && word.len() <= 14)
        })
}

fn variety(text: &str) -> usize {
    text.chars().collect::<std::collections::HashSet<_>>().len()
}

/// Shannon's entropy in bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts: std::collections::BTreeMap<char, u32> = std::collections::BTreeMap::new();
    for c in text.chars() {
        *counts.entry(c).or_default() += 1;
    }
    let all = f64::from(counts.values().sum::<u32>());
    counts
        .values()
        .map(|n| f64::from(*n) / all)
        .map(|p| -p * p.log2())
        .sum()
}

/// Where a text that could not be understood holds what looks like a credential: each quoted text, by the word or the key
/// before it.
pub fn credentials_in(file: crate::source::FileId, text: &str) -> Vec<crate::source::Span> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let mut name = String::new();
        let mut place = at;
        for (number, part) in line.split('"').enumerate() {
            let quoted = number % 2 == 1;
            let shown = part.trim_end();
            if quoted
                && looks_like_secret(
                    shown,
                    Some(&name).filter(|n| !n.is_empty()).map(String::as_str),
                )
                .is_some()
            {
                found.push(crate::source::Span::new(file, place, place + shown.len()));
            }
            let word = part
                .rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
                .find(|w| !w.is_empty());
            if let Some(word) = word {
                name = word.to_owned();
            }
            place += part.len() + 1;
        }
        at += line.len();
    }
    found
}

/// Whether a text under a name looks like a credential.
pub fn looks_secret(text: &str, name: &str) -> bool {
    looks_like_secret(text, Some(name)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_left_alone_and_credentials_are_not() {
        let silent = [
            ("changeme", "password"),
            ("your-api-key-here", "api_key"),
            ("xxxxxxxxxxxxxxxxxxxxxxxx", "token"),
            ("AKIAXXXXXXXXXXXXXXXX", "key"),
            ("${workflow.secrets.apiKey}", "password"),
            ("123e4567-e89b-12d3-a456-426614174000", "token"),
            ("00000000-0000-0000-0000-000000000000", "secret"),
            ("access_token", "token"),
            ("ci-deploy-token-2024", "token"),
            ("my_secret_holding_a_token", "secret"),
            ("https://auth.example.com/oauth2/v2/token", "token"),
            ("password", "password"),
            ("q7Zt2LwPx94kVbN1sD8f", "request_id"),
            ("-----BEGIN CERTIFICATE-----", "ca"),
            ("application/json", "authorization"),
            ("{{ vault_token_9f8e7d6c }}", "token"),
        ];
        for (value, name) in silent {
            assert_eq!(
                looks_like_secret(value, Some(name)),
                None,
                "{value} under {name}"
            );
        }
        let found = [
            ("q7Zt2LwPx94kVbN1sD8f", "X-Api-Key"),
            ("Bearer q7Zt2LwPx94kVbN1sD8f", "Authorization"),
            ("hunter2-winter!", "password"),
            ("3f2b8c1d-94ae-4f07-b6d2-7c51e8a90f3b", "client_secret"),
            ("AKIAIOSFODNN7EXAMPLE", "id"),
            ("-----BEGIN RSA PRIVATE KEY-----", "text"),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secretKey"),
        ];
        for (value, name) in found {
            assert!(
                looks_like_secret(value, Some(name)).is_some(),
                "{value} under {name}"
            );
        }
        assert!(
            looks_like_secret("curl -H ghp_16C7e42F292c6912E7710c838347Ae178B4a", None).is_some()
        );
    }
}
