//! A tab of a headless Chromium, used as a person uses it: with the mouse and the keyboard, and with or without
//! JavaScript. The DevTools protocol runs over two pipes.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::{self, Guarded};

/// How long a page may take to load, and Chromium to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Chromium reads commands from descriptor 3 and writes answers to descriptor 4.
const WITH_PIPES: &str = "exec \"$@\" 3<&0 4>&1 </dev/null >&2";

pub(crate) struct Tab {
    commands: ChildStdin,
    answers: Receiver<Value>,
    /// The id of the tab's session; empty until there is one.
    session: String,
    last_id: u64,
    _chromium: Guarded,
}

impl Tab {
    /// Starts Chromium with one empty tab.
    ///
    /// # Errors
    /// When Chromium does not start, or runs scripts although it should not.
    pub(crate) fn open(chromium: &Path, options: &[&str], log: File, with_scripts: bool) -> Result<Tab> {
        let mut browse = process::tied(Path::new("sh"), "KILL");
        browse.args(["-c", WITH_PIPES, "sh"]).arg(chromium).args(options).arg("--remote-debugging-pipe");
        browse.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut chromium = Guarded::spawn(&mut browse, Signal::TERM)?;
        let commands = chromium.stdin().context("its input is a pipe")?;
        let mut output = BufReader::new(chromium.stdout().context("its output is a pipe")?);
        let (heard, answers) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                let parsed = serde_json::from_slice(message.strip_suffix(b"\0").unwrap_or(&message));
                if parsed.is_ok_and(|message| heard.send(message).is_err()) {
                    break;
                }
                message.clear();
            }
        });
        let mut tab = Tab { commands, answers, session: String::new(), last_id: 0, _chromium: chromium };
        let target = tab.call("Target.createTarget", &json!({ "url": "about:blank" }))?["targetId"].take();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = tab.call("Target.attachToTarget", &attach)?["sessionId"].take();
        session.as_str().context("a session")?.clone_into(&mut tab.session);
        tab.call("Page.enable", &json!({}))?;
        tab.call("Emulation.setScriptExecutionDisabled", &json!({ "value": !with_scripts }))?;
        tab.go_to("data:text/html,<p>off</p><script>document.querySelector('p').textContent = 'on'</script>")?;
        tab.shows(if with_scripts { "<p>on</p>" } else { "<p>off</p>" })?;
        Ok(tab)
    }

    /// Gives the tab an authenticator that stores passkeys, verifies the person, and always agrees.
    pub(crate) fn add_authenticator(&mut self) -> Result<()> {
        self.call("WebAuthn.enable", &json!({}))?;
        let options = json!({ "options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": true,
        } });
        self.call("WebAuthn.addVirtualAuthenticator", &options).map(drop)
    }

    /// Types a URL into the address bar, and waits until the page is loaded.
    pub(crate) fn go_to(&mut self, url: &str) -> Result<()> {
        let answer = self.call("Page.navigate", &json!({ "url": url }))?;
        ensure!(answer["errorText"].is_null(), "{url}: {}", answer["errorText"]);
        self.until_loaded()
    }

    /// Presses a link or a button, given by XPath, and waits until the next page is loaded.
    pub(crate) fn press(&mut self, what: &str) -> Result<()> {
        let node = json!({ "nodeId": self.find(what)?.with_context(|| format!("the page has no {what}"))? });
        self.call("DOM.scrollIntoViewIfNeeded", &node)?;
        let quads = self.call("DOM.getContentQuads", &node)?;
        let corner = |n: usize| quads["quads"][0][n].as_f64().with_context(|| format!("{what} cannot be seen"));
        let (x, y) = (f64::midpoint(corner(0)?, corner(4)?), f64::midpoint(corner(1)?, corner(5)?));
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &mouse)?;
        }
        self.until_loaded()
    }

    /// Types a text into a field, given by XPath.
    pub(crate) fn fill(&mut self, field: &str, text: &str) -> Result<()> {
        let node = self.find(field)?.with_context(|| format!("the page has no {field}"))?;
        self.call("DOM.focus", &json!({ "nodeId": node }))?;
        self.call("Input.insertText", &json!({ "text": text })).map(drop)
    }

    /// Whether the page has this element, given by XPath.
    pub(crate) fn has(&mut self, what: &str) -> Result<bool> {
        Ok(self.find(what)?.is_some())
    }

    /// The URL of the page.
    pub(crate) fn url(&mut self) -> Result<String> {
        let document = self.call("DOM.getDocument", &json!({ "depth": 0 }))?;
        Ok(document["root"]["documentURL"].as_str().context("a URL")?.to_owned())
    }

    /// Checks that the HTML of the page has this text.
    pub(crate) fn shows(&mut self, text: &str) -> Result<()> {
        let document = self.call("DOM.getDocument", &json!({ "depth": 0 }))?;
        let html = self.call("DOM.getOuterHTML", &json!({ "nodeId": document["root"]["nodeId"] }))?;
        let html = html["outerHTML"].as_str().context("HTML")?;
        ensure!(html.contains(text), "the page does not show {text:?}: {html}");
        Ok(())
    }

    /// The first element of an XPath.
    fn find(&mut self, xpath: &str) -> Result<Option<u64>> {
        self.call("DOM.getDocument", &json!({ "depth": 0 }))?;
        let search = self.call("DOM.performSearch", &json!({ "query": xpath }))?;
        if search["resultCount"] == 0 {
            return Ok(None);
        }
        let first = json!({ "searchId": search["searchId"], "fromIndex": 0, "toIndex": 1 });
        Ok(self.call("DOM.getSearchResults", &first)?["nodeIds"][0].as_u64())
    }

    fn until_loaded(&mut self) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        while self.next(give_up)?["method"] != "Page.loadEventFired" {}
        Ok(())
    }

    /// Sends a command, and returns its result. It drops events that arrive before.
    fn call(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        write!(self.commands, "{command}\0")?;
        self.commands.flush()?;
        let give_up = Instant::now() + PATIENCE;
        loop {
            let mut answer = self.next(give_up)?;
            if answer["id"] == self.last_id {
                ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return Ok(answer["result"].take());
            }
        }
    }

    fn next(&self, give_up: Instant) -> Result<Value> {
        loop {
            process::check()?;
            match self.answers.recv_timeout(Duration::from_millis(100)) {
                Ok(answer) => return Ok(answer),
                Err(mpsc::RecvTimeoutError::Disconnected) => bail!("Chromium has ended"),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    ensure!(Instant::now() < give_up, "Chromium does not answer, or a page does not load");
                }
            }
        }
    }
}
