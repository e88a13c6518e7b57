//! Structured logs on standard error: whatever is told, one event is one line.

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

/// Starts logging as configured. From here on panics are told there too.
pub(crate) fn start(log: &Log) -> Result<()> {
    let filter: Targets = log.filter.parse()?;
    // RabbitMQ's driver shows whole messages in its warnings, and in its traces the password.
    let discreet =
        filter_fn(|line| !line.target().starts_with("lapin") || *line.level() <= Level::ERROR);
    let registry = tracing_subscriber::registry().with(filter).with(discreet);
    let colours = io::stderr().is_terminal();
    registry
        .with(lines(log.format, colours, io::stderr))
        .try_init()?;
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Where the filter lets nothing of this through, it is told as ever.
        if tracing::enabled!(Level::ERROR) {
            tell_panic(panic);
        } else {
            usual(panic);
        }
    }));
    Ok(())
}

/// Writes each event down in this format.
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

/// Keeps a line one line, and a terminal as it is: what others tell may have line breaks and worse, and somebody may have
/// put them there.
struct OneLine<W> {
    to: W,
    /// Our own colours may pass.
    colours: bool,
}

impl<W: Write> OneLine<W> {
    fn tidy(&self, line: &str) -> String {
        let mut tidy = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(letter) = rest.chars().next() {
            let length = match colour(rest).filter(|_| self.colours) {
                Some(colour) => {
                    tidy.push_str(colour);
                    colour.len()
                }
                None if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => {
                    // As JSON has it, so that JSON stays JSON.
                    tidy.push_str(&format!("\\u{:04x}", u32::from(letter)));
                    letter.len_utf8()
                }
                None => {
                    tidy.push(letter);
                    letter.len_utf8()
                }
            };
            rest = rest.get(length..).unwrap_or_default();
        }
        tidy
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
    /// An event comes at once, with a line break at its end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        // As nearly all are.
        if line.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            self.to.write_all(event)?;
        } else {
            let tidy = self.tidy(&String::from_utf8_lossy(line)) + "\n";
            self.to.write_all(tidy.as_bytes())?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let words = panic.payload_as_str().unwrap_or_default();
    // Only where it is asked for, as ever: by RUST_BACKTRACE.
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(place, words, trace, "a panic");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of all that is told meanwhile.
    fn told(format: LogFormat, tell: impl FnOnce()) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let lines = lines(format, false, move || to.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), tell);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const NASTY: &str = "a\r\n2025-04-18T15:00:00Z  INFO forged: \u{1b}[31mred\u{7}\u{9b}31m\u{85}\u{2028} \"quoted\" \0";

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        for format in [LogFormat::Pretty, LogFormat::Json] {
            let lines = told(format, || {
                let error = io::Error::other(NASTY);
                let span = tracing::info_span!("a span", shown = %NASTY, text = NASTY);
                let _inside = span.enter();
                tracing::info!("{NASTY}");
                tracing::info!(text = NASTY, shown = %NASTY, debugged = ?NASTY, "told");
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
        let told = format!("{bold}{plain}");
        let shown = format!("{bold}{}", r"\u001b[2J\u001b]0;title\u0007\u001b[\u001b");
        assert_eq!(line.tidy(&told), shown);
        let without = OneLine {
            colours: false,
            ..line
        };
        assert!(!without.tidy(&told).contains('\u{1b}'));
    }

    #[test]
    fn a_panic_is_one_line_too() {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(tell_panic));
        let line = told(LogFormat::Json, || {
            let _ = panic::catch_unwind(|| panic!("{NASTY}"));
        });
        panic::set_hook(usual);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["words"], NASTY);
        assert!(line["place"].as_str().unwrap().contains("logging.rs"));
    }
}
