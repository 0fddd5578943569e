use crate::{AssuranceLevel, AuthMethods};
use identity::UserId;
use kernel::Timestamp;
use std::time::Duration;

kernel::id! {
    /// The id of a session. It is not a secret: only the tokens give access.
    SessionId
}

/// The most live sessions of one user. When the user opens another, the oldest one ends.
pub const MOST_SESSIONS: i64 = 100;

/// The lifetimes of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLife {
    /// The longest time from sign-in, however often the session is refreshed.
    pub at_most: Duration,
    /// The longest time without a refresh.
    pub idle: Duration,
    /// The grace period: how long after its first use a refresh token may be sent again. Zero forbids it.
    pub grace: Duration,
}

/// The longest [`SessionLife::grace`]. Within it, the server cannot tell a thief from a client that retries.
pub const LONGEST_GRACE: Duration = Duration::from_secs(60);

impl Default for SessionLife {
    /// At most 30 days, 7 days without a refresh, and a grace period of 10 seconds.
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { at_most: DAY * 30, idle: DAY * 7, grace: Duration::from_secs(10) }
    }
}

/// A session: a user is signed in on one device or in one program.
///
/// Refresh tokens refresh the session. Each has the next generation, and only the latest one is valid. Tokens are
/// ordered by generation and not by time, because two may be made within one tick of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// The generation of the valid refresh token, from 1.
    pub generation: i64,
    /// The time of the last refresh, or of the sign-in.
    pub refreshed_at: Timestamp,
    /// When the session ends, however often it is refreshed.
    pub expires_at: Timestamp,
    pub authentication: Authentication,
}

/// How the user of a session has proven who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authentication {
    pub methods: AuthMethods,
    /// The level of the session: that of the methods, until a change of the user's factors lowers it.
    pub level: AssuranceLevel,
    /// The time of the sign-in or of the last step-up.
    pub at: Timestamp,
}

/// A refresh token that a client has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownToken {
    /// The generation of the session for which the token was issued.
    pub generation: i64,
    /// The time of the first use; `None` if the token is unused.
    pub used_at: Option<Timestamp>,
}

/// What happens to a session when a client sends a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The session continues with the next generation.
    Rotated,
    /// The token was used within the grace period, and its successor is unused: two tabs asked at once, or a response
    /// was lost. The session continues unchanged, with the same successor.
    Repeated,
    /// The token was used before: two clients have it, and one may be a thief. The session MUST end, and the end must
    /// be committed although the request fails (RFC 9700, section 4.14.2).
    Replayed,
    /// The session has expired.
    Expired,
}

impl Session {
    /// Opens a session at `now`, with generation 1.
    #[must_use]
    pub fn open(id: SessionId, user: UserId, now: Timestamp, life: SessionLife, methods: AuthMethods) -> Self {
        let authentication = Authentication { methods, level: methods.level(), at: now };
        Self { id, user, generation: 1, refreshed_at: now, expires_at: now.plus(life.at_most), authentication }
    }

    /// Decides what a refresh token does, and updates the session if it is [`Rotated`](RefreshDecision::Rotated). The
    /// session MUST be live, and locked in its store.
    pub fn refresh(&mut self, shown: ShownToken, now: Timestamp, life: SessionLife) -> RefreshDecision {
        let is_repeated = shown.generation + 1 == self.generation
            && shown.used_at.is_some_and(|used_at| is_within(life.grace, used_at, now));
        if shown.generation != self.generation && !is_repeated {
            return RefreshDecision::Replayed;
        }
        // Opened or refreshed while the clock was ahead: the idle time is unknown.
        let is_ahead = self.refreshed_at.is_ahead_of(now) || self.expires_at.is_ahead_of(now.plus(life.at_most));
        if is_ahead || now >= self.expires_at || now >= self.refreshed_at.plus(life.idle) {
            return RefreshDecision::Expired;
        }
        if is_repeated {
            return RefreshDecision::Repeated;
        }
        self.generation += 1;
        self.refreshed_at = now;
        RefreshDecision::Rotated
    }
}

/// Whether the times differ by less than `grace`, in either direction. So a clock that was set back does not extend the
/// grace period.
fn is_within(grace: Duration, used_at: Timestamp, now: Timestamp) -> bool {
    u128::from(now.as_microsecond().abs_diff(used_at.as_microsecond())) < grace.as_micros()
}

#[cfg(test)]
mod tests {
    use super::{RefreshDecision, Session, SessionId, SessionLife, ShownToken};
    use crate::{AssuranceLevel, AuthMethod, AuthMethods};
    use identity::UserId;
    use kernel::Timestamp;
    use std::time::Duration;

