use serde::{Deserialize, Serialize};

/// Where a request came from, as a record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The client's network address.
    pub address: String,
    /// The id of the request, as in its answer's `X-Request-Id`. The command line has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
}
