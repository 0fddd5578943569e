//! `roster commands`

use crate::output::{print, print_table, refused};
use crate::serve::{beside, open_read_only};
use crate::settings::Settings;
use clap::{Subcommand, ValueEnum};
use kernel::MessageId;
use ledger::dead_letters::{self, LedgerMessage};
use persistence::Db;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The subcommands of `roster commands`.
#[derive(Subcommand)]
pub(crate) enum CommandsArgs {
    /// List commands and the messages that followed from them, newest command first
    List {
        /// Show only messages with this status
        #[arg(long, value_enum)]
        status: Option<StatusFilter>,
        /// Show at most this many messages
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Show a command, the messages that followed from it, and every error
    Show {
        /// The command's id
        id: MessageId,
    },
    /// Run the failed parts of a command again
    Retry {
        /// The command's id
        id: MessageId,
    },
    /// Give up the failed parts of a command: they are erased and can never be retried
    Discard {
        /// The command's id
        id: MessageId,
        /// The reason, kept with the command
        #[arg(long)]
        reason: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum StatusFilter {
    Accepted,
    Running,
    Succeeded,
    Rejected,
    Failed,
}

/// Runs one subcommand of `roster commands`.
///
/// # Errors
/// When the database cannot be used, or the command does not exist.
pub(crate) async fn run(settings: &Settings, command: CommandsArgs, json: bool) -> anyhow::Result<ExitCode> {
    let db = match command {
        CommandsArgs::List { .. } | CommandsArgs::Show { .. } => open_read_only(settings).await?,
        CommandsArgs::Retry { .. } | CommandsArgs::Discard { .. } => beside(settings).await?,
    };
    let code = execute(&db, command, json).await;
    db.close().await;
    code
}

async fn execute(db: &Db, command: CommandsArgs, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        CommandsArgs::List { status, limit } => {
            let status = status.and_then(|status| Some(status.to_possible_value()?.get_name().to_owned()));
            let messages = dead_letters::list(db, status.as_deref(), limit).await?;
            if json {
                print(&Value::from(messages.iter().map(describe).collect::<Vec<_>>()).to_string())?;
            } else {
                print_table(["COMMAND", "STATUS", "ACCEPTED", "TYPE", "ERROR"], &rows(&messages))?;
            }
        }
        CommandsArgs::Show { id } => {
            let messages = dead_letters::show(db, id).await?;
            if messages.is_empty() {
                return Err(refused(format!("there is no command {id}")));
            }
            if json {
                print(&Value::from(messages.iter().map(describe).collect::<Vec<_>>()).to_string())?;
            } else {
                let all = messages.iter().map(|it| {
                    [it.status.clone(), it.attempts.to_string(), it.context.clone(), it.name.clone(), awaited(it)]
                });
                print_table(["STATUS", "FAILED ATTEMPTS", "CONTEXT", "TYPE", "AWAITED"], &all.collect::<Vec<_>>())?;
                let errors = messages.iter().flat_map(|it| it.errors.iter().map(move |error| (it, error)));
                let errors = errors.map(|(it, error)| {
                    [error.at.to_string(), it.name.clone(), error.code.to_string(), error.message.to_string()]
                });
                let errors: Vec<_> = errors.collect();
                if !errors.is_empty() {
                    print("")?;
                    print_table(["AT", "TYPE", "CODE", "ERROR"], &errors)?;
                }
            }
        }
        CommandsArgs::Retry { id } => {
            let count = dead_letters::retry(db, id).await?;
            report(db, id, "due again", count, json).await?;
        }
        CommandsArgs::Discard { id, reason } => {
            let count = dead_letters::discard(db, id, &reason).await?;
            report(db, id, "discarded", count, json).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The column AWAITED: whether the command's outcome waits for this message.
fn awaited(message: &dead_letters::LedgerMessage) -> String {
    if message.awaited { "yes" } else { "no" }.to_owned()
}

/// Prints how many messages were changed. It is an error if there were none.
async fn report(db: &Db, id: MessageId, what: &str, count: u64, json: bool) -> anyhow::Result<()> {
    if count == 0 {
        let is_known = !dead_letters::show(db, id).await?.is_empty();
        return Err(refused(if is_known {
            format!("the command {id} has no failed part")
        } else {
            format!("there is no command {id}")
        }));
    }
    if json { print(&json!({ "id": id, "messages": count }).to_string()) } else { print(&format!("{count} {what}")) }
}

/// The rows of `list`: newest command first, below it the messages that followed from it, in order. Only the first row
/// of a command has its id.
fn rows(messages: &[LedgerMessage]) -> Vec<[String; 5]> {
    let mut roots: Vec<MessageId> = Vec::new();
    for it in messages {
        if !roots.contains(&it.root) {
            roots.push(it.root);
        }
    }
    let of_root = |root: MessageId| messages.iter().rev().filter(move |it| it.root == root).enumerate();
    let row = |(n, it): (usize, &LedgerMessage)| {
        let id = if n == 0 { it.root.to_string() } else { String::new() };
        let error = it.errors.last().map(|error| error.code.to_string()).unwrap_or_default();
        [id, it.status.clone(), it.accepted_at.to_string(), it.name.clone(), error]
    };
    roots.into_iter().flat_map(|root| of_root(root).map(row)).collect()
}

fn describe(it: &LedgerMessage) -> Value {
    json!({
        "id": it.id, "root": it.root, "context": it.context, "type": it.name, "awaited": it.awaited, "status": it.status,
        "attempts": it.attempts, "accepted_at": it.accepted_at, "next_attempt_at": it.next_attempt_at, "errors": it.errors,
    })
}
