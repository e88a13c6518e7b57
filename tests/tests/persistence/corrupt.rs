//! Rows that can't be: whoever reads one is told which it is, and nothing is made of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_application::dispute::DisputeQueries;
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::listing::ListingQueries;
use p2p_application::offer::OfferQueries;
use p2p_application::ports::{StorageError, Store};
use p2p_application::user::UserQueries;
use p2p_application::wallet::{StatementFilter, WalletQueries};
use p2p_domain::{Dispute, DisputeId, ExchangeType, Exchanger, Listing, Offer, OfferId, User};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;

/// Each column that the domain reads, made impossible behind the schema's back.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_is_corrupt() -> Result<()> {
    for test in [
        TestDatabase::sqlite().await?,
        TestDatabase::postgres().await?,
    ] {
        let database = test.open().await?;
        let mut stall = Stall::with_type(&database, ExchangeType::CryptoToFiat).await;
        let (offer, dispute) = with_dispute(&database, &mut stall).await;
        let raw = test.raw().await?;
        unguard(&test, &raw).await?;
        let user = stall.customer.id;
        let cases = [
            ("offers", "asset = 'DOGE'"),
            ("offers", "status = 'LOST'"),
            ("offers", "status = 'RECEIPT_CONFIRMED'"),
            ("offers", "status = 'FINISHED'"),
            ("offers", "status = 'DISPUTE_OPEN'"),
            ("offers", "deadline = NULL"),
            ("offers", "closed_at = 1"),
            ("offers", "disputed_at = 1"),
            ("offers", "amount = 0"),
            ("offers", "price_e8 = -1"),
            ("offers", "fee_basis_points = -1"),
            ("offers", "payment_window_seconds = -1"),
            ("offers", "exchange_type = 'GIFT'"),
            ("offers", "version = 0"),
            ("offers", "customer_id = exchanger_id"),
            ("disputes", "state = 'LOST'"),
            ("disputes", "state = 'RESOLVED'"),
            ("disputes", "opened_by = 'NOBODY'"),
            ("disputes", "resolution = 'RESOLVED_FINISHED'"),
            ("disputes", "version = -1"),
            ("users", "roles = 16"),
            ("users", "roles = -1"),
            ("users", "email = 'Upper@example.com'"),
            ("users", "version = 0"),
            ("exchangers", "unanswered = -1"),
            ("exchangers", "unanswered = 4294967296"),
            ("listings", "state = 'SOLD'"),
            ("listings", "fiat = 'XXX'"),
            ("listings", "frozen = frozen + 1"),
            ("listings", "remaining = -1"),
            ("listings", "payment_methods = 'CARD'"),
            ("listings", "total = 0"),
            ("accounts", "held = -1"),
            ("accounts", "asset = 'XXX'"),
            ("offer_history", "status = 'LOST'"),
            ("offer_history", "actor = 'NOBODY'"),
            ("journal_entries", "kind = 'GIFT'"),
            ("journal_entries", "bucket = 'POCKET'"),
            (
                "journal_entries",
                "staff_id = account_id, offer_id = account_id",
            ),
        ];
        for (table, change) in cases {
            let key = match table {
                "offers" => format!("id = {}", literal(&test, offer.id)),
                "disputes" => format!("id = {}", literal(&test, dispute.id)),
                "users" => format!("id = {}", literal(&test, user)),
                "exchangers" => format!("user_id = {}", literal(&test, stall.exchanger.user)),
                "listings" => format!("id = {}", literal(&test, stall.listing.id)),
                "accounts" => format!("id = {}", literal(&test, stall.customer_account.id)),
                "offer_history" => format!("offer_id = {}", literal(&test, offer.id)),
                _ => format!(
                    "account_id = {} AND bucket = 'AVAILABLE' AND kind = 'DEPOSIT'",
                    literal(&test, stall.customer_account.id)
                ),
            };
            sql(
                &raw,
                &format!("CREATE TABLE kept AS SELECT * FROM {table} WHERE {key}"),
            )
            .await?;
            sql(&raw, &format!("UPDATE {table} SET {change} WHERE {key}")).await?;
            let error = read(&database, &stall, offer.id, dispute.id, table).await;
            let Err(StorageError::Corrupt {
                table: named,
                id,
                reason,
            }) = error
            else {
                panic!("{table} {change}: {error:?}");
            };
            assert_eq!(named, table, "{change}");
            assert!(!id.is_empty() && !reason.is_empty());
            sql(
                &raw,
                &format!(
                    "DELETE FROM {table} WHERE {} ",
                    changed_key(table, change, &key)
                ),
            )
            .await?;
            sql(&raw, &format!("INSERT INTO {table} SELECT * FROM kept")).await?;
            sql(&raw, "DROP TABLE kept").await?;
            read(&database, &stall, offer.id, dispute.id, table).await?;
        }
        raw.close().await?;
        database.close().await?;
        test.drop_now().await?;
    }
    Ok(())
}

/// The key of a row whose key column was changed.
fn changed_key(table: &str, change: &str, key: &str) -> String {
    if table == "journal_entries" && change.starts_with("bucket") {
        key.replace("'AVAILABLE'", "'POCKET'")
    } else if table == "journal_entries" && change.starts_with("kind") {
        key.replace("'DEPOSIT'", "'GIFT'")
    } else {
        key.to_owned()
    }
}

/// Reads the row of this table, as a query and as a unit of work.
async fn read(
    database: &Database,
    stall: &Stall,
    offer: OfferId,
    dispute: DisputeId,
    table: &str,
) -> Result<(), StorageError> {
    let user = stall.customer.id;
    let mut unit = database.begin().await?;
    let (locked, queried) = match table {
        "offers" => (
            unit.load_by_key::<Offer>(&[offer]).await.map(|_| ()),
            database.find_offer(offer).await.map(|_| ()),
        ),
        "disputes" => (
            unit.load_by::<Dispute>(&[], &[offer]).await.map(|_| ()),
            database.find_dispute(dispute).await.map(|_| ()),
        ),
        "users" => (
            unit.load_by_key::<User>(&[user]).await.map(|_| ()),
            database.find_user(user).await.map(|_| ()),
        ),
        "exchangers" => (
            unit.load_by_key::<Exchanger>(&[stall.exchanger.user])
                .await
                .map(|_| ()),
            database
                .find_exchanger(stall.exchanger.user)
                .await
                .map(|_| ()),
        ),
        "listings" => (
            unit.load_by_key::<Listing>(&[stall.listing.id])
                .await
                .map(|_| ()),
            database.find_listing(stall.listing.id).await.map(|_| ()),
        ),
        // By its owner: an account in no known asset can't be asked for by its key.
        "accounts" => {
            let queried = database.accounts_of(user).await.map(|_| ());
            (queried.as_ref().copied().map_err(copy), queried)
        }
        "offer_history" => {
            let queried = database.offer_history(offer).await.map(|_| ());
            (queried.as_ref().copied().map_err(copy), queried)
        }
        _ => {
            let filter = StatementFilter {
                user,
                asset: None,
                after: None,
                limit: 10,
            };
            let queried = database.statement(&filter).await.map(|_| ());
            (queried.as_ref().copied().map_err(copy), queried)
        }
    };
    unit.rollback().await?;
    assert_eq!(locked.is_ok(), queried.is_ok());
    queried
}

fn copy(error: &StorageError) -> StorageError {
    StorageError::Rejected {
        what: error.to_string(),
    }
}
