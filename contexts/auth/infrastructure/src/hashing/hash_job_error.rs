/// Why a hash job cannot be made. The fault is in the system or in stored data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashJobError {
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(getrandom::Error),
    /// The parts of a stored hash do not fit together.
    #[error("a stored password hash is malformed")]
    Malformed,
}
