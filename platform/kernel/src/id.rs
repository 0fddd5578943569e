/// Declares an id type: a UUID with a type of its own, so that ids of different kinds cannot be confused. The calling
/// crate must depend on serde.
#[macro_export]
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name($crate::uuid::Uuid);

        impl $name {
            /// A new id: UUID version 7 (RFC 9562, section 5.7) with 74 random bits.
            ///
            /// Do not use `Uuid::now_v7`, which counts up within a millisecond: ids are capabilities, so a known id
            /// must not help to guess others.
            #[must_use]
            pub fn random() -> Self {
                Self($crate::uuid::Uuid::new_v7($crate::uuid::Timestamp::now($crate::uuid::NoContext)))
            }

            /// The id with this UUID, which a store or a caller has.
            #[must_use]
            pub const fn new(id: $crate::uuid::Uuid) -> Self {
                Self(id)
            }

            /// The UUID, for a store.
            #[must_use]
            pub const fn as_uuid(self) -> $crate::uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidId;
            fn from_str(text: &str) -> Result<Self, $crate::InvalidId> {
                text.parse().map(Self).map_err(|_| $crate::InvalidId)
            }
        }
    };
}

/// The text is not an id. The error does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an id (a UUID), such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct InvalidId;

id! {
    /// The id of a message, which is a row of the ledger. The id of a command is that of its first row, the root.
    MessageId
}

#[cfg(test)]
mod tests {
    use super::MessageId;

    #[test]
    fn ids_drawn_in_one_millisecond_do_not_count_up() {
        let ids: Vec<_> = (0..64).map(|_| MessageId::random().as_uuid().as_u128()).collect();
        let ascending = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!(ascending < 63, "every id was greater than the one before");
        let tails: std::collections::HashSet<_> = ids.iter().map(|id| id & 0xffff_ffff).collect();
        assert_eq!(tails.len(), 64);
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = MessageId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(MessageId::new(id.as_uuid()), id);
    }
}
