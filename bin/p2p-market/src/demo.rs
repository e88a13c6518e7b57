//! `demo`: a market on this machine only, with people, listings and money to try it out.

mod keep;
mod people;
mod second_factor;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use p2p_application::exchanger::SwitchOnline;
use p2p_application::user::{RegisterUser, VerifyEmail};
use p2p_application::wallet::Deposit;
use p2p_application::{Caller, Market};
use p2p_domain::session::Origin;
use p2p_domain::{Role, Roles, User};

use crate::config::{Config, MailKind};
use crate::serve::Server;
use people::{PEOPLE, Person, decimal};
use second_factor::Secrets;

/// The password of every demo user. The demo listens on the loopback interface only.
const PASSWORD: &str = "demo-password";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Begins anew: forgets what happened in earlier demos.
    #[arg(long, conflicts_with = "database")]
    fresh: bool,
    /// Fills this database instead of the demo's own file. Never one that serves real people: it gets an administrator
    /// whose password is public.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Staff need a second factor for whatever moves money or rights: theirs are enrolled and printed.
    #[arg(long)]
    second_factor: bool,
}

/// Opens the demo market, fills it unless that was done before, and serves it.
pub(crate) async fn run(mut config: Config, options: Options) -> Result<ExitCode> {
    ensure!(
        config.grpc.bind.ip().is_loopback(),
        "grpc.bind: a demo, whose passwords are public, listens on the loopback interface only"
    );
    ensure!(
        config.http.bind.ip().is_loopback(),
        "http.bind: a demo, whose passwords are public, listens on the loopback interface only"
    );
    ensure!(
        !config.is_production(),
        "mode: a demo, whose passwords are public, is not for production"
    );
    if options.fresh {
        keep::forget()?;
    }
    // The configured database is left alone: it may be a real one.
    config.database.url = options
        .database
        .unwrap_or_else(|| format!("sqlite://{}", keep::DATABASE));
    config.database.migrate_on_start = true;
    // Money to play with: `POST /api/billing/deposit` fills one's own wallet.
    config.market.faucet = true;
    config.auth.staff_second_factor = options.second_factor;
    if config.auth.token_secret.is_empty() {
        config.auth.token_secret = keep::secret()?;
    }
    if config.mail.kind == MailKind::Log {
        config.mail.kind = MailKind::Folder;
        if config.mail.folder == Config::default().mail.folder {
            keep::MAIL.clone_into(&mut config.mail.folder);
        }
    }
    let mail = (config.mail.kind == MailKind::Folder).then(|| config.mail.folder.clone());
    let server = Server::open(config).await?;
    let people = populate(&server.market).await?;
    let secrets = second_factor::settle(&server.market, &people, options.second_factor).await?;
    introduce(&server, &people, &secrets, mail.as_deref())?;
    server.serve().await
}

async fn populate(market: &Market) -> Result<Vec<(&'static Person, User)>> {
    let mut people = Vec::with_capacity(PEOPLE.len());
    for person in PEOPLE {
        let user = match market.queries().find_user_by_email(&person.email()).await? {
            Some(known) => known,
            None => settle_in(market, person, people.first()).await?,
        };
        people.push((person, user));
    }
    Ok(people)
}

/// Registers a person, and gives them the money and the listings that they are known for.
async fn settle_in(
    market: &Market,
    person: &Person,
    admin: Option<&(&Person, User)>,
) -> Result<User> {
    let hash = market.passwords().hash(PASSWORD.to_owned()).await?;
    let roles: Roles = person.roles.iter().copied().collect();
    let command = RegisterUser::new(
        market.ids(),
        person.email(),
        person.name.to_owned(),
        roles,
        Some(hash),
    );
    let user = market.execute(command).await?;
    market
        .execute(VerifyEmail {
            user: user.id,
            actor: None,
            origin: Origin::default(),
        })
        .await?;
    let caller = caller(&user);
    if let Some((_, admin)) = admin {
        for (asset, amount) in person.money {
            let deposit = Deposit {
                caller: self::caller(admin).proved(market.now()),
                user: user.id,
                asset: *asset,
                amount: decimal(amount)?,
            };
            market.execute(deposit).await?;
        }
    }
    if !person.listings.is_empty() {
        market
            .execute(SwitchOnline {
                caller,
                exchanger: user.id,
                online: true,
            })
            .await?;
    }
    for offered in person.listings {
        market.execute(offered.publication(market, caller)?).await?;
    }
    Ok(user)
}

fn introduce(
    server: &Server,
    people: &[(&Person, User)],
    secrets: &Secrets,
    mail: Option<&str>,
) -> Result<()> {
    let address = server.address()?;
    println!();
    println!("p2p-market demo");
    println!();
    println!("  REST         http://{address}/api");
    println!("  Swagger UI   http://{address}/swagger-ui/");
    println!("  OpenAPI      http://{address}/api-docs/openapi.json");
    if let Some(grpc) = server.grpc_address()? {
        println!("  gRPC         grpc://{grpc}  (with reflection and health)");
    }
    println!("  Health       http://{address}/healthz  http://{address}/readyz");
    if let Some(folder) = mail {
        println!("  Mail         {folder}/*.eml");
    }
    println!();
    println!("  The password of all of them is  {PASSWORD}");
    println!();
    for (person, user) in people {
        let roles: Vec<&str> = user.roles.iter().map(Role::name).collect();
        println!(
            "  {:<18} {:<20} {}",
            person.email().as_str(),
            roles.join(", "),
            user.id
        );
    }
    println!();
    if !secrets.is_empty() {
        println!("  Second factors of the staff, and what an authenticator shows:");
        println!();
        for (name, secret) in secrets {
            println!("  {name:<18} {secret}    p2p-market totp {secret}");
        }
        println!();
    }
    println!(
        "  To order something and have it paid from the wallet, in another terminal with curl and jq:"
    );
    println!();
    for line in order(&address.to_string()) {
        println!("    {line}");
    }
    println!();
    println!("  Stop it with Ctrl-C. Its data is kept; `--fresh` starts with new data.");
    println!();
    Ok(())
}

/// How a customer orders something.
fn order(address: &str) -> [String; 6] {
    let json = "-H 'content-type: application/json'";
    [
        format!("api=http://{address}/api"),
        format!(r#"who='{{"email": "alice@demo.example", "password": "{PASSWORD}"}}'"#),
        format!(r#"token=$(curl -s $api/auth/login {json} -d "$who" | jq -r .access_token)"#),
        format!(r#"curl -s $api/orders {json} -H "authorization: Bearer $token" \"#),
        r#"  -H "idempotency-key: kettle-$(date +%s)" -H 'prefer: wait=10' \"#.to_owned(),
        r#"  -d '{"amount": 500, "description": "A kettle"}' | jq"#.to_owned(),
    ]
}

fn caller(user: &User) -> Caller {
    Caller::new(user.id, user.roles)
}
