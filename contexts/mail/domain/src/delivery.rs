use kernel::{DomainError, Timestamp, has_control};
use std::time::Duration;

/// The pause after the first attempt. Each further pause is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// How long attempts are repeated.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest answer that is kept, in characters.
const LONGEST_ANSWER: usize = 500;

/// The delivery of one mail to a mail server. Only the methods below change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery(DeliveryState);

/// Everything that is stored of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryState {
    pub status: DeliveryStatus,
    /// When it began, or began again.
    pub queued_at: Timestamp,
    /// How often it was attempted since then.
    pub attempts: i64,
    /// When the next attempt is due; `None` if there will be none.
    pub next_attempt_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What the server said last.
    pub last_answer: Option<ServerAnswer>,
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It will be attempted, perhaps again.
    Queued,
    /// The server has taken the mail.
    Sent,
    /// The server has refused the mail for good, or has not taken it for a day.
    Failed,
    /// The recipient has had too many mails of this kind, so this one was not sent.
    Suppressed,
}

/// The answer of a mail server, or what went wrong instead, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAnswer(String);

impl ServerAnswer {
    /// Keeps what can be shown of a text: line breaks become spaces, other control characters go, and a long text is
    /// cut.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let visible = if has_control(&line) { line.chars().filter(|it| !it.is_control()).collect() } else { line };
        Self(visible.chars().take(LONGEST_ANSWER).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Delivery {
    /// A delivery that begins now.
    #[must_use]
    pub const fn queue(at: Timestamp) -> Self {
        Self(DeliveryState {
            status: DeliveryStatus::Queued,
            queued_at: at,
            attempts: 0,
            next_attempt_at: Some(at),
            finished_at: None,
            last_answer: None,
        })
    }

    /// A mail that is not sent, because the recipient has had too many of this kind.
    #[must_use]
    pub const fn suppress(at: Timestamp) -> Self {
        Self(DeliveryState {
            status: DeliveryStatus::Suppressed,
            queued_at: at,
            attempts: 0,
            next_attempt_at: None,
            finished_at: Some(at),
            last_answer: None,
        })
    }

    /// Restores a delivery from storage. Other code MUST NOT call it.
    #[must_use]
    pub const fn restore(state: DeliveryState) -> Self {
        Self(state)
    }

    /// Everything that is stored of the delivery.
    #[must_use]
    pub const fn state(&self) -> &DeliveryState {
        &self.0
    }

    /// Whether it still has to be attempted.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.0.status == DeliveryStatus::Queued
    }

    /// The server has taken the mail.
    pub fn sent(&mut self, at: Timestamp, answer: ServerAnswer) {
        self.end(DeliveryStatus::Sent, at, answer);
    }

    /// The server has refused the mail for good (RFC 5321, section 4.2.1: a reply that begins with 5).
    pub fn refused(&mut self, at: Timestamp, answer: ServerAnswer) {
        self.end(DeliveryStatus::Failed, at, answer);
    }

    /// The attempt failed for now. Returns the pause before the next one, or `None` if a day has passed: then the delivery
    /// has failed.
    pub fn deferred(&mut self, at: Timestamp, answer: ServerAnswer) -> Option<Duration> {
        let pause = pause_after(self.0.attempts);
        let next = later(at, pause).filter(|next| Some(*next) <= later(self.0.queued_at, GIVE_UP_AFTER));
        let Some(next) = next else {
            self.end(DeliveryStatus::Failed, at, answer);
            return None;
        };
        self.0.attempts += 1;
        self.0.next_attempt_at = Some(next);
        self.0.last_answer = Some(answer);
        Some(pause)
    }

    /// Begins a failed delivery again.
    ///
    /// # Errors
    /// [`NotResendable`] if it has not failed.
    pub fn resend(&mut self, at: Timestamp) -> Result<(), NotResendable> {
        if self.0.status != DeliveryStatus::Failed {
            return Err(NotResendable);
        }
        *self = Self::queue(at);
        Ok(())
    }

    fn end(&mut self, status: DeliveryStatus, at: Timestamp, answer: ServerAnswer) {
        self.0.status = status;
        self.0.attempts += 1;
        self.0.next_attempt_at = None;
        self.0.finished_at = Some(at);
        self.0.last_answer = Some(answer);
    }
}

/// The pause after so many attempts before this one: 1, 2, 4 … seconds, at most 30 minutes.
fn pause_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

fn later(at: Timestamp, pause: Duration) -> Option<Timestamp> {
    let pause = i64::try_from(pause.as_micros()).ok()?;
    Timestamp::from_microsecond(at.as_microsecond().checked_add(pause)?)
}

impl DeliveryStatus {
    /// The name in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// [`UnknownStatus`]
    pub fn parse(text: &str) -> Result<Self, UnknownStatus> {
        let all = [Self::Queued, Self::Sent, Self::Failed, Self::Suppressed];
        all.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

/// The text is not the name of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be queued, sent, failed or suppressed")]
pub struct UnknownStatus;

impl DomainError for UnknownStatus {
    fn code(&self) -> &'static str {
        "filter_invalid"
    }
}

/// Only a failed mail can be sent again: the content of any other is not kept, or is still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only a failed mail whose content is kept can be sent again")]
pub struct NotResendable;

impl DomainError for NotResendable {
    fn code(&self) -> &'static str {
        "mail_not_resendable"
    }
}

#[cfg(test)]
mod tests {
    use super::{Delivery, DeliveryStatus, NotResendable, ServerAnswer};
    use kernel::Timestamp;
    use std::time::Duration;

