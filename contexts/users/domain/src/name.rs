use kernel::{DomainError, find_invisible, has_control, has_visible, trim};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// The longest name, in characters (Unicode code points).
const LONGEST: usize = 200;

/// A user's name, in any script: 1 to 200 characters, without white space around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or only white space.
    #[error("must not be empty: leave the field out instead")]
    Empty,
    #[error("must be at most 200 characters long")]
    TooLong,
    /// Contains a control character, such as a line break or an escape.
    #[error("must not contain control characters")]
    HasControl,
    /// Contains only characters that show nothing, such as blanks, fillers and combining marks.
    #[error("must have a visible character")]
    NotVisible,
    /// Contains an invisible character, such as a zero-width space or a control for the writing direction.
    #[error("must not contain invisible characters, or characters that change the writing direction")]
    HasInvisible,
}

impl DomainError for NameError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "name_empty",
            Self::TooLong => "name_too_long",
            Self::HasControl => "name_has_control",
            Self::NotVisible => "name_not_visible",
            Self::HasInvisible => "name_has_invisible",
        }
    }
}

/// A text in NFC and in lower case. Each character is mapped alone, so that the key of a prefix is a prefix of the key.
pub(crate) fn search_key(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

impl Name {
    /// Parses a name that a user has entered.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = Self::restore(text)?;
        if !has_visible(&name.0) {
            return Err(NameError::NotVisible);
        }
        // `find_invisible` allows joiners and selectors that a script or an emoji needs.
        if find_invisible(&name.0).is_some() {
            return Err(NameError::HasInvisible);
        }
        Ok(name)
    }

    /// Parses a name from storage or from a message. Invisible characters are allowed here, because earlier versions
    /// accepted them.
    ///
    /// # Errors
    /// [`NameError`], except `NotVisible` and `HasInvisible`.
    pub fn restore(text: &str) -> Result<Self, NameError> {
        if has_control(text) {
            return Err(NameError::HasControl);
        }
        let text = trim(text);
        match text.chars().count() {
            0 => Err(NameError::Empty),
            1..=LONGEST => Ok(Self(text.to_owned())),
            _ => Err(NameError::TooLong),
        }
    }

    /// The form in which names are searched and ordered: without case, so that names that look alike are alike.
    #[must_use]
    pub fn search_key(&self) -> String {
        search_key(&self.0)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::restore(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_search_key_ignores_case_and_composition() {
        let key = |text: &str| super::Name::parse(text).map(|name| name.search_key());
        for text in ["Özil ΣΑΣ", "o\u{308}ZIL σασ", "ÖZIL σασ"] {
            assert_eq!(key(text).as_deref(), Ok("özil σασ"), "{text}");
        }
    }

    use super::{Name, NameError};
    use kernel::DomainError as _;

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
        assert_eq!(Name::parse(" \u{3000} \u{feff}"), Err(NameError::Empty));
    }

    #[test]
    fn a_name_without_a_visible_character_is_refused() {
        for text in
            ["\u{200b}", "\u{3164}", "\u{115f}\u{1160}", "\u{2800}", "\u{fe0f}", "\u{e0041}", "\u{301}", "\u{202e}"]
        {
            assert_eq!(Name::parse(text), Err(NameError::NotVisible), "{text:?}");
        }
    }

    #[test]
    fn a_name_with_an_invisible_character_is_refused() {
        for text in
            ["A\u{200b}da", "\u{202e}adA", "Ada\u{2069}", "Ada\u{200e}", "محمد\u{200f}", "Ada\u{e0041}", "A\u{200d}da"]
        {
            assert_eq!(Name::parse(text), Err(NameError::HasInvisible), "{text:?}");
        }
    }

    #[test]
    fn names_that_are_written_with_joiners_and_selectors_are_kept() {
        for text in ["علی\u{200c}رضا", "ක\u{dca}\u{200d}ෂ", "👩\u{200d}🚀", "葛\u{e0100}城", "❤\u{fe0f} Ada"]
        {
            assert_eq!(Name::parse(text).map(String::from).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_stored_name_with_invisible_characters_can_be_read() {
        let stored = Name::restore("A\u{200b}da").expect("a name");
        assert_eq!(stored.as_str(), "A\u{200b}da");
        assert_eq!(Name::restore("A\0da"), Err(NameError::HasControl));
        assert_eq!(serde_json::from_str::<Name>("\"\u{3164}\"").expect("a name").as_str(), "\u{3164}");
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
        let codes = [
            NameError::Empty,
            NameError::TooLong,
            NameError::HasControl,
            NameError::NotVisible,
            NameError::HasInvisible,
        ]
        .map(|error| error.code());
        let expected = ["name_empty", "name_too_long", "name_has_control", "name_not_visible", "name_has_invisible"];
        assert_eq!(codes, expected);
    }
}
