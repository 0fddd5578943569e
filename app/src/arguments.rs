//! Parses the arguments of the command line. An argument may be a secret given by mistake, so no error message shows
//! one.

use crate::cli::{Cli, not_understood};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};
use std::process::ExitCode;

/// Parses the arguments of this process.
///
/// # Errors
/// The exit code, when the arguments are invalid. The reason has been printed by then.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let error = if may_quote_a_secret(&error) {
            let says = "unexpected argument, not shown because it may be a secret: give passwords on the standard \
                        input, URLs in DATABASE_URL and AMQP_URL";
            Cli::command().error(error.kind(), says)
        } else {
            error
        };
        not_understood(&error)
    })
}

/// Whether clap's message would quote something other than the name of an option or a command.
fn may_quote_a_secret(error: &clap::Error) -> bool {
    let is_unknown = matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand);
    let quoted = error.get(ContextKind::InvalidArg).or_else(|| error.get(ContextKind::InvalidSubcommand));
    let is_name = |text: &str| {
        let is_option = error.kind() == ErrorKind::UnknownArgument;
        text.len() <= 40
            && text.starts_with('-') == is_option
            && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    };
    error.kind() == ErrorKind::TooManyValues
        || is_unknown && !matches!(quoted, Some(ContextValue::String(text)) if is_name(text))
}
