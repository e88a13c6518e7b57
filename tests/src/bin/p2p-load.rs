//! Load: how many offers per second one server creates over HTTP with tokens, on PostgreSQL.
//!
//! Fills a fresh database, starts the release server on it, keeps `--connections` requests in flight (closed loop, one
//! keep-alive connection each) and measures every answer. Started by `cargo xtask load`, which builds the server in
//! release mode and provides PostgreSQL. Talks to 127.0.0.1 only and ends by itself.
#![expect(clippy::print_stdout, reason = "the figures are the program's answer")]
#![expect(clippy::float_arithmetic, reason = "rates are no money")]
#![expect(clippy::cast_precision_loss, reason = "rates are rounded anyway")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use application::exchanger::SwitchOnline;
use application::listing::PublishListing;
use application::ports::Maintenance;
use application::user::RegisterUser;
use application::wallet::Deposit;
use application::{Caller, Market, MarketPorts, PipelineSettings};
use clap::Parser;
use domain::user::Email;
use domain::{Asset, ExchangeType, ListingId, Policy, Role, Roles};
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use p2p_tests::databases::TestDatabase;
use p2p_tests::served::{TOKEN_SECRET, jwt_settings};
use persistence::Database;
use system::{Argon2Passwords, JwtTokens, PasswordCost, SystemClock, UuidIds};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Parser)]
struct Options {
    /// Requests in flight.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Not measured, first.
    #[arg(long, default_value_t = 3)]
    warm_up_seconds: u64,
    #[arg(long, default_value_t = 10_000)]
    customers: usize,
    #[arg(long, default_value_t = 1_000)]
    listings: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(
        options.seconds <= 600 && options.connections <= 4_096,
        "that is too much for one machine"
    );
    let database = TestDatabase::postgres().await?;
    let done = measure(&options, &database).await;
    database.drop_now().await?;
    done
}

async fn measure(options: &Options, database: &TestDatabase) -> Result<()> {
    let opened = database.open().await?;
    println!(
        "filling: {} customers, {} listings",
        options.customers, options.listings
    );
    let cast = fill(options, &opened).await?;
    let server = Server::start(database.url())?;
    let warm_up = Duration::from_secs(options.warm_up_seconds);
    drive(options, &cast, &server.address, warm_up).await?;
    let before = Batches::read(&server.address).await?;
    let began = Instant::now();
    let measured = drive(
        options,
        &cast,
        &server.address,
        Duration::from_secs(options.seconds),
    )
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    let batches = Batches::read(&server.address).await?;
    server.stop()?;

    let created = measured.latencies.len();
    let (commands, commits) = (
        batches.commands - before.commands,
        batches.batches - before.batches,
    );
    println!("offers created     {created} in {seconds:.1} s");
    println!("throughput         {:.0}/s", created as f64 / seconds);
    println!("other answers      {}", measured.others);
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let micros = measured.latencies.value_at_quantile(quantile);
        println!("latency {name:<10} {:.2} ms", micros as f64 / 1_000.0);
    }
    println!(
        "batch size, mean   {:.1}",
        commands as f64 / commits.max(1) as f64
    );
    println!("batch size, most   {}", batches.largest);
    println!("commits            {:.0}/s", commits as f64 / seconds);
    ensure!(measured.others == 0, "every offer should have been created");

    let report = opened.audit().await?;
    ensure!(report.violations.is_empty(), "{:#?}", report.violations);
    println!(
        "audit              every law holds over {} entries",
        report.entries
    );
    opened.close().await?;
    Ok(())
}

/// Whose tokens create offers on which listings.
struct Cast {
    tokens: Vec<String>,
    listings: Vec<ListingId>,
}

/// Fills the database through the market itself.
async fn fill(options: &Options, database: &Database) -> Result<Cast> {
    let ports = MarketPorts {
        store: Arc::new(database.clone()),
        queries: Arc::new(database.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidIds),
        passwords: Arc::new(Argon2Passwords::new(PasswordCost::MINIMAL)?),
        tokens: Arc::new(JwtTokens::new(&jwt_settings())?),
    };
    let settings = PipelineSettings {
        queue: 65_536,
        batch: 256,
    };
    let (market, worker) = Market::open(ports, Policy::default(), settings);
    let mut listings = Vec::with_capacity(options.listings);
    let exchangers = options.listings.div_ceil(10);
    for exchanger in people(&market, "exchanger", exchangers, Role::Exchanger).await? {
        let switch = SwitchOnline {
            caller: exchanger,
            exchanger: exchanger.user,
            online: true,
        };
        market.execute(switch).await?;
        for _ in 0..10.min(options.listings - listings.len()) {
            listings.push(market.execute(listing(&market, exchanger)?).await?.id);
        }
    }
    let customers = people(&market, "customer", options.customers, Role::Customer).await?;
    let treasurer = people(&market, "treasurer", 1, Role::Admin).await?;
    let treasurer = *treasurer.first().context("nobody books deposits")?;
    let mut deposits = JoinSet::new();
    let mut tokens = Vec::with_capacity(customers.len());
    for customer in customers {
        tokens.push(market.tokens().issue(customer, market.now())?.token);
        let caller = treasurer;
        let amount = "1000000".parse()?;
        let deposit = Deposit {
            caller,
            user: customer.user,
            asset: Asset::Usdt,
            amount,
        };
        let market = market.clone();
        deposits.spawn(async move { market.execute(deposit).await });
    }
    while let Some(deposited) = deposits.join_next().await {
        deposited??;
    }
    drop(market);
    worker.await?;
    Ok(Cast { tokens, listings })
}

