//! How sure the server is that a session belongs to its user, and when that is not enough.

use crate::Role;
use kernel::Timestamp;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A way in which a user proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    Password,
    /// A code of an authenticator app (RFC 6238).
    Totp,
    /// One of the codes that a user keeps for the loss of the app or the passkey.
    RecoveryCode,
    /// A passkey (WebAuthn). Where it stands alone, the authenticator has verified the user.
    Passkey,
}

impl AuthMethod {
    const ALL: [Self; 4] = [Self::Password, Self::Totp, Self::RecoveryCode, Self::Passkey];

    /// The name that is stored, recorded in the audit log and returned by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The ways in which the user of a session has proven who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthMethods(u8);

impl AuthMethods {
    /// One way.
    #[must_use]
    pub const fn of(method: AuthMethod) -> Self {
        Self(method.bit())
    }

    /// These ways and one more.
    #[must_use]
    pub const fn and(self, method: AuthMethod) -> Self {
        Self(self.0 | method.bit())
    }

    fn has(self, method: AuthMethod) -> bool {
        self.0 & method.bit() != 0
    }

    fn iter(self) -> impl Iterator<Item = AuthMethod> {
        AuthMethod::ALL.into_iter().filter(move |method| self.has(*method))
    }

    /// The level that these ways reach together. A passkey proves possession and, by its user verification, a PIN or
    /// a fingerprint.
    #[must_use]
    pub fn level(self) -> AssuranceLevel {
        let has_code = self.has(AuthMethod::Totp) || self.has(AuthMethod::RecoveryCode);
        if self.has(AuthMethod::Passkey) || (self.has(AuthMethod::Password) && has_code) {
            AssuranceLevel::Two
        } else {
            AssuranceLevel::One
        }
    }

    /// The values of the claim `amr` (RFC 8176) of a session that has this level now.
    #[must_use]
    pub fn amr(self, level: AssuranceLevel) -> Vec<&'static str> {
        let mut amr: Vec<_> = self
            .iter()
            .map(|method| match method {
                AuthMethod::Password => "pwd",
                AuthMethod::Totp | AuthMethod::RecoveryCode => "otp",
                AuthMethod::Passkey => "pop",
            })
            .collect();
        amr.dedup();
        if level == AssuranceLevel::Two {
            amr.push("mfa");
        }
        amr
    }
}

/// The stored form: the names, separated by spaces.
impl fmt::Display for AuthMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(AuthMethod::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

/// Reads the stored form. A name that this version does not know is left out.
impl From<&str> for AuthMethods {
    fn from(text: &str) -> Self {
        let known = text.split(' ').filter_map(|name| AuthMethod::ALL.into_iter().find(|it| it.as_str() == name));
        known.fold(Self::default(), Self::and)
    }
}

/// How sure the server is of a session's user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssuranceLevel {
    /// One factor.
    One,
    /// Two factors.
    Two,
}

impl AssuranceLevel {
    /// The value of `acr` in tokens and challenges, after the levels of NIST SP 800-63B.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "aal1",
            Self::Two => "aal2",
        }
    }
}

impl FromStr for AssuranceLevel {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::One, Self::Two].into_iter().find(|level| level.as_str() == text).ok_or(())
    }
}

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecondFactorPolicy {
    /// No user must; every user may.
    #[default]
    Optional,
    Administrators,
    Everybody,
}

impl SecondFactorPolicy {
    fn demands_of(self, role: Role) -> bool {
        match self {
            Self::Optional => false,
            Self::Administrators => role == Role::Admin,
            Self::Everybody => true,
        }
    }
}

/// What an installation asks of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssuranceRules {
    pub second_factor: SecondFactorPolicy,
    /// How long after a sign-in or a step-up a session may do what needs a fresh one.
    pub step_up_max_age: Duration,
}

impl Default for AssuranceRules {
    /// A second factor is optional, and 15 minutes count as fresh.
    fn default() -> Self {
        Self { second_factor: SecondFactorPolicy::Optional, step_up_max_age: Duration::from_secs(15 * 60) }
    }
}

/// What is known of a live session and its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionStanding {
    pub role: Role,
    pub level: AssuranceLevel,
    /// The time of the sign-in or of the last step-up; `None` once a change of the user's factors has lowered the
    /// session.
    pub authenticated_at: Option<Timestamp>,
    /// Whether the user has a second factor.
    pub has_second_factor: bool,
}

