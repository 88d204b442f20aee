//! Services that keep secrets for others, as targets: where each is asked, and where the credentials of the call go.

use super::{Place, Plan, Target, TargetKind};
use crate::plan::schedule::Dur;
use crate::source::At;
use serde::{Deserialize, Serialize};
use url::Url;

/// A service that is called over HTTPS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceTarget {
    /// Which one.
    pub service: Service,
    /// The place there, as it is written.
    pub place: String,
    /// What else is said, in the order of the text.
    pub options: Vec<(Word, Said)>,
}

/// The services that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Vault and OpenBao, KV version 2.
    Kv,
    /// A Secret of Kubernetes.
    Kubernetes,
    /// Secrets of GitHub Actions, Dependabot and Codespaces.
    Github,
    /// A CI/CD variable of a GitLab project.
    Gitlab,
    /// AWS Secrets Manager.
    AwsSecrets,
    /// AWS Systems Manager Parameter Store.
    AwsSsm,
    /// Google Cloud Secret Manager.
    Gcp,
    /// Azure Key Vault.
    Azure,
}

/// The options of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Word {
    Account,
    Authority,
    Ca,
    Client,
    ClientSecret,
    Environment,
    For,
    Force,
    Key,
    KeyId,
    Masked,
    Namespace,
    Protected,
    Region,
    Restart,
    RoleId,
    Scope,
    SecretId,
    Server,
    Session,
    Tenant,
    Tier,
    Timeout,
    Token,
    TokenFile,
    Visibility,
}

/// What can stand behind an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `secrets.NAME` or `secrets.NAME.field`.
    Credential,
    /// A literal.
    Text,
    /// The address of a server.
    Address,
    /// A length of time.
    Length,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// In quotes.
    Text(String),
    /// A length of time.
    Length(Dur),
    /// A secret of the vault.
    Credential(Credential),
}

/// A secret with which a service is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// The secret.
    pub secret: String,
    /// Its field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Where it is named.
    #[serde(skip)]
    pub at: At,
}

/// A credential on its way to a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending<'p> {
    /// The option.
    pub word: Word,
    /// Which credential.
    pub credential: &'p Credential,
    /// The host that gets it.
    pub host: String,
    /// Its port, or the scheme's own.
    pub port: Option<u16>,
    /// In which part of a request.
    pub place: Place,
}

const YES_NO: Form = Form::Choice(&["true", "false"]);

impl Word {
    /// All words.
    const ALL: [Word; 26] = [
        Word::Account,
        Word::Authority,
        Word::Ca,
        Word::Client,
        Word::ClientSecret,
        Word::Environment,
        Word::For,
        Word::Force,
        Word::Key,
        Word::KeyId,
        Word::Masked,
        Word::Namespace,
        Word::Protected,
        Word::Region,
        Word::Restart,
        Word::RoleId,
        Word::Scope,
        Word::SecretId,
        Word::Server,
        Word::Session,
        Word::Tenant,
        Word::Tier,
        Word::Timeout,
        Word::Token,
        Word::TokenFile,
        Word::Visibility,
    ];

    /// The word of the language.
    pub fn as_str(self) -> &'static str {
        match self {
            Word::Account => "account",
            Word::Authority => "authority",
            Word::Ca => "ca",
            Word::Client => "client",
            Word::ClientSecret => "client-secret",
            Word::Environment => "environment",
            Word::For => "for",
            Word::Force => "force",
            Word::Key => "key",
            Word::KeyId => "key-id",
            Word::Masked => "masked",
            Word::Namespace => "namespace",
            Word::Protected => "protected",
            Word::Region => "region",
            Word::Restart => "restart",
            Word::RoleId => "role-id",
            Word::Scope => "scope",
            Word::SecretId => "secret-id",
            Word::Server => "server",
            Word::Session => "session",
            Word::Tenant => "tenant",
            Word::Tier => "tier",
            Word::Timeout => "timeout",
            Word::Token => "token",
            Word::TokenFile => "token-file",
            Word::Visibility => "visibility",
        }
    }

    /// From the word of the language.
    pub fn parse(text: &str) -> Option<Word> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }

    /// What stands behind it.
    pub fn form(self) -> Form {
        match self {
            Word::Account
            | Word::ClientSecret
            | Word::Key
            | Word::KeyId
            | Word::RoleId
            | Word::SecretId
            | Word::Session
            | Word::Token => Form::Credential,
            Word::Authority | Word::Server => Form::Address,
            Word::Timeout => Form::Length,
            Word::Force | Word::Masked | Word::Protected => YES_NO,
            Word::For => Form::Choice(&["actions", "dependabot", "codespaces"]),
            Word::Tier => Form::Choice(&["Standard", "Advanced", "Intelligent-Tiering"]),
            Word::Visibility => Form::Choice(&["all", "private"]),
            Word::Ca
            | Word::Client
            | Word::Environment
            | Word::Namespace
            | Word::Region
            | Word::Restart
            | Word::Scope
            | Word::Tenant
            | Word::TokenFile => Form::Text,
        }
    }
}

