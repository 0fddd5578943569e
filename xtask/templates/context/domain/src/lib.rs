//! The domain of the `__context__` context: the __entity__ and the rules for it.

mod __entity__;

pub use __entity__::{
    __Field__, // each field
    __Entity__, __Entity__Id, __Entity__State,
};
