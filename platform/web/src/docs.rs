//! The API documentation that the server offers: the OpenAPI document, and Swagger UI to read and try the API.

use crate::{ETag, NoQuery, Problem};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG},
    },
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

/// The content security policy of the page. The page may load its own files and call this server. Inline styles are
/// allowed, because Swagger UI writes them; inline scripts are not.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE: &str = "index.html";
/// The script that sets up Swagger UI. This crate's own file replaces that of the distribution.
const INITIALIZER: &str = "swagger-initializer.js";
/// The page and the files that it loads. Other files of the distribution are not served.
const FILES: [&str; 8] = [
    PAGE,
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    INITIALIZER,
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// The page's files, prepared at the first request for one.
static SWAGGER_UI: LazyLock<BTreeMap<&str, StaticAsset>> = LazyLock::new(|| {
    let config = Arc::new(Config::from("/openapi.json"));
    let policy = || [(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))];
    let fixed = |name| {
        if name == INITIALIZER {
            let headers = [(CONTENT_TYPE, HeaderValue::from_static("text/javascript"))];
            let script = Bytes::from_static(include_bytes!("docs/swagger-initializer.js"));
            return Some((name, StaticAsset::new(headers.into_iter().chain(policy()), script)));
        }
        let file = utoipa_swagger_ui::serve(name, config.clone()).ok()??;
        let body = match file.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        let headers = [(CONTENT_TYPE, file.content_type.parse().ok()?)];
        Some((name, StaticAsset::new(headers.into_iter().chain(policy()), body)))
    };
    FILES.into_iter().filter_map(fixed).collect()
});

/// `GET /openapi.json`, and `GET /docs` with Swagger UI. All files come from the binary, none from another server.
///
/// # Errors
/// When the document cannot be serialised as JSON.
pub fn routes(document: &OpenApi) -> Result<Router, serde_json::Error> {
    let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let document = StaticAsset::new(json, document.to_json()?.into());
    Ok(Router::new()
        .route("/openapi.json", get(openapi))
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async |asked: HeaderMap| file(PAGE, &asked)))
        .route("/docs/{file}", get(async |Path(name): Path<String>, asked: HeaderMap| file(&name, &asked)))
        .with_state(document))
}

async fn openapi(State(document): State<StaticAsset>, asked: HeaderMap, _: NoQuery) -> Response {
    document.answer(&asked)
}

fn file(name: &str, asked: &HeaderMap) -> Result<Response, Problem> {
    SWAGGER_UI.get(name).map(|file| file.answer(asked)).ok_or_else(Problem::not_found)
}

/// A response that does not change while the process runs. Clients cache it and revalidate it each time, so that they
/// see a new version at once.
#[derive(Clone)]
struct StaticAsset {
    tag: ETag,
    headers: HeaderMap,
    body: Bytes,
}

impl StaticAsset {
    fn new(headers: impl IntoIterator<Item = (axum::http::HeaderName, HeaderValue)>, body: Bytes) -> Self {
        let tag = ETag::of_content(&body);
        let validators = [(ETAG, tag.header()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        Self { tag, headers: headers.into_iter().chain(validators).collect(), body }
    }

    /// A 304 has the same headers, because the client replaces its cached headers by them (RFC 9111, section 3.2).
    fn answer(&self, asked: &HeaderMap) -> Response {
        if self.tag.is_known_to(asked) {
            return (StatusCode::NOT_MODIFIED, self.headers.clone()).into_response();
        }
        (self.headers.clone(), self.body.clone()).into_response()
    }
}
