//! Large databases, filled by `tests/bench/fill`: what is said here of ids is said there too.

use std::path::{Path, PathBuf};

use anyhow::Result;
use p2p_application::Caller;
use p2p_application::ports::{Clock, Tokens};
use p2p_domain::{Role, TypedId, UserId};
use p2p_system::{JwtTokens, SystemClock};
use p2p_tests::databases::TestDatabase;
use p2p_tests::served::jwt_settings;

use crate::baseline::{output, psql};

/// Kinds of ids.
pub(crate) const LISTING: u128 = 0x1000;
pub(crate) const EXCHANGER: u128 = 0xe000;
pub(crate) const OFFER: u128 = 0x0ffe;

/// The n-th of a kind.
pub(crate) fn nth<T: TypedId>(kind: u128, n: usize) -> T {
    T::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + (kind << 80) + n as u128)
}

/// A database with so many listings, a hundredth as many exchangers, and nothing else.
pub(crate) async fn book(listings: usize) -> Result<TestDatabase> {
    let database = TestDatabase::postgres().await?;
    let listings = format!("listings={listings}");
    run(&database, &["helpers.sql", "listings.sql"], &[&listings]).await?;
    Ok(database)
}

/// Adds a past of so many deals to a database, of which the customer with the smallest id had so many (0: as many as the
/// others). With `vacuum`, it is as orderly as such a past would be.
pub(crate) async fn past(
    database: &TestDatabase,
    offers: usize,
    busy: usize,
    vacuum: bool,
) -> Result<()> {
    let (offers, busy) = (format!("offers={offers}"), format!("busy={busy}"));
    run(database, &["helpers.sql", "past.sql"], &[&offers, &busy]).await?;
    tokio::try_join!(
        run(database, &["offers.sql", "history.sql"], &[]),
        run(database, &["journal.sql"], &[]),
    )?;
    let vacuum = format!("vacuum={vacuum}");
    run(database, &["past_done.sql"], &[&vacuum]).await
}

/// How many deals of a past lie between two of the busy customer's; the first of them is the deal of this number.
pub(crate) const fn busy_every(offers: usize, busy: usize) -> usize {
    offers / busy
}

async fn run(database: &TestDatabase, scripts: &[&str], variables: &[&str]) -> Result<()> {
    let mut psql = psql(database);
    for variable in variables {
        psql.args(["-v", variable]);
    }
    for name in scripts {
        psql.arg("-f").arg(script(name));
    }
    output(&mut psql).await?;
    Ok(())
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("bench/fill")
        .join(name)
}

/// A token of somebody.
pub(crate) fn token(user: UserId, role: Role) -> Result<String> {
    let caller =
        Caller::new(user, [role].into()).proved(p2p_domain::Timestamp::from_micros(i64::MAX));
    let tokens = JwtTokens::new(&jwt_settings())?;
    Ok(tokens.issue(caller, SystemClock.now())?.token)
}
