//! `cargo xtask schemathesis`: Schemathesis attacks the API with requests generated from its OpenAPI document.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::json;

use crate::demo::server::{Server, Settings};
use crate::demo::sign_up_alone;
use crate::servers::{Place, random_hex};
use crate::{process, python, workspace};

/// Schemathesis and its dependencies with exact versions.
const REQUIREMENTS: &str = include_str!("../schemathesis/requirements.txt");
/// The exceptions to its checks by operation, with reasons.
const CONFIG: &str = include_str!("../schemathesis/schemathesis.toml");
/// The formats of our own in the OpenAPI document.
const FORMATS: &str = include_str!("../schemathesis/formats.py");
/// Makes the registered account an administrator.
const PROMOTE: &str = include_str!("../schemathesis/promote.py");
/// Lets Schemathesis sign in again when an attack has ended the session.
const AUTH: &str = "
[auth.dynamic.openapi.bearer]
path = \"/auth/login\"
payload = { email = \"${ATTACKER_EMAIL}\", password = \"${ATTACKER_PASSWORD}\" }
extract_selector = \"/access_token\"
retry_on = [401]
";
/// The address of the administrator.
pub(crate) const EMAIL: &str = "root@example.org";
/// The seconds for the run with a token, and for the run without one.
const BUDGETS: (u32, u32) = (80, 30);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for `schemathesis run`, such as `--seed 7` or `--max-time 600`
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Runs the attacks.
///
/// # Errors
/// When a check of Schemathesis fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = workspace::build_roster(&[])?;
    let target = workspace::target()?;
    let mut place = Place::below(&target.join("servers"))?;
    let python = python::environment("schemathesis", REQUIREMENTS, &target.join("tools"), &place)?;
    let mut server = Server::start(&Settings { binary: &binary, cost: 10, servers: None, environment: &[] }, &place)?;
    let attacked = attack(&python, &mut server, &place, options);
    if attacked.is_err() {
        place.keep();
        println!("The server's log is in {}", place.path().display());
    }
    attacked?;
    server.stop().map(drop)
}

/// Signs up the only account of a server on SQLite, makes it an administrator, and returns its password.
pub(crate) fn sign_up_administrator(python: &Path, server: &Server, place: &Place) -> Result<String> {
    let password = random_hex(16)?;
    sign_up_alone(server, &json!({ "email": EMAIL, "password": password }))?;
    process::must(Command::new(python).args(["-c", PROMOTE]).arg(place.path().join("data/roster.db")))?;
    Ok(password)
}

fn attack(python: &Path, server: &mut Server, place: &Place, options: &Options) -> Result<()> {
    let password = sign_up_administrator(python, server, place)?;
    fs::write(place.path().join("formats.py"), FORMATS)?;
    let mut failed = Vec::new();
    for (who, auth, seconds) in [("an administrator", AUTH, BUDGETS.0), ("an anonymous client", "", BUDGETS.1)] {
        println!("Schemathesis as {who}, for {seconds} s");
        let config = place.path().join("schemathesis.toml");
        fs::write(&config, format!("{CONFIG}{auth}"))?;
        let mut schemathesis = Command::new(python.with_file_name("schemathesis"));
        schemathesis.current_dir(place.path()).env("ATTACKER_EMAIL", EMAIL).env("ATTACKER_PASSWORD", &password);
        schemathesis.env("PYTHONPATH", place.path()).env("SCHEMATHESIS_HOOKS", "formats");
        schemathesis.arg("--config-file").arg(&config).args(["--no-color", "run", "--seed", "1"]);
        schemathesis.args(["--max-examples", "50", "--max-time", &seconds.to_string()]).args(&options.arguments);
        schemathesis.arg(format!("http://{}/openapi.json", server.at));
        if !process::run(&mut schemathesis)?.success() {
            failed.push(who);
        }
        server.expect_alive()?;
    }
    if !failed.is_empty() {
        bail!("checks of Schemathesis failed as {}", failed.join(" and as "));
    }
    Ok(())
}
