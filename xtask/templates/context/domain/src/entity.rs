use identity::UserId;
use kernel::Timestamp;

kernel::id! {
    /// The id of one __entity__.
    __Entity__Id
}

kernel::text! { // each field
    // TODO-AUTHOR: say what it is, and how long it may be. // each field
    /// The __field__ of one __entity__: 1 to 200 characters. // each field
    __Field__, 200 // each field
} // each field

/// One __entity__. Only its methods change it, and each change is a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct __Entity__(__Entity__State);

/// Everything that is stored of one __entity__.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct __Entity__State {
    pub id: __Entity__Id,
    /// The user whose command created it.
    pub owner: UserId,
    pub __field__: __Field__, // each field
    /// Starts at 1, and goes up by one with each change.
    pub version: i64,
    pub created_at: Timestamp,
}

impl __Entity__ {
    // TODO-AUTHOR: add the rules; an error that implements `DomainError` rejects the command.
    /// Creates version 1.
    #[must_use]
    pub const fn __verb__(
        id: __Entity__Id,
        owner: UserId,
        __field__: __Field__, // each field
        at: Timestamp,
    ) -> Self {
        Self(__Entity__State {
            id,
            owner,
            __field__, // each field
            version: 1,
            created_at: at,
        })
    }

    /// Restores it from storage. Other code MUST NOT call it.
    #[must_use]
    pub const fn restore(state: __Entity__State) -> Self {
        Self(state)
    }

    /// Everything that is stored of it.
    #[must_use]
    pub const fn state(&self) -> &__Entity__State {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{
        __Field__, // each field
        __Entity__, __Entity__Id,
    };
    use identity::UserId;
    use kernel::Timestamp;

    #[test]
    fn a_new___entity___has_version_1_and_belongs_to_its_owner() {
        let (id, owner) = (__Entity__Id::random(), UserId::random());
        let at = Timestamp::from_microsecond(1_790_000_000_123_456).expect("in range");
        let __entity__ = __Entity__::__verb__(
            id,
            owner,
            __Field__::parse("__field__").expect("a text"), // each field
            at,
        );
        let state = __entity__.state();
        assert_eq!((state.id, state.owner, state.version, state.created_at), (id, owner, 1, at));
        assert_eq!(__Entity__::restore(state.clone()), __entity__);
    }
}
