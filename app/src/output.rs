use std::fmt::Write as _;
use std::io::Write as _;

/// Prints a table on the standard output, each column as wide as its longest cell.
pub(crate) fn print_table<const N: usize>(headers: [&str; N], rows: &[[String; N]]) -> anyhow::Result<()> {
    print(&table(headers, rows))
}

fn table<const N: usize>(headers: [&str; N], rows: &[[String; N]]) -> String {
    let headers = headers.map(str::to_owned);
    let lines = || std::iter::once(&headers).chain(rows);
    let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: &[String; N]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            // Writing to a `String` cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        line.trim_end().to_owned()
    };
    lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Prints a line on the standard output. A closed pipe is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a line on the standard error: what an operator should know beside the result.
pub(crate) fn note(text: &str) {
    // If the standard error is closed, the result has to do.
    let _ = writeln!(std::io::stderr(), "roster: {text}");
}

/// A refusal: the command line prints this reason and exits with 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// An action that would destroy data and was not forced: the command line prints this reason and exits with 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WantsForce(pub(crate) String);

/// A [`WantsForce`] error.
pub(crate) fn wants_force(why: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(WantsForce(why.into()))
}

/// A [`Refused`] error.
pub(crate) fn refused(why: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Refused(why.into()))
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows =
            [["1".to_owned(), "é".to_owned(), "x".to_owned()], ["22".to_owned(), "longer".to_owned(), String::new()]];
        assert_eq!(table(["ID", "NAME", "END"], &rows), "ID  NAME    END\n1   é       x\n22  longer");
        assert_eq!(table(["ID", "NAME"], &[]), "ID  NAME");
    }
}