impl Service {
    /// All services.
    const ALL: [Service; 8] = [
        Service::Kv,
        Service::Kubernetes,
        Service::Github,
        Service::Gitlab,
        Service::AwsSecrets,
        Service::AwsSsm,
        Service::Gcp,
        Service::Azure,
    ];

    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Service::Kv => "kv",
            Service::Kubernetes => "kubernetes",
            Service::Github => "github",
            Service::Gitlab => "gitlab",
            Service::AwsSecrets => "aws-secrets",
            Service::AwsSsm => "aws-ssm",
            Service::Gcp => "gcp",
            Service::Azure => "azure",
        }
    }

    /// From the word of the language.
    pub fn parse(word: &str) -> Option<Service> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// Whether one value alone can stand there.
    pub fn holds_one(self) -> bool {
        match self {
            Service::AwsSecrets | Service::AwsSsm | Service::Gcp | Service::Azure => true,
            Service::Kv | Service::Kubernetes | Service::Github | Service::Gitlab => false,
        }
    }

    /// Sets of options of which one must be given; where there is an empty one, none need be.
    fn logins(self) -> &'static [&'static [Word]] {
        match self {
            Service::Kv => &[&[Word::Token], &[Word::RoleId, Word::SecretId]],
            Service::Kubernetes => &[&[], &[Word::Token], &[Word::TokenFile]],
            Service::Github | Service::Gitlab => &[&[Word::Token]],
            Service::AwsSecrets | Service::AwsSsm => &[&[Word::KeyId, Word::Key]],
            Service::Gcp => &[&[Word::Token], &[Word::Account]],
            Service::Azure => &[
                &[Word::Token],
                &[Word::Tenant, Word::Client, Word::ClientSecret],
            ],
        }
    }

    /// The options with which somebody says who asks.
    fn login_words(self) -> impl Iterator<Item = Word> {
        self.logins().iter().flat_map(|set| set.iter().copied())
    }

    fn is_place(self, place: &str) -> bool {
        let word = |text: &str, more: &str| {
            !text.is_empty()
                && !matches!(text, "." | "..")
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let parts: Vec<&str> = place.split('/').collect();
        let all = |more: &str| parts.iter().all(|part| word(part, more));
        match self {
            Service::Kv => parts.len() >= 2 && all("-_.@ "),
            Service::Kubernetes => parts.len() == 2 && all("-.") && place == place.to_lowercase(),
            Service::Github => parts.len() <= 2 && all("-_."),
            Service::Gitlab => {
                all("-_.") && (parts.len() >= 2 || place.bytes().all(|b| b.is_ascii_digit()))
            }
            Service::AwsSecrets => place.len() <= 2048 && all("-_.+=@:!"),
            Service::AwsSsm => {
                let path = place.strip_prefix('/').unwrap_or(place);
                place.len() <= 1011 && path.split('/').all(|part| word(part, "-_."))
            }
            Service::Gcp => {
                matches!(parts.as_slice(), ["projects", _, "secrets", _]) && all("-_:.")
            }
            Service::Azure => parts.len() == 2 && all("-") && place.len() <= 24 + 1 + 127,
        }
    }

    /// What a place looks like, for messages.
    fn example(self) -> &'static str {
        match self {
            Service::Kv => "MOUNT/PATH",
            Service::Kubernetes => "NAMESPACE/NAME",
            Service::Github => "OWNER/REPOSITORY, or ORGANIZATION",
            Service::Gitlab => "GROUP/PROJECT, or its number",
            Service::AwsSecrets => "NAME, or its ARN",
            Service::AwsSsm => "/PATH/NAME",
            Service::Gcp => "projects/PROJECT/secrets/NAME",
            Service::Azure => "VAULT/NAME",
        }
    }

    /// Whether a value can be called so there; why not.
    fn takes_name(self, name: &str) -> Result<(), &'static str> {
        let word = |more: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        match self {
            Service::Kv if name.is_empty() => Err("is empty"),
            Service::Kubernetes if !word("-_.") || name.len() > 253 => {
                Err("is not a key of a Secret: letters, digits, `-`, `_` and `.`")
            }
            Service::Github if name.to_ascii_uppercase().starts_with("GITHUB_") => {
                Err("begins with `GITHUB_`, which GitHub keeps for itself")
            }
            Service::Github | Service::Gitlab
                if !word("_") || name.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                Err("is not the name of a variable: letters, digits and `_`")
            }
            Service::Gitlab if name.len() > 255 => Err("is longer than 255 characters"),
            _ => Ok(()),
        }
    }
}

