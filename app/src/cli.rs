//! The command line.

use crate::commands::{self, CommandsArgs};
use crate::compose::ProcessRole;
use crate::document::document;
use crate::mails::{self, MailsArgs};
use crate::output::{Refused, WantsForce, note, print};
use crate::schema;
use crate::service_keys::{self, ServiceKeysArgs};
use crate::settings::{InvalidSettings, Settings};
use crate::users::{self, UsersArgs};
use crate::{arguments, check, keys, logging, serve};
use clap::{Parser, Subcommand};
use identity::Email;
use persistence::Db;
use rustix::process::setpriority_process;
use std::process::ExitCode;

const EXIT_CODES: &str = "Exit codes of every command:
  0  done
  1  refused, or a check failed
  2  could not be done: invalid arguments or settings, or a server does not answer
  3  needs --force
The standard error then has one line with the reason; with --json, one object {\"error\", \"exit_code\"}.";

/// User accounts behind a REST API, in one binary.
///
/// Settings come from the environment and from roster.toml in the working directory; the README
/// lists them. Without a command, roster runs `serve`.
#[derive(Parser)]
#[command(name = "roster", version, max_term_width = 100, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print results and errors as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests and execute commands, until SIGTERM or Ctrl-C
    ///
    /// On a SQLite file (the default) one process does everything. On PostgreSQL
    /// (DATABASE_URL=postgres://…) any number of processes share the work. With RabbitMQ
    /// (AMQP_URL=amqp://…) workers hear of new work at once.
    Serve {
        /// What this process does; api and worker need PostgreSQL
        #[arg(long, value_enum, default_value_t = ProcessRole::All)]
        role: ProcessRole,
    },
    /// Create or update the schema of the database
    ///
    /// In the development profile `serve` does this by itself. Run it with a database role that may
    /// create tables; the role that serves does not need that right.
    Migrate {
        /// Also create the index for the filter q of GET /users, which finds parts of addresses and names
        ///
        /// Every registration pays for it, and it locks the users while it is created. PostgreSQL needs the
        /// extension pg_trgm, which is part of most installations.
        #[arg(long)]
        substring_search: bool,
    },
    /// Print the OpenAPI 3.1 document of this version
    Openapi,
    /// Check settings, database, schema, keys, clock and mail
    ///
    /// Works beside a running server. Exits with 0 when everything that a server needs is fine, 1 when
    /// a check failed.
    Check {
        /// Send a test mail to this address, and show what the mail server answers
        #[arg(long, value_parser = Email::parse)]
        mail_to: Option<Email>,
    },
    /// Inspect commands; retry or discard the ones that failed
    #[command(subcommand)]
    Commands(CommandsArgs),
    /// Manage users: register, list, set roles and passwords, deactivate
    #[command(subcommand)]
    Users(Box<UsersArgs>),
    /// See which mails were sent, send a failed one again, and preview templates
    #[command(subcommand)]
    Mails(MailsArgs),
    /// Manage the installation's keys: list, rotate, retire, replace
    #[command(subcommand)]
    Keys(keys::KeysArgs),
    /// Manage the keys with which other services introspect tokens or read the audit log
    #[command(subcommand)]
    ServiceKeys(ServiceKeysArgs),
}

/// The niceness of a worker process. No client waits for a worker, so processes that answer requests on the same
/// machine get the processor first.
const WORKER_NICENESS: i32 = 10;

/// Runs the command line. Exit codes: 0 done, 1 refused or a check failed, 2 could not be done, 3 needs `--force`.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match arguments::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let json = cli.json;
    if matches!(cli.command, Some(Command::Serve { role: ProcessRole::Worker })) {
        lower_priority();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("the async runtime cannot be started"), json),
    };
    let code = runtime.block_on(execute(cli)).unwrap_or_else(|error| failed(&error, json));
    // A thread that looks up a host name may hang: the process does not wait for it.
    runtime.shutdown_background();
    logging::flush();
    code
}

/// Lowers the priority of this process. Call it before threads are started: they inherit the priority. An error is
/// ignored: the worker then runs at normal priority.
fn lower_priority() {
    let _ = setpriority_process(None, WORKER_NICENESS);
    // Between sessions, Linux compares only the niceness of the session (sched(7), "The autogroup feature"), and each
    // PostgreSQL backend has its own session. So lower the session's niceness, too, but only if this process leads it.
    #[cfg(target_os = "linux")]
    if std::fs::read_to_string("/proc/self/stat").is_ok_and(|stat| leads_its_session(&stat)) {
        let _ = std::fs::write("/proc/self/autogroup", WORKER_NICENESS.to_string());
    }
}

