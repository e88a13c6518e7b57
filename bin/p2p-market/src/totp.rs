//! `totp`: prints the code that an authenticator would show, for scripts.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use p2p_application::ports::Clock;
use p2p_system::SystemClock;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The secret in base 32; without it, it is read from standard input. Other users of this machine can read
    /// the command line.
    secret: Option<String>,
}

pub(crate) fn run(options: Options) -> Result<ExitCode> {
    let secret = match options.secret {
        Some(secret) => secret,
        None => {
            let mut secret = String::new();
            std::io::stdin()
                .read_to_string(&mut secret)
                .context("the secret can't be read")?;
            secret
        }
    };
    let code = p2p_system::present_code(&secret, SystemClock.now());
    println!(
        "{}",
        code.context("not a secret of an authenticator: at least 128 bits in base 32")?
    );
    Ok(ExitCode::SUCCESS)
}
