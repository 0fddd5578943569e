//! The bounded contexts of this program. Each has one line here.

use crate::compose::Dependencies;
use auth_infrastructure::{DepartureConsent, Hashing};
use futures::future::BoxFuture;
use ledger::MessageHandlers;
use persistence::{Db, Migrations};
use std::collections::BTreeSet;
use std::sync::Arc;
use use_case::HandledMessage;
use users_infrastructure::{RoutePorts, UserPasswords};
use utoipa::openapi::OpenApi;
use web::{BoundedContext, Commands, Routes};

/// All contexts.
pub(crate) fn contexts() -> Vec<Plugged> {
    vec![
        plug(users_infrastructure::CONTEXT, |_| Arc::new(DepartureConsent), ports_of_users),
        plug(auth_infrastructure::CONTEXT, |hashing| hashing.clone(), |with| with.auth.clone()),
    ]
}

/// What the routes of the context `users` need of the program.
fn ports_of_users(with: &Dependencies) -> RoutePorts {
    let passwords = UserPasswords { sealer: with.passwords.gate.clone(), verifier: Arc::new(with.auth.clone()) };
    RoutePorts { passwords, cursors: with.signing.clone() }
}

type MakeHandlers = Box<dyn Fn(&Arc<Hashing>) -> Arc<dyn MessageHandlers>>;
type MakeRoutes = Box<dyn Fn(&Db, &Commands, &Dependencies) -> Routes>;

/// A context with what it needs of the program.
pub(crate) struct Plugged {
    pub(crate) migrations: Migrations,
    pub(crate) messages: fn() -> Vec<HandledMessage>,
    pub(crate) handlers: MakeHandlers,
    pub(crate) tags: &'static [(&'static str, &'static str)],
    pub(crate) operations: fn() -> OpenApi,
    pub(crate) routes: MakeRoutes,
    pub(crate) upkeep: fn(&Db) -> BoxFuture<'static, ()>,
}

/// Plugs a context in. `work` gives its message handlers what they need, `answer` its routes.
fn plug<W: 'static, H: 'static>(
    context: BoundedContext<W, H>,
    work: fn(&Arc<Hashing>) -> W,
    answer: fn(&Dependencies) -> H,
) -> Plugged {
    let BoundedContext { migrations, messages, handlers, tags, operations, routes, upkeep } = context;
    Plugged {
        migrations,
        messages,
        handlers: Box::new(move |hashing| handlers(work(hashing))),
        tags,
        operations,
        routes: Box::new(move |db, commands, with| routes(db, commands, answer(with))),
        upkeep,
    }
}

/// The messages that this version handles: pairs of context and message name.
pub fn handled() -> BTreeSet<(&'static str, &'static str)> {
    let of = |context: Plugged| {
        let name = context.migrations.context;
        (context.messages)().into_iter().map(move |message| (name, message.name))
    };
    contexts().into_iter().flat_map(of).collect()
}

/// The names of the contexts.
#[must_use]
pub fn names() -> Vec<&'static str> {
    contexts().iter().map(|context| context.migrations.context).collect()
}
