//! `cargo xtask clients`: checks the OpenAPI document, generates clients from it, and uses Roster through them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::demo::server::{Server, Settings};
use crate::schemathesis::{EMAIL, sign_up_administrator};
use crate::servers::Place;
use crate::{process, python, workspace};

/// The validator, the generator and the type checker of Python, with exact versions.
const REQUIREMENTS: &str = include_str!("../clients/requirements.txt");
/// The linter, the generator and the compiler of TypeScript, with exact versions.
const PACKAGES: &str = include_str!("../clients/package.json");
const LOCK: &str = include_str!("../clients/package-lock.json");
/// The exceptions to the rules of the linter, with reasons.
const REDOCLY: &str = include_str!("../clients/redocly.yaml");
const TSCONFIG: &str = include_str!("../clients/tsconfig.json");
/// The settings of the Python generator: no hooks, which format the code by default, and files are sent as they are.
const GENERATOR: &str = "post_hooks: []
content_type_overrides:
  application/x-ndjson: application/octet-stream
  text/csv: application/octet-stream
";
const DRIVE_PY: &str = include_str!("../clients/drive.py");
const DRIVE_TS: &str = include_str!("../clients/drive.ts");
/// The page whose examples are run.
const PAGE: &str = include_str!("../../docs/CLIENTS.md");
/// The URL of the server in the examples.
const URL: &str = "http://127.0.0.1:8000";
/// How long the binary may take to print the document.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run the part of one language
    #[arg(long)]
    only: Option<Language>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    Python,
    Typescript,
}

/// A generated client gets its own directory, the server's URL and an administrator's password.
struct Run<'a> {
    place: &'a Place,
    document: PathBuf,
    url: String,
    password: String,
}

/// Runs both parts, or one.
///
/// # Errors
/// When the document is not valid, a client does not compile, or an answer is not as expected.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = workspace::build_roster(&[])?;
    let tools = workspace::target()?.join("tools");
    let mut place = Place::below(&workspace::target()?.join("servers"))?;
    let python = python::environment("clients", REQUIREMENTS, &tools, &place)?;
    let document = place.path().join("openapi.json");
    fs::write(&document, process::output(Command::new(&binary).arg("openapi"), PATIENCE)?)?;
    let settings = Settings { binary: &binary, cost: 10, servers: None, environment: &[] };
    let mut server = Server::start(&settings, &place)?;
    let password = sign_up_administrator(&python, &server, &place)?;
    let run = Run { place: &place, document, url: format!("http://{}", server.at), password };
    let mut ran = Ok(());
    if options.only != Some(Language::Typescript) {
        ran = run.python(&python);
    }
    if options.only != Some(Language::Python) {
        ran = ran.and_then(|()| run.typescript(&tools));
    }
    if ran.is_err() {
        place.keep();
        println!("The clients and the server's log are in {}", place.path().display());
    }
    ran?;
    server.stop().map(drop)
}

impl Run<'_> {
    fn python(&self, python: &Path) -> Result<()> {
        let program = |name: &str| Command::new(python.with_file_name(name));
        process::must(program("openapi-spec-validator").arg(&self.document))?;
        let directory = self.directory("python")?;
        let config = directory.join("generator.yaml");
        fs::write(&config, GENERATOR)?;
        let mut generate = program("openapi-python-client");
        generate.args(["generate", "--fail-on-warning", "--meta", "none", "--path"]).arg(&self.document);
        generate.arg("--config").arg(&config).arg("--output-path").arg(directory.join("roster_client"));
        process::must(&mut generate)?;
        fs::write(directory.join("roster_client/py.typed"), "")?;
        fs::write(directory.join("example.py"), self.example("python")?)?;
        fs::write(directory.join("drive.py"), DRIVE_PY)?;
        // Not the generated code itself, whose style is its generator's.
        let mypy = ["--strict", "--implicit-reexport", "--follow-imports=silent", "example.py", "drive.py"];
        process::must(program("mypy").current_dir(&directory).args(mypy))?;
        process::must(self.with_administrator(Command::new(python).current_dir(&directory).arg("drive.py")))
    }

    fn typescript(&self, tools: &Path) -> Result<()> {
        let modules = install_packages(&tools.join("clients-npm"))?;
        let directory = self.directory("typescript")?;
        std::os::unix::fs::symlink(&modules, directory.join("node_modules"))?;
        for (name, text) in [
            ("package.json", PACKAGES),
            ("redocly.yaml", REDOCLY),
            ("tsconfig.json", TSCONFIG),
            ("drive.ts", DRIVE_TS),
            ("example.ts", &format!("{}export {{ ada, headers, me, roster, signedIn }};\n", self.example("ts")?)),
        ] {
            fs::write(directory.join(name), text)?;
        }
        let program = |name: &str| {
            let mut command = Command::new(modules.join(".bin").join(name));
            command.current_dir(&directory).env("REDOCLY_TELEMETRY", "off");
            command.env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
            command
        };
        process::must(program("redocly").arg("lint").arg(&self.document).args(["--config", "redocly.yaml"]))?;
        process::must(program("openapi-typescript").arg(&self.document).args(["--output", "roster.ts"]))?;
        process::must(&mut program("tsc"))?;
        process::must(self.with_administrator(Command::new("node").current_dir(&directory).arg("drive.js")))
    }

    fn directory(&self, name: &str) -> Result<PathBuf> {
        let directory = self.place.path().join(name);
        fs::create_dir(&directory)?;
        Ok(directory)
    }

    /// The code block of this language in docs/CLIENTS.md, with the URL of this server.
    fn example(&self, language: &str) -> Result<String> {
        let block = PAGE.split_once(&format!("```{language}\n")).and_then(|(_, rest)| rest.split_once("```"));
        let (block, _) = block.with_context(|| format!("docs/CLIENTS.md has no block of {language}"))?;
        if !block.contains(URL) {
            bail!("the block of {language} in docs/CLIENTS.md does not name {URL}");
        }
        Ok(block.replace(URL, &self.url))
    }

    fn with_administrator<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("ROSTER_URL", &self.url).env("ADMIN_EMAIL", EMAIL).env("ADMIN_PASSWORD", &self.password)
    }
}

/// Installs the locked packages into a directory, once for each lock file, and returns their directory.
fn install_packages(directory: &Path) -> Result<PathBuf> {
    let (modules, made) = (directory.join("node_modules"), directory.join("installed-lock.json"));
    if fs::read_to_string(&made).is_ok_and(|made| made == LOCK) {
        return Ok(modules);
    }
    if process::find_program("npm", &[]).is_none() {
        bail!("the TypeScript client needs Node.js 20.19 or newer with npm");
    }
    fs::create_dir_all(directory)?;
    fs::write(directory.join("package.json"), PACKAGES)?;
    fs::write(directory.join("package-lock.json"), LOCK)?;
    let quietly = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    process::must(Command::new("npm").current_dir(directory).args(quietly))?;
    fs::write(&made, LOCK)?;
    Ok(modules)
}
