use kernel::MessageId;
use uuid::Uuid;

/// The version of the sealed format, which covers the binding and the padding.
const VERSION: &[u8] = b"1";

/// The context for which a secret is sealed. It opens in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The command that brought the secret.
    pub root: MessageId,
    /// What the secret belongs to, such as an entity of the domain.
    pub subject: Uuid,
    /// What the secret is for, such as `set_credential`.
    pub purpose: &'static str,
}

impl Binding {
    /// The additional authenticated data. Each part follows its length (32 bits, big-endian), so that no two bindings
    /// have the same encoding.
    pub(crate) fn aad(&self, kid: &str) -> Vec<u8> {
        let (root, subject) = (self.root.as_uuid(), self.subject);
        let parts: [&[u8]; 5] = [VERSION, root.as_bytes(), subject.as_bytes(), self.purpose.as_bytes(), kid.as_bytes()];
        let mut aad = Vec::with_capacity(parts.iter().map(|part| 4 + part.len()).sum());
        for part in parts {
            aad.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            aad.extend_from_slice(part);
        }
        aad
    }
}

#[cfg(test)]
mod tests {
    use super::Binding;
    use kernel::MessageId;

    #[test]
    fn a_letter_that_moves_between_neighbours_changes_the_encoding() {
        let (root, subject) = (MessageId::random(), MessageId::random().as_uuid());
        let aad = |purpose, kid| Binding { root, subject, purpose }.aad(kid);
        assert_ne!(aad("ab", "c"), aad("a", "bc"));
        assert_ne!(aad("", "abc"), aad("abc", ""));
    }
}
