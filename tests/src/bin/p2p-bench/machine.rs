//! Where and of what a run was.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// Processor and memory.
pub(crate) fn json() -> Value {
    let model = field("/proc/cpuinfo", "model name");
    let memory = field("/proc/meminfo", "MemTotal");
    let kib = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    json!({
        "cpu": model,
        "cores": std::thread::available_parallelism().ok().map(usize::from),
        "memory_mb": kib.map(|kib| kib * 1_024 / 1_000_000),
    })
}

/// What was measured; with a `+` if files differ from the commit.
pub(crate) fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .ok()?;
        let text = output.status.success().then_some(output.stdout)?;
        Some(String::from_utf8(text).ok()?.trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let clean = git(&["status", "--porcelain"])?.is_empty();
    Some(if clean { commit } else { commit + "+" })
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(field, _)| field.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}
