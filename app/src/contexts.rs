//! The bounded contexts of this program. Each has one line here.

use crate::compose::Dependencies;
use auth_infrastructure::{DepartureConsent, Hashing, ImportedCredentials};
use futures::future::BoxFuture;
use ledger::MessageHandlers;
use mail_application::Mailer;
use persistence::{Db, Migrations};
use std::collections::BTreeSet;
use std::sync::Arc;
use use_case::HandledMessage;
use users_infrastructure::{AuthPorts, ImportPorts, RoutePorts};
use utoipa::openapi::OpenApi;
use web::{BoundedContext, Commands, LedgerExport, Routes, SubjectExport};

/// All contexts.
pub(crate) fn contexts() -> Vec<Plugged> {
    vec![
        plug(users_infrastructure::CONTEXT, |_| Arc::new(DepartureConsent), ports_of_users),
        plug(auth_infrastructure::CONTEXT, |tools| tools.hashing.clone(), |with| with.auth.clone()),
        plug(mail_infrastructure::CONTEXT, |tools| tools.mailer.clone(), |with| with.mailbox),
    ]
}

/// What the routes of the context `users` need of the program.
fn ports_of_users(with: &Dependencies) -> RoutePorts {
    let auth = Arc::new(with.auth.clone());
    let auth = AuthPorts { sealer: with.passwords.gate.clone(), verifier: auth.clone(), exports: auth };
    let imports = ImportPorts {
        credentials: Arc::new(ImportedCredentials { factor_keys: Some(with.factor_keys.clone()) }),
        largest: with.import_max,
    };
    let (mail, registration) = (with.mail_tokens.clone(), with.registration);
    RoutePorts { auth, exports: exports(), cursors: with.signing.clone(), imports, mail, registration }
}

/// What each context and the ledger hold on a person, by name.
pub(crate) fn exports() -> Vec<(&'static str, SubjectExport)> {
    let contexts = contexts();
    let contexts = contexts.iter().filter_map(|context| Some((context.migrations.context, context.export?)));
    contexts.chain([("ledger", SubjectExport::of::<LedgerExport>())]).collect()
}

/// What the message handlers of all contexts need of the program.
pub(crate) struct HandlerTools {
    pub(crate) hashing: Arc<Hashing>,
    pub(crate) mailer: Arc<dyn Mailer>,
}

type MakeHandlers = Box<dyn Fn(&HandlerTools) -> Arc<dyn MessageHandlers>>;
type MakeRoutes = Box<dyn Fn(&Db, &Commands, &Dependencies) -> Routes>;

/// A context with what it needs of the program.
pub(crate) struct Plugged {
    pub(crate) migrations: Migrations,
    pub(crate) messages: fn() -> Vec<HandledMessage>,
    pub(crate) handlers: MakeHandlers,
    pub(crate) tags: &'static [(&'static str, &'static str)],
    pub(crate) operations: fn() -> OpenApi,
    pub(crate) routes: MakeRoutes,
    pub(crate) export: Option<SubjectExport>,
    pub(crate) upkeep: fn(&Db) -> BoxFuture<'static, ()>,
}

/// Plugs a context in. `work` gives its message handlers what they need, `answer` its routes.
fn plug<W: 'static, H: 'static>(
    context: BoundedContext<W, H>,
    work: fn(&HandlerTools) -> W,
    answer: fn(&Dependencies) -> H,
) -> Plugged {
    let BoundedContext { migrations, messages, handlers, tags, operations, routes, export, upkeep } = context;
    Plugged {
        migrations,
        messages,
        handlers: Box::new(move |tools| handlers(work(tools))),
        tags,
        operations,
        routes: Box::new(move |db, commands, with| routes(db, commands, answer(with))),
        export,
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