impl ServiceTarget {
    /// A literal that is said.
    pub fn text(&self, word: Word) -> Option<&str> {
        self.options.iter().find_map(|(known, said)| match said {
            Said::Text(text) if *known == word => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether a choice of `true` and `false` is `true`.
    pub fn is(&self, word: Word) -> Option<bool> {
        self.text(word).map(|text| text == "true")
    }

    /// A call is given up after this.
    pub fn timeout(&self) -> Option<Dur> {
        self.options.iter().find_map(|(_, said)| match said {
            Said::Length(length) => Some(*length),
            Said::Text(_) | Said::Credential(_) => None,
        })
    }

    /// Where it is asked, without a slash at the end.
    pub fn server(&self) -> String {
        if let Some(server) = self.text(Word::Server) {
            return server.trim_end_matches('/').to_owned();
        }
        let region = self.text(Word::Region).unwrap_or_default();
        match self.service {
            // The resolver requires it.
            Service::Kv => String::new(),
            Service::Kubernetes => "https://kubernetes.default.svc".to_owned(),
            Service::Github => "https://api.github.com".to_owned(),
            Service::Gitlab => "https://gitlab.com".to_owned(),
            Service::AwsSecrets => format!("https://secretsmanager.{region}.amazonaws.com"),
            Service::AwsSsm => format!("https://ssm.{region}.amazonaws.com"),
            Service::Gcp => "https://secretmanager.googleapis.com".to_owned(),
            Service::Azure => {
                let vault = self.place.split('/').next().unwrap_or_default();
                format!("https://{vault}.vault.azure.net")
            }
        }
    }

    /// Who gives out the tokens with which it is asked, without a slash at the end.
    pub fn authority(&self) -> String {
        let usual = match self.service {
            Service::Gcp => "https://oauth2.googleapis.com",
            Service::Azure => "https://login.microsoftonline.com",
            Service::Kv
            | Service::Kubernetes
            | Service::Github
            | Service::Gitlab
            | Service::AwsSecrets
            | Service::AwsSsm => return self.server(),
        };
        let said = self.text(Word::Authority).unwrap_or(usual);
        said.trim_end_matches('/').to_owned()
    }

    /// The host that is asked, for people.
    pub fn host(&self) -> String {
        let server = self.server();
        let Ok(url) = Url::parse(&server) else {
            return server;
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// Each credential with the host that gets it.
    pub fn sendings(&self) -> Vec<Sending<'_>> {
        let mut all = Vec::new();
        for (word, said) in &self.options {
            let Said::Credential(credential) = said else {
                continue;
            };
            let (to, place) = match word {
                Word::ClientSecret => (self.authority(), Place::Body),
                Word::Account => (self.authority(), Place::Signature),
                Word::RoleId | Word::SecretId => (self.server(), Place::Body),
                Word::Key => (self.server(), Place::Signature),
                _ => (self.server(), Place::Header),
            };
            let url = Url::parse(&to).ok();
            let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
            all.push(Sending {
                word: *word,
                credential,
                host: host.trim_matches(['[', ']']).to_owned(),
                port: url.as_ref().and_then(Url::port_or_known_default),
                place,
            });
        }
        all
    }

    /// Whether a delivery fits, as far as its text tells; the reason when it does not.
    pub(super) fn takes(&self, called: Option<&str>, record: bool) -> Result<(), String> {
        let Some(name) = called else { return Ok(()) };
        if self.service.holds_one() {
            return Err("a value has no name there, so leave `as` out".to_owned());
        }
        let variables = matches!(self.service, Service::Github | Service::Gitlab);
        if record && !variables {
            return Err("the fields of a record keep their names, so leave `as` out".to_owned());
        }
        use crate::diagnostic::Printable;
        let fits = self.service.takes_name(name);
        fits.map_err(|why| format!("`{}` {why}", name.printable()))
    }

    /// What is wrong with what is said; the remedy comes with it.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn fits(&self) -> Result<(), (String, String)> {
        let kind = self.service.word();
        if !self.service.is_place(&self.place) {
            return Err((
                format!("this is no place of a target of kind `{kind}`"),
                format!("write {}", self.service.example()),
            ));
        }
        let given = |word: &Word| self.options.iter().any(|(known, _)| known == word);
        let sets = self.service.logins();
        let said: Vec<Word> = self.service.login_words().filter(given).collect();
        let fits =
            |set: &&&[Word]| set.iter().all(given) && said.iter().all(|word| set.contains(word));
        if !sets.iter().any(|set| fits(&set)) {
            let named = |set: &&[Word]| {
                let words: Vec<String> = set.iter().map(|w| format!("`{}`", w.as_str())).collect();
                words.join(" and ")
            };
            let ways: Vec<String> = sets.iter().filter(|s| !s.is_empty()).map(named).collect();
            return Err((
                format!("a target of kind `{kind}` must say who asks, in one way"),
                format!("give {}", ways.join(", or ")),
            ));
        }
        if let Some(restart) = self.text(Word::Restart)
            && restart_of(restart).is_none()
        {
            return Err((
                "this names nothing that can be restarted".to_owned(),
                "write `restart \"deployment/NAME\"`, `\"statefulset/NAME\"` or `\"daemonset/NAME\"`".to_owned(),
            ));
        }
        if self.service == Service::Github && self.text(Word::Environment).is_some() {
            let repository = self.place.contains('/');
            let actions = self.text(Word::For).is_none_or(|for_| for_ == "actions");
            if !repository || !actions {
                return Err((
                    "only Actions of a repository have environments".to_owned(),
                    "leave `environment` out, or name a repository".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// What `restart` names: its kind, the resource in the API, and its name.
pub fn restart_of(text: &str) -> Option<(&'static str, &'static str, &str)> {
    let (word, name) = text.split_once('/')?;
    let (kind, resource) = match word {
        "deployment" => ("Deployment", "deployments"),
        "statefulset" => ("StatefulSet", "statefulsets"),
        "daemonset" => ("DaemonSet", "daemonsets"),
        _ => return None,
    };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    (!name.is_empty() && name.chars().all(fits)).then_some((kind, resource, name))
}

/// Whether a text is the address of a server: `https`, or `http` on this machine.
pub fn is_address(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default().to_owned();
    let here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && here);
    let bare = url.username().is_empty() && url.password().is_none();
    scheme && bare && !host.is_empty() && url.query().is_none() && url.fragment().is_none()
}

impl Target {
    /// Each credential with which it is asked, and the host that gets it.
    pub fn sendings(&self) -> Vec<Sending<'_>> {
        match &self.kind {
            TargetKind::Service(service) => service.sendings(),
            TargetKind::File(_) | TargetKind::Command(_) | TargetKind::Systemd(_) => Vec::new(),
        }
    }
}

impl Plan {
    /// The certificate files that its targets name.
    pub fn target_certificates(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter_map(|target| match &target.kind {
            TargetKind::Service(service) => service.text(Word::Ca),
            TargetKind::File(_) | TargetKind::Command(_) | TargetKind::Systemd(_) => None,
        })
    }
}
