//! A person sees which factors they have.

use crate::AuthState;
use auth_access::AnySession;
use axum::extract::State;
use kernel::Timestamp;
use persistence::{Db, SqlError, SqlTimestamp, fetch_one, sql};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, NoQuery, Problem, unavailable};

/// What a user can sign in with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Factors", example = json!({
    "has_password": true, "totp_enrolled_at": "2026-09-21T14:13:20.123456Z", "passkeys": 1, "recovery_codes_left": 10,
}))]
pub(crate) struct FactorsView {
    /// Whether the user has a password.
    has_password: bool,
    /// When an authenticator app was enrolled; null if there is none.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    totp_enrolled_at: Option<Timestamp>,
    /// How many passkeys there are.
    #[schema(minimum = 0, maximum = 20)]
    passkeys: i64,
    /// How many recovery codes are left.
    #[schema(minimum = 0, maximum = 10)]
    recovery_codes_left: i64,
}

/// See which factors you have.
#[utoipa::path(
    get,
    path = "/auth/factors",
    tag = "factors",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Your factors.", body = FactorsView),
        (status = 403, description = "Service keys have no factors."),
    )
)]
pub(crate) async fn get_factors(
    State(auth): State<AuthState>,
    AnySession(me): AnySession,
    _: NoQuery,
) -> Result<Json<FactorsView>, Problem> {
    find(&auth.db, me.user.as_uuid()).await.map(Json).map_err(unavailable)
}

async fn find(db: &Db, user: Uuid) -> Result<FactorsView, SqlError> {
    let sql = sql!(
        "select exists (select 1 from auth_credentials where user_id = $1), \
         (select confirmed_at from auth_totp where user_id = $1), \
         (select count(*) from auth_passkeys where user_id = $1), \
         (select count(*) from auth_recovery_codes where user_id = $1)"
    );
    let mut db = db.read().await?;
    let (has_password, enrolled_at, passkeys, recovery_codes_left) =
        fetch_one!(&mut db, (bool, Option<SqlTimestamp>, i64, i64), sql, user)?;
    Ok(FactorsView { has_password, totp_enrolled_at: enrolled_at.map(|at| at.0), passkeys, recovery_codes_left })
}
