//! Other services ask whether an access token is valid (RFC 7662).

use super::{any_secret, any_text};
use crate::AuthState;
use crate::queries::check_session::LiveSession;
use crate::tokens::Claims;
use auth_access::{Caller, Service};
use auth_domain::Scope;
use axum::extract::{MatchedPath, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kernel::Secret;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Bearer, Client, FormBody, Json, NoQuery, Problem, RateLimit, form_decoded, parse_id};
use zeroize::Zeroizing;

/// Rate limit, per address, on invalid service keys.
const WRONG_CREDENTIALS: RateLimit =
    RateLimit { name: "auth.introspect_credentials", burst: 30, every: Duration::from_secs(10) };
/// Rate limit, per service key, on questions about inactive tokens.
const INACTIVE_TOKENS: RateLimit =
    RateLimit { name: "auth.introspect_inactive", burst: 300, every: Duration::from_millis(200) };

web::body! {
    /// The token to ask about, and the service key if it is not sent in `Authorization`.
    #[schema(title = "Introspection", example = json!({ "token": "eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln" }))]
    pub(crate) struct Introspection {
        /// The access token to ask about.
        #[schema(min_length = 1, max_length = 4096)]
        token: secret,
        /// RFC 7662 defines this field. The server ignores it.
        #[schema(max_length = 100)]
        token_type_hint: optional String = any_text,
        /// The id of the service key, if the key is not sent in `Authorization`.
        #[schema(max_length = 100)]
        client_id: optional String = any_text,
        /// The service key, if it is not sent in `Authorization`.
        #[schema(format = Password, max_length = 100)]
        client_secret: optional Secret = any_secret,
    }
}

/// Whether a token is valid. The result for an invalid token has only the field `active`; for a valid token it has
/// every field.
#[derive(Default, Serialize, ToSchema)]
#[schema(title = "Introspected", example = json!({
    "active": true, "token_type": "Bearer", "iss": "roster", "aud": "roster",
    "sub": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "sid": "01890a5d-ac96-774b-bcce-b302099a8057", "role": "user",
    "email_verified": false, "acr": "aal1", "amr": ["pwd"], "auth_time": 1_790_000_000, "iat": 1_790_000_000, "nbf": 1_789_999_995, "exp": 1_790_000_300, "jti": "01a203d6-0348-7a2d-9df1-19f278f32782",
}))]
pub(crate) struct IntrospectionResult {
    /// Whether the token is valid now.
    active: bool,
    /// Always `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 10)]
    token_type: Option<&'static str>,
    /// The issuer of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500)]
    iss: Option<String>,
    /// The audience of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 500)]
    aud: Option<String>,
    /// The id of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sub: Option<Uuid>,
    /// The id of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sid: Option<Uuid>,
    /// The role that the user has now: `user` or `admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(user|admin)$")]
    role: Option<&'static str>,
    /// Whether the user is known to receive mail at their email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email_verified: Option<bool>,
    /// How sure the server is of the user now: `aal1` for one factor, `aal2` for two.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^(aal1|aal2)$")]
    acr: Option<&'static str>,
    /// How the user has proven who they are (RFC 8176).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_items = 10)]
    amr: Option<Vec<&'static str>>,
    /// When the user signed in or last stepped up, in seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    auth_time: Option<i64>,
    /// When the token was issued, in seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    iat: Option<i64>,
    /// From when the token is valid, in seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    nbf: Option<i64>,
    /// When the token expires, in seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    exp: Option<i64>,
    /// The id of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    jti: Option<Uuid>,
}

/// Introspect an access token (RFC 7662).
///
/// For services that have a service key with the scope `introspect`. Send the key in one of three ways: as a bearer
/// token; by HTTP Basic, with the id of the key as user name and the key as password; or in the form, as `client_id`
/// and `client_secret` (RFC 6749, section 2.3.1). The token of a session that has ended is not active.
#[utoipa::path(
    post,
    path = "/auth/introspect",
    tag = "services",
    security(("bearer" = []), ("basic" = []), ()),
    request_body(content = Introspection, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The result. `active` is false for every invalid token, whatever the reason.", body = IntrospectionResult),
        (status = 401, description = "The service key is missing, invalid, expired or revoked."),
        (status = 403, description = "The key does not have the scope `introspect`."),
        (status = 429, description = "Too many invalid keys from this address, or too many requests with this key about inactive tokens. Retry after the seconds in `Retry-After`."),
    )
)]
pub(crate) async fn introspect(
    State(auth): State<AuthState>,
    bearer: Option<Bearer>,
    headers: HeaderMap,
    route: MatchedPath,
    client: Client,
    _: NoQuery,
    FormBody(mut form): FormBody,
) -> Result<Json<IntrospectionResult>, Problem> {
    let Introspection { token, token_type_hint: _, client_id: id, client_secret: key } = form.read();
    // Authenticate after the body has arrived: the key may have been revoked meanwhile.
    let service = Credentials::of(bearer, &headers, id, key)?.service(&auth, &client).await?;
    if !service.scopes.contains(Scope::Introspect.as_str()) {
        return Err(auth.authenticator.forbid(&Caller::Service(service), &route, &client).await);
    }
    let token = form.finish(token)?;
    let known = auth.authenticator.verify_token(token.expose()).await?;
    // A session that may only enrol a second factor, or must step up first, opens nothing elsewhere either.
    let known = known.filter(|(_, session)| auth.authenticator.assurance(session).access.is_none());
    let Some((claims, session)) = known else {
        auth.limits.count_miss(&INACTIVE_TOKENS, service.key.as_bytes()).await?;
        return Ok(Json(IntrospectionResult::default()));
    };
    Ok(Json(IntrospectionResult::of(&claims, &session)))
}

