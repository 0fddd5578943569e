use super::json_items::{self, milliseconds, name, text};
use super::{EachRow, ReadError, UNREADABLE};
use serde_json::Value;
use users_domain::ImportRow;

pub(super) fn read(content: impl std::io::BufRead, each: EachRow<'_>) -> Result<(), ReadError> {
    json_items::read(content, Some("users"), &mut |number, user| each(Ok((number, row(&user)))))
}

fn row(user: &Value) -> ImportRow {
    let is_enabled = user["enabled"].as_bool().unwrap_or(true);
    ImportRow {
        reference: text(user, "id").or_else(|| text(user, "username")),
        // A realm may use the address as the user name.
        email: text(user, "email").or_else(|| text(user, "username")).unwrap_or_default(),
        name: name(user, "name", "firstName", "lastName"),
        password_hash: user["credentials"]
            .as_array()
            .and_then(|list| list.iter().find(|credential| credential["type"] == "password"))
            .map(|credential| hash(credential).unwrap_or_else(|| UNREADABLE.to_owned())),
        email_verified: user["emailVerified"].as_bool(),
        status: (!is_enabled).then(|| "deactivated".to_owned()),
        created_at: milliseconds(&user["createdTimestamp"]),
        ..ImportRow::default()
    }
}

/// The hash of a password's credential, whose parts are JSON inside texts. The length of the derived key is that of the value: it is
/// 64 bytes even for SHA-256.
fn hash(credential: &Value) -> Option<String> {
    let inner = |field| serde_json::from_str::<Value>(&text(credential, field)?).ok();
    let (secret, data) = (inner("secretData")?, inner("credentialData")?);
    let (value, salt) = (text(&secret, "value")?, text(&secret, "salt").unwrap_or_default());
    let (algorithm, iterations) = (text(&data, "algorithm")?, data["hashIterations"].as_i64().unwrap_or_default());
    let unpadded = |text: &str| text.trim_end_matches('=').to_owned();
    match algorithm.as_str() {
        "argon2" => {
            let more = &data["additionalParameters"];
            let number = |field: &str| more[field][0].as_str().and_then(|text| text.parse::<u32>().ok());
            let kind = more["type"][0].as_str().unwrap_or("id");
            let (memory, lanes) = (number("memory")?, number("parallelism").unwrap_or(1));
            let head = format!("$argon2{kind}$v=19$m={memory},t={iterations},p={lanes}");
            Some(format!("{head}${}${}", unpadded(&salt), unpadded(&value)))
        }
        "pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512" => {
            let digest = algorithm.strip_prefix("pbkdf2-").unwrap_or("sha1");
            let length = unpadded(&value).len() * 3 / 4;
            let head = format!("$pbkdf2-{digest}$i={iterations},l={length}");
            Some(format!("{head}${}${}", unpadded(&salt), unpadded(&value)))
        }
        // A plugin's bcrypt keeps the whole text.
        _ => Some(value),
    }
}
