//! The words every use case speaks.
//!
//! A use case is a [`Message`] and what it does: [`Handle`] inside the transaction and, for the few
//! that work slowly before it, [`Prepare`]. Both see only their context's [`Port`]. The dispatcher
//! (crate `ledger`) owns the transaction: a handler cannot forget to commit, because it cannot commit.

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

/// A context's table of contents. One line per use case stands for its `mod`, its re-export and its
/// registration in `handlers()`:
///
/// ```ignore
/// handlers! { dyn Users: register_user::RegisterUser }
/// ```
#[macro_export]
macro_rules! handlers {
    ($port:ty: $($module:ident :: $message:ident),+ $(,)?) => {
        $(mod $module; pub use $module::$message;)+

        /// Everything this context does, by wire name.
        #[must_use]
        pub fn handlers() -> $crate::HandlerRegistry<$port> {
            $crate::HandlerRegistry::default()$(.on::<$message>())+
        }
    };
}
