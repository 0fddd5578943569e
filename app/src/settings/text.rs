//! Strips white space around values, and finds invisible characters inside them.

use kernel::{find_invisible, is_blank, trim};
use std::fmt;

/// Strips white space, line breaks and byte order marks at both ends.
pub(super) fn clean(value: &str) -> &str {
    trim(value)
}

/// Strips line breaks and byte order marks only, for a value whose white space is significant.
pub(super) fn without_line_breaks(value: &str) -> &str {
    value.trim_matches(['\r', '\n', '\u{feff}'])
}

/// An invisible character and its position.
pub(super) struct Hidden {
    character: char,
    after: usize,
}

impl Hidden {
    /// Finds the first invisible character.
    pub(super) fn find(value: &str) -> Option<Self> {
        Self::at(value, find_invisible(value)?)
    }

    /// Finds the first invisible character, or the first white space other than a plain space.
    pub(super) fn find_with_blanks(value: &str) -> Option<Self> {
        let blank = value.find(|character| is_blank(character) && character != ' ');
        Self::at(value, find_invisible(value).into_iter().chain(blank).min()?)
    }

    fn at(value: &str, at: usize) -> Option<Self> {
        Some(Self { character: value[at..].chars().next()?, after: value[..at].chars().count() })
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, after) = (u32::from(self.character), self.after);
        write!(f, "has an invisible character, U+{code:04X}, after its first {after} characters: remove it")
    }
}
