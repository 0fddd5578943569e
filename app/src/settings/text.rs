//! What stands around a value without being meant, and what stands inside it without being seen.

use kernel::{find_invisible, is_blank, trim};
use std::fmt;

/// The value without white space, line breaks and byte order marks around it.
pub(super) fn clean(value: &str) -> &str {
    trim(value)
}

/// The same of a value in which blanks count.
pub(super) fn without_line_breaks(value: &str) -> &str {
    value.trim_matches(['\r', '\n', '\u{feff}'])
}

/// An invisible character, and where it is.
pub(super) struct Hidden {
    character: char,
    after: usize,
}

impl Hidden {
    /// The first one.
    pub(super) fn find(value: &str) -> Option<Self> {
        Self::at(value, find_invisible(value)?)
    }

    /// The first one, or the first blank other than a space: both look alike.
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
