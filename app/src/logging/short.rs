//! Formats log lines for people at a terminal.

use std::fmt::{self, Debug, Write as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats a line: time of day, level, message, fields. Request ids are shown only in lines that have a `code`.
pub(super) struct Short;

impl<S, N> FormatEvent<S, N> for Short
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        let (on, off) = if to.has_ansi_escapes() { (colour(level), "\x1b[0m") } else { ("", "") };
        let mut fields = Fields::default();
        event.record(&mut fields);
        write!(to, "{} {on}{level:>5}{off} {}", time_of_day(), fields.message)?;
        if level > Level::INFO {
            write!(to, " target={}", event.metadata().target())?;
        }
        to.write_str(&fields.others)?;
        if fields.has_code {
            to.write_str(&fields.ids)?;
        }
        if level <= Level::WARN {
            for span in ctx.event_scope().into_iter().flatten() {
                if let Some(of_span) = span.extensions().get::<FormattedFields<N>>().filter(|it| !it.is_empty()) {
                    write!(to, " {of_span}")?;
                }
            }
        }
        writeln!(to)
    }
}

/// The line that reports lost lines.
pub(super) fn lost(lines: u64) -> String {
    format!("{}  WARN log lines were lost lines={lines}\n", time_of_day())
}

/// The time of day in UTC, in milliseconds.
fn time_of_day() -> String {
    let now = kernel::Timestamp::now().to_string();
    let time = now.split_once('T').map_or(&*now, |(_, time)| time);
    format!("{:.12}", time.trim_end_matches('Z'))
}

const fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: String,
    ids: String,
    has_code: bool,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && !b"\"=\\".contains(&b));
        if is_plain {
            self.add(field, format_args!("{value}"));
        } else {
            // Escape it: text from outside must not move the cursor.
            self.add(field, format_args!("{value:?}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

impl Fields {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = match field.name() {
            "message" => self.message.write_fmt(value),
            "trace_id" | "request_id" => write!(self.ids, " {}={value}", field.name()),
            name => {
                self.has_code |= name == "code";
                write!(self.others, " {name}={value}")
            }
        };
    }
}
