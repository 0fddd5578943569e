use kernel::DomainError;

/// Why no link to choose a new password is sent to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRecoverable {
    #[error("there is no user with this id")]
    NoSuchUser,
    #[error("the user is deactivated: reactivate the user first")]
    Deactivated,
}

impl DomainError for NotRecoverable {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchUser => "no_such_user",
            Self::Deactivated => "user_deactivated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NotRecoverable;
    use kernel::DomainError as _;

    #[test]
    fn each_reason_has_a_code() {
        let codes = [NotRecoverable::NoSuchUser, NotRecoverable::Deactivated].map(|why| why.code());
        assert_eq!(codes, ["no_such_user", "user_deactivated"]);
    }
}
