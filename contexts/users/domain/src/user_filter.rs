use identity::{Email, UserId};
use kernel::{DomainError, Timestamp};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Which users a list shows. A user is in the list if every given condition holds.
///
/// Jobs store it. An unknown condition is an error: a process that left it out would handle more users.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserFilter {
    pub id: Option<UserId>,
    pub email: Option<Email>,
    pub email_prefix: Option<EmailPrefix>,
    pub name_prefix: Option<NamePrefix>,
    /// A part of the name or of the address.
    pub substring: Option<Substring>,
    pub domain: Option<EmailDomain>,
    pub status: Option<UserStatus>,
    pub role: Option<UserRole>,
    pub email_verified: Option<bool>,
    /// Registered later than this.
    pub created_after: Option<Timestamp>,
    /// Registered earlier than this.
    pub created_before: Option<Timestamp>,
}

/// The order of a list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserOrder {
    pub by: SortKey,
    pub is_descending: bool,
}

/// What a list of users is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    CreatedAt,
    /// By the canonical form.
    Email,
    /// By the [search key](Name::search_key). Users without a name come first.
    Name,
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    Active,
    Deactivated,
}

/// The role of a user. The context that signs users in decides it; this context follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    User,
    Admin,
}

/// The beginning of an email address in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailPrefix(String);

/// The beginning of a name, as a [search key](Name::search_key).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NamePrefix(String);

/// A part of a name or of an email address, as a [search key](Name::search_key).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Substring(String);

/// The domain of an email address in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailDomain(String);

/// Why a list cannot be filtered or ordered like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterFlaw {
    #[error("must be 1 to 254 characters of an address in ASCII: for an international domain use the filter domain")]
    EmailPrefix,
    #[error("must be the first 1 to 200 characters of a name")]
    NamePrefix,
    #[error("must be 3 to 200 characters that stand side by side in a name or an address")]
    Substring,
    #[error("must be a domain such as example.org")]
    Domain,
    #[error("must be active or deactivated")]
    Status,
    #[error("must be user or admin")]
    Role,
    #[error("must be true or false")]
    Boolean,
    #[error("must be a time from the year 1970 to 9999 such as 2026-09-21T14:13:20Z (RFC 3339)")]
    Time,
    #[error("must be created_at, email or name, with a - in front for the descending order")]
    Order,
    /// `created_before` is not later than `created_after`.
    #[error("must be later than created_after, or no user matches")]
    EmptyPeriod,
    /// `email` names one address, so another filter on addresses is a mistake.
    #[error("leave it out: the filter email already names one address")]
    OneAddress,
}

impl DomainError for FilterFlaw {
    fn code(&self) -> &'static str {
        match self {
            Self::EmptyPeriod | Self::OneAddress => "filters_contradict",
            _ => "filter_invalid",
        }
    }
}

impl UserFilter {
    /// Whether the list shows every user.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The filters that contradict others, by name.
    #[must_use]
    pub fn contradictions(&self) -> Vec<(&'static str, FilterFlaw)> {
        let mut found = Vec::new();
        if self.email.is_some() && self.email_prefix.is_some() {
            found.push(("email_prefix", FilterFlaw::OneAddress));
        }
        if self.email.is_some() && self.domain.is_some() {
            found.push(("domain", FilterFlaw::OneAddress));
        }
        if self.created_after.zip(self.created_before).is_some_and(|(after, before)| after >= before) {
            found.push(("created_before", FilterFlaw::EmptyPeriod));
        }
        found
    }

    /// The order if the client asks for none: a list of names or addresses that begin alike is in their order, any
    /// other list begins with the latest registration.
    #[must_use]
    pub const fn default_order(&self) -> UserOrder {
        match (&self.email_prefix, &self.name_prefix) {
            (Some(_), _) => UserOrder { by: SortKey::Email, is_descending: false },
            (None, Some(_)) => UserOrder { by: SortKey::Name, is_descending: false },
            (None, None) => UserOrder { by: SortKey::CreatedAt, is_descending: true },
        }
    }

    /// Parses one of the words `true` and `false`.
    ///
    /// # Errors
    /// [`FilterFlaw::Boolean`]
    pub fn parse_boolean(text: &str) -> Result<bool, FilterFlaw> {
        text.parse().map_err(|_| FilterFlaw::Boolean)
    }

    /// Parses a time that both databases can compare.
    ///
    /// # Errors
    /// [`FilterFlaw::Time`]
    pub fn parse_time(text: &str) -> Result<Timestamp, FilterFlaw> {
        Timestamp::parse(text).filter(|time| time.as_microsecond() >= 0).ok_or(FilterFlaw::Time)
    }
}

