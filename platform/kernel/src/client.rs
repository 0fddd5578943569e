use serde::{Deserialize, Serialize};

/// Where a request came from, as a record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOrigin {
    /// The client's network address; `local` for the command line, empty where it is not known.
    pub address: String,
    /// The id of the request, as in its answer's `X-Request-Id`. The command line has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
}

impl RequestOrigin {
    /// Where an operator sits.
    #[must_use]
    pub fn local() -> Self {
        Self { address: "local".to_owned(), request: None }
    }

    /// Somewhere: it was not said.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { address: String::new(), request: None }
    }
}