/// What a request needs of its session, beside being live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing more: to sign out, to see one's own factors, to step up.
    Live,
    /// To add the first factor, also where the installation asks for one: a fresh session.
    Enrolment,
    /// What most requests need: a second factor, where the installation asks for one.
    Access,
    /// To change what a thief of the session must not change, with the current password in the request: a fresh second
    /// factor, if the user has one.
    Confirmed,
    /// The same without the password: a fresh session.
    Fresh,
}

/// What a session lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// The installation asks for a second factor, and the user has none.
    Enrolment,
    /// The user must prove who they are once more, up to this level.
    StepUp(AssuranceLevel),
}

impl AssuranceRules {
    /// Checks that a session is good enough at `now`.
    ///
    /// # Errors
    /// [`Shortfall`]
    pub fn check(&self, need: Need, standing: &SessionStanding, now: Timestamp) -> Result<(), Shortfall> {
        let full = if standing.has_second_factor { AssuranceLevel::Two } else { AssuranceLevel::One };
        let is_fresh = standing.level >= full && self.is_recent(standing, now);
        let is_strong = standing.has_second_factor && standing.level == AssuranceLevel::Two;
        let is_demanded = self.second_factor.demands_of(standing.role) && !is_strong;
        match need {
            Need::Live => Ok(()),
            _ if need != Need::Enrolment && is_demanded && !standing.has_second_factor => Err(Shortfall::Enrolment),
            Need::Access if !is_demanded => Ok(()),
            Need::Confirmed if !standing.has_second_factor => Ok(()),
            _ if is_fresh => Ok(()),
            _ => Err(Shortfall::StepUp(full)),
        }
    }

    /// A time ahead of the clock does not count: it was written by a clock that was wrong.
    fn is_recent(&self, standing: &SessionStanding, now: Timestamp) -> bool {
        standing.authenticated_at.is_some_and(|at| !at.is_ahead_of(now) && now < at.plus(self.step_up_max_age))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        AssuranceLevel, AssuranceRules, AuthMethod, AuthMethods, Need, SecondFactorPolicy, SessionStanding, Shortfall,
    };
    use crate::Role;
    use kernel::Timestamp;
    use std::time::Duration;

