//! The words every use case speaks.
//!
//! A use case is a [`Message`] and what it does: [`Handle`] inside the transaction and, for the few
//! that work slowly before it, [`Prepare`]. Both see only their context's [`Port`]. The dispatcher
//! (crate `ledger`) owns the transaction: a handler cannot forget to commit, because it cannot commit.

mod cx;
mod failure;
mod message;
#[cfg(doctest)]
mod promises;
mod registry;

pub use async_trait::async_trait;
pub use cx::{Bench, Cx, Origin, Outbox, Outgoing};
pub use failure::{Failure, Rejection, Trouble, Unavailable};
pub use message::{Handle, Lane, Message, Port, Prepare};
pub use registry::{Boxed, Preparing, Ready, UseCases};

/// A context's table of contents. One line per use case stands for its `mod`, its re-export and its
/// registration in `use_cases()`:
///
/// ```ignore
/// use_cases! { dyn Users: register_user::RegisterUser }
/// ```
#[macro_export]
macro_rules! use_cases {
    ($port:ty: $($module:ident :: $message:ident),+ $(,)?) => {
        $(mod $module; pub use $module::$message;)+

        /// Everything this context does, by wire name.
        #[must_use]
        pub fn use_cases() -> $crate::UseCases<$port> {
            $crate::UseCases::default()$(.on::<$message>())+
        }
    };
}
