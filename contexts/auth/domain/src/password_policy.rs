use crate::{common_passwords, normalised, sequences, spellings};
use identity::Email;
use kernel::{DomainError, Secret};
use std::cmp::Reverse;
use std::fmt::Debug;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization as _;

/// The longest password, in bytes of UTF-8.
const MAX_BYTES: usize = 1024;

/// The lowest minimum length of a policy. Also the fewest characters that must remain of a password without the parts
/// that others know about its owner.
const FEWEST: usize = 8;

/// The shortest part of a name or an email address that is searched for. Shorter parts occur in many words.
const SHORTEST_PART: usize = 3;

/// The rules for new passwords (NIST SP 800-63B-4, section 3.1.1; ASVS 6.2): a password is long enough, and not easy to
/// guess. There are no rules of composition.
#[derive(Debug, Clone)]
pub struct PasswordPolicy {
    min_chars: usize,
    /// The names of the service, in lower case.
    service: Vec<String>,
    breached: Option<Arc<dyn BreachedPasswords>>,
}

/// The passwords that are known from data breaches.
pub trait BreachedPasswords: Debug + Send + Sync {
    /// Whether this password is one of them, in exactly this spelling. MUST return `false` if the answer is not known.
    fn contains(&self, password: &Secret) -> bool;
}

/// The minimum length of a policy is below 8 or above 64 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the minimum length of a password must be 8 to 64 characters")]
pub struct MinCharsOutOfRange;

/// A flaw of a password. The messages reveal nothing of the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFlaw {
    #[error("must be at least {min_chars} characters long: several words make a good password")]
    TooShort {
        /// The minimum of the policy.
        min_chars: usize,
    },
    #[error("must be at most 1,024 bytes long")]
    TooLong,
    /// Some systems treat NUL as the end of a text.
    #[error("must not contain the NUL character")]
    HasNul,
    /// A common password, alone, repeated, or with few digits and signs around it.
    #[error("must not be based on one of the most used passwords: choose another")]
    Common,
    /// Is known from a data breach.
    #[error("must not be a password that is known from a data breach: choose another")]
    Breached,
    /// Contains the whole email address, or is little more than parts of it.
    #[error("must not be made of your email address: choose words that are not about you")]
    ContainsEmail,
    /// Is little more than the name of the user.
    #[error("must not be made of your name: choose words that are not about you")]
    ContainsName,
    /// Is little more than the names of the service.
    #[error("must not be made of the name of this service: choose other words")]
    ContainsService,
    /// Repeats a short unit.
    #[error("must not repeat the same few characters: add other words")]
    Repetitive,
    /// Equals the current password.
    #[error("must not be your current password: choose another")]
    Unchanged,
    #[error("must not follow the alphabet, the digits or the keyboard: add other words")]
    Sequential,
}

impl DomainError for PasswordFlaw {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::HasNul => "password_has_nul",
            Self::Common => "password_is_common",
            Self::Breached => "password_breached",
            Self::ContainsEmail => "password_contains_email",
            Self::ContainsName => "password_contains_name",
            Self::ContainsService => "password_contains_service",
            Self::Repetitive => "password_is_repetitive",
            Self::Sequential => "password_is_sequential",
            Self::Unchanged => "same_password",
        }
    }
}

impl Default for PasswordPolicy {
    /// At least 15 characters, as a password that is the only factor should have.
    fn default() -> Self {
        Self { min_chars: 15, service: Vec::new(), breached: None }
    }
}

impl TryFrom<usize> for PasswordPolicy {
    type Error = MinCharsOutOfRange;
    fn try_from(min_chars: usize) -> Result<Self, MinCharsOutOfRange> {
        if (FEWEST..=64).contains(&min_chars) {
            Ok(Self { min_chars, ..Self::default() })
        } else {
            Err(MinCharsOutOfRange)
        }
    }
}

