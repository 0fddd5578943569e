use std::fmt::Write as _;
use std::io::Write as _;

/// To the standard output, as columns of equal width below their headers.
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
            // Writing to a text cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        line.trim_end().to_owned()
    };
    lines().map(line).collect::<Vec<_>>().join("\n")
}

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

/// It can be done, and destroys what cannot be had again: exit code 3, and this line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WantsForce(pub(crate) String);

/// What wants `--force` as an error of the command line.
pub(crate) fn wants_force(why: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(WantsForce(why.into()))
}

/// A refusal as an error of the command line.
pub(crate) fn refused(why: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Refused(why.into()))
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_stand_below_their_headers_however_long_their_texts_are() {
        let rows =
            [["1".to_owned(), "é".to_owned(), "x".to_owned()], ["22".to_owned(), "longer".to_owned(), String::new()]];
        assert_eq!(table(["ID", "NAME", "END"], &rows), "ID  NAME    END\n1   é       x\n22  longer");
        assert_eq!(table(["ID", "NAME"], &[]), "ID  NAME");
    }
}
