use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use std::convert::Infallible;
use std::time::Duration;

/// The longest wait, in seconds.
const LONGEST: u64 = 30;
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The preference `Prefer: wait=N` (RFC 7240, section 4.3): the client wants the outcome if it is known within N
/// seconds. At most 30 seconds are waited.
///
/// Unknown or malformed preferences are ignored, as the RFC requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefer(Option<u64>);

impl Prefer {
    /// How long to wait; `None` if the client did not ask to wait.
    #[must_use]
    pub fn wait(self) -> Option<Duration> {
        self.0.map(Duration::from_secs)
    }

    /// This preference, or the longest wait if the client did not ask to wait.
    #[must_use]
    pub fn or_longest(self) -> Self {
        Self(self.0.or(Some(LONGEST)))
    }

    /// Adds `Preference-Applied` to the headers of the response.
    pub fn applied(self, headers: &mut HeaderMap) {
        let value = self.0.and_then(|seconds| HeaderValue::from_str(&format!("wait={seconds}")).ok());
        if let Some(value) = value {
            headers.insert(PREFERENCE_APPLIED, value);
        }
    }

    fn from_headers(headers: &HeaderMap) -> Self {
        let preferences = headers.get_all(PREFER).into_iter().filter_map(|value| value.to_str().ok());
        let waits = preferences.flat_map(|value| value.split(',')).filter_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse::<u64>().ok())?
        });
        // The first valid one counts (RFC 7240, section 2).
        Self(waits.map(|seconds| seconds.min(LONGEST)).find(|seconds| *seconds > 0))
    }
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::from_headers(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::{PREFER, Prefer};
    use axum::http::{HeaderMap, HeaderValue};

    fn wait(values: &[&'static str]) -> Option<u64> {
        let values = values.iter().map(|value| (PREFER, HeaderValue::from_static(value)));
        Prefer::from_headers(&HeaderMap::from_iter(values)).0
    }

    #[test]
    fn a_wait_is_found_among_other_preferences() {
        assert_eq!(wait(&["wait=5"]), Some(5));
        assert_eq!(wait(&["respond-async, WAIT = \"7\"; why=not"]), Some(7));
        let two = HeaderMap::from_iter([(PREFER, HeaderValue::from_static("respond-async"))]);
        assert_eq!(Prefer::from_headers(&two), Prefer(None));
    }

    #[test]
    fn a_wait_is_at_most_30_seconds() {
        assert_eq!(wait(&["wait=31"]), Some(30));
        assert_eq!(wait(&["wait=18446744073709551615"]), Some(30));
    }

    #[test]
    fn a_request_may_wait_although_the_client_did_not_ask_to() {
        assert_eq!((Prefer(None).or_longest(), Prefer(Some(5)).or_longest()), (Prefer(Some(30)), Prefer(Some(5))));
    }

    #[test]
    fn a_malformed_wait_is_ignored() {
        for value in
            ["", "wait", "wait=", "wait=-1", "wait=soon", "wait=0", "waiting=5", "wait=99999999999999999999999"]
        {
            assert_eq!(wait(&[value]), None, "{value}");
        }
    }

    #[test]
    fn preference_applied_names_the_wait() {
        let mut headers = HeaderMap::new();
        Prefer(Some(30)).applied(&mut headers);
        assert_eq!(headers["preference-applied"], "wait=30");
        let mut headers = HeaderMap::new();
        Prefer(None).applied(&mut headers);
        assert!(headers.is_empty());
    }
}
