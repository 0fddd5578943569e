use zeroize::Zeroizing;

/// A text that must not be seen: a password, a token, a key.
///
/// It has no `Debug`, `Display`, `Serialize` or `==`, so that it cannot get into a log, a message
/// or a comparison whose time tells how much was right; it is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every call is a place to look at in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_gives_back_what_it_was_given() {
        assert_eq!(Secret::new("correct horse".to_owned()).expose(), "correct horse");
    }
}
