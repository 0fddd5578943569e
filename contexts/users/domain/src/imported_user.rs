use crate::{Name, NameError, UserRole, UserStatus};
use identity::{Email, EmailError, UserId};
use kernel::{DomainError, Timestamp};
use serde::{Deserialize, Serialize};

/// A user from another system, as a file has it: texts that are not checked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// The id of the user in the other system.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub id: Option<String>,
    pub email: String,
    pub name: Option<String>,
    pub password_hash: Option<String>,
    pub email_verified: Option<bool>,
    pub status: Option<String>,
    pub role: Option<String>,
    /// The secret of an authenticator app in Base32. The context that signs users in seals it, and this domain does not
    /// read it.
    pub totp_secret: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
}

impl ImportRow {
    /// The names of the fields.
    pub const FIELDS: [&'static str; 10] = [
        "ref",
        "id",
        "email",
        "name",
        "password_hash",
        "email_verified",
        "status",
        "role",
        "totp_secret",
        "created_at",
    ];
}

/// A user from another system, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedUser {
    /// The line of the file.
    pub line: i64,
    /// The id of the user in the other system. A second import of it changes nothing.
    #[serde(rename = "ref")]
    pub reference: Option<ImportRef>,
    pub id: UserId,
    pub email: Email,
    pub name: Option<Name>,
    pub email_verified: bool,
    /// Since when the user is deactivated; `None` for an active user.
    pub deactivated_at: Option<Timestamp>,
    pub role: UserRole,
    pub registered_at: Timestamp,
    /// The hash of the password, as the context that signs users in stores it.
    pub password_hash: Option<String>,
    /// The secret of an authenticator app, as that context has sealed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub totp_secret: Option<String>,
}

kernel::text! {
    /// The id of a user in the system that the user comes from.
    ImportRef, 200
}

/// Why a row of a file is not imported. It does not quote the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// The line of the file, the first being 1.
    pub line: i64,
    /// A stable code.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// Why a field of a row is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFlaw {
    #[error("email {0}")]
    Email(EmailError),
    #[error("name {0}")]
    Name(NameError),
    #[error("ref {0}")]
    Reference(kernel::TextError),
    #[error("id must be a UUID of version 4 or 7")]
    Id,
    #[error("status must be active or deactivated")]
    Status,
    #[error("role must be user or admin")]
    Role,
    #[error("created_at must be a time that has passed, such as 2026-09-21T14:13:20Z (RFC 3339)")]
    CreatedAt,
    /// An earlier row of the file has the same `ref`.
    #[error("an earlier row has the same ref")]
    RepeatedRef,
}

impl DomainError for RowFlaw {
    fn code(&self) -> &'static str {
        match self {
            Self::Email(why) => why.code(),
            Self::Name(why) => why.code(),
            Self::Reference(why) => why.code(),
            Self::Id => "id_invalid",
            Self::Status => "status_invalid",
            Self::Role => "role_unknown",
            Self::CreatedAt => "created_at_invalid",
            Self::RepeatedRef => "ref_repeated",
        }
    }
}

impl RowError {
    /// A row with this flaw.
    #[must_use]
    pub fn new(line: i64, why: &impl DomainError) -> Self {
        Self { line, code: why.code().to_owned(), message: why.to_string() }
    }
}

impl ImportedUser {
    /// Checks a row. `password_hash` has been checked by the context that signs users in. A row without `created_at` is of
    /// a user who registers `now`; without `id`, the user gets a new one.
    ///
    /// # Errors
    /// [`RowFlaw`], the first one.
    pub fn new(line: i64, row: ImportRow, now: Timestamp) -> Result<Self, RowFlaw> {
        // Names every field, so that the compiler reports a new field that is missing here.
        let ImportRow {
            reference,
            id,
            email,
            name,
            password_hash,
            email_verified,
            status,
            role,
            totp_secret: _,
            created_at,
        } = row;
        let registered_at = match given(created_at.as_deref()) {
            Some(text) => Timestamp::parse(text).filter(|at| *at <= now).ok_or(RowFlaw::CreatedAt)?,
            None => now,
        };
        let status = given(status.as_deref()).map_or(Ok(UserStatus::Active), str::parse);
        Ok(Self {
            line,
            reference: given(reference.as_deref()).map(ImportRef::parse).transpose().map_err(RowFlaw::Reference)?,
            id: given(id.as_deref()).map_or_else(|| Ok(UserId::random()), parse_id)?,
            email: Email::parse(&email).map_err(RowFlaw::Email)?,
            name: given(name.as_deref()).map(Name::parse).transpose().map_err(RowFlaw::Name)?,
            email_verified: email_verified.unwrap_or_default(),
            deactivated_at: (status.map_err(|_| RowFlaw::Status)? == UserStatus::Deactivated).then_some(now),
            role: given(role.as_deref()).map_or(Ok(UserRole::User), str::parse).map_err(|_| RowFlaw::Role)?,
            registered_at,
            password_hash: password_hash.filter(|hash| !hash.is_empty()),
            totp_secret: None,
        })
    }
}

