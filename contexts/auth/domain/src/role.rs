use kernel::DomainError;
use std::str::FromStr;

/// The role of a user: what the user may do to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// May only read and change their own data.
    #[default]
    User,
    /// May also read all users, deactivate them, set roles, manage service keys, and read the audit log.
    Admin,
}

impl Role {
    /// The word that is stored and used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// A text is neither `user` nor `admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be user or admin")]
pub struct UnknownRole;

impl DomainError for UnknownRole {
    fn code(&self) -> &'static str {
        "role_unknown"
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, UnknownRole};
    use kernel::DomainError as _;

    #[test]
    fn a_role_is_parsed_from_its_own_text_alone() {
        for role in [Role::User, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!(Role::Admin.as_str(), "admin");
        for text in ["", "Admin", "root", "admin "] {
            assert_eq!(text.parse::<Role>(), Err(UnknownRole), "{text}");
        }
        assert_eq!(Role::default(), Role::User);
    }

    #[test]
    fn refusals_have_codes() {
        assert_eq!(UnknownRole.code(), "role_unknown");
    }
}
