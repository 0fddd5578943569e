use icu_properties::CodePointMapData;
use icu_properties::props::{
    BinaryProperty as _, DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, GeneralCategory,
    GeneralCategoryGroup, JoiningType,
};

const BYTE_ORDER_MARK: char = '\u{feff}';
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';

/// Whether a text has a control character (Unicode category Cc), such as NUL.
///
/// Such texts are rejected everywhere: PostgreSQL cannot store NUL, and line breaks and escape sequences can forge
/// lines in a log or a terminal.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// The text without the white space, line breaks and byte order marks at its ends.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == BYTE_ORDER_MARK)
}

/// Whether a character takes up space but is empty: white space, and letters or symbols with an empty shape
/// (U+2800 BRAILLE PATTERN BLANK and others).
#[must_use]
pub fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{2800}' | '\u{fffc}' | '\u{13441}' | '\u{13442}' | '\u{1d159}')
}

/// Whether a character is invisible by itself, or only changes how others are displayed (Unicode's
/// `Default_Ignorable_Code_Point`): zero-width spaces, fillers, bidirectional controls, tags.
#[must_use]
pub fn is_ignorable(character: char) -> bool {
    DefaultIgnorableCodePoint::for_char(character)
}

/// Whether any character of the text is visible by itself. Combining marks alone are not.
#[must_use]
pub fn has_visible(text: &str) -> bool {
    text.chars().any(|character| {
        let category = category(character);
        let is_shapeless = GeneralCategoryGroup::Mark.contains(category)
            || matches!(category, GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::Unassigned);
        !is_shapeless && !is_blank(character) && !is_ignorable(character)
    })
}

/// The byte index of the first character that is invisible or changes the direction of others: controls, line and
/// paragraph separators, bidirectional controls, and all [ignorable](is_ignorable) characters. Characters that a script
/// or an emoji needs (joiners, variation selectors, the tags of a flag) do not count.
#[must_use]
pub fn find_invisible(text: &str) -> Option<usize> {
    let characters: Vec<_> = text.char_indices().collect();
    let at = |index: usize| characters.get(index).map(|(_, character)| *character);
    let mut index = 0;
    while let Some(character) = at(index) {
        let before = index.checked_sub(1).and_then(at);
        let tags = if character == BLACK_FLAG { tags_of_a_flag(text, characters[index].0) } else { 0 };
        if is_invisible(character) && !before.is_some_and(|before| is_part_of_writing(before, character, at(index + 1)))
        {
            return Some(characters[index].0);
        }
        index += 1 + tags;
    }
    None
}

fn is_invisible(character: char) -> bool {
    let is_separator = matches!(character, '\u{2028}' | '\u{2029}');
    // The separators of interlinear annotations.
    let is_annotation = matches!(character, '\u{fff9}'..='\u{fffb}');
    character.is_control() || is_separator || is_annotation || is_ignorable(character)
}

/// Whether an invisible character is part of the spelling of its neighbours.
fn is_part_of_writing(before: char, character: char, after: Option<char>) -> bool {
    match character {
        // In joining scripts such as Arabic, in emoji, and next to a sign of an Indic script.
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => {
            joins(before) || is_mark(before) || is_pictograph(before) || after.is_some_and(is_mark)
        }
        // Variation selectors of emoji, of digits in a keycap, of Chinese characters in names.
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            !is_blank(before) && !is_ignorable(before) && !before.is_ascii_alphabetic()
        }
        // Mongolian variation selectors and the vowel separator.
        '\u{180b}'..='\u{180f}' => matches!(before, '\u{1820}'..='\u{18aa}'),
        // The combining grapheme joiner keeps marks in their order.
        '\u{34f}' => is_mark(before) && after.is_some_and(is_mark),
        _ => false,
    }
}

