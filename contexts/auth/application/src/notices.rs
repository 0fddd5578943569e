use crate::{Actor, Auth, FactorChange, SessionEnd};
use auth_domain::{Device, SessionId};
use contracts::{MailTemplate, SendMail};
use identity::{MailId, UserId};
use kernel::Timestamp;
use std::collections::BTreeMap;
use use_case::{Outgoing, Unavailable};

/// How a user is told of a change by mail. A use case gets none while this installation sends no mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// A language tag, such as `de`; `None` for the default language.
    pub language: Option<String>,
}

/// Does what every change of a password needs, beside the change: all sessions of the user end, except `but`, no link that
/// was mailed earlier works any more, no sign-in that waits for its second factor either, and the user gets a notice.
pub(crate) async fn complete_password_change(
    store: &mut dyn Auth,
    user: UserId,
    but: Option<SessionId>,
    notice: Option<Notice>,
    actor: Actor,
) -> Result<(), Unavailable> {
    store.end_others(user, but, SessionEnd::PasswordChanged).await?;
    store.revoke_reset_tokens(user).await?;
    store.end_challenges(user).await?;
    if let Some(notice) = notice {
        let parameters = [("at", minute(store.now().await?))];
        notify(store, user, MailTemplate::PasswordChanged, &parameters, notice, actor).await?;
    }
    Ok(())
}

/// Remembers the device of a sign-in, and tells the user if it is news.
pub(crate) async fn notice_device(
    store: &mut dyn Auth,
    user: UserId,
    device: &Device,
    address: String,
    at: Timestamp,
    notice: Notice,
) -> Result<(), Unavailable> {
    if !store.see_device(user, device).await? {
        return Ok(());
    }
    let parameters = [("at", minute(at)), ("address", address), ("device", device.description().to_owned())];
    notify(store, user, MailTemplate::NewDevice, &parameters, notice, Actor::User(user)).await
}

/// Tells a user of a change of their second factors. `left` is the number of recovery codes that are left.
pub(crate) async fn notify_of_factors(
    store: &mut dyn Auth,
    user: UserId,
    change: FactorChange,
    left: i64,
    notice: Option<Notice>,
    actor: Actor,
) -> Result<(), Unavailable> {
    let Some(notice) = notice else { return Ok(()) };
    let at = minute(store.now().await?);
    let parameters = [("at", at), ("change", change.as_str().to_owned()), ("left", left.to_string())];
    notify(store, user, MailTemplate::FactorsChanged, &parameters, notice, actor).await
}

/// Sends a mail to the stored address of a user, with the rest of the transaction.
async fn notify(
    store: &mut dyn Auth,
    user: UserId,
    template: MailTemplate,
    parameters: &[(&str, String)],
    notice: Notice,
    actor: Actor,
) -> Result<(), Unavailable> {
    let Some(to) = store.address_of(user).await? else { return Ok(()) };
    let parameters: BTreeMap<_, _> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let (id, user_id, language) = (MailId::random(), Some(user), notice.language);
    let mail = SendMail { id, template, to, user_id, language, parameters, token: None };
    store.post(Outgoing::new_message(&mail), actor).await
}

/// A time to the minute, such as `2026-11-29 12:34 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or_default();
    format!("{date} {} UTC", time.get(..5).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::minute;

    #[test]
    fn a_time_is_written_to_the_minute() {
        let at = kernel::Timestamp::parse("2026-11-29T12:34:56.789012Z").expect("a time");
        assert_eq!(minute(at), "2026-11-29 12:34 UTC");
    }
}
