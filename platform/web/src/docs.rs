//! The documentation that a server carries: the OpenAPI document, and a page to read and try it.

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

/// What the page may do: load its own files and call this server. Styles inline, because Swagger
/// UI writes them; no script inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PAGE: &str = "index.html";
/// Ours, in the place of the one that the distribution has.
const INITIALIZER: &str = "swagger-initializer.js";
/// The page and what it loads, and nothing else of the distribution.
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

/// The page's files, made when somebody first asks for one.
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

/// `GET /openapi.json`, and `GET /docs`: Swagger UI from the binary, which loads nothing from elsewhere.
///
/// # Errors
/// When the document cannot be written as JSON.
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

/// An answer that is the same as long as this binary runs. Clients keep it and ask again each
/// time, so that a new version is seen at once.
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

    /// The answer 304 has the same headers: a client replaces what it kept by them (RFC 9111, section 3.2).
    fn answer(&self, asked: &HeaderMap) -> Response {
        if self.tag.is_known_to(asked) {
            return (StatusCode::NOT_MODIFIED, self.headers.clone()).into_response();
        }
        (self.headers.clone(), self.body.clone()).into_response()
    }
}
