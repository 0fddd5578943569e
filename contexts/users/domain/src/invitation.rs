use crate::UserRole;
use identity::{Email, UserId};
use kernel::DomainError;

/// An invitation to register. The store knows when it expires, by the clock of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The id of the future user.
    pub user: UserId,
    /// `None` after the user who accepted it was erased.
    pub email: Option<Email>,
    pub role: UserRole,
    /// The language of its mails: a tag such as `de`.
    pub language: Option<String>,
    /// For how many days its links work, after each mail.
    pub days: i64,
    pub end: Option<InvitationEnd>,
}

/// How an invitation has ended, other than by expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvitationEnd {
    #[error("the invitation has been accepted")]
    Accepted,
    #[error("the invitation has been revoked: invite the person again")]
    Revoked,
}

impl DomainError for InvitationEnd {
    fn code(&self) -> &'static str {
        match self {
            Self::Accepted => "invitation_accepted",
            Self::Revoked => "invitation_revoked",
        }
    }
}

impl Invitation {
    /// The address to send the invitation to once more, also after it has expired.
    ///
    /// # Errors
    /// [`InvitationEnd`]
    pub fn resend(&self) -> Result<&Email, InvitationEnd> {
        match (self.end, &self.email) {
            (None, Some(email)) => Ok(email),
            (end, _) => Err(end.unwrap_or(InvitationEnd::Accepted)),
        }
    }

    /// Revokes the invitation. Returns whether that has changed anything.
    ///
    /// # Errors
    /// [`InvitationEnd::Accepted`]
    pub fn revoke(&mut self) -> Result<bool, InvitationEnd> {
        match self.end {
            Some(InvitationEnd::Accepted) => Err(InvitationEnd::Accepted),
            Some(InvitationEnd::Revoked) => Ok(false),
            None => {
                self.end = Some(InvitationEnd::Revoked);
                Ok(true)
            }
        }
    }
}

/// What an invitation that was accepted says about the new user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedInvitation {
    pub email: Email,
    pub role: UserRole,
    /// The administrator who invited; `None` for an operator.
    pub invited_by: Option<UserId>,
}

/// There is no invitation with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such invitation")]
pub struct NoSuchInvitation;

impl DomainError for NoSuchInvitation {
    fn code(&self) -> &'static str {
        "no_such_invitation"
    }
}

/// The token of a link was never issued, was used, or has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not valid, was used, or has expired: ask for a new link")]
pub struct TokenInvalid;

impl DomainError for TokenInvalid {
    fn code(&self) -> &'static str {
        "token_invalid"
    }
}

#[cfg(test)]
mod tests {
    use super::{Invitation, InvitationEnd, NoSuchInvitation, TokenInvalid};
    use crate::UserRole;
    use identity::{Email, UserId};
    use kernel::DomainError as _;

    fn invitation(end: Option<InvitationEnd>) -> Invitation {
        let (user, email) = (UserId::random(), Email::parse("ada@example.org").ok());
        Invitation { user, email, role: UserRole::User, language: None, days: 7, end }
    }

    #[test]
    fn an_invitation_is_sent_again_until_it_ends() {
        assert_eq!(invitation(None).resend().map(Email::as_str), Ok("ada@example.org"));
        for end in [InvitationEnd::Accepted, InvitationEnd::Revoked] {
            assert_eq!(invitation(Some(end)).resend(), Err(end));
        }
        let erased = Invitation { email: None, ..invitation(Some(InvitationEnd::Accepted)) };
        assert_eq!(erased.resend(), Err(InvitationEnd::Accepted));
    }

    #[test]
    fn an_accepted_invitation_cannot_be_revoked() {
        let mut open = invitation(None);
        assert_eq!((open.revoke(), open.end), (Ok(true), Some(InvitationEnd::Revoked)));
        assert_eq!(open.revoke(), Ok(false));
        assert_eq!(invitation(Some(InvitationEnd::Accepted)).revoke(), Err(InvitationEnd::Accepted));
    }

    #[test]
    fn reasons_have_stable_codes() {
        let codes = [
            InvitationEnd::Accepted.code(),
            InvitationEnd::Revoked.code(),
            NoSuchInvitation.code(),
            TokenInvalid.code(),
        ];
        assert_eq!(codes, ["invitation_accepted", "invitation_revoked", "no_such_invitation", "token_invalid"]);
    }
}
