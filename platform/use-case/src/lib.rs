//! The types and traits that all use cases share.
//!
//! A use case is a [`Message`] and its handler: [`Handle`] runs inside the transaction. The few use cases with slow
//! work before the transaction implement [`Prepare`] instead, and `Handle` for the prepared type. Both see only their
//! context's [`Port`]. The dispatcher (crate `ledger`) owns the transaction and commits it; a handler cannot commit.

mod failure;
mod handler_context;
mod message;
#[cfg(doctest)]
mod promises;
mod registry;

pub use async_trait::async_trait;
pub use failure::{CommandFailure, FollowUpFailure, Rejection, Unavailable};
pub use handler_context::{HandlerContext, MessageMeta, Outbox, Outgoing, PrepareContext};
pub use message::{Handle, Lane, Message, Port, Prepare, is_addressed_to, is_wire_name};
pub use registry::{Boxed, HandledMessage, HandlerRegistry, PrepareFuture, PreparedMessage};

#[doc(hidden)]
pub use uuid::Uuid;

/// Declares the use cases of a context. One line per use case generates its `mod`, its re-export and its registration
/// in `handlers()`:
///
/// ```ignore
/// handlers! { dyn Users: register_user::RegisterUser }
/// ```
#[macro_export]
macro_rules! handlers {
    ($port:ty: $($module:ident :: $message:ident),+ $(,)?) => {
        $(mod $module; pub use $module::$message;)+

        $(const _: () = assert!(
            <$message as $crate::Message>::IS_EVENT
                || $crate::is_addressed_to(<$port as $crate::Port>::CONTEXT, <$message as $crate::Message>::NAME),
            concat!("the wire name of ", stringify!($message), " must begin with the name of this context"),
        );)+

        /// The handlers of this context, by wire name.
        #[must_use]
        pub fn handlers() -> $crate::HandlerRegistry<$port> {
            $crate::HandlerRegistry::default()$(.on::<$message>())+
        }
    };
}
