//! Structured logs on standard error. Each event is one line, whatever text it contains.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};

use anyhow::Result;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::filter::targets::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{Log, LogFormat};

/// Starts logging as configured. From here on panics are logged too.
pub(crate) fn start(log: &Log) -> Result<()> {
    let filter: Targets = log.filter.parse()?;
    // RabbitMQ's driver logs whole messages in its warnings, and the password in its traces.
    let without_secrets =
        filter_fn(|line| !line.target().starts_with("lapin") || *line.level() <= Level::ERROR);
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(without_secrets);
    let colours = io::stderr().is_terminal();
    registry
        .with(lines(log.format, colours, io::stderr))
        .try_init()?;
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Falls back to the default hook if the filter would drop the event.
        if tracing::enabled!(Level::ERROR) {
            log_panic(panic);
        } else {
            usual(panic);
        }
    }));
    Ok(())
}

/// Formats each event.
fn lines<S, W>(
    format: LogFormat,
    colours: bool,
    to: impl Fn() -> W + Send + Sync + 'static,
) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    let to = move || OneLine { to: to(), colours };
    let lines = fmt::layer().with_ansi(colours).with_writer(to);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Pretty => lines.boxed(),
    }
}

/// Escapes control characters, so that an event stays one line and sends no commands to a terminal: logged input may contain
/// line breaks and escape sequences on purpose.
struct OneLine<W> {
    to: W,
    /// Lets the colours of the formatter pass.
    colours: bool,
}

impl<W: Write> OneLine<W> {
    fn escape(&self, line: &str) -> String {
        let mut escaped = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(letter) = rest.chars().next() {
            let length = match colour(rest).filter(|_| self.colours) {
                Some(colour) => {
                    escaped.push_str(colour);
                    colour.len()
                }
                None if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => {
                    // In JSON's notation, so that JSON stays valid.
                    escaped.push_str(&format!("\\u{:04x}", u32::from(letter)));
                    letter.len_utf8()
                }
                None => {
                    escaped.push(letter);
                    letter.len_utf8()
                }
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        escaped
    }
}

/// The change of colour that a text begins with.
fn colour(text: &str) -> Option<&str> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    numbers.get(end..)?.strip_prefix('m')?;
    text.get(.."\u{1b}[".len() + end + "m".len())
}

impl<W: Write> Write for OneLine<W> {
    /// The formatter writes an event by one call, with a line break at its end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        // The fast path of nearly all events.
        if line.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            self.to.write_all(event)?;
        } else {
            let escaped = self.escape(&String::from_utf8_lossy(line)) + "\n";
            self.to.write_all(escaped.as_bytes())?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let message = panic.payload_as_str().unwrap_or_default();
    // Only if RUST_BACKTRACE is set, as in the default hook.
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(place, words = message, trace, "a panic");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The output of all events that `log` emits.
    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let captured = Captured::default();
        let to = captured.clone();
        let lines = lines(format, false, move || to.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const NASTY: &str = "a\r\n2025-04-18T15:00:00Z  INFO forged: \u{1b}[31mred\u{7}\u{9b}31m\u{85}\u{2028} \"quoted\" \0";

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        for format in [LogFormat::Pretty, LogFormat::Json] {
            let lines = logged(format, || {
                let error = io::Error::other(NASTY);
                let span = tracing::info_span!("a span", shown = %NASTY, text = NASTY);
                let _inside = span.enter();
                tracing::info!("{NASTY}");
                tracing::info!(text = NASTY, shown = %NASTY, debugged = ?NASTY, "logged");
                tracing::info!(error = &error as &dyn std::error::Error, %error, "failed");
            });
            assert_eq!(lines.lines().count(), 3, "{lines}");
            assert!(lines.ends_with('\n'), "{lines}");
            let raw =
                |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{2028}');
            assert!(!lines.contains(raw), "{lines:?}");
            for line in lines.lines() {
                if format == LogFormat::Json {
                    serde_json::from_str::<serde_json::Value>(line).unwrap();
                } else {
                    assert!(!line.starts_with("2025-04-18"), "{line}");
                }
            }
        }
    }

    #[test]
    fn a_terminal_gets_our_colours_and_no_other_commands() {
        let line = OneLine {
            to: io::sink(),
            colours: true,
        };
        let (bold, plain) = (
            "\u{1b}[1;31mERROR\u{1b}[0m ",
            "\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[\u{1b}",
        );
        let text = format!("{bold}{plain}");
        let shown = format!("{bold}{}", r"\u001b[2J\u001b]0;title\u0007\u001b[\u001b");
        assert_eq!(line.escape(&text), shown);
        let without = OneLine {
            colours: false,
            ..line
        };
        assert!(!without.escape(&text).contains('\u{1b}'));
    }

    #[test]
    fn a_panic_is_one_line_too() {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(log_panic));
        let line = logged(LogFormat::Json, || {
            let _ = panic::catch_unwind(|| panic!("{NASTY}"));
        });
        panic::set_hook(usual);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["words"], NASTY);
        assert!(line["place"].as_str().unwrap().contains("logging.rs"));
    }
}
