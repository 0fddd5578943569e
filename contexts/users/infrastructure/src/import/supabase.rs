use super::json_items::{self, name, text};
use super::{EachRow, ReadError, rfc_3339, row_error};
use kernel::Timestamp;
use serde_json::Value;
use users_domain::ImportRow;

pub(super) fn read(content: impl std::io::BufRead, each: EachRow<'_>) -> Result<(), ReadError> {
    json_items::read(content, None, &mut |number, user| {
        let deleted = user["deleted_at"].is_string();
        each(if deleted { Err(row_error(number, "user_deleted", "is deleted")) } else { Ok((number, row(&user))) })
    })
}

fn row(user: &Value) -> ImportRow {
    let banned_until = text(user, "banned_until").and_then(|text| Timestamp::parse(&rfc_3339(&text)));
    let is_banned = banned_until.is_some_and(|until| until > Timestamp::now());
    ImportRow {
        reference: text(user, "id"),
        id: text(user, "id"),
        email: text(user, "email").unwrap_or_default(),
        name: name(&user["raw_user_meta_data"], "full_name", "first_name", "last_name")
            .or_else(|| text(&user["raw_user_meta_data"], "name")),
        password_hash: text(user, "encrypted_password"),
        email_verified: Some(user["email_confirmed_at"].is_string()),
        status: is_banned.then(|| "deactivated".to_owned()),
        created_at: text(user, "created_at").map(|text| rfc_3339(&text)),
        ..ImportRow::default()
    }
}