    const LIFE: SessionLife =
        SessionLife { at_most: Duration::from_secs(100), idle: Duration::from_secs(10), grace: Duration::from_secs(3) };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_microsecond(1_790_000_000_000_000 + second * 1_000_000).expect("in range")
    }

    fn unused(generation: i64) -> ShownToken {
        ShownToken { generation, used_at: None }
    }

    fn used(generation: i64, second: i64) -> ShownToken {
        ShownToken { generation, used_at: Some(at(second)) }
    }

    fn session() -> Session {
        opened_at(0)
    }

    fn opened_at(second: i64) -> Session {
        Session::open(SessionId::random(), UserId::random(), at(second), LIFE, AuthMethods::of(AuthMethod::Password))
    }

    #[test]
    fn by_default_a_session_lasts_30_days_or_7_idle_days() {
        let life = SessionLife::default();
        assert_eq!(life.at_most.as_secs(), 2_592_000);
        assert_eq!((life.idle.as_secs(), life.grace.as_secs()), (604_800, 10));
    }

    #[test]
    fn a_session_has_the_level_and_the_time_of_its_sign_in() {
        let authentication = session().authentication;
        assert_eq!((authentication.level, authentication.at), (AssuranceLevel::One, at(0)));
        assert_eq!(authentication.methods, AuthMethods::of(AuthMethod::Password));
    }

    #[test]
    fn each_refresh_makes_the_next_generation_the_valid_one() {
        let mut session = session();
        assert_eq!((session.generation, session.expires_at), (1, at(100)));
        assert_eq!(session.refresh(unused(1), at(5), LIFE), RefreshDecision::Rotated);
        assert_eq!((session.generation, session.refreshed_at, session.expires_at), (2, at(5), at(100)));
        assert_eq!(session.refresh(unused(2), at(14), LIFE), RefreshDecision::Rotated);
        assert_eq!(session.generation, 3);
    }

    #[test]
    fn a_token_that_was_used_is_a_replay_however_old_and_changes_nothing() {
        let mut session = session();
        assert_eq!(session.refresh(unused(1), at(1), LIFE), RefreshDecision::Rotated);
        let before = session;
        assert_eq!(session.refresh(unused(1), at(1), LIFE), RefreshDecision::Replayed);
        assert_eq!(
            session.refresh(unused(1), at(200), LIFE),
            RefreshDecision::Replayed,
            "even after the session has expired"
        );
        assert_eq!(
            session.refresh(unused(3), at(1), LIFE),
            RefreshDecision::Replayed,
            "also a generation that was never issued"
        );
        assert_eq!(session, before);
    }

    #[test]
    fn a_session_ends_at_its_time_and_when_it_is_idle_too_long() {
        let mut idle = session();
        assert_eq!(idle.refresh(unused(1), at(10), LIFE), RefreshDecision::Expired);
        let mut busy = session();
        for (generation, second) in (1..).zip((9..99).step_by(9)) {
            assert_eq!(busy.refresh(unused(generation), at(second), LIFE), RefreshDecision::Rotated, "second {second}");
        }
        let before = busy;
        assert_eq!(busy.refresh(unused(busy.generation), at(100), LIFE), RefreshDecision::Expired);
        assert_eq!(busy, before);
    }

    #[test]
    fn a_session_with_times_from_a_clock_that_was_ahead_is_expired() {
        let hour = 3_600;
        let mut opened_ahead = opened_at(hour);
        let before = opened_ahead;
        assert_eq!(opened_ahead.refresh(unused(1), at(0), LIFE), RefreshDecision::Expired);
        assert_eq!(opened_ahead, before);
        let mut refreshed_ahead = Session { refreshed_at: at(hour), ..session() };
        assert_eq!(refreshed_ahead.refresh(unused(1), at(0), LIFE), RefreshDecision::Expired);
        let mut lasts_too_long = Session { expires_at: at(100 + hour), ..session() };
        assert_eq!(lasts_too_long.refresh(unused(1), at(0), LIFE), RefreshDecision::Expired);
        let mut corrected_a_little = opened_at(60);
        assert_eq!(corrected_a_little.refresh(unused(1), at(0), LIFE), RefreshDecision::Rotated);
    }

    #[test]
    fn within_the_grace_period_the_previous_token_gets_the_latest_again() {
        let mut session = session();
        assert_eq!(session.refresh(unused(1), at(1), LIFE), RefreshDecision::Rotated);
        let before = session;
        for second in [1, 2, 3] {
            assert_eq!(session.refresh(used(1, 1), at(second), LIFE), RefreshDecision::Repeated, "second {second}");
        }
        assert_eq!(session, before, "the session is unchanged");
        assert_eq!(session.refresh(used(1, 1), at(4), LIFE), RefreshDecision::Replayed, "the grace period is over");
        assert_eq!(session.refresh(used(1, 9), at(4), LIFE), RefreshDecision::Replayed, "a clock that was ahead");
        let off = SessionLife { grace: Duration::ZERO, ..LIFE };
        assert_eq!(session.refresh(used(1, 1), at(1), off), RefreshDecision::Replayed);
    }

    #[test]
    fn once_the_latest_token_has_been_used_the_one_before_it_is_a_replay() {
        let mut session = session();
        assert_eq!(session.refresh(unused(1), at(1), LIFE), RefreshDecision::Rotated);
        assert_eq!(session.refresh(unused(2), at(1), LIFE), RefreshDecision::Rotated);
        assert_eq!(session.refresh(used(1, 1), at(1), LIFE), RefreshDecision::Replayed);
        assert_eq!(session.refresh(used(2, 1), at(1), LIFE), RefreshDecision::Repeated);
    }

    #[test]
    fn an_expired_session_does_not_repeat_a_token() {
        let mut session = session();
        session.expires_at = at(2);
        assert_eq!(session.refresh(unused(1), at(1), LIFE), RefreshDecision::Rotated);
        assert_eq!(session.refresh(used(1, 1), at(2), LIFE), RefreshDecision::Expired);
    }
}