/// Implements `as_str` and `FromStr` by a table of words.
macro_rules! words {
    ($type:ident, $flaw:ident: $($variant:ident = $word:literal),+) => {
        impl $type {
            /// The word that is used in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl FromStr for $type {
            type Err = FilterFlaw;
            fn from_str(text: &str) -> Result<Self, FilterFlaw> {
                [$(Self::$variant),+].into_iter().find(|it| it.as_str() == text).ok_or(FilterFlaw::$flaw)
            }
        }
    };
}

words!(UserStatus, Status: Active = "active", Deactivated = "deactivated");
words!(UserRole, Role: User = "user", Admin = "admin");
words!(SortKey, Order: CreatedAt = "created_at", Email = "email", Name = "name");

impl UserOrder {
    /// The text that is used in the API.
    #[must_use]
    pub fn text(self) -> String {
        format!("{}{}", if self.is_descending { "-" } else { "" }, self.by.as_str())
    }
}

impl FromStr for UserOrder {
    type Err = FilterFlaw;
    fn from_str(text: &str) -> Result<Self, FilterFlaw> {
        let ascending = text.strip_prefix('-');
        Ok(Self { by: ascending.unwrap_or(text).parse()?, is_descending: ascending.is_some() })
    }
}

impl EmailPrefix {
    /// The form in which it is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailPrefix {
    type Err = FilterFlaw;
    fn from_str(text: &str) -> Result<Self, FilterFlaw> {
        let fits = (1..=254).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_ascii_lowercase())) } else { Err(FilterFlaw::EmailPrefix) }
    }
}

impl NamePrefix {
    /// The form in which it is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NamePrefix {
    type Err = FilterFlaw;
    fn from_str(text: &str) -> Result<Self, FilterFlaw> {
        let text = text.trim_start();
        let fits = (1..=200).contains(&text.chars().count());
        if fits { Ok(Self(crate::name::search_key(text))) } else { Err(FilterFlaw::NamePrefix) }
    }
}

impl Substring {
    /// The form in which it is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Substring {
    type Err = FilterFlaw;
    fn from_str(text: &str) -> Result<Self, FilterFlaw> {
        let key = crate::name::search_key(text.trim());
        // The indexes hold pieces of three characters.
        let fits = (3..=200).contains(&key.chars().count()) && !key.contains(char::is_control);
        if fits { Ok(Self(key)) } else { Err(FilterFlaw::Substring) }
    }
}

impl EmailDomain {
    /// The form in which it is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailDomain {
    type Err = FilterFlaw;
    fn from_str(text: &str) -> Result<Self, FilterFlaw> {
        let email = Email::parse(&format!("a@{text}")).map_err(|_| FilterFlaw::Domain)?;
        email.canonical().strip_prefix("a@").map(|domain| Self(domain.to_owned())).ok_or(FilterFlaw::Domain)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        EmailDomain, EmailPrefix, FilterFlaw, NamePrefix, SortKey, Substring, UserFilter, UserOrder, UserRole,
        UserStatus,
    };
    use identity::{Email, UserId};
    use kernel::{DomainError as _, Timestamp};