/// The number of tag characters after a black flag that turn it into the flag of a region (UTS 51, ED-14a).
fn tags_of_a_flag(text: &str, flag: usize) -> usize {
    let tags = text[flag..]
        .chars()
        .skip(1)
        .take_while(|tag| matches!(tag, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}'));
    let count = tags.count();
    let is_ended = text[flag..].chars().nth(count + 1) == Some(CANCEL_TAG);
    if is_ended && (3..=6).contains(&count) { count + 1 } else { 0 }
}

fn joins(character: char) -> bool {
    let joining = CodePointMapData::<JoiningType>::new().get(character);
    !matches!(joining, JoiningType::NonJoining | JoiningType::Transparent) && !is_ignorable(character)
}

fn is_mark(character: char) -> bool {
    // The variation selector U+FE0F is an ignorable mark, too, but counts here: in emoji it stands before joiners.
    GeneralCategoryGroup::Mark.contains(category(character)) && (!is_ignorable(character) || character == '\u{fe0f}')
}

fn is_pictograph(character: char) -> bool {
    ExtendedPictographic::for_char(character) || EmojiModifier::for_char(character)
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

#[cfg(test)]
mod tests {
    use super::{find_invisible, has_control, has_visible, is_blank, trim};

    #[test]
    fn control_characters_are_found_wherever_they_stand() {
        assert!(has_control("\0"));
        assert!(has_control("two\nlines"));
        assert!(has_control("delete\u{7f}"));
        assert!(has_control("\u{85}next"));
        assert!(!has_control("Zoë 王小明 👩‍🚀"));
        assert!(!has_control(""));
    }

    #[test]
    fn trim_removes_only_white_space_and_byte_order_marks_at_the_ends() {
        for text in ["a b", " a b ", "a b\r\n", "\u{feff}a b", "\u{a0}\t\u{feff} a b\u{3000}"] {
            assert_eq!(trim(text), "a b", "{text:?}");
        }
        assert_eq!(trim("\u{200b}a\u{feff}b"), "\u{200b}a\u{feff}b");
        assert_eq!(trim(" \u{feff} "), "");
    }

    #[test]
    fn a_text_without_a_shape_has_nothing_visible() {
        for text in [
            "",
            " \u{3000}",
            "\u{200b}",
            "\u{feff}\u{2060}",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{2800}\u{2800}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{180e}",
            "\u{34f}",
            "\u{ad}",
            "\u{e0041}\u{e007f}",
            "\u{301}\u{301}",
            "\u{20e3}",
            "\u{93e}",
            "\u{200d}\u{200c}",
            "\u{202e}\u{202c}",
            "\u{61c}",
            "\u{2028}",
            "\0\u{7f}",
            "\u{fffc}",
            "\u{1d159}",
            "\u{13441}\u{13442}",
            "\u{600}",
            "\u{378}",
        ] {
            assert!(!has_visible(text), "{text:?}");
        }
        for text in ["a", "\u{200b}é\u{200b}", "e\u{301}", "王", "👩‍🚀", "🇩🇪", "1", "-", "ـ", "\u{1f3ff}", "\u{e000}"]
        {
            assert!(has_visible(text), "{text:?}");
        }
    }

    #[test]
    fn blanks_take_room_and_show_nothing() {
        for blank in [' ', '\u{a0}', '\u{3000}', '\u{2800}', '\u{fffc}', '\u{13441}', '\u{13442}', '\u{1d159}'] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for other in ['a', '\u{200b}', '\u{2801}', '\u{fffd}'] {
            assert!(!is_blank(other), "{other:?}");
        }
    }

    #[test]
    fn characters_that_scripts_and_emoji_need_are_not_invisible() {
        for text in [
            "",
            "Ada Lovelace",
            "e\u{301}",
            "علی\u{200c}رضا",
            "نامه\u{200c}ای",
            "क\u{94d}\u{200d}ष",
            "क\u{94d}\u{200c}ष",
            "র\u{200d}\u{9cd}য",
            "ක\u{dca}\u{200d}ෂ",
            "അവന\u{d4d}\u{200d}",
            "👩\u{200d}🚀",
            "👩🏽\u{200d}🚀",
            "❤\u{fe0f}\u{200d}🔥",
            "🏳\u{fe0f}\u{200d}🌈",
            "1\u{fe0f}\u{20e3}",
            "葛\u{e0100}城",
            "ᠠ\u{180b}",
            "ᠠ\u{180e}ᠠ",
            "ו\u{5b9}\u{34f}\u{5b0}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} Ada",
            "🏴\u{e0075}\u{e0073}\u{e0063}\u{e0061}\u{e007f}",
            "🏴\u{e0061}\u{e0062}\u{e0031}\u{e007f}",
            "🏴 pirate",
            "🏴\u{200d}☠\u{fe0f}",
            "\u{2800}",
        ] {
            assert_eq!(find_invisible(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_first_invisible_character_is_found() {
        for (text, at) in [
            ("a\0", 1),
            ("é\u{200b}b\u{200b}", 2),
            ("\u{feff}", 0),
            ("a\u{2028}b", 1),
            ("a\u{2029}b", 1),
            ("a\u{fff9}b\u{fffa}c\u{fffb}", 1),
            ("a\u{fffa}", 1),
            ("a\u{fffb}", 1),
            ("a\u{ad}b", 1),
            ("a\u{3164}b", 1),
            ("a\u{115f}", 1),
            ("\u{202e}a", 0),
            ("ا\u{202b}", 2),
            ("a\u{2066}b\u{2069}", 1),
            ("a\u{200e}", 1),
            ("ا\u{200f}", 2),
            ("ا\u{61c}", 2),
            ("A\u{200d}da", 1),
            ("A\u{200c}da", 1),
            ("\u{200d}a", 0),
            ("ا\u{200c}\u{200c}ا", 5),
            ("👩\u{200d}\u{200d}🚀", 7),
            ("A\u{fe0f}", 1),
            (" \u{fe0f}", 1),
            ("\u{2800}\u{fe0f}", 3),
            ("☠\u{fe0f}\u{fe0f}", 6),
            ("葛\u{e0100}\u{e0101}", 7),
            ("葛\u{e01ef}\u{200d}", 7),
            ("a\u{180b}", 1),
            ("a\u{34f}\u{301}", 1),
            ("e\u{301}\u{34f}a", 3),
            ("a\u{e0041}", 1),
            // Invalid tags of a flag: two, seven, without an end, and with capital letters.
            ("🏴\u{e0061}\u{e0062}\u{e007f}", 4),
            ("🏴\u{e0061}\u{e0061}\u{e0061}\u{e0061}\u{e0061}\u{e0061}\u{e0061}\u{e007f}", 4),
            ("🏴\u{e0061}\u{e0062}\u{e0063}", 4),
            ("🏴\u{e0041}\u{e0042}\u{e0043}\u{e007f}", 4),
            ("👩\u{e0061}\u{e0062}\u{e0063}\u{e007f}", 4),
            ("🏴\u{e0061}\u{e0062}\u{e0063}\u{e007f}\u{200b}", 20),
        ] {
            assert_eq!(find_invisible(text), Some(at), "{text:?}");
        }
    }
}