/// An empty text stands for a missing field: tables have no other way to leave one out.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn parse_id(text: &str) -> Result<UserId, RowFlaw> {
    text.parse::<UserId>().ok().filter(|id| id.may_be_chosen()).ok_or(RowFlaw::Id)
}

#[cfg(test)]
mod tests {
    use super::{ImportRow, ImportedUser, RowFlaw};
    use crate::UserRole;
    use kernel::{DomainError as _, Timestamp};

    fn now() -> Timestamp {
        Timestamp::parse("2026-09-21T14:13:20Z").expect("a time")
    }

    fn row(json: &str) -> ImportRow {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn a_row_needs_an_address_and_has_defaults_for_the_rest() {
        let user = ImportedUser::new(7, row(r#"{"email": "Ada@Example.org"}"#), now()).expect("valid");
        assert_eq!((user.line, user.email.as_str(), &user.name), (7, "Ada@Example.org", &None));
        assert_eq!((user.registered_at, user.deactivated_at, user.role), (now(), None, UserRole::User));
        assert!(!user.email_verified && user.reference.is_none() && user.password_hash.is_none());
        assert!(user.id.may_be_chosen());
    }

    #[test]
    fn every_field_is_read_and_an_empty_one_is_missing() {
        let full = row(r#"{"ref": "auth0|1", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "email": "ada@example.org",
            "name": " Ada ", "password_hash": "$2b$…", "email_verified": true, "status": "deactivated",
            "role": "admin", "created_at": "2019-01-02T03:04:05+01:00"}"#);
        let user = ImportedUser::new(1, full, now()).expect("valid");
        assert_eq!(user.reference.map(String::from).as_deref(), Some("auth0|1"));
        assert_eq!(user.id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
        assert_eq!(user.name.map(String::from).as_deref(), Some("Ada"));
        assert_eq!((user.deactivated_at, user.role, user.email_verified), (Some(now()), UserRole::Admin, true));
        assert_eq!(user.registered_at.to_string(), "2019-01-02T02:04:05.000000Z");
        let empty = row(r#"{"ref": "", "id": " ", "email": "ada@example.org", "name": "", "password_hash": "",
            "status": "", "role": "", "created_at": ""}"#);
        assert!(
            ImportedUser::new(1, empty, now()).is_ok_and(|user| user.name.is_none() && user.password_hash.is_none())
        );
    }

    #[test]
    fn each_flaw_has_a_code_and_does_not_quote_the_row() {
        for (field, code) in [
            (r#""email": "canary""#, "email_invalid"),
            (r#""email": "ada@example.org", "name": "\u200b""#, "name_not_visible"),
            (r#""email": "ada@example.org", "id": "canary""#, "id_invalid"),
            (r#""email": "ada@example.org", "status": "canary""#, "status_invalid"),
            (r#""email": "ada@example.org", "role": "canary""#, "role_unknown"),
            (r#""email": "ada@example.org", "created_at": "canary""#, "created_at_invalid"),
            (r#""email": "ada@example.org", "created_at": "2999-01-01T00:00:00Z""#, "created_at_invalid"),
        ] {
            let flaw = ImportedUser::new(1, row(&format!("{{{field}}}")), now()).expect_err(field);
            assert_eq!(flaw.code(), code, "{field}");
            assert!(!flaw.to_string().contains("canary"), "{flaw}");
        }
        assert_eq!(RowFlaw::RepeatedRef.code(), "ref_repeated");
    }
}
