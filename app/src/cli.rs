//! The command line.

use crate::commands::{self, CommandsArgs};
use crate::compose::{AppConfig, Issuer, ProcessRole, Roster, migrations};
use crate::output::{Refused, WantsForce, note, print};
use crate::service_keys::{self, ServiceKeysArgs};
use crate::settings::{InvalidSettings, Settings};
use crate::users::{self, UsersArgs};
use crate::{arguments, check, keys, logging, serve};
use anyhow::Context as _;
use auth_domain::BcryptCost;
use clap::{Parser, Subcommand};
use persistence::{DatabaseUrl, Db};
use rustix::process::setpriority_process;
use sealing::Keys;
use std::process::ExitCode;
use std::time::Duration;
use web::Proxies;

const EXIT_CODES: &str = "Exit codes of every command:
  0  done
  1  refused, or a check found something
  2  could not be done: wrong arguments or settings, or something does not answer
  3  can be done, and wants --force
Why it was not done is one line on the standard error; with --json, one object {\"error\", \"exit_code\"}.";

/// User accounts behind a REST API, in one binary.
///
/// Settings come from the environment and from roster.toml in the working directory; the README
/// lists them. Without a command, roster serves.
#[derive(Parser)]
#[command(name = "roster", version, max_term_width = 100, after_help = EXIT_CODES, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests and execute commands, until SIGTERM or Ctrl-C
    ///
    /// On a SQLite file (the default) one process does everything. On PostgreSQL
    /// (DATABASE_URL=postgres://…) any number of processes share the work; with RabbitMQ
    /// (AMQP_URL=amqp://…) workers hear at once where there is some.
    Serve {
        /// What this process does; api and worker need PostgreSQL
        #[arg(long, value_enum, default_value_t = ProcessRole::All)]
        role: ProcessRole,
    },
    /// Create or update the schema of the database
    ///
    /// In the development profile `serve` does this by itself. Run it with a database role that may
    /// create tables; the one that serves needs no such right.
    Migrate,
    /// Print the OpenAPI 3.1 document of this version
    Openapi,
    /// Check settings, database, schema, keys and clock
    ///
    /// Exits with 0 when a server could run or runs, 1 when something is wrong with it.
    Check,
    /// Look after commands: what failed for good waits for an operator
    #[command(subcommand)]
    Commands(CommandsArgs),
    /// Look after users: register one, such as the first administrator, say what they may do
    #[command(subcommand)]
    Users(UsersArgs),
    /// Look after the keys of the installation: those that sign access tokens are rotated
    #[command(subcommand)]
    Keys(keys::KeysArgs),
    /// Look after the keys of other services, which may introspect tokens or read the audit record
    #[command(subcommand)]
    ServiceKeys(ServiceKeysArgs),
}

/// Nobody waits for a worker: on a machine that it shares, whoever answers comes first.
const WORKER_NICENESS: i32 = 10;

/// Runs the command line. Exit codes: 0 done, 1 it was refused or a check found something, 2 it
/// could not be done, 3 it wants `--force`.
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
        Err(error) => return failed(&anyhow::Error::new(error).context("the runtime cannot be started"), json),
    };
    let code = runtime.block_on(execute(cli)).unwrap_or_else(|error| failed(&error, json));
    // A thread that looks up a host name may hang: the process does not wait for it.
    runtime.shutdown_background();
    logging::flush();
    code
}

/// Before there are threads, which inherit it. Where it is forbidden, workers compete.
fn lower_priority() {
    let _ = setpriority_process(None, WORKER_NICENESS);
    // Between sessions Linux looks at the niceness of the session only (sched(7), "The autogroup feature"), and each
    // of PostgreSQL's backends has a session to itself. A service leads its own; others keep what is not theirs.
    #[cfg(target_os = "linux")]
    if std::fs::read_to_string("/proc/self/stat").is_ok_and(|stat| leads_its_session(&stat)) {
        let _ = std::fs::write("/proc/self/autogroup", WORKER_NICENESS.to_string());
    }
}

