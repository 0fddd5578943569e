//! `cargo xtask new command`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::context::{add_test, test_file};
use super::insert::{before, into_list};
use super::names::{Name, Signature};
use super::template::{Template, pairs, shared};
use super::{Written, read};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The context, such as `users`
    #[arg(value_parser = Name::parse)]
    context: Name,
    /// The command with its fields, which are fields of what it changes: `rename_user:name`
    #[arg(value_parser = Signature::parse)]
    command: Signature,
    /// Who may send it
    #[arg(long)]
    by: By,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum By {
    /// The person whose id is in the path
    Oneself,
    /// Administrators
    Administrator,
}

impl By {
    const fn sender(self) -> &'static str {
        match self {
            Self::Oneself => "Oneself",
            Self::Administrator => "Administrator",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Oneself => "A person",
            Self::Administrator => "An administrator",
        }
    }

    /// The sender in the test, where `ada` is the person that the path names.
    const fn in_test(self) -> &'static str {
        match self {
            Self::Oneself => "ada.clone()",
            Self::Administrator => "world.administrator(\"admin@example.org\").await",
        }
    }
}

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../../templates/command/", $file))
    };
}

pub(super) fn write(root: &Path, options: &Options) -> Result<Written> {
    let (context, command) = (options.context.snake(), options.command.name.snake());
    let entity = options.command.name.noun()?;
    let folder = root.join("contexts").join(context);
    let aggregate = folder.join(format!("domain/src/{}.rs", entity.snake()));
    let use_cases = folder.join("application/src/lib.rs");
    if !use_cases.exists() {
        bail!("there is no context `{context}` in contexts/");
    }
    let template = template(options, &entity, &read(&aggregate)?, &read(&use_cases)?)?;

    let mut written = Written::new(command, format!("contexts/{context}"));
    written.create(folder.join(format!("application/src/{command}.rs")), &template.fill(template!("use_case.rs")))?;
    written.create(
        folder.join(format!("infrastructure/src/http/{command}.rs")),
        &template.fill(template!("request.rs")),
    )?;
    written.create(test_file(root, command), &template.fill(template!("test.rs")))?;
    written.change(use_cases, |text| {
        let line = format!("    {command}::{},\n", options.command.name.camel());
        let (head, handlers) = text.split_once("use_case::handlers!").context("there is no `handlers!`")?;
        Ok(format!("{head}use_case::handlers!{}", before(handlers, "}", &line)?))
    })?;
    written.change(aggregate, |text| before(&text, "#[cfg(test)]", &template.fill(template!("method.rs"))))?;
    written.change(folder.join("infrastructure/src/http.rs"), |text| {
        let text = into_list(&text, "//!", "mod ", &format!("mod {command};"))?;
        let verb = options.command.name.verb();
        let request = format!("{command}::{}Request(state.db.clone())", options.command.name.camel());
        let route = format!("        .command(\"/{context}/{{id}}/{verb}\", Method::POST, |state| {request})\n");
        before(&text, "        .immediate(", &route)
    })?;
    add_test(root, command, &mut written)?;
    Ok(written)
}

fn template(options: &Options, entity: &Name, aggregate: &str, use_cases: &str) -> Result<Template> {
    let context = options.context.snake();
    let port = use_cases.split_once("handlers! { dyn ").and_then(|(_, rest)| rest.split_once(':'));
    let (port, _) = port.context("the application's lib.rs has no `handlers! { dyn Port: …`")?;
    let state = format!("pub struct {}State {{", entity.camel());
    let (_, state) = aggregate.split_once(&state).with_context(|| format!("the domain has no `{state}`"))?;
    let (state, _) = state.split_once("\n}").context("the state of the aggregate has no end")?;
    let kind_of = |field: &str| {
        let lines = state.lines().map(str::trim);
        let kind = lines.filter_map(|line| line.strip_prefix("pub ")?.strip_prefix(field)?.strip_prefix(": ")).next();
        let kind = kind.and_then(|kind| kind.strip_suffix(','));
        kind.with_context(|| format!("`{}State` has no field `{field}`: add it and its storage first", entity.camel()))
    };
    let id = kind_of("id")?;
    let mut fields = Vec::new();
    for field in &options.command.fields {
        let kind = kind_of(field.snake())?;
        let inner = kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>'));
        let set = match inner {
            Some(_) => format!("{0}: Some({0})", field.snake()),
            None => field.snake().to_owned(),
        };
        let kind = inner.unwrap_or(kind).to_owned();
        fields.push(pairs([("field", field.snake().to_owned()), ("Field", kind), ("set", set)]));
    }
    let from = if id == "UserId" { "identity".to_owned() } else { format!("{context}_domain") };
    let mut values = shared(&options.context, entity, &options.command);
    values.extend(pairs([
        ("Port", port.to_owned()),
        ("By", options.by.sender().to_owned()),
        ("By_words", options.by.words().to_owned()),
        ("sender", options.by.in_test().to_owned()),
        ("Id", id.to_owned()),
        ("use_id", format!("use {from}::{id};")),
        ("count", fields.len().to_string()),
    ]));
    Ok(Template { values, fields, has_event: false })
}
