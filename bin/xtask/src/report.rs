//! How a check ends.

use anyhow::{Result, bail};

/// How many violations are printed.
const MAX_SHOWN: usize = 60;

/// Fails with the violations, if there are any.
pub(crate) fn conclude(step: &str, violations: &[String]) -> Result<()> {
    if violations.is_empty() {
        return Ok(());
    }
    let total = violations.len();
    let shown = violations.get(..MAX_SHOWN).unwrap_or(violations);
    let rest = total - shown.len();
    let more = if rest > 0 {
        format!("\n  … and {rest} more")
    } else {
        String::new()
    };
    let shown = shown.join("\n  ");
    bail!("the step `{step}` failed with {total} violations:\n  {shown}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_violations_are_counted_and_cut() {
        assert!(conclude("x", &[]).is_ok());
        let all: Vec<_> = (1..=62).map(|number| format!("<{number}>")).collect();
        let few = conclude("x", &all[..60]).unwrap_err().to_string();
        assert!(few.ends_with("<60>"), "{few}");
        let many = conclude("x", &all).unwrap_err().to_string();
        assert!(
            many.contains("62 violations") && many.ends_with("<60>\n  … and 2 more"),
            "{many}"
        );
    }
}
