//! Children that do not outlive us.
//!
//! Every child leads a process group of its own. The terminal's Ctrl-C therefore reaches only us: it is passed on to
//! the step that runs, whose failure then unwinds us, and dropping the servers stops them. A second one kills.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a server may take to come up, and how long to end in good order.
const STARTUP: Duration = Duration::from_secs(90);
const GRACE_PERIOD: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Prints a step's header.
pub(crate) fn header(step: &str, what: &str) {
    eprintln!("==> {step}: {what}");
}

/// Prints how long a step took.
fn took(step: &str, begun: Instant) {
    let tenths = begun.elapsed().as_millis() / 100;
    eprintln!("    {step}: {}.{} s", tenths / 10, tenths % 10);
}

/// Runs a step, and says which one if it fails.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    let begun = Instant::now();
    let status = status(name, command)?;
    took(name, begun);
    ensure!(status.success(), "the step `{name}` failed: {status}");
    Ok(())
}

/// Runs a step that may not take longer than this.
pub(crate) fn step_within(name: &str, command: &mut Command, limit: Duration) -> Result<()> {
    header(name, &describe(command));
    let begun = Instant::now();
    let finished = finish(command, Some(limit)).with_context(|| format!("the step `{name}`"))?;
    took(name, begun);
    let (status, _) = finished;
    ensure!(status.success(), "the step `{name}` failed: {status}");
    Ok(())
}

/// Runs a step whose failure has already been explained by its output.
pub(crate) fn status(name: &str, command: &mut Command) -> Result<ExitStatus> {
    header(name, &describe(command));
    quietly(command)
}

/// Runs a step for what it prints.
pub(crate) fn output(name: &str, command: &mut Command) -> Result<Vec<u8>> {
    header(name, &describe(command));
    let begun = Instant::now();
    let (status, output) = finish(command.stdout(Stdio::piped()), None)?;
    took(name, begun);
    ensure!(status.success(), "the step `{name}` failed: {status}");
    Ok(output)
}

/// Runs a part of a step, without a header.
pub(crate) fn quietly(command: &mut Command) -> Result<ExitStatus> {
    finish(command, None).map(|(status, _)| status)
}

/// Whether the command is there and succeeds; says nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = quiet.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn finish(command: &mut Command, limit: Option<Duration>) -> Result<(ExitStatus, Vec<u8>)> {
    let mut group = {
        let mut foreground = foreground();
        foreground.check()?;
        let group = Group::spawn(command.stdin(Stdio::null()), Signal::TERM)
            .with_context(|| format!("cannot run {}", describe(command)))?;
        foreground.leader = Some(group.leader);
        group
    };
    let mut output = Vec::new();
    if let Some(mut stdout) = group.child.stdout.take() {
        stdout.read_to_end(&mut output)?;
    }
    let finished = group.wait(limit);
    foreground().leader = None; // before it is reaped: until then its id can't be reused
    if !finished {
        drop(group);
        foreground().check()?;
        let limit = limit.unwrap_or_default();
        bail!("it was ended, as it took longer than {limit:?}");
    }
    let status = group.reap()?;
    foreground().check()?;
    Ok((status, output))
}

fn describe(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default();
    command
        .get_args()
        .fold(program.to_owned(), |line, argument| {
            format!("{line} {}", argument.to_string_lossy())
        })
}

/// A child with its descendants. Dropping it asks the child to end, and kills who is left of its process group.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    leader: Pid,
    stop_signal: Signal,
    reaped: bool,
}

impl Group {
    /// `stop_signal` is the signal at which the program ends in good order.
    pub(crate) fn spawn(command: &mut Command, stop_signal: Signal) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        Ok(Self {
            leader: Pid::from_child(&child),
            child,
            stop_signal,
            reaped: false,
        })
    }

    pub(crate) fn has_exited(&self) -> bool {
        !matches!(self.wait_status(WaitIdOptions::NOHANG), Ok(None))
    }

    /// Whether it has ended, within the limit.
    fn wait(&self, limit: Option<Duration>) -> bool {
        let Some(limit) = limit else {
            while self.wait_status(WaitIdOptions::empty()) == Err(Errno::INTR) {}
            return true;
        };
        let deadline = Instant::now() + limit;
        while !self.has_exited() {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }

    /// Looks at the child without reaping it, so that its id stays ours.
    fn wait_status(&self, how: WaitIdOptions) -> rustix::io::Result<Option<()>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | how;
        waitid(WaitId::Pid(self.leader), options).map(|status| status.map(drop))
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        self.reaped = true;
        // The group may be empty, which is no failure.
        let _ = kill_process_group(self.leader, Signal::KILL);
        self.child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        if !self.has_exited() {
            let _ = kill_process(self.leader, self.stop_signal);
        }
        let deadline = Instant::now() + GRACE_PERIOD;
        while !self.has_exited() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        let _ = self.reap();
    }
}