/// By `proc_pid_stat(5)`, fields 1 and 6; the name between them may contain anything. Not by `getsid(2)`: in a PID
/// namespace the session may be one from outside, whose number is 0, and rustix takes it for impossible.
#[cfg(target_os = "linux")]
fn leads_its_session(stat: &str) -> bool {
    let process = stat.split(' ').next();
    let session = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(3));
    process == session
}

/// Help and the version are asked for, and no errors.
pub(crate) fn not_understood(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render().to_string();
        let about = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        let line = about.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let line = format!("{} (see --help)", line.strip_prefix("error: ").unwrap_or(&line));
        return complain(&[line], 2, std::env::args_os().any(|argument| argument == "--json"));
    }
    // Where it cannot be printed, the exit code has to do.
    let _ = error.print();
    ExitCode::SUCCESS
}

/// One line, whatever the depth of the cause; of settings, one for each that is wrong.
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

/// The error and its causes. An error that quotes its cause says it once.
fn causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told {
        told if told.is_empty() => cause,
        told if told.contains(&cause) => told,
        told => format!("{told}: {cause}"),
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
        Command::Migrate => migrate(&Settings::load()?, cli.json).await.map(|()| ExitCode::SUCCESS),
        Command::Openapi => openapi().await.map(|()| ExitCode::SUCCESS),
        Command::Check => check::check(&Settings::load()?, cli.json).await,
        Command::Commands(command) => commands::run(&Settings::load()?, command, cli.json).await,
        Command::Users(command) => users::run(&Settings::load()?, command, cli.json).await.map(|()| ExitCode::SUCCESS),
        Command::Keys(command) => keys::run(&Settings::load()?, command, cli.json).await.map(|()| ExitCode::SUCCESS),
        Command::ServiceKeys(command) => {
            service_keys::run(&Settings::load()?, command, cli.json).await.map(|()| ExitCode::SUCCESS)
        }
    }
}

async fn migrate(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let is_new = settings.makes_a_file_elsewhere();
    let db = Db::open_unlocked(&settings.database).await?;
    if is_new {
        note(&format!("{}: a new database file has been created", settings.database));
    }
    let mut applied = 0;
    for migrations in migrations() {
        applied += db.pending(&migrations).await?;
        db.migrate(&migrations).await?;
    }
    db.close().await;
    if json {
        print(&serde_json::json!({ "database": settings.database.to_string(), "applied": applied }).to_string())
    } else if applied == 0 {
        print(&format!("{} is up to date", settings.database))
    } else {
        print(&format!("{}: applied {applied} migrations", settings.database))
    }
}

/// The document is made from the routes as they are served, so they are put together, on a database
/// that nobody will ask.
async fn openapi() -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let db = Db::open_unlocked(&DatabaseUrl::Sqlite(folder.path().join("unused.db"))).await?;
    let roster = Roster::compose(AppConfig {
        db,
        keys: Keys::in_directory(folder.path())?,
        role: ProcessRole::Api,
        broker: None,
        bcrypt_cost: BcryptCost::default(),
        tokens: Issuer::default(),
        refresh_grace: Duration::ZERO,
        max_delay: Duration::from_secs(1),
        docs: false,
        limits: false,
        proxies: Proxies::default(),
        connections_per_address: 1,
        public_url: None,
    })?;
    let document = roster.document.to_pretty_json()?;
    roster.stop().await;
    print(&document)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::leads_its_session;

    #[test]
    fn only_who_leads_a_session_speaks_for_it() {
        assert!(leads_its_session("12 (roster) S 1 12 12 34816 12 4194304"));
        assert!(leads_its_session("12 (a) 7 (b) S 1 12 12 34816 12 4194304"));
        assert!(!leads_its_session("12 (roster) S 1 12 7 34816 12 4194304"), "a shell's");
        assert!(!leads_its_session("2 (roster) S 1 0 0 0 -1 4194304"), "one outside of the PID namespace");
        assert!(!leads_its_session(""));
    }
}
