//! Asking at a terminal, without showing what is typed.

use anyhow::{Context as _, bail};
use kernel::Secret;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::io::{Read as _, Stdin, Write as _, stderr, stdin};

/// Ctrl-C, and Ctrl-D.
const STOPS: [u8; 2] = [0x03, 0x04];

/// The terminal as it was, which it is again in the end.
struct Before(Stdin, Termios);

impl Drop for Before {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(&self.0, OptionalActions::Now, &self.1);
        let _ = writeln!(stderr());
    }
}

/// A line that is typed at the terminal of the standard input, of so many bytes at most.
pub(crate) fn ask_hidden(question: &str, longest: usize) -> anyhow::Result<Secret> {
    let before = tcgetattr(stdin()).context("the terminal cannot be asked")?;
    let mut hidden = before.clone();
    // Ctrl-C comes as a character, so that nothing ends the process while the terminal shows nothing.
    hidden.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
    hidden.special_codes[SpecialCodeIndex::VEOL] = STOPS[0];
    tcsetattr(stdin(), OptionalActions::Now, &hidden).context("the terminal cannot hide what is typed")?;
    let shown_again = Before(stdin(), before);
    write!(stderr(), "{question}")?;
    stderr().flush()?;
    // Room for all of it at once: a buffer that grows leaves copies behind that are not wiped.
    let mut line = Vec::with_capacity(longest + 1);
    let mut typed = stdin().lock().bytes();
    loop {
        match typed.next().transpose()? {
            Some(b'\n') => break,
            Some(byte) if !STOPS.contains(&byte) && line.len() < longest => line.push(byte),
            Some(byte) if !STOPS.contains(&byte) => bail!("the password is too long"),
            _ => bail!("nothing was done"),
        }
    }
    drop(shown_again);
    let line = String::from_utf8(line).ok().context("the password is not UTF-8")?;
    Ok(Secret::new(line))
}
