//! `demo`: a market on this machine only, with people, listings and money to try it out.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use application::exchanger::SwitchOnline;
use application::listing::PublishListing;
use application::user::RegisterUser;
use application::wallet::Deposit;
use application::{Caller, Market};
use clap::Args;
use domain::user::Email;
use domain::{Asset, Decimal, ExchangeType, Role, Roles, User};

use crate::config::Config;
use crate::secret;
use crate::serve::Server;

const DATABASE: &str = "data/demo.db";

/// Everybody's password. The demo listens on the loopback interface only.
const PASSWORD: &str = "demo-password";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Begins anew: forgets what happened in earlier demos.
    #[arg(long, conflicts_with = "database")]
    fresh: bool,
    /// Fills this database instead of the demo's own file. Never one that serves real people: it gets an administrator
    /// whose password everybody knows.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Somebody to try the market out as.
struct Person {
    name: &'static str,
    roles: &'static [Role],
    money: &'static [(Asset, &'static str)],
    listings: &'static [Offered],
}

struct Offered {
    exchange_type: ExchangeType,
    asset: Asset,
    fiat: Asset,
    price: &'static str,
    total: &'static str,
    limits: (&'static str, &'static str),
    methods: &'static [&'static str],
    terms: &'static str,
}

const ADMIN: &str = "Adam";

const PEOPLE: &[Person] = &[
    Person {
        name: ADMIN,
        roles: &[Role::Admin],
        money: &[],
        listings: &[],
    },
    Person {
        name: "Mona",
        roles: &[Role::Moderator],
        money: &[],
        listings: &[],
    },
    Person {
        name: "Alice",
        roles: &[Role::Customer],
        money: &[
            (Asset::Usdt, "1000"),
            (Asset::Btc, "0.5"),
            (Asset::Rub, "100000"),
        ],
        listings: &[],
    },
    Person {
        name: "Bob",
        roles: &[Role::Customer],
        money: &[(Asset::Usdt, "250"), (Asset::Rub, "15000")],
        listings: &[],
    },
    Person {
        name: "Dora",
        roles: &[Role::Customer, Role::Exchanger],
        money: &[(Asset::Usdt, "50000"), (Asset::Btc, "2")],
        listings: &[
            Offered {
                exchange_type: ExchangeType::CryptoToFiat,
                asset: Asset::Usdt,
                fiat: Asset::Eur,
                price: "0.93",
                total: "20000",
                limits: ("10", "5000"),
                methods: &["SEPA", "REVOLUT"],
                terms: "I pay by SEPA instant within ten minutes.",
            },
            Offered {
                exchange_type: ExchangeType::FiatToCrypto,
                asset: Asset::Usdt,
                fiat: Asset::Eur,
                price: "0.95",
                total: "20000",
                limits: ("10", "5000"),
                methods: &["SEPA"],
                terms: "Please pay from an account in your own name.",
            },
            Offered {
                exchange_type: ExchangeType::FiatToCrypto,
                asset: Asset::Btc,
                fiat: Asset::Usd,
                price: "97250.50",
                total: "1.5",
                limits: ("50", "20000"),
                methods: &["WISE"],
                terms: "",
            },
        ],
    },
    Person {
        name: "Emil",
        roles: &[Role::Customer, Role::Exchanger],
        money: &[(Asset::Usdt, "30000"), (Asset::Eth, "12")],
        listings: &[
            Offered {
                exchange_type: ExchangeType::CryptoToFiat,
                asset: Asset::Usdt,
                fiat: Asset::Rub,
                price: "92.40",
                total: "10000",
                limits: ("1000", "300000"),
                methods: &["CARD", "SBP"],
                terms: "",
            },
            Offered {
                exchange_type: ExchangeType::FiatToCrypto,
                asset: Asset::Usdt,
                fiat: Asset::Rub,
                price: "94.10",
                total: "10000",
                limits: ("1000", "300000"),
                methods: &["CARD", "SBP"],
                terms: "Без комментария к переводу, пожалуйста.",
            },
        ],
    },
];

/// Opens the demo market, fills it unless that was done before, and serves it.
pub(crate) async fn run(mut config: Config, options: Options) -> Result<ExitCode> {
    ensure!(
        config.grpc.bind.ip().is_loopback(),
        "grpc.bind: a demo, whose passwords everybody knows, listens on the loopback interface only"
    );
    ensure!(
        config.http.bind.ip().is_loopback(),
        "http.bind: a demo, whose passwords everybody knows, listens on the loopback interface only"
    );
    // The configured database is left alone: it may be a real one.
    config.database.url = options
        .database
        .unwrap_or_else(|| format!("sqlite://{DATABASE}"));
    config.database.migrate_on_start = true;
    // Money to play with: `POST /api/billing/deposit` fills one's own wallet.
    config.market.faucet = true;
    if options.fresh {
        forget(Path::new(DATABASE))?;
    }
    if config.auth.token_secret.is_empty() {
        config.auth.token_secret = [secret::fresh()?, secret::fresh()?].concat();
    }
    let server = Server::open(config).await?;
    let people = populate(&server.market).await?;
    introduce(&server, &people)?;
    server.serve().await
}

fn forget(database: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = database.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("the old demo's database can't be removed"),
        }
    }
    Ok(())
}

async fn populate(market: &Market) -> Result<Vec<(&'static Person, User)>> {
    let mut people = Vec::with_capacity(PEOPLE.len());
    for person in PEOPLE {
        let user = match market.queries().find_user_by_email(&email(person)).await? {
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
        email(person),
        person.name.to_owned(),
        roles,
        Some(hash),
    );
    let user = market.execute(command).await?;
    let caller = caller(&user);
    if let Some((_, admin)) = admin {
        for (asset, amount) in person.money {
            let deposit = Deposit {
                caller: self::caller(admin),
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

impl Offered {
    fn publication(&self, market: &Market, caller: Caller) -> Result<PublishListing> {
        Ok(PublishListing {
            id: market.fresh(),
            caller,
            exchange_type: self.exchange_type,
            asset: self.asset,
            fiat: self.fiat,
            price: decimal(self.price)?,
            total: decimal(self.total)?,
            min: decimal(self.limits.0)?,
            max: decimal(self.limits.1)?,
            payment_methods: self
                .methods
                .iter()
                .map(|method| (*method).to_owned())
                .collect(),
            payment_window: None,
            terms: self.terms.to_owned(),
        })
    }
}

fn introduce(server: &Server, people: &[(&Person, User)]) -> Result<()> {
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
    println!();
    println!("  Everybody's password is  {PASSWORD}");
    println!();
    for (person, user) in people {
        let roles: Vec<&str> = user.roles.iter().map(Role::name).collect();
        println!(
            "  {:<18} {:<20} {}",
            email(person).as_str(),
            roles.join(", "),
            user.id
        );
    }
    println!();
    println!(
        "  To order something and have it paid from the wallet, in another terminal with curl and jq:"
    );
    println!();
    for line in order(&address.to_string()) {
        println!("    {line}");
    }
    println!();
    println!("  Stop it with Ctrl-C. What happens here is kept; `--fresh` begins anew.");
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

fn email(person: &Person) -> Email {
    Email::new(&format!("{}@demo.example", person.name))
}

const fn caller(user: &User) -> Caller {
    Caller {
        user: user.id,
        roles: user.roles,
    }
}

fn decimal(text: &str) -> Result<Decimal> {
    text.parse().with_context(|| format!("demo data: {text:?}"))
}
