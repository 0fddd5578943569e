/// Whether a text holds a control character (Unicode category Cc), NUL among them.
///
/// Such a text is refused everywhere: PostgreSQL cannot store NUL, and line breaks and escapes
/// forge lines in a log or a terminal.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::has_control;

    #[test]
    fn control_characters_are_found_wherever_they_stand() {
        assert!(has_control("\0"));
        assert!(has_control("two\nlines"));
        assert!(has_control("delete\u{7f}"));
        assert!(has_control("\u{85}next"));
        assert!(!has_control("Zoë 王小明 👩‍🚀"));
        assert!(!has_control(""));
    }
}
