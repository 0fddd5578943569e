use std::io::Write as _;

/// To the standard output. A reader that has gone is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// To the standard error: what an operator should know beside the answer.
pub(crate) fn note(text: &str) {
    // Where it is closed, the answer has to do.
    let _ = writeln!(std::io::stderr(), "roster: {text}");
}

/// It could be understood and tried, and the answer is no: exit code 1, and this line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// A refusal as an error of the command line.
pub(crate) fn refused(why: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Refused(why.into()))
}
