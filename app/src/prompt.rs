//! Asks at the terminal: for a password, without showing what is typed, or for a confirmation.

use crate::output::{note, wants_force};
use anyhow::{Context as _, bail};
use kernel::Secret;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal as _, Read as _, Stdin, Write as _, stderr, stdin};

/// The characters of Ctrl-C and Ctrl-D: both cancel.
const STOPS: [u8; 2] = [0x03, 0x04];

/// The terminal's settings before the prompt. Drop restores them.
struct Before(Stdin, Termios);

impl Drop for Before {
    fn drop(&mut self) {
        // An error means that the terminal is gone, so there is nothing to restore.
        let _ = tcsetattr(&self.0, OptionalActions::Now, &self.1);
        let _ = writeln!(stderr());
    }
}

/// Reads a line from the terminal without showing it.
///
/// # Errors
/// When the line has more than `longest` bytes or is not UTF-8, when the user presses Ctrl-C or Ctrl-D, or when the
/// standard input is no terminal.
pub(crate) fn ask_hidden(question: &str, longest: usize) -> anyhow::Result<Secret> {
    let before = tcgetattr(stdin()).context("the terminal's settings cannot be read")?;
    let mut hidden = before.clone();
    // Read Ctrl-C as a character, so that it cannot end the process while echo is off.
    hidden.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
    hidden.special_codes[SpecialCodeIndex::VEOL] = STOPS[0];
    tcsetattr(stdin(), OptionalActions::Now, &hidden).context("the terminal cannot hide the password")?;
    let shown_again = Before(stdin(), before);
    write!(stderr(), "{question}")?;
    stderr().flush()?;
    // Allocate once: a buffer that grows leaves copies behind that are not wiped.
    let mut line = Vec::with_capacity(longest + 1);
    let mut typed = stdin().lock().bytes();
    loop {
        match typed.next().transpose()? {
            Some(b'\n') => break,
            Some(byte) if !STOPS.contains(&byte) && line.len() < longest => line.push(byte),
            Some(byte) if !STOPS.contains(&byte) => bail!("the password is too long"),
            _ => bail!("cancelled: nothing was done"),
        }
    }
    drop(shown_again);
    let line = String::from_utf8(line).ok().context("the password is not UTF-8")?;
    Ok(Secret::new(line))
}

/// Asks the person at the terminal for a confirmation. `consequence` says what will happen.
///
/// # Errors
/// [`WantsForce`](crate::output::WantsForce) without a terminal, and when the person does not confirm.
pub(crate) fn confirm(consequence: &str) -> anyhow::Result<()> {
    if !stdin().is_terminal() {
        return Err(wants_force(format!("{consequence}: add --force")));
    }
    note(&format!("{consequence}. Type yes to go on:"));
    let mut answer = String::new();
    stdin().read_line(&mut answer).context("the answer cannot be read")?;
    if answer.trim() == "yes" { Ok(()) } else { Err(wants_force("nothing was done: the answer was not yes")) }
}
