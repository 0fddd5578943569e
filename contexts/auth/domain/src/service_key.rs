use kernel::{DomainError, Timestamp, find_invisible, has_visible, trim};
use std::fmt;
use std::str::FromStr;

kernel::id! {
    /// The id of a service key. It is not a secret; the key is.
    ServiceKeyId
}

/// A permission of a service key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// May introspect access tokens (RFC 7662).
    Introspect,
    /// May read the audit log.
    ReadAudit,
    /// May list and search users.
    ReadUsers,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Introspect, Self::ReadAudit, Self::ReadUsers];

    /// The word that is stored and used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Introspect => "introspect",
            Self::ReadAudit => "audit:read",
            Self::ReadUsers => "users:read",
        }
    }
}

/// One or more different scopes. In text they are separated by spaces (RFC 6749, section 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Whether the set contains this scope.
    #[must_use]
    pub fn contain(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// The scopes as words.
    pub fn texts(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|scope| scope.as_str())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Scopes {
    type Err = ServiceKeyFlaw;
    fn from_str(text: &str) -> Result<Self, ServiceKeyFlaw> {
        let scope = |word: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == word);
        let mut scopes: Vec<_> =
            text.split(' ').map(|word| scope(word).ok_or(ServiceKeyFlaw::Scopes)).collect::<Result<_, _>>()?;
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Self(scopes))
    }
}

/// The name of a service key: 1 to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceName(String);

impl ServiceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a name.
    ///
    /// # Errors
    /// If the name is empty, is longer than 100 characters, contains invisible characters, or has spaces around it.
    pub fn parse(text: &str) -> Result<Self, ServiceKeyFlaw> {
        let is_readable = has_visible(text) && find_invisible(text).is_none();
        let fits = text.chars().count() <= 100 && trim(text) == text && is_readable;
        if fits { Ok(Self(text.to_owned())) } else { Err(ServiceKeyFlaw::Name) }
    }
}

/// Why a service key cannot be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceKeyFlaw {
    /// The name is invalid.
    #[error("must be 1 to 100 characters, without invisible characters and without spaces around it")]
    Name,
    /// A scope is unknown, or there is none.
    #[error("must be one or more of introspect, audit:read and users:read, separated by spaces")]
    Scopes,
    /// The lifetime is not 1 to 366 days.
    #[error("must be a whole number of days from 1 to 366")]
    Days,
}

impl DomainError for ServiceKeyFlaw {
    fn code(&self) -> &'static str {
        match self {
            Self::Name => "name_invalid",
            Self::Scopes => "scopes_invalid",
            Self::Days => "days_out_of_range",
        }
    }
}

/// The lifetime of a service key: 1 to 366 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u16);

impl Days {
    /// Parses a number of days.
    ///
    /// # Errors
    /// If the text is not a whole number from 1 to 366.
    pub fn parse(text: &str) -> Result<Self, ServiceKeyFlaw> {
        let days: Option<u16> = text.parse().ok();
        days.filter(|days| (1..=366).contains(days)).map(Self).ok_or(ServiceKeyFlaw::Days)
    }

    /// The time when a key that is created at `now` expires.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Timestamp {
        now.plus(std::time::Duration::from_secs(u64::from(self.0) * 24 * 60 * 60))
    }
}

impl Default for Days {
    fn default() -> Self {
        Self(90)
    }
}

#[cfg(test)]
mod tests {
    use super::{Days, Scope, Scopes, ServiceKeyFlaw, ServiceName};
    use kernel::{DomainError as _, Timestamp};

    #[test]
    fn scopes_are_parsed_from_their_own_text() {
        let all: Scopes = "users:read introspect audit:read".parse().expect("known");
        assert_eq!(all.to_string(), "introspect audit:read users:read");
        assert!(Scope::ALL.into_iter().all(|scope| all.contain(scope)));
        let one: Scopes = "audit:read audit:read".parse().expect("known");
        assert_eq!(one.to_string(), "audit:read");
        assert!(!one.contain(Scope::Introspect));
    }

    #[test]
    fn no_scope_and_an_unknown_one_are_refused() {
        for text in ["", " ", "introspect ", "introspect  audit:read", "admin", "introspect,audit:read"] {
            assert_eq!(text.parse::<Scopes>(), Err(ServiceKeyFlaw::Scopes), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_visible_and_has_no_spaces_around_it() {
        for text in ["orders", "Buchhaltung Süd", &"ä".repeat(100)] {
            assert_eq!(ServiceName::parse(text).expect("a name").as_str(), text);
        }
        for text in [
            "",
            " orders",
            "orders ",
            "or\nders",
            "\u{3164}",
            "\u{2800}",
            "or\u{200b}ders",
            "\u{202e}sredro",
            &"a".repeat(101),
        ] {
            assert_eq!(ServiceName::parse(text), Err(ServiceKeyFlaw::Name), "{text:?}");
        }
    }

    #[test]
    fn a_key_lasts_1_to_366_days() {
        for text in ["1", "90", "366"] {
            assert!(Days::parse(text).is_ok(), "{text}");
        }
        for text in ["", "0", "367", "-1", "1.5", "ten"] {
            assert_eq!(Days::parse(text), Err(ServiceKeyFlaw::Days), "{text}");
        }
        let now = Timestamp::from_microsecond(1_790_000_000_000_000).expect("in range");
        assert_eq!(Days::default().after(now).as_microsecond() - now.as_microsecond(), 90 * 86_400_000_000);
    }

    #[test]
    fn refusals_have_codes() {
        let codes = [ServiceKeyFlaw::Name, ServiceKeyFlaw::Scopes, ServiceKeyFlaw::Days].map(|flaw| flaw.code());
        assert_eq!(codes, ["name_invalid", "scopes_invalid", "days_out_of_range"]);
    }
}
