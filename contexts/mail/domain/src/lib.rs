//! The domain of the `mail` context: how a mail is delivered, and when an attempt is repeated.

mod delivery;

pub use delivery::{Delivery, DeliveryState, DeliveryStatus, NotResendable, ServerAnswer, UnknownStatus};
