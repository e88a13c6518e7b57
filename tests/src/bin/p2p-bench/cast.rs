//! Who takes part: the same population in our database and in the baseline's, filled in through the market itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use p2p_application::exchanger::SwitchOnline;
use p2p_application::listing::PublishListing;
use p2p_application::mail::MailQueue;
use p2p_application::user::RegisterUser;
use p2p_application::wallet::Deposit;
use p2p_application::{Caller, Market, MarketPorts, PipelineSettings};
use p2p_domain::user::Email;
use p2p_domain::{AccountId, Asset, ExchangeType, ListingId, Role, Roles, UserId};
use p2p_persistence::Database;
use p2p_system::{Argon2Passwords, JwtTokens, PasswordCost, SystemClock, UuidIds};
use p2p_tests::served::jwt_settings;
use tokio::task::JoinSet;

pub(crate) const CUSTOMERS: usize = 10_000;
pub(crate) const EXCHANGERS: usize = 100;
pub(crate) const LISTINGS: usize = 1_000;

/// Enough for whoever deals alone, and so little that the world outside, which gave it all, does not overflow.
const MONEY: &str = "100000000";

#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) customers: Vec<Person>,
    /// The customers' accounts in USDT, in the same order.
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) exchangers: Vec<Person>,
    pub(crate) listings: Vec<Listing>,
}

#[derive(Debug)]
pub(crate) struct Person {
    caller: Caller,
    pub(crate) token: String,
}

#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) id: ListingId,
    /// Whose it is: a number among the exchangers.
    pub(crate) exchanger: usize,
}

impl Person {
    pub(crate) const fn id(&self) -> UserId {
        self.caller.user
    }
}

impl Cast {
    /// Registers everybody in a migrated, empty database, gives the customers money and publishes the listings.
    pub(crate) async fn fill(database: &Database) -> Result<Self> {
        let ports = MarketPorts {
            store: Arc::new(database.clone()),
            queries: Arc::new(database.clone()),
            maintenance: Arc::new(database.clone()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidIds),
            passwords: Arc::new(Argon2Passwords::new(PasswordCost::MINIMAL)?),
            tokens: Arc::new(JwtTokens::new(&jwt_settings())?),
            second_factors: Arc::new(p2p_memory::InsecureSecondFactors),
            mail: MailQueue::closed(),
        };
        let settings = PipelineSettings {
            queue: 65_536,
            batch: 256,
            ..PipelineSettings::default()
        };
        let (market, worker) = Market::open(ports, p2p_tests::harness::unlimited(), settings);
        let cast = cast(&market).await?;
        market.close();
        worker.await?;
        Ok(cast)
    }
}

async fn cast(market: &Market) -> Result<Cast> {
    let exchangers = people(market, "exchanger", EXCHANGERS, Role::Exchanger).await?;
    for exchanger in &exchangers {
        let caller = exchanger.caller;
        let switch = SwitchOnline {
            caller,
            exchanger: caller.user,
            online: true,
        };
        market.execute(switch).await?;
    }
    let mut listings = Vec::with_capacity(LISTINGS);
    for number in 0..LISTINGS {
        let exchanger = number % EXCHANGERS;
        let command = listing(market, exchangers[exchanger].caller, number)?;
        let id = market.execute(command).await?.id;
        listings.push(Listing { id, exchanger });
    }
    let customers = people(market, "customer", CUSTOMERS, Role::Customer).await?;
    let treasurer = people(market, "treasurer", 1, Role::Admin).await?;
    let treasurer = treasurer.first().context("nobody books deposits")?.caller;
    let mut deposits = JoinSet::new();
    for (number, customer) in customers.iter().enumerate() {
        let deposit = Deposit {
            caller: treasurer,
            user: customer.caller.user,
            asset: Asset::Usdt,
            amount: MONEY.parse()?,
        };
        let market = market.clone();
        deposits.spawn(async move { (number, market.execute(deposit).await) });
    }
    let mut accounts = BTreeMap::new();
    while let Some(deposited) = deposits.join_next().await {
        let (number, account) = deposited?;
        accounts.insert(number, account?.id);
    }
    Ok(Cast {
        customers,
        accounts: accounts.into_values().collect(),
        exchangers,
        listings,
    })
}

async fn people(market: &Market, kind: &str, count: usize, role: Role) -> Result<Vec<Person>> {
    let roles = Roles::from([role]);
    let mut registrations = JoinSet::new();
    for number in 0..count {
        let email = Email::new(&format!("{kind}-{number}@example.org"));
        let name = format!("{kind} {number}");
        let command = RegisterUser::new(market.ids(), email, name, roles, None);
        let market = market.clone();
        registrations.spawn(async move { market.execute(command).await });
    }
    let mut people = Vec::with_capacity(count);
    while let Some(registered) = registrations.join_next().await {
        let user = registered??.id;
        let caller = Caller::new(user, roles).proved(p2p_domain::Timestamp::from_micros(i64::MAX));
        let token = market.tokens().issue(caller, market.now())?.token;
        people.push(Person { caller, token });
    }
    Ok(people)
}

/// As `fill.sql` of the baseline has them: 1 USDT is between 0.90 and 0.99 USD, an offer between 1 and 100,000 USD.
fn listing(market: &Market, caller: Caller, number: usize) -> Result<PublishListing> {
    Ok(PublishListing {
        id: market.fresh(),
        caller,
        exchange_type: ExchangeType::CryptoToFiat,
        asset: Asset::Usdt,
        fiat: Asset::Usd,
        price: format!("0.{}", 90 + number % 10).parse()?,
        total: "1000000000000".parse()?,
        min: "1".parse()?,
        max: "100000".parse()?,
        payment_methods: vec!["CARD".to_owned(), "SEPA".to_owned()],
        payment_window: None,
        terms: "Paid within half an hour".to_owned(),
    })
}
