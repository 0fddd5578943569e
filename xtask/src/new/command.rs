//! `cargo xtask new command`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::context::test_file;
use super::insert::{before, import};
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
            Self::Oneself => "ada",
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
    let routes = folder.join("infrastructure/src/http.rs");
    let template = template(options, &entity, &read(&aggregate)?, &read(&use_cases)?)?;

    let mut written = Written::new(&format!("{context}::{command}"), format!("contexts/{context}"));
    written.create(folder.join(format!("application/src/{command}.rs")), &template.fill(template!("use_case.rs")))?;
    written.change(use_cases, |text| {
        let line = format!("    {command}::{},\n", options.command.name.camel());
        let (head, handlers) = text.split_once("use_case::handlers!").context("there is no `handlers!`")?;
        Ok(format!("{head}use_case::handlers!{}", before(handlers, "}", &line)?))
    })?;
    written.change(aggregate, |text| {
        let start = format!("impl {} {{", entity.camel());
        let (head, methods) = text.split_once(&start).with_context(|| format!("there is no `{start}`"))?;
        let change = if methods.contains("fn change(") { "" } else { template!("change.rs") };
        let method = template.fill(&format!("{}{change}", template!("method.rs")));
        let methods = before(methods, "\n}\n", &format!("\n{}", method.trim_end()))?;
        Ok(format!("{head}{start}{methods}"))
    })?;
    written.change(routes, |text| {
        let (verb, camel) = (options.command.name.verb(), options.command.name.camel());
        let route = format!("        .command(\"/{context}/{{id}}/{verb}\", Method::POST, |_| {camel}Request)\n");
        let text = before(&text, "        .immediate(", &route)? + &template.fill(template!("request.rs"));
        import_all(text, &template.fill(template!("request_imports")))
    })?;
    written.change(test_file(root, context), |text| {
        let (head, tests) = text.split_once("in_each_world! {\n").context("there is no `in_each_world!`")?;
        let name = format!("    {command}_changes_what_its_query_shows,\n");
        let text = format!("{head}in_each_world! {{\n{}", before(tests, "}", &name)?);
        import_all(text + &template.fill(template!("test.rs")), &template.fill(template!("test_imports")))
    })?;
    Ok(written)
}

/// Imports names, one on each line: a crate or module, `::`, and a name.
fn import_all(text: String, names: &str) -> Result<String> {
    names.lines().try_fold(text, |text, line| {
        let (from, name) = line.rsplit_once("::").with_context(|| format!("`{line}` is no path"))?;
        import(&text, from, name)
    })
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
    let (mut fields, mut changes) = (Vec::new(), Vec::new());
    for field in &options.command.fields {
        let kind = kind_of(field.snake())?;
        let inner = kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>'));
        let set = match inner {
            Some(_) => format!("it.{0} = Some({0})", field.snake()),
            None => format!("it.{0} = {0}", field.snake()),
        };
        let kind = inner.unwrap_or(kind).to_owned();
        fields.push(pairs([("field", field.snake().to_owned()), ("Field", kind)]));
        changes.push(set);
    }
    let from = if id == "UserId" { "identity".to_owned() } else { format!("{context}_domain") };
    let mut values = shared(&options.context, entity, &options.command);
    values.extend(pairs([
        ("Port", port.to_owned()),
        ("By", options.by.sender().to_owned()),
        ("By_words", options.by.words().to_owned()),
        ("sender", options.by.in_test().to_owned()),
        ("Id", id.to_owned()),
        ("Id_crate", from),
        (
            "changes",
            if let [change] = &changes[..] { change.clone() } else { format!("{{ {}; }}", changes.join("; ")) },
        ),
    ]));
    Ok(Template { values, fields, has_event: false })
}
