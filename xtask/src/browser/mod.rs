//! `cargo xtask browser`: in a headless Chromium, a page of another origin uses Roster, a page adds and uses a passkey, and
//! a person follows the links of mails.

mod devtools;
mod mail_pages;

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use self::devtools::Tab;
use crate::demo::server::{Server, Settings};
use crate::process::{self, Guarded};
use crate::servers::{Place, packages};
use crate::workspace;

const PAGE: &str = include_str!("../../browser/page.html");
const PASSKEYS: &str = include_str!("../../browser/passkeys.html");
/// How long Chromium may take to start, load the page and run it.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);
/// Chromium's sandbox does not work for root. The other options keep it from connecting to other hosts by itself.
const OPTIONS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Runs the page on an allowed origin, and on one that is not allowed. Then uses passkeys, and follows the links of mails.
///
/// # Errors
/// When a page finds something else than expected.
pub(crate) fn run() -> Result<()> {
    let binary = workspace::build_roster(&[])?;
    let mut place = Place::below(&workspace::target()?.join("servers"))?;
    let chromium = chromium(&place)?;
    let pages = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    pages.set_nonblocking(true)?;
    let port = pages.local_addr()?.port();
    let allowed = format!("http://localhost:{port}");
    let visit = || {
        with_server(&binary, &place, &[("ROSTER_CORS_ORIGINS", &allowed)], |server| {
            visit_both(&chromium, &pages, server, &place)
        })?;
        let environment = [
            ("ROSTER_CORS_ORIGINS", allowed.as_str()),
            ("ROSTER_WEBAUTHN_RP_ID", "localhost"),
            ("ROSTER_WEBAUTHN_ORIGINS", &allowed),
        ];
        with_server(&binary, &place, &environment, |server| use_passkeys(&chromium, &pages, server, &place))?;
        let (email, password) = mail_pages::ADMIN;
        let environment =
            [("ROSTER_REGISTRATION", "verified"), ("ROSTER_ADMIN_EMAIL", email), ("ROSTER_ADMIN_PASSWORD", password)];
        with_server(&binary, &place, &environment, |server| mail_pages::visit(&chromium, &OPTIONS, server, &place))
    };
    let visited = visit();
    if visited.is_err() {
        place.keep();
        println!("The logs of Roster and Chromium are in {}", place.path().display());
    }
    visited
}

fn with_server(
    binary: &Path,
    place: &Place,
    environment: &[(&str, &str)],
    visit: impl FnOnce(&Server) -> Result<()>,
) -> Result<()> {
    let mut server = Server::start(&Settings { binary, cost: 10, servers: None, environment }, place)?;
    visit(&server)?;
    server.stop().map(drop)
}

fn visit_both(chromium: &Path, pages: &TcpListener, server: &Server, place: &Place) -> Result<()> {
    let port = pages.local_addr()?.port();
    // The same page by another name is of another origin, which may not read any answer.
    let foreign = json!({ "error": "TypeError: Failed to fetch" });
    let own = json!({
        "accepted": 202,
        "replayed": "true",
        "signed_up": "succeeded",
        "refused": [401, "invalid_token", true],
        "me": [200, "ada@example.org", "Ada"],
        "changed": [200, "Ada L.", "wait=30"],
    });
    for (origin, expected) in [(format!("http://127.0.0.1:{port}"), foreign), (format!("http://localhost:{port}"), own)]
    {
        let url = format!("{origin}/?api=http://{}", server.at);
        let found = visit(chromium, pages, &url, place)?;
        ensure!(found == expected, "the page of {origin} found {found}, not {expected}");
        println!("A page of {origin} found, as expected: {found}");
    }
    Ok(())
}

/// A page adds a passkey of Chromium's virtual authenticator, signs in with it, and removes it.
fn use_passkeys(chromium: &Path, pages: &TcpListener, server: &Server, place: &Place) -> Result<()> {
    let began = Instant::now();
    let log = std::fs::File::options().create(true).append(true).open(place.path().join("chromium.log"))?;
    let profile = format!("--user-data-dir={}", place.path().join("chromium-passkeys").display());
    let mut tab = Tab::open(chromium, &[&OPTIONS[..], &[&profile]].concat(), log, true)?;
    tab.add_authenticator()?;
    let served = pages.try_clone()?;
    let serving = thread::spawn(move || found_by_page(&served));
    tab.go_to(&format!("http://localhost:{}/passkeys?api=http://{}", pages.local_addr()?.port(), server.at))?;
    let found = serving.join().map_err(|_| anyhow!("the thread that serves the page panicked"))??;
    let expected = json!({
        "added": [201, "Here", 10],
        "alone": [200, "aal2 pop mfa"],
        "again": "InvalidStateError",
        "asked": [401, "second_factor_required", "passkey", "recovery_code"],
        "second": [200, "aal2 pwd pop mfa"],
        "stepped_up": ["step_up_required", 204, 200],
        "removed": [204, "passkey_unknown"],
    });
    ensure!(found == expected, "the page with passkeys found {found}, not {expected}");
    println!("Passkeys of Chromium's virtual authenticator work ({:.1} s)", began.elapsed().as_secs_f64());
    Ok(())
}

/// Serves the page until it posts what it found.
fn found_by_page(pages: &TcpListener) -> Result<Value> {
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up {
        match pages.accept() {
            Ok((stream, _)) => {
                if let Some(found) = found_by(&stream)? {
                    return Ok(found);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => process::pause(TICK)?,
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the page reported nothing within {PATIENCE:?}")
}

/// The program, which is installed if it is missing.
fn chromium(place: &Place) -> Result<PathBuf> {
    let find =
        || ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|it| process::find_program(it, &[]));
    if let Some(found) = find() {
        return Ok(found);
    }
    if !packages::can_install() {
        bail!("this test needs Chromium");
    }
    packages::install(&["chromium"], place)?;
    find().context("the package chromium has no program of that name")
}

/// Opens the URL in Chromium, serves it the page, and returns what the page posts.
fn visit(chromium: &Path, pages: &TcpListener, url: &str, place: &Place) -> Result<Value> {
    let log = std::fs::File::options().create(true).append(true).open(place.path().join("chromium.log"))?;
    let mut browse = process::tied(chromium, "KILL");
    browse.args(OPTIONS).arg(format!("--user-data-dir={}", place.path().join("chromium").display())).arg(url);
    browse.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut browser = Guarded::spawn(&mut browse, Signal::TERM)?;
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up {
        match pages.accept() {
            Ok((stream, _)) => {
                if let Some(found) = found_by(&stream)? {
                    return Ok(found);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => process::pause(TICK)?,
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = browser.finished()? {
            bail!("Chromium ended with {status}");
        }
    }
    bail!("the page reported nothing within {PATIENCE:?}")
}

/// Answers one request: with the page, or to what the page posts, which it returns. Chromium may hang up at any time.
fn found_by(stream: &TcpStream) -> Result<Option<Value>> {
    stream.set_nonblocking(false)?;
    // Chromium opens connections ahead of time, and sends nothing on them.
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let Ok((head, body)) = read_request(stream) else { return Ok(None) };
    let page = match () {
        () if head.starts_with("GET /?") => PAGE,
        () if head.starts_with("GET /passkeys?") => PASSKEYS,
        () => "",
    };
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    );
    // A client that is gone wants no answer.
    let _ = (&*stream).write_all(answer.as_bytes());
    if head.starts_with("POST /found ") { Ok(Some(serde_json::from_slice(&body)?)) } else { Ok(None) }
}

/// The head of a request and its body.
fn read_request(stream: &TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}
