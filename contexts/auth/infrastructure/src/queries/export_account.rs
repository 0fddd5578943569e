//! Exports what this context holds on a user.

use crate::queries::get_audit_events::{AuditEventView, events_of};
use crate::queries::get_passkeys::{PasskeyView, passkeys_of};
use kernel::Timestamp;
use persistence::{Db, SqlError, SqlTimestamp, fetch_all, fetch_one, fetch_optional};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::SubjectData;

/// What the context `auth` holds on a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ExportedAccount")]
pub(crate) struct ExportedAccount {
    /// The email address that the user signs in with, in canonical form; null if the user cannot sign in yet.
    #[schema(required = true)]
    email: Option<String>,
    /// `user` or `admin`; null if the user cannot sign in yet.
    #[schema(required = true)]
    role: Option<String>,
    /// Whether the user is known to receive mail at this address; null if the user cannot sign in yet.
    #[schema(required = true)]
    email_verified: Option<bool>,
    /// Whether a hash of a password is stored.
    has_password: bool,
    /// When an authenticator app was enrolled; null if there is none.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    totp_enrolled_at: Option<Timestamp>,
    /// How many recovery codes are left.
    recovery_codes_left: i64,
    /// The passkeys, the earliest first.
    passkeys: Vec<PasskeyView>,
    /// The sessions, those that have ended included, the latest first.
    sessions: Vec<ExportedSession>,
    /// The devices that the user has signed in from, the latest first.
    devices: Vec<ExportedDevice>,
    /// The events of the audit log that concern the user, or that the user has caused, the latest first.
    audit_events: Vec<AuditEventView>,
}

/// A session of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ExportedSession")]
pub(crate) struct ExportedSession {
    /// The id of the session.
    id: Uuid,
    /// When the user signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the tokens were last refreshed.
    #[schema(value_type = String, format = DateTime)]
    refreshed_at: Timestamp,
    /// When the session ends, however often it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When the session has ended; null for a live session.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    ended_at: Option<Timestamp>,
    /// The network address of the last sign-in or refresh.
    address: String,
    /// How the user has proven who they are, such as `password totp`.
    methods: String,
}

/// A device that a user has signed in from. Roster knows it by a hash alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ExportedDevice")]
pub(crate) struct ExportedDevice {
    /// When the user last signed in from it.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
}

type SessionRow = (Uuid, SqlTimestamp, SqlTimestamp, SqlTimestamp, Option<SqlTimestamp>, String, String);

impl SubjectData for ExportedAccount {
    async fn read(db: &Db, user: Uuid) -> Result<Option<Self>, SqlError> {
        const ACCOUNT: &str = "select identifier, role, email_verified from auth_accounts where user_id = $1";
        const PASSWORD: &str = "select user_id from auth_credentials where user_id = $1";
        const SESSIONS: &str = "select id, opened_at, refreshed_at, expires_at, ended_at, address, methods \
             from auth_sessions where user_id = $1 order by opened_at desc, id desc";
        const FACTORS: &str = "select (select confirmed_at from auth_totp where user_id = $1), \
             (select count(*) from auth_recovery_codes where user_id = $1)";
        const DEVICES: &str =
            "select last_seen_at from auth_known_devices where user_id = $1 order by last_seen_at desc";
        let mut read = db.read().await?;
        let account = fetch_optional!(&mut read, (String, String, bool), ACCOUNT, user)?;
        let has_password = fetch_optional!(&mut read, (Uuid,), PASSWORD, user)?.is_some();
        let (totp, recovery_codes_left) = fetch_one!(&mut read, (Option<SqlTimestamp>, i64), FACTORS, user)?;
        let passkeys = passkeys_of(&mut read, user).await?;
        let sessions = fetch_all!(&mut read, SessionRow, SESSIONS, user)?;
        let devices = fetch_all!(&mut read, (SqlTimestamp,), DEVICES, user)?;
        let (email, role, email_verified) = match account {
            Some((email, role, verified)) => (Some(email), Some(role), Some(verified)),
            None => (None, None, None),
        };
        let audit_events = events_of(&mut read, user).await?;
        Ok(Some(Self {
            email,
            role,
            email_verified,
            has_password,
            totp_enrolled_at: totp.map(|at| at.0),
            recovery_codes_left,
            passkeys,
            sessions: sessions.into_iter().map(ExportedSession::from).collect(),
            devices: devices.into_iter().map(|(at,)| ExportedDevice { last_seen_at: at.0 }).collect(),
            audit_events,
        }))
    }
}

impl From<SessionRow> for ExportedSession {
    fn from((id, created_at, refreshed_at, expires_at, ended_at, address, methods): SessionRow) -> Self {
        let (created_at, refreshed_at, expires_at) = (created_at.0, refreshed_at.0, expires_at.0);
        let ended_at = ended_at.map(|at| at.0);
        Self { id, created_at, refreshed_at, expires_at, ended_at, address, methods }
    }
}