/// The credentials that a service sends.
struct Credentials {
    shown: Shown,
    /// Every id that was sent. Each must be the id of the key.
    ids: Vec<String>,
}

enum Shown {
    Bearer(Bearer),
    Key(Secret),
}

impl Credentials {
    /// Reads the credentials. An unknown scheme in `Authorization` is ignored: a proxy may have set it.
    fn of(
        bearer: Option<Bearer>,
        headers: &HeaderMap,
        id: Option<String>,
        key: Option<Secret>,
    ) -> Result<Self, Problem> {
        let mut ids: Vec<_> = id.into_iter().collect();
        let in_header = match bearer {
            Some(bearer) => Some(Shown::Bearer(bearer)),
            None => basic(headers)?.map(|(id, key)| {
                ids.push(id);
                Shown::Key(key)
            }),
        };
        let shown = match (in_header, key) {
            // RFC 6749, section 2.3: a client must not use more than one method in a request.
            (Some(_), Some(_)) => return Err(several_credentials()),
            (None, Some(_)) if ids.is_empty() => return Err(invalid_client()),
            (None, Some(key)) => Shown::Key(key),
            (Some(shown), None) => shown,
            (None, None) => return Err(Problem::unauthenticated()),
        };
        Ok(Self { shown, ids })
    }

    /// Authenticates the service. Returns 401 for an invalid key, and 429 for an address that has sent too many of
    /// them.
    async fn service(self, auth: &AuthState, client: &Client) -> Result<Service, Problem> {
        let found = match self.shown {
            Shown::Bearer(bearer) => bearer.sender::<Service>().await,
            Shown::Key(key) => auth.authenticator.service(key.expose()).await?.ok_or_else(invalid_client),
        };
        let found = found.and_then(|service| {
            let is_named = self.ids.iter().all(|id| parse_id(id) == Ok(service.key));
            if is_named { Ok(service) } else { Err(invalid_client()) }
        });
        if found.as_ref().is_err_and(|problem| problem.status() == StatusCode::UNAUTHORIZED) {
            auth.limits.count_miss(&WRONG_CREDENTIALS, &client.address.key()).await?;
        }
        found
    }
}

/// The id and the secret of HTTP Basic; `None` if the request has no such header.
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, Problem> {
    let Some(text) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let (scheme, given) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = BASE64_STANDARD.decode(given.trim_matches(' ')).map(Zeroizing::new).ok();
    let pair = decoded.as_deref().and_then(|bytes| str::from_utf8(bytes).ok()?.split_once(':'));
    // RFC 6749, section 2.3.1: the id and the secret are form-encoded before they are joined.
    let pair = pair.and_then(|(id, secret)| Some((form_decoded(id)?, Secret::new(form_decoded(secret)?))));
    pair.map(Some).ok_or_else(invalid_client)
}

fn invalid_client() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_client", "The service key is invalid, or does not belong to the id")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"))
}

fn several_credentials() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "several_credentials", "Send credentials in one way only")
}

impl IntrospectionResult {
    fn of(claims: &Claims, session: &LiveSession) -> Self {
        Self {
            active: true,
            token_type: Some("Bearer"),
            iss: Some(claims.iss.clone()),
            aud: Some(claims.aud.clone()),
            sub: Some(claims.sub),
            sid: Some(claims.sid),
            role: Some(session.standing.role.as_str()),
            email_verified: Some(session.email_verified),
            acr: Some(session.standing.level.as_str()),
            amr: Some(session.methods.amr(session.standing.level)),
            auth_time: Some(session.authenticated_at.as_microsecond().div_euclid(1_000_000)),
            iat: Some(claims.iat),
            nbf: Some(claims.nbf),
            exp: Some(claims.exp),
            jti: Some(claims.jti),
        }
    }
}
