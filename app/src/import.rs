//! `roster users import`

use crate::installation;
use crate::operator_command::{self, Installation, OperatorCommand};
use crate::operator_commands::OperatorCommands;
use crate::output::{note, print, refused};
use crate::product;
use crate::serve::open_read_only;
use crate::settings::Settings;
use anyhow::{Context as _, anyhow, bail};
use auth_infrastructure::{FactorKeys, ImportedCredentials};
use clap::Args;
use kernel::MessageId;
use ledger::Status;
use persistence::Db;
use serde_json::json;
use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::ctrl_c;
use tokio::time::{sleep, timeout};
use users_application::ImportUsers;
use users_domain::RowError;
use users_infrastructure::import::{Columns, Import, ImportError, ImportFile, ImportSource, Parameters, ReadError};
use users_infrastructure::job_store::cancel_job;
use users_infrastructure::queries::get_job::{JobView, find_job, job_errors};

/// How often the progress is read.
const LOOK: Duration = Duration::from_millis(250);
/// How many errors are read at once.
const ERRORS: i64 = 1_000;

/// The arguments of `roster users import`.
#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The file to import
    file: PathBuf,
    /// What has made the file: ndjson, csv, firebase, auth0, keycloak, django or supabase
    #[arg(long, default_value = "ndjson", value_parser = str::parse::<ImportSource>)]
    from: ImportSource,
    /// A JSON file with what FILE does not say: base64_signer_key, base64_salt_separator, rounds and
    /// mem_cost of a Firebase project, or the pepper of a csv file
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// Which columns of a csv file are which fields: email=mail,name=first+last by the names in its first
    /// line, or email=2,name=5+6 by number in a file without names
    #[arg(long, value_parser = str::parse::<Columns>)]
    columns: Option<Columns>,
    /// Check every row, and import none
    #[arg(long)]
    dry_run: bool,
    /// Write the errors of rows into this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

/// How an import has ended.
#[derive(Clone, Copy)]
struct Summary {
    total: i64,
    done: i64,
    failed: i64,
    is_cancelled: bool,
}

/// Runs `roster users import`.
///
/// # Errors
/// When a row has an error, or the import cannot be done.
pub(crate) async fn run(settings: &Settings, arguments: ImportArgs, json: bool) -> anyhow::Result<()> {
    let parameters = parameters(arguments.parameters.as_deref())?;
    // A dry run stores nothing, so it needs no keys.
    let factor_keys = || -> anyhow::Result<_> {
        let keys = installation::read(settings)?;
        Ok(FactorKeys::open(keys.file().clone(), product::FACTOR_LABEL)?)
    };
    let file = || -> anyhow::Result<_> {
        let factor_keys = if arguments.dry_run { None } else { Some(factor_keys()?) };
        let path = &arguments.file;
        let content = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Import {
            file: ImportFile {
                source: arguments.from,
                columns: arguments.columns.clone(),
                parameters: parameters.clone(),
                content: BufReader::with_capacity(1 << 16, content),
            },
            credentials: Arc::new(ImportedCredentials { factor_keys }),
            by: None,
        })
    };
    let mut errors = ErrorFile::create(arguments.errors.as_deref())?;
    let summary = if arguments.dry_run {
        let mut failed = 0;
        let mut broken = Ok(());
        let total = file()?.check(|error| {
            failed += 1;
            if broken.is_ok() {
                broken = errors.write(&error);
            }
        });
        broken?;
        Summary { total: total.map_err(unreadable)?, done: 0, failed, is_cancelled: false }
    } else {
        import(settings, file, &mut errors).await?
    };
    errors.finish()?;
    summary.print(arguments.dry_run, json)
}

async fn import<R: std::io::BufRead + Send + 'static>(
    settings: &Settings,
    file: impl Fn() -> anyhow::Result<Import<R>>,
    errors: &mut ErrorFile,
) -> anyhow::Result<Summary> {
    let job = operator_command::run_to_the_end(settings, Installation::Needed, async |operator, pending, patience| {
        let id = match pending {
            Some(id) => id,
            None => {
                let job = file()?.stage(&operator.db).await.map_err(not_staged)?;
                let id = MessageId::new(job.as_uuid());
                operator.command(id, &ImportUsers { job, by: None, client: None }, Duration::ZERO).await?;
                id
            }
        };
        match timeout(patience, watch(operator, id)).await {
            Ok(done) => done.map(OperatorCommand::Done),
            Err(_) => Ok(OperatorCommand::Pending(id)),
        }
    });
    let job = job.await?;
    let db = open_read_only(settings).await?;
    let written = write_errors(&db, &job, errors).await;
    db.close().await;
    written?;
    let is_cancelled = job.status == "cancelled";
    Ok(Summary { total: job.total, done: job.done, failed: job.errors, is_cancelled })
}

