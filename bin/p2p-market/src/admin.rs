//! `admin create`: the first administrator, who then makes the others.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use p2p_application::mail::MailQueue;
use p2p_application::user::{RegisterUser, VerifyEmail, require_strong_password};
use p2p_domain::session::Origin;
use p2p_domain::user::{Email, is_one_line};
use p2p_domain::{Role, Roles};

use crate::config::Config;
use crate::secret;
use crate::wiring::{self, Keys};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Creates an administrator.
    Create {
        #[arg(long)]
        email: String,
        #[arg(long, default_value = "Administrator")]
        name: String,
        /// Reads the password from standard input; otherwise one is made and printed.
        #[arg(long)]
        password_stdin: bool,
    },
}

pub(crate) async fn run(config: Config, options: Options) -> Result<ExitCode> {
    let Action::Create {
        email,
        name,
        password_stdin,
    } = options.action;
    ensure!(
        email.len() <= 254
            && email
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && host.contains('.')),
        "--email is not an e-mail address"
    );
    ensure!(
        (1..=100).contains(&name.chars().count()) && is_one_line(&name),
        "--name must have 1 to 100 characters, none of them a control character or a line break"
    );
    let (password, made_here) = if password_stdin {
        let mut password = String::new();
        std::io::stdin()
            .read_to_string(&mut password)
            .context("the password can't be read")?;
        (password.trim_end_matches(['\r', '\n']).to_owned(), false)
    } else {
        (secret::fresh()?, true)
    };
    ensure!(
        (12..=200).contains(&password.len()),
        "the password must have 12 to 200 bytes"
    );

    let database = wiring::database(&config).await?;
    database.migrate().await?;
    let keys = Keys::throwaway()?;
    let (market, worker) = wiring::market(&config, &database, &keys, MailQueue::closed())?;
    let address = Email::new(&email);
    require_strong_password(&market, &password, &address, &name).await?;
    let hash = market.passwords().hash(password.clone()).await?;
    let roles = Roles::from([Role::Admin]);
    let command = RegisterUser::new(market.ids(), address, name, roles, Some(hash));
    let user = market.execute(command).await?;
    // The operator vouches for the address.
    market
        .execute(VerifyEmail {
            user: user.id,
            actor: None,
            origin: Origin::default(),
        })
        .await?;
    drop(market);
    worker.await?;
    database.close().await?;
    println!("created {} ({email})", user.id);
    if made_here {
        println!("password: {password}");
    }
    if config.policy().access.staff_second_factor {
        println!(
            "Next: log in, and enrol a second factor by POST /api/auth/2fa/enroll and /confirm. Before that, nothing that \
             moves money or rights is open to administrators."
        );
    }
    Ok(ExitCode::SUCCESS)
}