/// Whether the process of this `/proc/PID/stat` leads its session: fields 1 and 6 of `proc_pid_stat(5)` are equal. The
/// process name between them may contain any character. `getsid(2)` does not work here: in a PID namespace the session
/// may be outside and have the number 0, which rustix does not expect.
#[cfg(target_os = "linux")]
fn leads_its_session(stat: &str) -> bool {
    let process = stat.split(' ').next();
    let session = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(3));
    process == session
}

/// Prints what clap has to say. Help and the version go to the standard output with exit code 0; an error goes to the
/// standard error with exit code 2.
pub(crate) fn not_understood(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render().to_string();
        let about = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        let line = about.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let line = format!("{} (see --help)", line.strip_prefix("error: ").unwrap_or(&line));
        return complain(&[line], 2, std::env::args_os().any(|argument| argument == "--json"));
    }
    // If the help cannot be printed, the exit code has to do.
    let _ = error.print();
    ExitCode::SUCCESS
}

/// Prints an error on one line with its causes, or one line for each invalid setting.
fn failed(error: &anyhow::Error, json: bool) -> ExitCode {
    let lines = match error.downcast_ref() {
        Some(InvalidSettings(lines)) => lines.clone(),
        None => vec![causes(error).replace(['\n', '\r'], " ")],
    };
    let code = match error {
        error if error.is::<Refused>() => 1,
        error if error.is::<WantsForce>() => 3,
        _ => 2,
    };
    complain(&lines, code, json)
}

fn complain(lines: &[String], code: u8, json: bool) -> ExitCode {
    if json {
        logging::complain(&serde_json::json!({ "error": lines.join("; "), "exit_code": code }).to_string());
    } else {
        lines.iter().for_each(|line| logging::complain(&format!("roster: {line}")));
    }
    ExitCode::from(code)
}

/// The error and its causes, joined by colons. A cause that the text before it quotes is left out.
fn causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text {
        text if text.is_empty() => cause,
        text if text.contains(&cause) => text,
        text => format!("{text}: {cause}"),
    })
}

async fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command.unwrap_or(Command::Serve { role: ProcessRole::All }) {
        Command::Serve { role } => {
            let settings = Settings::load()?;
            logging::init();
            serve::serve(settings, role).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate { substring_search } => {
            migrate(&Settings::load()?, substring_search, cli.json).await.map(|()| ExitCode::SUCCESS)
        }
        Command::Openapi => print(&document(None).to_pretty_json()?).map(|()| ExitCode::SUCCESS),
        Command::Check { mail_to } => check::check(&Settings::load()?, mail_to.as_ref(), cli.json).await,
        Command::Commands(command) => commands::run(&Settings::load()?, command, cli.json).await,
        Command::Users(command) => users::run(&Settings::load()?, *command, cli.json).await.map(|()| ExitCode::SUCCESS),
        Command::Mails(command) => mails::run(&Settings::load()?, command, cli.json).await.map(|()| ExitCode::SUCCESS),
        Command::Keys(command) => keys::run(&Settings::load()?, command, cli.json).await.map(|()| ExitCode::SUCCESS),
        Command::ServiceKeys(command) => {
            service_keys::run(&Settings::load()?, command, cli.json).await.map(|()| ExitCode::SUCCESS)
        }
    }
}

async fn migrate(settings: &Settings, substring_search: bool, json: bool) -> anyhow::Result<()> {
    let is_new = settings.makes_a_file_elsewhere();
    let db = Db::open_unlocked(&settings.database).await?;
    if is_new {
        note(&format!("{}: a new database file has been created", settings.database));
    }
    let mut applied = schema::migrate(&db).await?;
    if substring_search {
        applied += schema::add_substring_search(&db).await?;
    }
    db.close().await;
    if json {
        print(&serde_json::json!({ "database": settings.database.to_string(), "applied": applied }).to_string())
    } else if applied == 0 {
        print(&format!("{} is up to date", settings.database))
    } else {
        let noun = if applied == 1 { "migration" } else { "migrations" };
        print(&format!("{}: applied {applied} {noun}", settings.database))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::leads_its_session;

    #[test]
    fn only_the_first_process_of_a_session_leads_it() {
        assert!(leads_its_session("12 (roster) S 1 12 12 34816 12 4194304"));
        assert!(leads_its_session("12 (a) 7 (b) S 1 12 12 34816 12 4194304"));
        assert!(!leads_its_session("12 (roster) S 1 12 7 34816 12 4194304"), "a shell leads the session");
        assert!(!leads_its_session("2 (roster) S 1 0 0 0 -1 4194304"), "a session outside of the PID namespace");
        assert!(!leads_its_session(""));
    }
}