/// Shows the progress until the job and its follow-ups have ended. Ctrl-C cancels the job.
pub(crate) async fn watch(operator: &OperatorCommands, id: MessageId) -> anyhow::Result<JobView> {
    let bar = std::io::stderr().is_terminal();
    loop {
        let job = find_job(&operator.db, id.as_uuid()).await?.context("the job is gone")?;
        if bar {
            show_progress(&job);
        }
        if let Some(command) = operator.ended(id, Duration::ZERO).await? {
            if bar {
                note("");
            }
            if command.status != Status::Succeeded {
                bail!("the job failed: see `roster commands show {id}`");
            }
            return find_job(&operator.db, id.as_uuid()).await?.context("the job is gone");
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            Ok(()) = ctrl_c() => {
                cancel_job(&operator.db, id.as_uuid()).await?;
                note("cancelling: what is done stays done");
            }
        }
    }
}

fn show_progress(job: &JobView) {
    const WIDTH: i64 = 40;
    let filled = (job.done * WIDTH).checked_div(job.total).unwrap_or(WIDTH).clamp(0, WIDTH);
    let (filled, empty) = (usize::try_from(filled).unwrap_or(0), usize::try_from(WIDTH - filled).unwrap_or(0));
    let (filled, empty) = ("#".repeat(filled), " ".repeat(empty));
    // If the standard error is closed, the result has to do.
    let _ = write!(std::io::stderr(), "\r[{filled}{empty}] {} of {}, {} errors", job.done, job.total, job.errors);
}

async fn write_errors(db: &Db, job: &JobView, errors: &mut ErrorFile) -> anyhow::Result<()> {
    let mut line = i64::MIN;
    loop {
        let found = job_errors(db, job.id, line, ERRORS).await?;
        let Some(last) = found.last() else { return Ok(()) };
        line = last.line;
        found.iter().try_for_each(|error| errors.write(error))?;
    }
}

fn parameters(path: Option<&Path>) -> anyhow::Result<Parameters> {
    let Some(path) = path else { return Ok(Parameters::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    // The error of serde may quote a secret.
    serde_json::from_str(&text).map_err(|error| {
        anyhow!(
            "{} is not a JSON object with the parameters of the source (line {}, column {})",
            path.display(),
            error.line(),
            error.column()
        )
    })
}

fn not_staged(error: ImportError) -> anyhow::Error {
    match error {
        ImportError::Read(error) => unreadable(error),
        ImportError::Database(error) => error.into(),
    }
}

fn unreadable(error: ReadError) -> anyhow::Error {
    anyhow::Error::new(error).context("nothing was imported")
}

/// Where the errors of rows go: into a file, or the first few to the standard error.
struct ErrorFile {
    file: Option<BufWriter<File>>,
    shown: usize,
}

impl ErrorFile {
    /// How many errors are shown without a file.
    const SHOWN: usize = 10;

    fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let create = |path: &Path| File::create(path).with_context(|| format!("{} cannot be written", path.display()));
        Ok(Self { file: path.map(create).transpose()?.map(BufWriter::new), shown: 0 })
    }

    fn write(&mut self, error: &RowError) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            return writeln!(file, "{}", json!(error)).context("the file of errors cannot be written");
        }
        self.shown += 1;
        match self.shown {
            ..=Self::SHOWN => note(&format!("line {}: {} ({})", error.line, error.message, error.code)),
            shown if shown == Self::SHOWN + 1 => note("more rows have errors: --errors FILE writes all of them"),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self.file {
            Some(mut file) => file.flush().context("the file of errors cannot be written"),
            None => Ok(()),
        }
    }
}

impl Summary {
    fn print(self, dry_run: bool, json: bool) -> anyhow::Result<()> {
        let Self { total, done, failed, is_cancelled } = self;
        let imported = done - if dry_run { 0 } else { failed };
        if json {
            print(
                &json!({ "total": total, "imported": imported, "errors": failed, "cancelled": is_cancelled })
                    .to_string(),
            )?;
        } else if dry_run {
            print(&format!("{total} rows, {failed} with errors; nothing was imported"))?;
        } else {
            print(&format!("{imported} of {total} rows imported, {failed} with errors"))?;
        }
        if is_cancelled {
            return Err(refused("the import was cancelled"));
        }
        if failed > 0 { Err(refused(format!("{failed} rows have errors"))) } else { Ok(()) }
    }
}
