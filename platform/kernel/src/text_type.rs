use crate::{DomainError, find_invisible, has_visible, trim};

/// Why a text is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing in it is visible.
    #[error("must not be empty")]
    Empty,
    /// It has more characters than this.
    #[error("must be at most {0} characters long")]
    TooLong(usize),
    /// It has an invisible character, such as a control character or a zero-width space.
    #[error("must not contain invisible characters, or characters that change the writing direction")]
    HasInvisible,
}

impl DomainError for TextError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "text_empty",
            Self::TooLong(_) => "text_too_long",
            Self::HasInvisible => "text_has_invisible",
        }
    }
}

/// Removes the white space around a text, and checks it.
///
/// # Errors
/// [`TextError`] if it is empty, has more than `longest` characters (Unicode code points), or an invisible one.
pub fn checked_text(text: &str, longest: usize) -> Result<String, TextError> {
    let text = trim(text);
    if !has_visible(text) {
        return Err(TextError::Empty);
    }
    if text.chars().count() > longest {
        return Err(TextError::TooLong(longest));
    }
    if find_invisible(text).is_some() { Err(TextError::HasInvisible) } else { Ok(text.to_owned()) }
}

/// Declares a type for a short text in any script, with its longest length in characters: `kernel::text! { Item, 100 }`.
/// The calling crate must depend on serde.
#[macro_export]
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $longest:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a text that a user has entered. White space around it is removed.
            ///
            /// # Errors
            /// `kernel::TextError`
            pub fn parse(text: &str) -> Result<Self, $crate::TextError> {
                $crate::checked_text(text, $longest).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::TextError;
            fn try_from(text: String) -> Result<Self, $crate::TextError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::TextError;
    use crate::DomainError as _;

    text! {
        /// The title of a book.
        Title, 10
    }

    #[test]
    fn a_text_is_trimmed_and_kept_as_written() {
        for text in ["Ada", "  Ada ", "Ada\r\n"] {
            assert_eq!(Title::parse(text).map(String::from).as_deref(), Ok("Ada"), "{text:?}");
        }
        assert_eq!(Title::parse("यशस्वी").expect("a text").as_str(), "यशस्वी");
    }

    #[test]
    fn each_reason_for_a_refusal_has_its_code() {
        for (text, why, code) in [
            ("", TextError::Empty, "text_empty"),
            (" \u{200b}", TextError::Empty, "text_empty"),
            ("12345678901", TextError::TooLong(10), "text_too_long"),
            ("a\u{200b}b", TextError::HasInvisible, "text_has_invisible"),
            ("a\nb", TextError::HasInvisible, "text_has_invisible"),
        ] {
            assert_eq!(Title::parse(text), Err(why), "{text:?}");
            assert_eq!(why.code(), code);
        }
        assert!(Title::parse("1234567890").is_ok());
    }

    #[test]
    fn a_stored_text_is_checked_when_it_is_read() {
        assert_eq!(serde_json::to_string(&Title::parse("Ada").expect("a text")).expect("JSON"), "\"Ada\"");
        assert!(serde_json::from_str::<Title>("\"\"").is_err());
    }
}