impl PasswordPolicy {
    /// Adds the names of the service, its web addresses too. Passwords made of them are refused.
    #[must_use]
    pub fn of_service<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.service = names.into_iter().map(str::to_lowercase).collect();
        self
    }

    /// Refuses these passwords, too.
    #[must_use]
    pub fn refusing_breached(mut self, breached: Arc<dyn BreachedPasswords>) -> Self {
        self.breached = Some(breached);
        self
    }

    /// The minimum length of a password, in characters (Unicode code points).
    #[must_use]
    pub const fn min_chars(&self) -> usize {
        self.min_chars
    }

    /// Everything that is wrong with a new password of a user with this address and name, as far as they are known.
    /// The list is empty when the password is good.
    #[must_use]
    pub fn flaws(&self, password: &Secret, email: Option<&Email>, name: Option<&str>) -> Vec<PasswordFlaw> {
        let name: Option<String> = name.map(|name| name.nfc().collect());
        let mut flaws = self.check(normalised(password).expose(), email, name.as_deref());
        // Look a password up only if nothing else is wrong with it: its owner has to choose another anyway.
        if flaws.is_empty() && self.is_breached(password) {
            flaws.push(PasswordFlaw::Breached);
        }
        flaws
    }

    /// Everything that is wrong with a password that is to replace the current one, as far as that one is known. The
    /// two are compared in the form in which they are hashed, so that a new spelling is no new password.
    #[must_use]
    pub fn flaws_of_change(&self, new: &Secret, current: Option<&Secret>, email: &Email) -> Vec<PasswordFlaw> {
        let mut flaws = self.flaws(new, Some(email), None);
        if current.is_some_and(|current| normalised(current).expose() == normalised(new).expose()) {
            flaws.push(PasswordFlaw::Unchanged);
        }
        flaws
    }

    fn check(&self, password_nfc: &str, email: Option<&Email>, name: Option<&str>) -> Vec<PasswordFlaw> {
        let lower = Secret::new(password_nfc.to_lowercase());
        let lower = lower.expose();
        let repetitive = sequences::is_repetition(lower, self.min_chars);
        let sequential = sequences::is_mostly_runs(lower);
        // Do not report a repeated common password as well if it is a repetition or a sequence.
        let repeats_common = !repetitive && !sequential && common_passwords::is_repetition(lower, FEWEST);
        let flaws = [
            (password_nfc.chars().count() < self.min_chars, PasswordFlaw::TooShort { min_chars: self.min_chars }),
            (password_nfc.len() > MAX_BYTES, PasswordFlaw::TooLong),
            (password_nfc.contains('\0'), PasswordFlaw::HasNul),
            (self.is_common(lower) || repeats_common, PasswordFlaw::Common),
            (email.is_some_and(|email| contains_email(lower, email)), PasswordFlaw::ContainsEmail),
            (name.is_some_and(|name| is_made_of(lower, &[name.to_lowercase()])), PasswordFlaw::ContainsName),
            (is_made_of(lower, &self.service), PasswordFlaw::ContainsService),
            (repetitive, PasswordFlaw::Repetitive),
            // One repeated character is both a repetition and a sequence: report one.
            (!repetitive && sequential, PasswordFlaw::Sequential),
        ];
        flaws.into_iter().filter_map(|(found, flaw)| found.then_some(flaw)).collect()
    }

    /// Whether a breach has the password, as it was typed or as it is hashed: others hash it in either form.
    fn is_breached(&self, password: &Secret) -> bool {
        let Some(breached) = &self.breached else { return false };
        spellings(password).iter().any(|spelling| breached.contains(spelling))
    }

    /// Whether the password is on the list. Digits and signs around it are ignored if they are fewer than `min_chars`.
    fn is_common(&self, lower: &str) -> bool {
        let core = lower.trim_matches(|character: char| !character.is_alphabetic());
        let around = lower.chars().count() - core.chars().count();
        common_passwords::contains(lower) || (around < self.min_chars && common_passwords::contains(core))
    }
}

/// Whether the password contains the whole address, or is little more than parts of it.
fn contains_email(lower: &str, email: &Email) -> bool {
    let typed = email.as_str().to_lowercase();
    if lower.contains(&typed) || lower.contains(email.canonical()) {
        return true;
    }
    let (local, domain) = typed.rsplit_once('@').unwrap_or((&typed, ""));
    // Skip the last label, such as `com`, which says nothing about the user.
    let labels = domain.rsplit('.').skip(1);
    let words = local.split(|character: char| !character.is_alphanumeric());
    is_little_but(lower, [local].into_iter().chain(words).chain(labels))
}

/// Whether the password is little more than words of these names, which are in lower case.
fn is_made_of(lower: &str, names: &[String]) -> bool {
    is_little_but(
        lower,
        names.iter().flat_map(|name| {
            let words = name.split(|character: char| !character.is_alphanumeric());
            std::iter::once(name.as_str()).chain(words)
        }),
    )
}

/// Whether the parts occur in the text and fewer than [`FEWEST`] characters remain without them.
fn is_little_but<'a>(text: &str, parts: impl Iterator<Item = &'a str>) -> bool {
    let mut parts: Vec<_> = parts.filter(|part| part.chars().count() >= SHORTEST_PART).collect();
    // Remove the longest parts first: without `ann`, `annabel` would not be found.
    parts.sort_by_key(|part| Reverse(part.len()));
    let whole = Secret::new(text.to_owned());
    let rest = parts.into_iter().fold(whole, |rest, part| Secret::new(rest.expose().replace(part, "")));
    rest.expose().len() < text.len() && rest.expose().chars().count() < FEWEST
}

#[cfg(test)]
#[path = "password_policy_tests.rs"]
mod tests;