    #[test]
    fn words_are_parsed_from_their_own_text_alone() {
        for status in [UserStatus::Active, UserStatus::Deactivated] {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for role in [UserRole::User, UserRole::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!((UserStatus::Active.as_str(), UserRole::Admin.as_str()), ("active", "admin"));
        for text in ["", "Active", "admin "] {
            assert_eq!(text.parse::<UserStatus>(), Err(FilterFlaw::Status), "{text}");
            assert_eq!(text.parse::<UserRole>(), Err(FilterFlaw::Role), "{text}");
        }
        assert_eq!((UserFilter::parse_boolean("true"), UserFilter::parse_boolean("false")), (Ok(true), Ok(false)));
        assert_eq!(UserFilter::parse_boolean("1"), Err(FilterFlaw::Boolean));
    }

    #[test]
    fn an_order_has_a_minus_in_front_if_it_descends() {
        for text in ["created_at", "-created_at", "email", "-email", "name", "-name"] {
            let order: UserOrder = text.parse().expect("an order");
            assert_eq!((order.text().as_str(), order.is_descending), (text, text.starts_with('-')));
        }
        for text in ["", "-", "--name", "+name", "Name", "id"] {
            assert_eq!(text.parse::<UserOrder>(), Err(FilterFlaw::Order), "{text}");
        }
    }

    #[test]
    fn a_prefix_orders_the_list_by_its_own_field() {
        let (email, name) = ("ada".parse().ok(), "ada".parse().ok());
        let filter = UserFilter::default();
        assert_eq!(filter.default_order(), UserOrder { by: SortKey::CreatedAt, is_descending: true });
        let filter = UserFilter { name_prefix: name, ..filter };
        assert_eq!(filter.default_order(), UserOrder { by: SortKey::Name, is_descending: false });
        let filter = UserFilter { email_prefix: email, ..filter };
        assert_eq!(filter.default_order(), UserOrder { by: SortKey::Email, is_descending: false });
    }

    #[test]
    fn prefixes_and_domains_have_the_form_in_which_they_are_compared() {
        let email = |text: &str| text.parse::<EmailPrefix>().map(|it| it.as_str().to_owned());
        assert_eq!(email("Ada.L@Ex").as_deref(), Ok("ada.l@ex"));
        for text in ["", "a b", "ä", &"a".repeat(255)] {
            assert_eq!(email(text), Err(FilterFlaw::EmailPrefix), "{text}");
        }
        assert!(email(&"a".repeat(254)).is_ok());
        let name = |text: &str| text.parse::<NamePrefix>().map(|it| it.as_str().to_owned());
        assert_eq!(name(" ÖZ").as_deref(), Ok("öz"));
        assert_eq!(name("Ada ").as_deref(), Ok("ada "));
        for text in ["", " ", &"a".repeat(201)] {
            assert_eq!(name(text), Err(FilterFlaw::NamePrefix), "{text}");
        }
        assert!(name(&"ä".repeat(200)).is_ok());
        let substring = |text: &str| text.parse::<Substring>().map(|it| it.as_str().to_owned());
        assert_eq!(substring(" Ada L ").as_deref(), Ok("ada l"));
        assert_eq!(substring("ÖZ\u{308}Y").as_deref(), Ok("öz\u{308}y"));
        for text in ["", "ad", " ad ", "äö", "ada\nlovelace", &"a".repeat(201)] {
            assert_eq!(substring(text), Err(FilterFlaw::Substring), "{text}");
        }
        assert!(substring(&"ä".repeat(200)).is_ok());
        let domain = |text: &str| text.parse::<EmailDomain>().map(|it| it.as_str().to_owned());
        assert_eq!(domain("Bücher.Example").as_deref(), Ok("xn--bcher-kva.example"));
        for text in ["", "example", "@example.org", "b@example.org"] {
            assert_eq!(domain(text), Err(FilterFlaw::Domain), "{text}");
        }
    }

    #[test]
    fn a_time_is_from_1970_on() {
        let time = |text: &str| UserFilter::parse_time(text).map(Timestamp::as_microsecond);
        assert_eq!(time("1970-01-01T00:00:00Z"), Ok(0));
        for text in ["1969-12-31T23:59:59.999999Z", "2026-09-21", "yesterday"] {
            assert_eq!(time(text), Err(FilterFlaw::Time), "{text}");
        }
    }

    #[test]
    fn contradictions_are_named() {
        let at = |second| UserFilter::parse_time(&format!("2026-09-21T14:13:{second}Z")).ok();
        let filter = UserFilter { id: Some(UserId::random()), created_after: at(10), ..UserFilter::default() };
        assert!(filter.contradictions().is_empty() && !filter.is_empty() && UserFilter::default().is_empty());
        let filter = UserFilter { created_before: at(11), ..filter };
        assert!(filter.contradictions().is_empty());
        let filter = UserFilter { created_before: at(10), ..filter };
        assert_eq!(filter.contradictions(), [("created_before", FilterFlaw::EmptyPeriod)]);

        let email = Email::parse("ada@example.org").ok();
        let (email_prefix, domain) = ("ada".parse().ok(), "example.org".parse().ok());
        let filter = UserFilter { email: email.clone(), ..UserFilter::default() };
        assert!(filter.contradictions().is_empty());
        let filter = UserFilter { email, email_prefix: email_prefix.clone(), domain: domain.clone(), ..filter };
        let found = [("email_prefix", FilterFlaw::OneAddress), ("domain", FilterFlaw::OneAddress)];
        assert_eq!(filter.contradictions(), found);
        assert!(UserFilter { email: None, email_prefix, domain, ..filter }.contradictions().is_empty());
    }

    #[test]
    fn a_filter_with_an_unknown_condition_is_refused_and_not_shortened() {
        let filter = UserFilter { substring: "lace".parse().ok(), ..UserFilter::default() };
        let text = serde_json::to_string(&filter).expect("JSON");
        assert_eq!(serde_json::from_str::<UserFilter>(&text).ok(), Some(filter));
        assert!(serde_json::from_str::<UserFilter>(&text.replace("substring", "planet")).is_err());
    }

    #[test]
    fn flaws_have_stable_codes() {
        let codes = [FilterFlaw::Order.code(), FilterFlaw::EmptyPeriod.code(), FilterFlaw::OneAddress.code()];
        assert_eq!(codes, ["filter_invalid", "filters_contradict", "filters_contradict"]);
    }
}
