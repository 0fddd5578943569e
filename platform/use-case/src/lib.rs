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
pub use message::{Handle, Lane, Message, Port, Prepare};
pub use registry::{Boxed, HandlerRegistry, PrepareFuture, PreparedMessage};

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

        /// The handlers of this context, by wire name.
        #[must_use]
        pub fn handlers() -> $crate::HandlerRegistry<$port> {
            $crate::HandlerRegistry::default()$(.on::<$message>())+
        }
    };
}
