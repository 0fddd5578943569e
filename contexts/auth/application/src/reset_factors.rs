//! An administrator, or an operator, removes all second factors of a user who has lost them.

use crate::second_factors::complete_factor_change;
use crate::{Action, AuditEvent, Auth, Authority, FactorChange, Notice, ResetLink, SessionEnd, UseCase};
use auth_domain::{LastAdministrator, ResetReason};
use identity::UserId;
use kernel::DomainError as _;
use use_case::{Outgoing, Unavailable};

/// A use case: remove all second factors of a user.
#[derive(Clone)]
pub struct ResetFactors {
    pub user: UserId,
    /// Why, for the audit log.
    pub reason: ResetReason,
    /// The link by which the user chooses a new password: the old one stops working, so that the user signs in only
    /// after a mail. `None` for an operator, who vouches for the user.
    pub link: Option<ResetLink>,
    pub by: Authority,
    pub notice: Option<Notice>,
}

impl UseCase for ResetFactors {
    /// `None` if there is no such user.
    type Outcome = Option<Result<(), LastAdministrator>>;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let Self { user, reason, link, by, notice } = self;
        let actor = by.actor();
        let event = AuditEvent::by(actor, Action::ResetFactors, by.client).on(user).noted(Some(reason.into()));
        let mut administrators = store.administrators().await?;
        if !store.lock_account(user).await? {
            return Ok(None);
        }
        if let Some(link) = link {
            if let Err(why) = administrators.let_go(user) {
                store.record(event.refused(why.code())).await?;
                return Ok(Some(Err(why)));
            }
            store.remove_credential(user).await?;
            store.revoke_reset_tokens(user).await?;
            if let Some(mail) = link.mail(store, user).await? {
                store.post(Outgoing::new_message(&mail), actor).await?;
            }
        }
        store.remove_factors(user).await?;
        store.end_others(user, None, SessionEnd::Revoked).await?;
        complete_factor_change(store, user, None, FactorChange::Reset, notice, actor).await?;
        store.record(event).await?;
        Ok(Some(Ok(())))
    }
}
