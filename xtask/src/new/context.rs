//! `cargo xtask new context`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::insert::{before, into_list};
use super::names::{EventName, Name, Signature};
use super::template::{Template, pairs, shared};
use super::{Written, read};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The name of the context, a plural such as `orders`
    #[arg(value_parser = Name::parse)]
    name: Name,
    /// Its first command with its fields: `place_order:item` or `place_order:item,note`
    #[arg(long, value_parser = Signature::parse)]
    command: Signature,
    /// An event of another context that it reacts to: `users.user_registered.v1`
    #[arg(long, value_parser = EventName::parse)]
    on: Option<EventName>,
    /// Its first query: `get_order`
    #[arg(long, value_parser = Name::parse)]
    query: Name,
}

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../../templates/context/", $file))
    };
}

pub(super) fn write(root: &Path, options: &Options) -> Result<Written> {
    let context = options.name.snake();
    let (entity, command, query) = (options.command.name.noun()?, options.command.name.snake(), options.query.snake());
    if options.query.noun()? != entity {
        bail!("--command and --query must be about one thing, such as place_order and get_order");
    }
    if options.command.fields.contains(&entity) || options.name == entity {
        bail!("the context, the thing and its fields must have different names");
    }
    let folder = root.join("contexts").join(context);
    if folder.exists() {
        bail!("the context `{context}` exists already");
    }
    if let Some(event) = &options.on {
        let contracts = read(&root.join("contexts/contracts/src/lib.rs"))?;
        if !contracts.contains(&format!("{:?}", event.wire)) {
            bail!("contexts/contracts has no event `{}`", event.wire);
        }
    }
    let template = template(options, &entity);

    let mut written = Written::new(&format!("{context}::"), format!("contexts/{context}"));
    let event = options.on.as_ref().map(|event| format!("application/src/on_{}.rs", event.name.snake()));
    let files = [
        ("domain/Cargo.toml".to_owned(), template!("domain/Cargo.toml")),
        ("domain/src/lib.rs".to_owned(), template!("domain/src/lib.rs")),
        (format!("domain/src/{}.rs", entity.snake()), template!("domain/src/entity.rs")),
        ("application/Cargo.toml".to_owned(), template!("application/Cargo.toml")),
        ("application/src/lib.rs".to_owned(), template!("application/src/lib.rs")),
        (format!("application/src/{context}.rs"), template!("application/src/port.rs")),
        (format!("application/src/{command}.rs"), template!("application/src/command.rs")),
        ("infrastructure/Cargo.toml".to_owned(), template!("infrastructure/Cargo.toml")),
        ("infrastructure/src/lib.rs".to_owned(), template!("infrastructure/src/lib.rs")),
        ("infrastructure/src/http.rs".to_owned(), template!("infrastructure/src/http.rs")),
        (format!("infrastructure/src/sql_{context}.rs"), template!("infrastructure/src/sql.rs")),
        ("infrastructure/src/queries/mod.rs".to_owned(), template!("infrastructure/src/queries/mod.rs")),
        (format!("infrastructure/src/queries/{query}.rs"), template!("infrastructure/src/queries/query.rs")),
        (
            format!("infrastructure/migrations/0001_{context}.postgres.sql"),
            template!("infrastructure/migrations/0001.postgres.sql"),
        ),
        (
            format!("infrastructure/migrations/0001_{context}.sqlite.sql"),
            template!("infrastructure/migrations/0001.sqlite.sql"),
        ),
    ];
    let reaction = event.map(|file| (file, template!("application/src/reaction.rs")));
    for (file, text) in files.into_iter().chain(reaction) {
        written.create(folder.join(file), &template.fill(text))?;
    }
    written.create(test_file(root, context), &template.fill(template!("test.rs")))?;
    written.create(root.join(format!("docs/contexts/{context}.md")), &template.fill(template!("page.md")))?;
    plug_in(root, context, &mut written)?;
    add_rows(root, context, &mut written)?;
    Ok(written)
}

