//! Whether a token is good, for other services (RFC 7662).

use crate::Desk;
use crate::tokens::Claims;
use auth_domain::{Role, Scope};
use axum::extract::{MatchedPath, State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Bearer, Caller, Client, Form, Json, NoQuery, Problem, Service};

/// What is asked about.
#[derive(ToSchema)]
#[schema(title = "Introspection", example = json!({ "token": "eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln" }))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct Introspection {
    /// An access token.
    #[schema(min_length = 1, max_length = 4096)]
    token: String,
    /// Nothing follows from it.
    #[schema(max_length = 100)]
    token_type_hint: Option<String>,
}

/// What is known of a token: nothing but that it is not good, or all of it.
#[derive(Default, Serialize, ToSchema)]
#[schema(title = "Introspected", example = json!({
    "active": true, "token_type": "Bearer", "iss": "roster", "aud": "roster",
    "sub": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "sid": "01890a5d-ac96-774b-bcce-b302099a8057", "role": "user",
    "iat": 1_790_000_000, "nbf": 1_790_000_000, "exp": 1_790_000_300, "jti": "01a203d6-0348-7a2d-9df1-19f278f32782",
}))]
pub(crate) struct Introspected {
    /// Whether it is good now.
    active: bool,
    /// `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 10)]
    token_type: Option<&'static str>,
    /// Who has made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500)]
    iss: Option<String>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500)]
    aud: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sub: Option<Uuid>,
    /// Of which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sid: Option<Uuid>,
    /// What its person may do now: `user` or `admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(user|admin)$")]
    role: Option<&'static str>,
    /// When it was made, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    iat: Option<i64>,
    /// From when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    nbf: Option<i64>,
    /// Until when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    exp: Option<i64>,
    /// Its own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    jti: Option<Uuid>,
}

/// Ask whether an access token is good (RFC 7662).
///
/// For services, with a key of the scope `introspect`. A token of a session that has ended is not good.
#[utoipa::path(
    post,
    path = "/auth/introspect",
    tag = "services",
    security(("bearer" = [])),
    request_body(content = Introspection, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What is known of it.", body = Introspected),
        (status = 403, description = "The key has not the scope `introspect`.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It could be read, and is refused: every violation with its pointer.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn introspect(
    State(desk): State<Desk>,
    bearer: Bearer,
    route: MatchedPath,
    client: Client,
    _: NoQuery,
    Form(mut form): Form,
) -> Result<Json<Introspected>, Problem> {
    // Not before the body has arrived: a key may end meanwhile.
    let service: Service = bearer.sender().await?;
    if !service.scopes.contains(Scope::Introspect.as_str()) {
        return Err(desk.forbid(&Caller::Service(service), &route, &client).await);
    }
    let token = form.required("token", |text| Ok::<_, web::NotAnId>(kernel::Secret::new(text.to_owned())));
    let _ = form.optional("token_type_hint", |_| Ok::<_, web::NotAnId>(()));
    let token = form.finish(token)?;
    let known = desk.known(token.expose()).await?;
    Ok(Json(known.map_or_else(Introspected::default, |(claims, role)| Introspected::of(&claims, role))))
}

impl Introspected {
    fn of(claims: &Claims, role: Role) -> Self {
        Self {
            active: true,
            token_type: Some("Bearer"),
            iss: Some(claims.iss.clone()),
            aud: Some(claims.aud.clone()),
            sub: Some(claims.sub),
            sid: Some(claims.sid),
            role: Some(role.as_str()),
            iat: Some(claims.iat),
            nbf: Some(claims.nbf),
            exp: Some(claims.exp),
            jti: Some(claims.jti),
        }
    }
}
