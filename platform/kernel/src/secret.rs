use zeroize::Zeroizing;

/// A secret text, such as a password, a token or a key. It is wiped from memory when it is dropped.
///
/// The type has no `Debug`, `Display` or `Serialize`, so that a secret cannot get into a log or a message. It has no
/// `==`, whose duration would reveal how much of a guess is right.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text, without a copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Reviews must check every call.
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
    fn a_secret_exposes_its_text() {
        assert_eq!(Secret::new("correct horse".to_owned()).expose(), "correct horse");
    }
}
