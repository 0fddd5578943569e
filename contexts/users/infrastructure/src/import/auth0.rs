use super::json_items::{self, name, text};
use super::{EachRow, ReadError, UNREADABLE};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::fmt::Write as _;
use users_domain::ImportRow;

pub(super) fn read(content: impl std::io::BufRead, each: EachRow<'_>) -> Result<(), ReadError> {
    json_items::read(content, None, &mut |number, user| each(Ok((number, row(&user)))))
}

/// Reads an object of the support's export of hashes, of an export of profiles, or of the schema of bulk imports.
fn row(user: &Value) -> ImportRow {
    let id = text(user, "user_id").or_else(|| text(&user["_id"], "$oid"));
    let is_blocked = user["blocked"].as_bool().unwrap_or_default();
    ImportRow {
        // A profile names its database user with the connection in front.
        reference: id.map(|id| if id.contains('|') { id } else { format!("auth0|{id}") }),
        email: text(user, "email").unwrap_or_default(),
        name: name(user, "name", "given_name", "family_name").filter(|name| !name.contains('@')),
        password_hash: text(user, "passwordHash").or_else(|| text(user, "password_hash")).or_else(|| custom(user)),
        email_verified: user["email_verified"].as_bool(),
        status: is_blocked.then(|| "deactivated".to_owned()),
        created_at: text(user, "created_at"),
        ..ImportRow::default()
    }
}

/// The hash of `custom_password_hash`. What is no hash of a password, such as an LDAP text, is passed on and refused.
fn custom(user: &Value) -> Option<String> {
    let custom = &user["custom_password_hash"];
    let (algorithm, value) = (text(custom, "algorithm")?, text(&custom["hash"], "value")?);
    if !["md5", "sha1", "sha256"].contains(&algorithm.as_str()) {
        return Some(value);
    }
    let hex = match BASE64_STANDARD.decode(&value) {
        _ if custom["hash"]["encoding"] != "base64" => value,
        Ok(bytes) => hex(&bytes),
        Err(_) => UNREADABLE.to_owned(),
    };
    let Some(salt) = text(&custom["salt"], "value") else { return Some(format!("${algorithm}${hex}")) };
    let salt = if custom["salt"]["encoding"] == "base64" { salt } else { BASE64_STANDARD.encode(salt) };
    let side = if custom["salt"]["position"] == "suffix" { "after" } else { "before" };
    Some(format!("${algorithm},{side}={salt}${hex}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
