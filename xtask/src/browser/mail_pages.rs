//! A person follows the links of mails in Chromium, from the mailbox at `/mail` to the end, with JavaScript and without.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Answer, Client, Request};

use super::devtools::Tab;
use crate::demo::server::Server;
use crate::process;
use crate::servers::Place;

/// The administrator that the settings create.
pub(super) const ADMIN: (&str, &str) = ("admin@example.org", "drei blaue Wuerfel rollen bergab");
const FIRST: &str = "correct horse battery staple";
const SECOND: &str = "another horse, another staple";
const FIELD: &str = "//input[@type='password']";
/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(50);

/// Runs all flows in a Chromium that runs scripts, and in one that does not.
///
/// # Errors
/// When a page differs from what is expected, or an account cannot be used afterwards.
pub(super) fn visit(chromium: &Path, options: &[&str], server: &Server, place: &Place) -> Result<()> {
    for with_scripts in [true, false] {
        let began = Instant::now();
        let log = File::options().create(true).append(true).open(place.path().join("chromium.log"))?;
        let name = if with_scripts { "with" } else { "without" };
        let profile = format!("--user-data-dir={}", place.path().join(format!("chromium-{name}")).display());
        let tab = Tab::open(chromium, &[options, &[&profile]].concat(), log, with_scripts)?;
        let mut visit = Visit { tab, client: Client::new(server.at), site: format!("http://{}", server.at) };
        let email = |who: &str| format!("{who}.{name}@example.org");
        visit.registers(&email("ada"))?;
        visit.forgets_the_password(&email("ada"))?;
        visit.is_invited(&email("grace"))?;
        visit.changes_the_address(&email("ada"), &email("countess"))?;
        println!("The links of mails work {name} JavaScript ({:.1} s)", began.elapsed().as_secs_f64());
    }
    Ok(())
}

struct Visit {
    tab: Tab,
    client: Client,
    site: String,
}

impl Visit {
    fn registers(&mut self, email: &str) -> Result<()> {
        self.post("/users", "", &json!({ "email": email, "name": "Ada" }))?.with_status(202)?;
        self.follows_the_link(email, "Confirm your registration", "confirm")?;
        self.tab.fill(FIELD, "too short")?;
        self.tab.press("//button")?;
        self.tab.shows("The password must be at least 15 characters long")?;
        self.tab.fill(FIELD, FIRST)?;
        self.tab.press("//button")?;
        self.tab.shows("Your account is ready. You can sign in now.")?;
        self.sign_in(email, FIRST)?.with_status(200)?;
        self.link_is_used_up(email, "Confirm your registration")
    }

    fn forgets_the_password(&mut self, email: &str) -> Result<()> {
        self.post("/auth/password/forgot", "", &json!({ "email": email }))?.with_status(202)?;
        self.follows_the_link(email, "Choose a new password", "reset")?;
        self.tab.fill(FIELD, SECOND)?;
        self.tab.press("//button")?;
        self.tab.shows("The password is set. You can sign in with it now.")?;
        self.sign_in(email, FIRST)?.with_status(401)?;
        self.sign_in(email, SECOND)?.with_status(200)?;
        Ok(())
    }

    fn is_invited(&mut self, email: &str) -> Result<()> {
        let admin = self.token(ADMIN.0, ADMIN.1)?;
        self.post("/invitations", &admin, &json!({ "email": email }))?.with_status(202)?;
        self.follows_the_link(email, "You are invited", "invitation")?;
        self.tab.fill(FIELD, FIRST)?;
        self.tab.press("//button")?;
        self.tab.shows("Your account is ready. You can sign in now.")?;
        self.sign_in(email, FIRST)?.with_status(200)?;
        Ok(())
    }

    fn changes_the_address(&mut self, old: &str, new: &str) -> Result<()> {
        let token = self.token(old, SECOND)?;
        let me = self.client.send(&Request::get("/users/me").bearing(&token))?.with_status(200)?.value();
        let path = format!("/users/{}", me["id"].as_str().context("an id")?);
        let change = json!({ "email": new, "current_password": SECOND });
        let change = Request::new("PATCH", path).body("application/json", change.to_string()).bearing(&token);
        self.client.send(&change)?.with_status(202)?;
        self.follows_the_link(new, "Confirm your email address", "email")?;
        self.tab.press("//button")?;
        self.tab.shows("Your email address is confirmed.")?;
        self.sign_in(old, SECOND)?.with_status(401)?;
        self.sign_in(new, SECOND)?.with_status(200)?;

        self.follows_the_link(old, "Your email address was changed", "revert")?;
        self.tab.press("//button")?;
        self.tab.shows("Your former email address is back")?;
        self.sign_in(new, SECOND)?.with_status(401)?;
        self.sign_in(old, SECOND)?.with_status(200)?;
        Ok(())
    }

    /// Opens the mail in the mailbox once it is there, looks at it as HTML, and follows its link to a page of Roster.
    fn follows_the_link(&mut self, to: &str, subject: &str, page: &str) -> Result<()> {
        self.opens_the_mail(to, subject)?;
        self.tab.press("//a[contains(@href, '/html')]")?;
        self.tab.press("//a[contains(@href, 'token=')]")?;
        let url = self.tab.url()?;
        ensure!(url.starts_with(&format!("{}/{page}?token=rm_", self.site)), "the link leads to {url}");
        Ok(())
    }

    fn opens_the_mail(&mut self, to: &str, subject: &str) -> Result<()> {
        let mail = format!("//tr[td[.='{to}']]//a[.='{subject}']");
        let give_up = Instant::now() + PATIENCE;
        self.tab.go_to(&format!("{}/mail", self.site))?;
        while !self.tab.has(&mail)? {
            ensure!(Instant::now() < give_up, "there is no mail {subject:?} to {to}");
            process::pause(TICK)?;
            self.tab.go_to(&format!("{}/mail", self.site))?;
        }
        self.tab.press(&mail)
    }

    /// Follows the link in the text of a mail again: its page says that the link does not work any more.
    fn link_is_used_up(&mut self, to: &str, subject: &str) -> Result<()> {
        self.opens_the_mail(to, subject)?;
        self.tab.press("//pre/a")?;
        self.tab.fill(FIELD, SECOND)?;
        self.tab.press("//button")?;
        self.tab.shows("was used")
    }

    fn sign_in(&mut self, email: &str, password: &str) -> Result<Answer> {
        self.post("/auth/login", "", &json!({ "email": email, "password": password }))
    }

    /// An access token.
    fn token(&mut self, email: &str, password: &str) -> Result<String> {
        let answer = self.sign_in(email, password)?.with_status(200)?.value();
        Ok(answer["access_token"].as_str().context("a token")?.to_owned())
    }

    fn post(&mut self, path: &str, token: &str, body: &Value) -> Result<Answer> {
        let request = Request::post(path, body);
        Ok(self.client.send(&if token.is_empty() { request } else { request.bearing(token) })?)
    }
}
