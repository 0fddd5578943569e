use crate::{Fields, Problem, json::Value};
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use kernel::DomainError;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The parameters of a request's query, read in one pass that collects every violation, as
/// [`Fields`] does for a body. In violations, a parameter's pointer is `?name`, which no JSON
/// pointer can be.
pub struct Query(Fields);

/// A body that is written like a query (`application/x-www-form-urlencoded`), where a standard asks for one.
pub struct FormBody(pub Query);

/// The query of a route that has no parameters: it refuses any.
pub struct NoQuery;

impl Query {
    /// Reads a query as HTML forms write it (`application/x-www-form-urlencoded`), decoding it once.
    ///
    /// # Errors
    /// 400 when an escape is not two hexadecimal digits or does not make UTF-8, and when a
    /// parameter is given twice, which two readers would understand differently.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let refused = |code, title| Problem::new(StatusCode::BAD_REQUEST, code, title);
        let mut given = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                return Err(refused("query_malformed", "The query is not percent-encoded UTF-8"));
            };
            if given.insert(name, Value::Text(Zeroizing::new(value))).is_some() {
                return Err(refused("duplicate_parameter", "The query names a parameter twice"));
            }
        }
        Ok(Self(Fields::new(given, '?')))
    }

    /// A parameter that must be there. `None` when it is not, or is refused: [`finish`](Self::finish) tells.
    pub fn required<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        self.0.required(name, parse)
    }

    /// A parameter that may be absent. `None` also when it is refused: [`finish`](Self::finish) tells.
    pub fn optional<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        self.0.optional(name, parse)
    }

    /// Ends the reading: `whole` is what was read, when all of it could be.
    ///
    /// # Errors
    /// 400 `unknown_parameter` when a parameter was given that nobody asked for; otherwise 422
    /// `invalid_request` with every violation.
    pub fn finish<T>(mut self, whole: Option<T>) -> Result<T, Problem> {
        if self.0.has_unknown() {
            let known = self.0.known_names();
            let detail = if known.is_empty() { "It takes none.".into() } else { format!("It takes only: {known}.") };
            let title = "This resource does not take that parameter";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "unknown_parameter", title).detail(detail));
        }
        self.0.finish(whole)
    }
}

/// One part of a form, decoded (`application/x-www-form-urlencoded`). `None` when it is not percent-encoded UTF-8.
#[must_use]
pub fn form_decoded(text: &str) -> Option<String> {
    decoded(text)
}

/// `None` when it is not percent-encoded UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::parse(parts.uri.query().unwrap_or_default())?.finish(Some(Self))
    }
}
