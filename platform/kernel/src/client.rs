use serde::{Deserialize, Serialize};

/// The origin of a request, as the audit log stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOrigin {
    /// The client's network address; `local` for the command line, empty if unknown.
    pub address: String,
    /// The id of the request, as in the response's `X-Request-Id`; `None` for the command line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
}

impl RequestOrigin {
    /// The origin of an operator's command on the command line.
    #[must_use]
    pub fn local() -> Self {
        Self { address: "local".to_owned(), request: None }
    }

    /// The origin of a request whose address is unknown.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { address: String::new(), request: None }
    }
}
