//! The arguments of the command line, where secrets are given by mistake: everybody on the machine can read them.

use crate::cli::{Cli, not_understood};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};
use std::process::ExitCode;

/// # Errors
/// When they are not understood: it has been said why, without an argument that may be a secret.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let error = if may_quote_a_secret(&error) {
            let says = "unexpected argument, which is not shown: passwords come by the standard input, URLs by \
                        DATABASE_URL and AMQP_URL";
            Cli::command().error(error.kind(), says)
        } else {
            error
        };
        not_understood(&error)
    })
}

/// Names of options and commands are quoted, what else stands there is not.
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
