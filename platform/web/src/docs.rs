//! The documentation that a server carries: the OpenAPI document, and a page to read and try it.

use crate::{ETag, NoQuery, Problem};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{
        HeaderMap, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerFile};

/// What the page may do: load its own files and call this server. Styles inline, because Swagger
/// UI writes them; no script inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What the page loads, and nothing else of the distribution.
const FILES: [&str; 7] = [
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    "swagger-initializer.js",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// `GET /openapi.json`, and `GET /docs`: Swagger UI from the binary, which loads nothing from elsewhere.
///
/// # Errors
/// When the document cannot be written as JSON.
pub fn routes(document: &OpenApi) -> Result<Router, serde_json::Error> {
    let document = Bytes::from(document.to_json()?);
    // Without "none", the page would show the document to a validator on the internet.
    let config = Arc::new(Config::from("/openapi.json").validator_url("none"));
    Ok(Router::new()
        .route("/openapi.json", get(openapi))
        .with_state((ETag::of(&document), document))
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(page))
        .route("/docs/{file}", get(file))
        .with_state(config))
}

async fn openapi(State((tag, document)): State<(ETag, Bytes)>, headers: HeaderMap, _: NoQuery) -> Response {
    cached(&tag, &headers, [(CONTENT_TYPE, "application/json")], document)
}

async fn page(State(config): State<Arc<Config<'static>>>, headers: HeaderMap) -> Result<Response, Problem> {
    asset("index.html", config, &headers)
}

async fn file(
    State(config): State<Arc<Config<'static>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = FILES.into_iter().find(|file| *file == name).ok_or_else(Problem::not_found)?;
    asset(name, config, &headers)
}

fn asset(name: &str, config: Arc<Config<'static>>, headers: &HeaderMap) -> Result<Response, Problem> {
    let SwaggerFile { bytes, content_type, .. } =
        utoipa_swagger_ui::serve(name, config).ok().flatten().ok_or_else(Problem::not_found)?;
    let bytes = Bytes::from(bytes.into_owned());
    let types = [(CONTENT_TYPE, content_type.as_str()), (CONTENT_SECURITY_POLICY, POLICY)];
    Ok(cached(&ETag::of(&bytes), headers, types, bytes))
}

/// Kept by clients, and asked for again each time: a new version is seen at once. The answer 304
/// has the same headers, since a client replaces what it kept by them (RFC 9111, section 3.2).
fn cached<const N: usize>(
    tag: &ETag,
    headers: &HeaderMap,
    own: [(axum::http::HeaderName, &str); N],
    body: Bytes,
) -> Response {
    let validators = [(ETAG, tag.header()), (CACHE_CONTROL, axum::http::HeaderValue::from_static("no-cache"))];
    if tag.is_known_to(headers) {
        return (StatusCode::NOT_MODIFIED, validators, own).into_response();
    }
    (validators, own, body).into_response()
}
