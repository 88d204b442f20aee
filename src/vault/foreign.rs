//! What password managers export, read: the documented forms of Bitwarden and 1Password. What is wrong is named, never quoted.

use super::Secret;
use super::document::StoredValue;
use super::import::{Foreign, name_for};
use crate::diagnostic::{Error, Failure, Result, codes};
use serde::Deserialize;

#[derive(Deserialize)]
struct Bitwarden {
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    folders: Vec<Folder>,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Folder {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: String,
    folder_id: Option<String>,
    notes: Option<String>,
    #[serde(default)]
    fields: Vec<Field>,
    login: Option<Login>,
}

#[derive(Deserialize)]
struct Field {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct Login {
    username: Option<String>,
    password: Option<String>,
    totp: Option<String>,
}

/// The unencrypted JSON export of Bitwarden (`bw export --format json`): an item is a record, under its folder and name.
///
/// # Errors
/// ROT812 when it is none, or is encrypted.
pub fn bitwarden(bytes: &[u8]) -> Result<Vec<Foreign>> {
    let wrong = || bad("the file is no JSON export of Bitwarden");
    let export: Bitwarden = serde_json::from_slice(bytes).map_err(|_| wrong())?;
    if export.encrypted {
        return Err(bad("the export of Bitwarden is encrypted")
            .help("pipe an unencrypted one in, so that no file is left: `bw export --format json --raw | rot vault import - --format bitwarden`"));
    }
    let mut found = Vec::new();
    for item in export.items {
        let folder = item.folder_id.as_ref();
        let folder = folder.and_then(|id| export.folders.iter().find(|f| f.id == *id));
        let name = match folder {
            Some(folder) => format!("{}/{}", folder.name, item.name),
            None => item.name,
        };
        let login = item.login.map(|login| {
            [
                ("username", login.username),
                ("password", login.password),
                ("totp", login.totp),
            ]
        });
        let login = login.into_iter().flatten();
        let own = item.fields.into_iter().map(|f| (f.name, f.value));
        let mut parts: Vec<(String, Option<String>)> = login
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        parts.extend(own.map(|(name, value)| (name.unwrap_or_default(), value)));
        parts.push(("notes".to_owned(), item.notes));
        add(&mut found, name, parts);
    }
    Ok(found)
}

#[derive(Deserialize)]
struct OpItem {
    title: String,
    vault: Option<OpVault>,
    #[serde(default)]
    fields: Vec<OpField>,
}

#[derive(Deserialize)]
struct OpVault {
    name: Option<String>,
}

#[derive(Deserialize)]
struct OpField {
    id: String,
    label: Option<String>,
    value: Option<String>,
}

/// What `op item get ITEM --format json` of 1Password prints: one item, several one after the other, or a list of them.
///
/// # Errors
/// ROT812 when it is none.
pub fn one_password(bytes: &[u8]) -> Result<Vec<Foreign>> {
    let wrong = || {
        bad("the file holds no items of 1Password")
            .help("`op item get ITEM --format json | rot vault import - --format 1password` brings one item")
    };
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Items {
        One(OpItem),
        Many(Vec<OpItem>),
    }
    let mut found = Vec::new();
    for part in serde_json::Deserializer::from_slice(bytes).into_iter::<Items>() {
        let items = match part.map_err(|_| wrong())? {
            Items::One(item) => vec![item],
            Items::Many(items) => items,
        };
        for item in items {
            let vault = item.vault.and_then(|vault| vault.name);
            let name = match vault {
                Some(vault) => format!("{vault}/{}", item.title),
                None => item.title,
            };
            let parts = item.fields.into_iter();
            let parts = parts.map(|f| (f.label.filter(|l| !l.is_empty()).unwrap_or(f.id), f.value));
            add(&mut found, name, parts.collect());
        }
    }
    Ok(found)
}

/// An item with its values; one without any is left out. Two of one name are told apart by a number.
fn add(found: &mut Vec<Foreign>, name: String, parts: Vec<(String, Option<String>)>) {
    let mut kept: Vec<(String, Secret)> = Vec::new();
    for (label, value) in parts {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue;
        };
        let plain = name_for(&label.replace('/', "-"));
        let plain = if plain.is_empty() {
            "field".to_owned()
        } else {
            plain
        };
        let mut field = plain.clone();
        let mut number = 1;
        while kept.iter().any(|(known, _)| *known == field) {
            number += 1;
            field = format!("{plain}-{number}");
        }
        kept.push((field, Secret::from_text(&value)));
    }
    if kept.is_empty() {
        return;
    }
    let mut theirs = name.clone();
    let mut number = 1;
    while found.iter().any(|f| f.name == theirs) {
        number += 1;
        theirs = format!("{name} {number}");
    }
    found.push(Foreign {
        name: theirs,
        value: StoredValue::Fields(kept),
    });
}

fn bad(message: &str) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_BAD_VALUE, message)
}
