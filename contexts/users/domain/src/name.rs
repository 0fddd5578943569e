use kernel::{Reason, has_control};
use serde::{Deserialize, Serialize};

/// The longest name, in characters (Unicode code points).
const LONGEST: usize = 200;

/// What a person is called, in whatever script, as they wrote it but for white space around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space.
    #[error("must not be empty: leave the field out instead")]
    Empty,
    /// Over 200 characters.
    #[error("must be at most 200 characters long")]
    TooLong,
    /// Line breaks, escapes and the like.
    #[error("must not contain control characters")]
    HasControl,
}

impl Reason for NameError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "name_empty",
            Self::TooLong => "name_too_long",
            Self::HasControl => "name_has_control",
        }
    }
}

impl Name {
    /// Parses a name.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if has_control(text) {
            return Err(NameError::HasControl);
        }
        let text = text.trim();
        match text.chars().count() {
            0 => Err(NameError::Empty),
            1..=LONGEST => Ok(Self(text.to_owned())),
            _ => Err(NameError::TooLong),
        }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, NameError};
    use kernel::Reason as _;

    #[test]
    fn names_in_any_script_are_kept_as_written() {
        for text in
            ["Ada Lovelace", "王小明", "Владимир", "محمد", "अनीता", "김민준", "Νίκος", "יעל", "ñandú 👩‍🚀", "O'Brien <b>"]
        {
            assert_eq!(Name::parse(text).map(String::from).as_deref(), Ok(text));
        }
        assert_eq!(Name::parse("  Ada  ").map(String::from).as_deref(), Ok("Ada"));
    }

    #[test]
    fn an_empty_name_is_refused() {
        assert_eq!(Name::parse(""), Err(NameError::Empty));
        assert_eq!(Name::parse(" \u{3000} "), Err(NameError::Empty));
    }

    #[test]
    fn a_name_has_at_most_200_characters_however_many_bytes_they_take() {
        assert!(Name::parse(&"名".repeat(200)).is_ok());
        assert_eq!(Name::parse(&"名".repeat(201)), Err(NameError::TooLong));
    }

    #[test]
    fn control_characters_are_refused_even_at_the_edges() {
        assert_eq!(Name::parse("Ada\n"), Err(NameError::HasControl));
        assert_eq!(Name::parse("A\0da"), Err(NameError::HasControl));
    }

    #[test]
    fn a_stored_name_is_checked_when_read() {
        assert!(serde_json::from_str::<Name>("\"\"").is_err());
        let name = Name::parse("Ada").expect("a name");
        assert_eq!(name.as_str(), "Ada");
        assert_eq!(serde_json::to_string(&name).expect("plain data"), "\"Ada\"");
        assert_eq!(serde_json::from_str::<Name>("\"Ada\"").ok(), Some(name));
    }

    #[test]
    fn reasons_have_stable_codes() {
        let codes = [NameError::Empty, NameError::TooLong, NameError::HasControl].map(|error| error.code());
        assert_eq!(codes, ["name_empty", "name_too_long", "name_has_control"]);
    }
}
