//! Names in the forms that code needs.

use anyhow::{Result, bail};

/// A name in snake case, such as `place_order`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        if text.split('_').all(is_word) && !is_keyword(text) {
            Ok(Self(text.to_owned()))
        } else {
            bail!("`{text}` must be lower-case words joined by underscores, and no keyword of Rust")
        }
    }

    pub(crate) fn snake(&self) -> &str {
        &self.0
    }

    /// `place_order` → `PlaceOrder`
    pub(crate) fn camel(&self) -> String {
        self.0.split('_').map(capitalized).collect()
    }

    /// `place_order` → `Place order`
    pub(crate) fn sentence(&self) -> String {
        capitalized(&self.0.replace('_', " "))
    }

    /// The first word: `place_order` → `place`
    pub(crate) fn verb(&self) -> &str {
        self.0.split('_').next().unwrap_or_default()
    }

    /// The words after the first: `place_order` → `order`
    pub(crate) fn noun(&self) -> Result<Self> {
        match self.0.split_once('_') {
            Some((_, noun)) => Self::parse(noun),
            None => bail!("`{}` must be a verb and a noun, such as place_order", self.0),
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Whether a text is no name of a module or a variable.
fn is_keyword(text: &str) -> bool {
    const WORDS: [&str; 35] = [
        "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "fn", "for",
        "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static",
        "struct", "super", "trait", "type", "unsafe", "use", "where", "while",
    ];
    WORDS.contains(&text)
}

/// A command or query with its fields: `place_order:item,note`.
#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub(crate) name: Name,
    pub(crate) fields: Vec<Name>,
}

impl Signature {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (name, fields) = text.split_once(':').unwrap_or((text, ""));
        let fields =
            fields.split(',').filter(|field| !field.is_empty()).map(Name::parse).collect::<Result<Vec<_>>>()?;
        // Words of SQL that are no names of columns, and columns that each table has.
        const TAKEN: [&str; 10] =
            ["from", "group", "id", "order", "owner", "select", "table", "user", "version", "where"];
        if let Some(field) = fields.iter().find(|field| TAKEN.contains(&field.snake())) {
            bail!("a field cannot have the name `{}`", field.snake());
        }
        if fields.is_empty() {
            bail!("`{text}` must have a field, such as {name}:item");
        }
        Ok(Self { name: Name::parse(name)?, fields })
    }
}

/// The wire name of an event: `users.user_registered.v1`.
#[derive(Debug, Clone)]
pub(crate) struct EventName {
    pub(crate) wire: String,
    pub(crate) name: Name,
}

impl EventName {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text.split('.').collect::<Vec<_>>()[..] {
            [_, name, version] if version.starts_with('v') => {
                Ok(Self { wire: text.to_owned(), name: Name::parse(name)? })
            }
            _ => bail!("`{text}` must be the wire name of an event, such as users.user_registered.v1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EventName, Name, Signature};

    #[test]
    fn a_name_has_every_form() {
        let name = Name::parse("place_order").unwrap();
        assert_eq!((name.camel(), name.sentence()), ("PlaceOrder".into(), "Place order".into()));
        assert_eq!((name.verb(), name.noun().unwrap().snake()), ("place", "order"));
        for text in ["", "Order", "place-order", "order2", "_order", "type", "match"] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_signature_has_a_name_and_fields() {
        let signature = Signature::parse("place_order:item,note").unwrap();
        assert_eq!(signature.fields.iter().map(Name::snake).collect::<Vec<_>>(), ["item", "note"]);
        assert!(Signature::parse("place_order").is_err());
        assert!(Signature::parse("place_order:Item").is_err());
        assert!(Signature::parse("place_order:group").is_err());
        assert_eq!(EventName::parse("users.user_registered.v1").unwrap().name.camel(), "UserRegistered");
        assert!(EventName::parse("user_registered").is_err());
    }
}