fn template(options: &Options, entity: &Name) -> Template {
    let fields: Vec<_> = options.command.fields.iter().map(Name::snake).collect();
    let event = options.on.clone();
    let mut values = shared(&options.name, entity, &options.command);
    values.extend(pairs([
        ("Context", options.name.camel()),
        ("query", options.query.snake().to_owned()),
        ("event", event.as_ref().map(|it| it.name.snake().to_owned()).unwrap_or_default()),
        ("Event", event.as_ref().map(|it| it.name.camel()).unwrap_or_default()),
        ("event_name", event.map(|it| it.wire).unwrap_or_default()),
        ("columns", fields.iter().map(|field| format!(", {field}")).collect()),
        ("places", (1..=fields.len() + 4).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")),
    ]));
    let each = options.command.fields.iter();
    let each = each.map(|field| pairs([("field", field.snake().to_owned()), ("Field", field.camel())]));
    Template { values, fields: each.collect(), has_event: options.on.is_some() }
}

pub(super) fn test_file(root: &Path, module: &str) -> PathBuf {
    root.join(format!("tests/tests/suite/{module}.rs"))
}

/// Adds the context to the manifests, the composition root and the rules of `cargo deny`.
fn plug_in(root: &Path, context: &str, written: &mut Written) -> Result<()> {
    written.change(root.join("Cargo.toml"), |mut text| {
        for layer in ["application", "domain", "infrastructure"] {
            let line = format!("{context}-{layer} = {{ path = \"contexts/{context}/{layer}\" }}");
            text = into_list(&text, "# Contexts.", "", &line)?;
        }
        Ok(text)
    })?;
    written.change(root.join("app/Cargo.toml"), |text| {
        into_list(&text, "[dependencies]", "", &format!("{context}-infrastructure.workspace = true"))
    })?;
    written.change(root.join("app/src/contexts.rs"), |text| {
        before(&text, "    ]\n}", &format!("        plug({context}_infrastructure::CONTEXT, |_| (), |_| ()),\n"))
    })?;
    written.change(root.join("deny.toml"), |text| {
        before(&text, "\"users-infrastructure\", \"auth-infrastructure\"", &format!("\"{context}-infrastructure\", "))
    })
}

/// Adds the query to the tables of the tests.
fn add_rows(root: &Path, context: &str, written: &mut Written) -> Result<()> {
    add_test(root, context, written)?;
    let query = Row {
        operation: format!("GET /{context}/{{id}}"),
        permissions: "\"401\", \"in\", \"404\", \"401\", \"404\", \"403\", \"403\"",
        statuses: "200 400 401 403 404 414 431 500 503",
    };
    query.add(root, written)
}

/// An operation in the tables of the tests. Commands need no rows: theirs follow from the type of the sender.
struct Row {
    operation: String,
    /// What each kind of caller gets, as `permissions.rs` explains it.
    permissions: &'static str,
    /// The statuses in the OpenAPI document.
    statuses: &'static str,
}

impl Row {
    fn add(self, root: &Path, written: &mut Written) -> Result<()> {
        let Self { operation, permissions, statuses } = self;
        let suite = root.join("tests/tests/suite");
        written.change(suite.join("permissions.rs"), |text| {
            into_list(&text, "const TABLE", "    (\"", &format!("    (\"{operation}\", [{permissions}]),"))
        })?;
        written.change(suite.join("openapi.rs"), |text| {
            into_list(&text, "let expected = [", "        (\"", &format!("        (\"{operation}\", \"{statuses}\"),"))
        })
    }
}

/// Adds a module to the tests of the whole program.
fn add_test(root: &Path, module: &str, written: &mut Written) -> Result<()> {
    written.change(root.join("tests/tests/suite/main.rs"), |text| {
        into_list(&text, "//!", "mod ", &format!("mod {module};"))
    })
}
