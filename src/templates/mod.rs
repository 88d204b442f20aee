//! The templates that are part of the program: `use "std:NAME@1"`.
//!
//! One `.rot` file each. A new one is a file beside this one and a row in [`ALL`]; a test makes a rotation of it, which must
//! check clean, and compares `docs/reference/templates.md`.

/// A template of the library.
#[derive(Debug, Clone, Copy)]
pub struct Library {
    /// Its name, which is also that of its file.
    pub name: &'static str,
    /// The major version of its parameters.
    pub version: u32,
    /// Its source.
    pub text: &'static str,
}

macro_rules! library {
    ($name:literal) => {
        Library {
            name: $name,
            version: 1,
            text: include_str!(concat!($name, ".rot")),
        }
    };
}

/// All of them, in the order of their names.
pub const ALL: &[Library] = &[
    library!("api_key_additive"),
    library!("auth0_client_secret"),
    library!("aws_ecr_token"),
    library!("aws_iam_access_key"),
    library!("aws_sts_session"),
    library!("azure_app_secret"),
    library!("cloudflare_token"),
    library!("conductor_token"),
    library!("databricks_secret"),
    library!("datadog_api_key"),
    library!("elasticsearch_api_key"),
    library!("etcd_user"),
    library!("gitea_token"),
    library!("gitlab_deploy_token"),
    library!("gitlab_token"),
    library!("grafana_token"),
    library!("keycloak_client_secret"),
    library!("ldap_password"),
    library!("mariadb_two_passwords"),
    library!("mongodb_password"),
    library!("mysql_two_users"),
    library!("npm_token"),
    library!("oauth_client_credentials"),
    library!("oauth_refresh"),
    library!("openai_service_account"),
    library!("postgres_password"),
    library!("postgres_two_roles"),
    library!("rabbitmq_user"),
    library!("redis_acl_user"),
    library!("sendgrid_api_key"),
    library!("ssh_key"),
    library!("unix_password"),
];

/// What `std:NAME@VERSION` names.
pub fn find(reference: &str) -> Option<&'static Library> {
    let name = reference.strip_prefix("std:")?;
    let (name, version) = name.split_once('@')?;
    let version: u32 = version.parse().ok()?;
    ALL.iter()
        .find(|one| one.name == name && one.version == version)
}

/// Why a reference that begins with `std:` names nothing, and what to write.
pub fn advice(reference: &str) -> String {
    let name = reference.strip_prefix("std:").unwrap_or(reference);
    let (name, _) = name.split_once('@').unwrap_or((name, ""));
    let exact = ALL.iter().map(|one| one.name).find(|known| *known == name);
    let near = || crate::diagnostic::nearest(name, ALL.iter().map(|one| one.name));
    match exact.or_else(near) {
        Some(near) => format!("write `use \"std:{near}@1\"`; `rot templates` lists all of them"),
        None => "`rot templates` lists what there is".to_owned(),
    }
}