    const START: i64 = 1_790_000_000;

    fn at(second: u64) -> Timestamp {
        let seconds = START + i64::try_from(second).expect("small");
        Timestamp::from_microsecond(seconds * 1_000_000).expect("in range")
    }

    fn answer(text: &str) -> ServerAnswer {
        ServerAnswer::new(text)
    }

    #[test]
    fn pauses_double_up_to_half_an_hour_and_end_after_a_day() {
        let (mut delivery, mut now, mut pauses) = (Delivery::queue(at(0)), 0, Vec::new());
        while let Some(pause) = delivery.deferred(at(now), answer("451 later")) {
            now += pause.as_secs();
            assert_eq!(delivery.state().next_attempt_at, Some(at(now)));
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses[..12], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_800]);
        assert!(pauses[12..].iter().all(|pause| *pause == 1_800));
        assert!((86_400 - 1_800..=86_400).contains(&now), "{now}");
        let state = delivery.state();
        assert_eq!(
            (state.status, state.next_attempt_at, state.finished_at),
            (DeliveryStatus::Failed, None, Some(at(now)))
        );
        assert_eq!(state.attempts, i64::try_from(pauses.len()).expect("few") + 1);
    }

    #[test]
    fn a_final_answer_ends_a_delivery_at_once() {
        let mut delivery = Delivery::queue(at(0));
        delivery.refused(at(1), answer("550 no such user"));
        assert_eq!((delivery.state().status, delivery.state().attempts), (DeliveryStatus::Failed, 1));
        let mut delivery = Delivery::queue(at(0));
        assert_eq!(delivery.deferred(at(1), answer("421")), Some(Duration::from_secs(1)));
        delivery.sent(at(2), answer("250 ok"));
        assert_eq!((delivery.state().status, delivery.state().attempts), (DeliveryStatus::Sent, 2));
        assert!(!delivery.is_queued());
    }

    #[test]
    fn only_a_failed_delivery_begins_again() {
        let mut delivery = Delivery::queue(at(0));
        assert_eq!(delivery.resend(at(1)), Err(NotResendable));
        delivery.refused(at(1), answer("550"));
        assert_eq!(delivery.resend(at(5)), Ok(()));
        assert_eq!(delivery, Delivery::queue(at(5)));
        delivery.sent(at(6), answer("250"));
        assert_eq!(delivery.resend(at(7)), Err(NotResendable));
        assert_eq!(Delivery::suppress(at(0)).resend(at(1)), Err(NotResendable));
    }

    #[test]
    fn an_answer_is_one_short_line_without_control_characters() {
        assert_eq!(answer("250-first\r\n250  second\u{1b}[31m").as_str(), "250-first 250 second[31m");
        assert_eq!(answer(&"é".repeat(600)).as_str().chars().count(), 500);
    }

    #[test]
    fn the_name_of_a_status_can_be_read() {
        for status in ["queued", "sent", "failed", "suppressed"] {
            assert_eq!(DeliveryStatus::parse(status).map(DeliveryStatus::as_str), Ok(status));
        }
        assert!(DeliveryStatus::parse("lost").is_err());
    }
}
