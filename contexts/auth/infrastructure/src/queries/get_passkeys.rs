//! A person reads their own passkeys; a browser learns which of them to offer.

use crate::AuthState;
use crate::factors::FactorKeys;
use auth_access::AnySession;
use auth_application::TokenHash;
use axum::extract::State;
use identity::Email;
use kernel::Timestamp;
use persistence::{Db, Read, SqlError, SqlTimestamp, fetch_all, fetch_optional, sql};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, NoQuery, Problem, unavailable};
use webauthn::{CredentialDescriptor, authenticator_name};

/// A passkey of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Passkey")]
pub(crate) struct PasskeyView {
    /// The id of the passkey.
    id: Uuid,
    /// The name that the user gave it, or that of the authenticator's model.
    #[schema(max_length = 100)]
    name: String,
    /// The model of the authenticator; null if it is not known.
    #[schema(required = true, max_length = 100)]
    authenticator: Option<&'static str>,
    /// Whether the passkey is copied to other devices of the user.
    is_backed_up: bool,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last used; null if it never was.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    used_at: Option<Timestamp>,
}

/// The passkeys of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Passkeys", example = json!({ "data": [{
    "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "My phone", "authenticator": "iCloud Keychain",
    "is_backed_up": true, "created_at": "2026-09-21T14:13:20.123456Z", "used_at": null,
}] }))]
pub(crate) struct PasskeysView {
    /// The passkeys, the earliest first.
    #[schema(max_items = 20)]
    data: Vec<PasskeyView>,
}

/// List your passkeys.
#[utoipa::path(
    get,
    path = "/auth/passkeys",
    tag = "factors",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Your passkeys.", body = PasskeysView),
        (status = 403, description = "Service keys have no passkeys."),
    )
)]
pub(crate) async fn get_passkeys(
    State(auth): State<AuthState>,
    AnySession(me): AnySession,
    _: NoQuery,
) -> Result<Json<PasskeysView>, Problem> {
    let mut db = auth.db.read().await.map_err(unavailable)?;
    let data = passkeys_of(&mut db, me.user.as_uuid()).await.map_err(unavailable)?;
    Ok(Json(PasskeysView { data }))
}

type Row = (Uuid, String, Uuid, bool, SqlTimestamp, Option<SqlTimestamp>);

/// The passkeys of a user, the earliest first.
pub(crate) async fn passkeys_of(db: &mut Read, user: Uuid) -> Result<Vec<PasskeyView>, SqlError> {
    let sql = "select id, name, aaguid, backed_up, created_at, used_at from auth_passkeys where user_id = $1 \
         order by created_at, id";
    let rows = fetch_all!(db, Row, sql, user)?;
    Ok(rows
        .into_iter()
        .map(|(id, name, aaguid, is_backed_up, created_at, used_at)| PasskeyView {
            id,
            name,
            authenticator: authenticator_name(aaguid),
            is_backed_up,
            created_at: created_at.0,
            used_at: used_at.map(|at| at.0),
        })
        .collect())
}

/// Whether a challenge waits to be answered by a passkey.
pub(crate) async fn waits(db: &Db, challenge: &TokenHash) -> Result<bool, SqlError> {
    let sql =
        sql!("select hash from auth_passkey_challenges where hash = $1 and user_id is null and expires_at > {clock}");
    let mut db = db.read().await?;
    Ok(fetch_optional!(&mut db, (Vec<u8>,), sql, &challenge.0[..])?.is_some())
}

/// The passkeys of a user, as browsers ask authenticators for them.
pub(crate) async fn descriptors_of(db: &Db, user: Uuid) -> Result<Vec<CredentialDescriptor>, SqlError> {
    let sql = "select credential, transports from auth_passkeys where user_id = $1 order by created_at, id";
    let mut db = db.read().await?;
    Ok(descriptors(fetch_all!(&mut db, (Vec<u8>, String), sql, user)?))
}

/// The passkeys of the user with this address. For an address without passkeys, the answer has one that does not exist,
/// always the same: so an answer with one passkey does not tell whether the address has an account.
pub(crate) async fn descriptors_of_address(
    db: &Db,
    keys: &FactorKeys,
    email: &Email,
) -> Result<Vec<CredentialDescriptor>, SqlError> {
    let sql = "select p.credential, p.transports from auth_passkeys p join auth_accounts a on a.user_id = p.user_id \
         where a.identifier = $1 and a.disabled_at is null order by p.created_at, p.id";
    let mut db = db.read().await?;
    let found = descriptors(fetch_all!(&mut db, (Vec<u8>, String), sql, email.canonical())?);
    if !found.is_empty() {
        return Ok(found);
    }
    let id = keys.decoy(email.canonical()).map(|id| id.to_vec());
    let transports = ["hybrid", "internal"].map(str::to_owned).to_vec();
    Ok(id.map(|id| CredentialDescriptor { id, transports }).into_iter().collect())
}

fn descriptors(rows: Vec<(Vec<u8>, String)>) -> Vec<CredentialDescriptor> {
    let descriptor = |(id, transports): (Vec<u8>, String)| CredentialDescriptor {
        id,
        transports: transports.split_whitespace().map(str::to_owned).collect(),
    };
    rows.into_iter().map(descriptor).collect()
}
