/// The reason why a domain rejects something: a message for people (`Display`) and a code for programs.
pub trait DomainError: std::error::Error {
    /// The stable `snake_case` code. Clients depend on it, so it is never renamed.
    fn code(&self) -> &'static str;
}
