//! `roster users export`

use crate::filter_args::{FilterArgs, require_index};
use crate::output::print;
use crate::serve::open_read_only;
use crate::settings::Settings;
use crate::users;
use anyhow::Context as _;
use auth_infrastructure::queries::get_accounts::password_hashes;
use clap::Args;
use persistence::Db;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use users_domain::UserFilter;
use users_infrastructure::queries::list_users::ListedUser;

/// How many users are read at once.
const PAGE: i64 = 500;

/// The arguments of `roster users export`.
#[derive(Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    filters: FilterArgs,
    /// Add the hashes of passwords: a reader of the file can guess passwords at full speed
    #[arg(long)]
    hashes: bool,
    /// Write into this new file, which only its owner can read, instead of the standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the JSON Schema of a row, and export nothing
    #[arg(long, conflicts_with_all = ["hashes", "output", "filters"])]
    schema: bool,
}

/// Runs `roster users export`.
///
/// # Errors
/// When the database cannot be read, or the file not written.
pub(crate) async fn run(settings: &Settings, arguments: ExportArgs) -> anyhow::Result<()> {
    let ExportArgs { filters, hashes, output, schema: wants_schema } = arguments;
    if wants_schema {
        return print(&serde_json::to_string_pretty(&schema())?);
    }
    let filter = filters.filter()?;
    let db = open_read_only(settings).await?;
    require_index(&db, &filter).await?;
    let file: Box<dyn Write> = match &output {
        Some(path) => {
            Box::new(private_files::create(path).with_context(|| format!("{} cannot be created", path.display()))?)
        }
        None => Box::new(std::io::stdout()),
    };
    let written = write(&db, &filter, hashes, BufWriter::new(file)).await;
    db.close().await;
    written
}

async fn write(db: &Db, filter: &UserFilter, hashes: bool, mut file: impl Write) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let page = users::page(db, filter, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.canonical);
        let ids: Vec<_> = page.iter().map(|user| user.id).collect();
        let known = if hashes { password_hashes(db, &ids).await? } else { HashMap::new() };
        for user in page {
            let hash = known.get(&user.id);
            match writeln!(file, "{}", row(&user, hash)) {
                // The reader of a pipe has seen enough.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.context("the users cannot be written")?,
            }
        }
    }
    file.flush().context("the users cannot be written")
}

/// A row that `roster users import` takes.
fn row(user: &ListedUser, hash: Option<&String>) -> Value {
    let mut row = json!(user);
    if let (Some(hash), Some(fields)) = (hash, row.as_object_mut()) {
        fields.insert("password_hash".to_owned(), json!(hash));
    }
    row
}

/// The JSON Schema of a row.
fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A user, one object a line",
        "type": "object",
        "required": ["email"],
        "additionalProperties": false,
        "properties": {
            "ref": { "type": "string", "maxLength": 200, "description": "The id in the system that the user comes from." },
            "id": { "type": "string", "format": "uuid", "description": "A UUID of version 4 or 7." },
            "email": { "type": "string", "format": "email", "maxLength": 254 },
            "name": { "type": ["string", "null"], "maxLength": 200 },
            "password_hash": { "type": "string", "description": "Only if hashes are asked for." },
            "email_verified": { "type": "boolean" },
            "status": { "enum": ["active", "deactivated"] },
            "role": { "enum": ["user", "admin"] },
            "created_at": { "type": "string", "format": "date-time" },
        },
    })
}
