use super::json_items::{self, name, text};
use super::{EachRow, ReadError};
use serde_json::Value;
use users_domain::ImportRow;

/// Reads `dumpdata`. Objects without a password field, such as groups and permissions, are left out.
pub(super) fn read(content: impl std::io::BufRead, each: EachRow<'_>) -> Result<(), ReadError> {
    json_items::read(content, None, &mut |number, object| {
        let fields = &object["fields"];
        let is_user = fields["password"].is_string();
        !is_user || each(Ok((number, row(&object["pk"], fields))))
    })
}

/// A superuser of Django becomes a user: an operator decides who is an administrator.
fn row(pk: &Value, user: &Value) -> ImportRow {
    let key = pk.as_str().map(str::to_owned).or_else(|| pk.as_i64().map(|number| number.to_string()));
    let is_active = user["is_active"].as_bool().unwrap_or(true);
    ImportRow {
        reference: key.map(|key| format!("django:{key}")),
        email: text(user, "email").unwrap_or_default(),
        name: name(user, "name", "first_name", "last_name"),
        // Django marks an unusable password by an exclamation mark.
        password_hash: text(user, "password").filter(|hash| !hash.starts_with('!')),
        status: (!is_active).then(|| "deactivated".to_owned()),
        created_at: text(user, "date_joined"),
        ..ImportRow::default()
    }
}