    const MAX_AGE: Duration = Duration::from_secs(900);
    const NEEDS: [Need; 5] = [Need::Live, Need::Enrolment, Need::Access, Need::Confirmed, Need::Fresh];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_microsecond(1_790_000_000_000_000 + second * 1_000_000).expect("in range")
    }

    fn standing(level: AssuranceLevel, has_second_factor: bool) -> SessionStanding {
        SessionStanding { role: Role::User, level, authenticated_at: Some(at(0)), has_second_factor }
    }

    /// What a session lacks for each of [`NEEDS`].
    fn lacks(policy: SecondFactorPolicy, standing: &SessionStanding, second: i64) -> [Option<Shortfall>; 5] {
        let rules = AssuranceRules { second_factor: policy, step_up_max_age: MAX_AGE };
        NEEDS.map(|need| rules.check(need, standing, at(second)).err())
    }

    const ENOUGH: Option<Shortfall> = None;
    const ONE: Option<Shortfall> = Some(Shortfall::StepUp(AssuranceLevel::One));
    const TWO: Option<Shortfall> = Some(Shortfall::StepUp(AssuranceLevel::Two));
    const ENROL: Option<Shortfall> = Some(Shortfall::Enrolment);

    #[test]
    fn without_a_second_factor_a_sign_in_is_fresh_for_its_time() {
        let standing = standing(AssuranceLevel::One, false);
        for second in [0, 899] {
            assert_eq!(lacks(SecondFactorPolicy::Optional, &standing, second), [ENOUGH; 5], "second {second}");
        }
        let stale = [ENOUGH, ONE, ENOUGH, ENOUGH, ONE];
        assert_eq!(lacks(SecondFactorPolicy::Optional, &standing, 900), stale);
        let lowered = SessionStanding { authenticated_at: None, ..standing };
        assert_eq!(lacks(SecondFactorPolicy::Optional, &lowered, 0), stale);
        let ahead = SessionStanding { authenticated_at: Some(at(61)), ..standing };
        assert_eq!(lacks(SecondFactorPolicy::Optional, &ahead, 0), stale, "written by a wrong clock");
    }

    #[test]
    fn with_a_second_factor_only_a_fresh_second_factor_is_enough_for_a_change() {
        let weak = [ENOUGH, TWO, ENOUGH, TWO, TWO];
        assert_eq!(lacks(SecondFactorPolicy::Optional, &standing(AssuranceLevel::One, true), 0), weak);
        let strong = standing(AssuranceLevel::Two, true);
        assert_eq!(lacks(SecondFactorPolicy::Optional, &strong, 899), [ENOUGH; 5]);
        assert_eq!(lacks(SecondFactorPolicy::Optional, &strong, 900), weak);
    }

    #[test]
    fn a_policy_lets_a_session_without_the_factor_only_enrol() {
        let none = standing(AssuranceLevel::One, false);
        assert_eq!(lacks(SecondFactorPolicy::Everybody, &none, 0), [ENOUGH, ENOUGH, ENROL, ENROL, ENROL]);
        assert_eq!(lacks(SecondFactorPolicy::Everybody, &none, 900), [ENOUGH, ONE, ENROL, ENROL, ENROL]);
        assert_eq!(lacks(SecondFactorPolicy::Administrators, &none, 0), [ENOUGH; 5], "a user is no administrator");
        let administrator = SessionStanding { role: Role::Admin, ..none };
        assert_eq!(lacks(SecondFactorPolicy::Administrators, &administrator, 0)[2], ENROL);
    }

    #[test]
    fn a_policy_asks_a_lowered_session_of_a_user_with_a_factor_for_that_factor() {
        let lowered = SessionStanding { authenticated_at: None, ..standing(AssuranceLevel::One, true) };
        assert_eq!(lacks(SecondFactorPolicy::Everybody, &lowered, 0), [ENOUGH, TWO, TWO, TWO, TWO]);
        let stale = standing(AssuranceLevel::Two, true);
        assert_eq!(lacks(SecondFactorPolicy::Everybody, &stale, 900), [ENOUGH, TWO, ENOUGH, TWO, TWO]);
        let without = standing(AssuranceLevel::Two, false);
        let enrol = [ENOUGH, ENOUGH, ENROL, ENROL, ENROL];
        assert_eq!(lacks(SecondFactorPolicy::Everybody, &without, 0), enrol, "the last factor was removed");
    }

    #[test]
    fn a_passkey_reaches_level_two_alone_and_a_code_with_the_password() {
        let [password, totp, code, passkey] =
            [AuthMethod::Password, AuthMethod::Totp, AuthMethod::RecoveryCode, AuthMethod::Passkey]
                .map(AuthMethods::of);
        for one in [password, totp, code, AuthMethods::default()] {
            assert_eq!(one.level(), AssuranceLevel::One, "{one}");
        }
        for two in [passkey, password.and(AuthMethod::Totp), password.and(AuthMethod::RecoveryCode)] {
            assert_eq!(two.level(), AssuranceLevel::Two, "{two}");
        }
    }

    #[test]
    fn methods_are_stored_by_name_and_issued_as_amr() {
        let methods = AuthMethods::of(AuthMethod::Totp).and(AuthMethod::Password);
        assert_eq!(methods.to_string(), "password totp");
        assert_eq!(AuthMethods::from("password totp"), methods);
        assert_eq!(AuthMethods::from("totp retina password"), methods, "a later version may know more");
        let (one, two) = (AssuranceLevel::One, AssuranceLevel::Two);
        assert_eq!(methods.amr(two), ["pwd", "otp", "mfa"]);
        assert_eq!(methods.amr(one), ["pwd", "otp"], "a factor was removed");
        assert_eq!(methods.and(AuthMethod::RecoveryCode).amr(two), ["pwd", "otp", "mfa"]);
        assert_eq!(AuthMethods::of(AuthMethod::Password).amr(one), ["pwd"]);
        assert_eq!(AuthMethods::of(AuthMethod::Passkey).amr(two), ["pop", "mfa"]);
        assert_eq!(AuthMethods::from(""), AuthMethods::default());
    }

    #[test]
    fn a_level_is_read_from_its_own_text_alone() {
        assert!(AssuranceLevel::One < AssuranceLevel::Two);
        for level in [AssuranceLevel::One, AssuranceLevel::Two] {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        assert_eq!("AAL2".parse::<AssuranceLevel>(), Err(()));
    }
}
