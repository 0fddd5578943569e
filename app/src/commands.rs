//! `roster commands`

use crate::output::print;
use crate::settings::Settings;
use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use kernel::MessageId;
use ledger::operate::{self, Message};
use persistence::Db;
use serde_json::{Value, json};
use std::process::ExitCode;

/// What an operator does with commands.
#[derive(Subcommand)]
pub(crate) enum Commands {
    /// List messages, the newest first: commands and what they set in motion
    List {
        /// Only those with this status
        #[arg(long, value_enum)]
        status: Option<Status>,
        /// How many at most
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Show a command with all that it set in motion, and every error
    Show {
        /// The command's id
        id: MessageId,
    },
    /// Run the failed parts of a command again
    Retry {
        /// The command's id
        id: MessageId,
    },
    /// Give the failed parts of a command up: they are erased and can never be retried
    Discard {
        /// The command's id
        id: MessageId,
        /// Why, for whoever asks later
        #[arg(long)]
        reason: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Status {
    Accepted,
    Running,
    Succeeded,
    Rejected,
    Failed,
}

/// # Errors
/// When the database cannot be used.
pub(crate) async fn run(settings: &Settings, command: Commands, json: bool) -> anyhow::Result<ExitCode> {
    let db = Db::open_beside(&settings.database).await?;
    let code = execute(&db, command, json).await?;
    db.close().await;
    Ok(code)
}

async fn execute(db: &Db, command: Commands, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        Commands::List { status, limit } => {
            let status = status.and_then(|status| Some(status.to_possible_value()?.get_name().to_owned()));
            let messages = operate::list(db, status.as_deref(), limit).await?;
            if json {
                print(&Value::from(messages.iter().map(describe).collect::<Vec<_>>()).to_string())?;
            } else {
                for it in &messages {
                    let error = it.errors.last().map(|error| format!("  {}", error.code)).unwrap_or_default();
                    print(&format!("{}  {:<9}  {}  {}{error}", it.root, it.status, it.accepted_at, it.name))?;
                }
            }
        }
        Commands::Show { id } => {
            let messages = operate::show(db, id).await?;
            if messages.is_empty() {
                bail!("there is no command {id}");
            }
            if json {
                print(&Value::from(messages.iter().map(describe).collect::<Vec<_>>()).to_string())?;
            } else {
                for it in &messages {
                    print(&format!(
                        "{:<9}  {}  in {}, {} attempts failed{}",
                        it.status,
                        it.name,
                        it.context,
                        it.attempts,
                        if it.awaited { "" } else { ", not awaited" }
                    ))?;
                    for error in &it.errors {
                        print(&format!("           {}  {}: {}", error.at, error.code, error.message))?;
                    }
                }
            }
        }
        Commands::Retry { id } => done(id, "due again", operate::retry(db, id).await?, json)?,
        Commands::Discard { id, reason } => done(id, "discarded", operate::discard(db, id, &reason).await?, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn done(id: MessageId, what: &str, count: u64, json: bool) -> anyhow::Result<()> {
    if count == 0 {
        bail!("the command {id} has no failed part");
    }
    if json { print(&json!({ "id": id, "messages": count }).to_string()) } else { print(&format!("{count} {what}")) }
}

fn describe(it: &Message) -> Value {
    json!({
        "id": it.id, "root": it.root, "context": it.context, "type": it.name, "awaited": it.awaited, "status": it.status,
        "attempts": it.attempts, "accepted_at": it.accepted_at, "next_attempt_at": it.next_attempt_at, "errors": it.errors,
    })
}
