use crate::StoreError;
use identity::{Email, InvitationId, MailTokenHash, UserId};
use use_case::{CommandFailure, Unavailable, async_trait};
use users_domain::{AcceptedInvitation, Invitation, Name, User, UserRole};

/// How many hours the link of a pending registration works.
pub const CONFIRM_HOURS: i64 = 24;

/// A port: pending registrations and invitations, within one transaction.
#[async_trait]
pub trait Registrations: Send {
    /// The user who has this address, with the address as it is stored.
    async fn registered(&mut self, email: &Email) -> Result<Option<(UserId, Email)>, Unavailable>;

    /// Keeps a registration for [`CONFIRM_HOURS`]. MUST return [`Taken::Id`](users_domain::Taken::Id), and change nothing,
    /// if a user or a pending registration has the id, or a user with the id was erased. The answer MUST NOT depend on
    /// addresses: a registration without a claim keeps its id as well.
    async fn hold(&mut self, pending: &PendingRegistration) -> Result<(), StoreError>;

    /// Uses up a pending registration, and returns its claim. `None` if the token is not its own, was used, or has expired.
    /// MUST be one statement: of several transactions one gets the claim.
    async fn confirm(&mut self, id: UserId, token: MailTokenHash)
    -> Result<Option<(Email, Option<Name>)>, Unavailable>;

    /// Adds a user whose address is verified, as [`add`](crate::Users::add), and forgets all pending registrations of the
    /// address. Their ids stay taken until they expire.
    async fn add_verified(&mut self, user: &User) -> Result<(), StoreError>;

    /// Adds an invitation.
    async fn invite(&mut self, invitation: &NewInvitation) -> Result<(), Unavailable>;

    /// Loads an invitation in order to change it. MUST lock it until the transaction ends.
    async fn load_invitation(&mut self, id: InvitationId) -> Result<Option<Invitation>, Unavailable>;

    /// Adds the token of another mail, and extends the invitation by its days from now. Earlier tokens stay.
    async fn renew_invitation(&mut self, id: InvitationId, token: MailTokenHash) -> Result<(), Unavailable>;

    /// Revokes an invitation.
    async fn revoke_invitation(&mut self, id: InvitationId) -> Result<(), Unavailable>;

    /// Uses up an invitation. `None` if the token is not its own, or it was accepted or revoked, or has
    /// expired. MUST be one statement: of several transactions one gets the invitation.
    async fn accept_invitation(
        &mut self,
        id: InvitationId,
        token: MailTokenHash,
    ) -> Result<Option<AcceptedInvitation>, Unavailable>;
}

/// A registration that waits for the proof that its sender receives mail at the address.
#[derive(Debug, Clone)]
pub struct PendingRegistration {
    /// The id of the future user.
    pub id: UserId,
    /// `None` if the address has an account.
    pub claim: Option<RegistrationClaim>,
}

/// What a pending registration claims.
#[derive(Debug, Clone)]
pub struct RegistrationClaim {
    pub email: Email,
    pub name: Option<Name>,
    pub token: MailTokenHash,
}

/// An invitation to be added.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    pub id: InvitationId,
    /// The id of the future user.
    pub user: UserId,
    pub email: Email,
    pub role: UserRole,
    pub language: Option<String>,
    pub days: i64,
    pub token: MailTokenHash,
    /// The administrator who invites; `None` for an operator.
    pub by: Option<UserId>,
}

/// Rejects what needs a free address.
///
/// # Errors
/// [`Taken::Email`](users_domain::Taken::Email) if a user has the address.
pub(crate) async fn see_that_it_is_free<S: Registrations + ?Sized>(
    store: &mut S,
    email: &Email,
) -> Result<(), CommandFailure> {
    match store.registered(email).await? {
        Some(_) => Err(users_domain::Taken::Email.into()),
        None => Ok(()),
    }
}
