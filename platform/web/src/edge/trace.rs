use axum::http::HeaderMap;
use uuid::Uuid;

/// The id of a request and the trace that it belongs to (W3C Trace Context, level 1). Every request has one in its
/// extensions: `Extension<Trace>`.
///
/// The service always makes the request id itself. It accepts a client's trace id only from a strictly valid header: 32
/// hexadecimal digits cannot forge a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    request_id: Uuid,
    traceparent: String,
    is_given: bool,
}

impl Trace {
    /// Reads `traceparent`. Makes a new trace id if the header is missing, invalid, or given twice.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        #[expect(clippy::disallowed_methods, reason = "it names a request, which no domain knows")]
        let request_id = Uuid::new_v4();
        let fresh = request_id.simple().to_string();
        // A UUID of version 4 has bits that are never zero in either half, as both ids require.
        let span = &fresh[16..];
        let mut given = headers.get_all("traceparent").into_iter();
        let (traceparent, is_given) = match (given.next().and_then(|value| parse(value.to_str().ok()?)), given.next()) {
            (Some((trace_id, sampled)), None) => (format!("00-{trace_id}-{span}-0{}", u8::from(sampled)), true),
            _ => (format!("00-{fresh}-{span}-00"), false),
        };
        Self { request_id, traceparent, is_given }
    }

    /// The id of this request, as in `X-Request-Id`.
    #[must_use]
    pub const fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// The trace id, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.traceparent[3..35]
    }

    /// The trace id, if the client sent one. Otherwise it has the digits of the request id, which the log shows anyway.
    #[must_use]
    pub fn given_trace_id(&self) -> Option<&str> {
        self.is_given.then(|| self.trace_id())
    }

    /// The `traceparent` to pass on, with this request as the parent.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }
}

/// Parses a `traceparent` into the trace id and the sampled flag (W3C Trace Context, section 3.2). Later versions of
/// the header may append fields.
fn parse(text: &str) -> Option<(&str, bool)> {
    let (head, tail) = text.split_at_checked(55)?;
    let parts: Vec<&str> = head.split('-').collect();
    let [version, trace_id, parent, flags] = parts[..] else { return None };
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let well_formed = hex(version, 2) && hex(trace_id, 32) && hex(parent, 16) && hex(flags, 2);
    let zero = |text: &str| text.bytes().all(|b| b == b'0');
    let known = version != "ff" && (tail.is_empty() || version != "00" && tail.starts_with('-'));
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    (well_formed && known && !zero(trace_id) && !zero(parent)).then_some((trace_id, sampled))
}

#[cfg(test)]
mod tests {
    use super::{Trace, parse};
    use axum::http::{HeaderMap, HeaderValue};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn from_headers(values: &[&str]) -> Trace {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", HeaderValue::from_str(value).expect("a header"));
        }
        Trace::from_headers(&headers)
    }

    #[test]
    fn a_valid_trace_from_outside_goes_on_with_this_request_as_the_parent() {
        let given = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let trace = from_headers(&[&given]);
        assert_eq!(trace.trace_id(), TRACE);
        assert_ne!(trace.traceparent(), given);
        assert_eq!(parse(trace.traceparent()), Some((TRACE, true)));
        assert_ne!(from_headers(&[&given]).request_id(), trace.request_id(), "one trace, two requests");
    }

    #[test]
    fn a_trace_that_is_not_valid_to_the_letter_is_replaced() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
        ] {
            let trace = from_headers(&[bad]);
            assert_ne!(trace.trace_id(), TRACE, "{bad}");
            assert!(parse(trace.traceparent()).is_some(), "{bad}: the fresh one is valid");
        }
        let one = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_ne!(from_headers(&[&one, &one]).trace_id(), TRACE, "two headers");
    }

    #[test]
    fn a_later_version_may_append_fields() {
        assert_eq!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more"), Some((TRACE, false)));
        assert_eq!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00more"), None);
    }
}
