/// Why a domain refuses something: a sentence for people, a code for programs.
pub trait DomainError: std::error::Error {
    /// A stable `snake_case` code. Clients depend on it: it is never renamed.
    fn code(&self) -> &'static str;
}
