use super::json_items::{self, milliseconds, text};
use super::{EachRow, Parameters, ReadError, row_error};
use serde_json::Value;
use users_domain::ImportRow;

pub(super) fn read(
    content: impl std::io::BufRead,
    parameters: &Parameters,
    each: EachRow<'_>,
) -> Result<(), ReadError> {
    json_items::read(content, Some("users"), &mut |number, user| {
        let needs_key = user["passwordHash"].is_string() && parameters.base64_signer_key.is_none();
        each(if needs_key {
            let why = "has a password hash, whose parameters are missing: add --parameters with those of the project";
            Err(row_error(number, "parameters_missing", why))
        } else {
            Ok((number, row(&user, parameters)))
        })
    })
}

fn row(user: &Value, parameters: &Parameters) -> ImportRow {
    let is_disabled = user["disabled"].as_bool().unwrap_or_default();
    ImportRow {
        reference: text(user, "localId"),
        email: text(user, "email").unwrap_or_default(),
        name: text(user, "displayName"),
        password_hash: hash(user, parameters),
        email_verified: user["emailVerified"].as_bool(),
        status: is_disabled.then(|| "deactivated".to_owned()),
        created_at: milliseconds(&user["createdAt"]),
        ..ImportRow::default()
    }
}

/// The hash with the parameters of the project, in one text. A user who came to Firebase with another algorithm has none.
fn hash(user: &Value, parameters: &Parameters) -> Option<String> {
    let Parameters { base64_signer_key, base64_salt_separator, rounds, mem_cost, .. } = parameters;
    let standard = |text: String| text.replace('-', "+").replace('_', "/");
    let (hash, salt) = (standard(text(user, "passwordHash")?), standard(text(user, "salt")?));
    let (key, separator) = (base64_signer_key.as_ref()?, base64_salt_separator.as_deref().unwrap_or_default());
    let (memory, rounds) = (mem_cost.unwrap_or(14), rounds.unwrap_or(8));
    Some(format!("$firescrypt$ln={memory},r={rounds},p=1${salt}${hash}${separator}${key}"))
}