/// Waits for a condition, as long as `group` lives and no interrupt arrives.
pub(crate) fn wait_until(group: &Group, condition: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + STARTUP;
    while !condition() {
        foreground().check()?;
        ensure!(!group.has_exited(), "it ended at once");
        ensure!(Instant::now() < deadline, "not ready after {STARTUP:?}");
        thread::sleep(POLL);
    }
    Ok(())
}

/// What a signal reaches beside us.
struct Foreground {
    leader: Option<Pid>,
    interrupted: bool,
}

static FOREGROUND: Mutex<Foreground> = Mutex::new(Foreground {
    leader: None,
    interrupted: false,
});

fn foreground() -> MutexGuard<'static, Foreground> {
    FOREGROUND.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Foreground {
    fn check(&self) -> Result<()> {
        ensure!(!self.interrupted, "interrupted");
        Ok(())
    }

    fn interrupt(&mut self, signal: Signal) {
        let signal = if self.interrupted {
            Signal::KILL
        } else {
            signal
        };
        self.interrupted = true;
        if let Some(leader) = self.leader {
            let _ = kill_process_group(leader, signal);
        }
    }
}

pub(crate) fn interrupted() -> bool {
    foreground().interrupted
}

/// From now on, signals end the step that runs instead of us.
pub(crate) fn catch_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot catch signals")?;
    thread::spawn(move || {
        for number in signals.forever() {
            let signal = Signal::from_named_raw(number).unwrap_or(Signal::TERM);
            foreground().interrupt(signal);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    #[test]
    fn a_dropped_group_leaves_no_process() {
        // The leader dies of the signal, its child does not.
        let mut command = shell("(trap '' TERM; echo up; exec sleep 60) & wait");
        let mut group = Group::spawn(command.stdout(Stdio::piped()), Signal::TERM).unwrap();
        let mut stdout = group.child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 3]).unwrap();
        let start = Instant::now();

        drop(group);

        // The pipe ends when no process is left to write.
        assert_eq!(stdout.read_to_end(&mut Vec::new()).unwrap(), 0);
        assert!(start.elapsed() < GRACE_PERIOD);
    }

    #[test]
    fn a_failing_step_is_named() {
        let error = step("lint", &mut shell("exit 3")).unwrap_err();
        assert_eq!(error.to_string(), "the step `lint` failed: exit status: 3");
    }

    #[test]
    fn a_step_that_takes_too_long_is_ended() {
        let start = Instant::now();
        let limit = Duration::from_millis(200);
        let error = step_within("wait", &mut shell("sleep 60"), limit).unwrap_err();
        assert!(format!("{error:#}").contains("longer"), "{error:#}");
        assert!(start.elapsed() < GRACE_PERIOD);

        let long = Duration::from_secs(60);
        step_within("do", &mut shell("exit 0"), long).unwrap();
        let error = step_within("do", &mut shell("exit 3"), long).unwrap_err();
        assert_eq!(error.to_string(), "the step `do` failed: exit status: 3");
    }

    #[test]
    fn a_step_is_read_to_its_end() {
        let printed = output("print", &mut shell("echo one; echo two")).unwrap();
        assert_eq!(printed, b"one\ntwo\n");
    }

    #[test]
    fn waiting_ends_with_the_awaited() {
        let group = Group::spawn(&mut shell("exit 0"), Signal::TERM).unwrap();
        let error = wait_until(&group, || false).unwrap_err();
        assert_eq!(error.to_string(), "it ended at once");
    }
}
