use crate::{Fields, Problem, RequestBody, request::json::Value};
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use kernel::DomainError;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The parameters of a request's query. Reading them collects every violation, as [`Fields`] does for a body. The
/// pointer of a parameter is `?name`, which is never a JSON pointer.
pub struct Query(Fields);

/// A body of the media type `application/x-www-form-urlencoded`, for routes where a standard requires that type.
pub struct FormBody(pub Query);

/// An extractor for routes without query parameters: it rejects every parameter.
pub struct NoQuery;

impl Query {
    /// Parses a query (`application/x-www-form-urlencoded`), decoding it once.
    ///
    /// # Errors
    /// 400 if an escape is not two hexadecimal digits, if the decoded text is not UTF-8, or if a parameter is given
    /// twice, which parsers read differently.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let refused = |code, title| Problem::new(StatusCode::BAD_REQUEST, code, title);
        let mut given = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                return Err(refused("query_malformed", "The query is not percent-encoded UTF-8"));
            };
            if given.insert(name, Value::Text(Zeroizing::new(value))).is_some() {
                return Err(refused("duplicate_parameter", "The query has a parameter twice"));
            }
        }
        Ok(Self(Fields::new(given, '?')))
    }

    /// Reads a required parameter. `None` if it is missing or rejected; [`finish`](Self::finish) then fails.
    pub fn required<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        self.0.required(name, parse)
    }

    /// Reads an optional parameter. `None` if it is absent or rejected; [`finish`](Self::finish) fails in the last
    /// case.
    pub fn optional<T, R: DomainError>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        self.0.optional(name, parse)
    }

    /// Adds a violation of a check that concerns several parameters. The message MUST NOT quote the input.
    pub fn refuse(&mut self, name: &'static str, why: &dyn DomainError) {
        self.0.refuse(name, why.code(), why.to_string());
    }

    /// Whether no violation was found so far.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.0.is_fine()
    }

    /// Reads every field of a form.
    pub fn read<B: RequestBody>(&mut self) -> B {
        B::read(&mut self.0)
    }

    /// The value of a parameter that was not read yet.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.text_given(name)
    }

    /// The fields of a form, for a route that reads them as those of a JSON body.
    #[must_use]
    pub fn into_fields(self) -> Fields {
        self.0
    }

    /// Ends the reading. `whole` is the value that the caller built from the parameters, or `None` if one is missing.
    ///
    /// # Errors
    /// 400 `unknown_parameter` if the query has a parameter that the handler did not read; otherwise 422
    /// `invalid_request` with every violation.
    pub fn finish<T>(mut self, whole: Option<T>) -> Result<T, Problem> {
        if self.0.has_unknown() {
            let known = self.0.known_names();
            let detail = if known.is_empty() {
                "No parameters are allowed.".into()
            } else {
                format!("Allowed parameters: {known}.")
            };
            let title = "The query has an unknown parameter";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "unknown_parameter", title).detail(detail));
        }
        self.0.finish(whole)
    }
}

/// Decodes a name or value of a form (`application/x-www-form-urlencoded`). `None` if it is not percent-encoded UTF-8.
#[must_use]
pub fn form_decoded(text: &str) -> Option<String> {
    decoded(text)
}

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