async fn people(market: &Market, kind: &str, count: usize, role: Role) -> Result<Vec<Caller>> {
    let roles = Roles::from([role]);
    let mut registrations = JoinSet::new();
    for number in 0..count {
        let email = Email::new(&format!("{kind}{number}@load.example"));
        let name = format!("{kind} {number}");
        let command = RegisterUser::new(market.ids(), email, name, roles, None);
        let market = market.clone();
        registrations.spawn(async move { market.execute(command).await });
    }
    let mut people = Vec::with_capacity(count);
    while let Some(registered) = registrations.join_next().await {
        people.push(Caller {
            user: registered??.id,
            roles,
        });
    }
    Ok(people)
}

fn listing(market: &Market, caller: Caller) -> Result<PublishListing> {
    Ok(PublishListing {
        id: market.fresh(),
        caller,
        exchange_type: ExchangeType::CryptoToFiat,
        asset: Asset::Usdt,
        fiat: Asset::Eur,
        price: "0.92".parse()?,
        total: "1000000000".parse()?,
        min: "0.01".parse()?,
        max: "1000000".parse()?,
        payment_methods: vec!["SEPA".to_owned()],
        payment_window: None,
        terms: String::new(),
    })
}

/// The server under load; killed if the program ends early.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(database: &str) -> Result<Self> {
        let program = std::env::var("P2P_MARKET_BIN")
            .context("P2P_MARKET_BIN names the server's program: use `cargo xtask load`")?;
        let mut child = Command::new(program)
            .arg("serve")
            .env("DATABASE_URL", database)
            .env("P2P_AUTH__TOKEN_SECRET", TOKEN_SECRET)
            .env("P2P_HTTP__BIND", "127.0.0.1:0")
            .env("P2P_LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the server can't be started")?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut server = Self {
            child,
            address: String::new(),
        };
        for line in BufReader::new(output).lines() {
            if let Some((_, address)) = line?.split_once("http://") {
                server.address = address.trim().to_owned();
                return Ok(server);
            }
        }
        anyhow::bail!("the server ended before it was ready")
    }

    fn stop(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Measured {
    /// Of created offers, in microseconds.
    latencies: Histogram<u64>,
    others: u64,
}

async fn drive(options: &Options, cast: &Cast, address: &str, span: Duration) -> Result<Measured> {
    let until = Instant::now() + span;
    let bodies: Arc<Vec<Bytes>> = Arc::new(
        cast.listings
            .iter()
            .map(|listing| {
                Bytes::from(format!(
                    r#"{{"listing_id":"{listing}","amount":"0.5","exchange_type":"CRYPTO2FIAT","conditions":""}}"#
                ))
            })
            .collect(),
    );
    let tokens: Arc<Vec<String>> = Arc::new(
        cast.tokens
            .iter()
            .map(|token| format!("Bearer {token}"))
            .collect(),
    );
    let mut connections = JoinSet::new();
    for number in 0..options.connections {
        let (bodies, tokens) = (Arc::clone(&bodies), Arc::clone(&tokens));
        connections.spawn(connection(
            address.to_owned(),
            bodies,
            tokens,
            number,
            until,
        ));
    }
    let mut all = Measured {
        latencies: Histogram::new(3)?,
        others: 0,
    };
    while let Some(one) = connections.join_next().await {
        let one = one??;
        all.latencies.add(one.latencies)?;
        all.others += one.others;
    }
    Ok(all)
}

async fn connection(
    address: String,
    bodies: Arc<Vec<Bytes>>,
    tokens: Arc<Vec<String>>,
    number: usize,
    until: Instant,
) -> Result<Measured> {
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut requests, line) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let line = tokio::spawn(line);
    let mut measured = Measured {
        latencies: Histogram::new(3)?,
        others: 0,
    };
    // A multiplicative sequence: every connection walks through customers and listings in an order of its own.
    let mut state = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while Instant::now() < until {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let random = usize::try_from(state >> 33).unwrap_or(0);
        let body = bodies[random % bodies.len()].clone();
        let request = hyper::Request::post("/api/p2p/exchange-offers")
            .header("host", &address)
            .header("content-type", "application/json")
            .header(
                "authorization",
                &tokens[random / bodies.len() % tokens.len()],
            )
            .body(Full::new(body))?;
        let began = Instant::now();
        let mut response = requests.send_request(request).await?;
        while let Some(frame) = response.frame().await {
            frame?;
        }
        if response.status() == hyper::StatusCode::CREATED {
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            measured.latencies.record(micros)?;
        } else {
            measured.others += 1;
        }
    }
    drop(requests);
    line.await??;
    Ok(measured)
}

/// What the server says of its batches.
struct Batches {
    commands: u64,
    batches: u64,
    largest: u64,
}

impl Batches {
    async fn read(address: &str) -> Result<Self> {
        let text = reqwest::get(format!("http://{address}/metrics"))
            .await?
            .text()
            .await?;
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.strip_prefix(name))
                .find_map(|rest| rest.trim().parse::<u64>().ok())
                .with_context(|| format!("no {name} in the metrics"))
        };
        Ok(Self {
            commands: value("p2p_pipeline_commands_total")?,
            batches: value("p2p_pipeline_batch_size_count")?,
            largest: value("p2p_pipeline_largest_batch")?,
        })
    }
}
