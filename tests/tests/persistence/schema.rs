//! The schema itself: it refuses what must never be stored, and keeps what others rely on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_domain::{Asset, OfferId};
use p2p_tests::databases::TestDatabase;
use sea_orm::DatabaseConnection;

on_both! {
    the_system_has_its_accounts
    the_journal_and_the_histories_are_append_only
    what_others_refer_to_stays
    impossible_rows_are_refused
}

async fn the_system_has_its_accounts(test: TestDatabase) -> Result<()> {
    use p2p_application::ports::Store;
    use p2p_application::user::UserQueries;
    use p2p_application::wallet::WalletQueries;
    use p2p_domain::user::Email;
    use p2p_domain::{AccountKey, TypedId, UserId};

    let database = test.open().await?;
    let mut keys: Vec<AccountKey> = Asset::ALL
        .iter()
        .flat_map(|asset| {
            [
                AccountKey::external(*asset),
                AccountKey::fees(*asset),
                AccountKey::merchant(None, *asset),
            ]
        })
        .collect();
    keys.sort_unstable();
    let mut unit = database.begin().await?;
    let accounts = unit.lock_accounts(&keys).await?;
    let mut found: Vec<AccountKey> = accounts.iter().map(|account| account.key).collect();
    found.sort_unstable();
    assert_eq!(found, keys);

    // They are nobody: no user can be them, by id, by e-mail address or by account.
    for bits in [1, 2, 3] {
        let nobody = UserId::from_u128(bits);
        assert_eq!(database.find_user(nobody).await?, None);
        assert_eq!(unit.lock_users(&[nobody], &[]).await?, Vec::new());
        assert_eq!(unit.known_users(&[nobody]).await?, Vec::new());
        assert_eq!(database.accounts_of(nobody).await?, Vec::new());
        let key = AccountKey::user(nobody, Asset::Usdt);
        assert_eq!(unit.lock_accounts(&[key]).await?, Vec::new());
    }
    for name in ["system:external", "system:fees", "system:shop"] {
        let email = Email::new(name);
        assert_eq!(database.find_user_by_email(&email).await?, None);
        assert_eq!(unit.lock_users(&[], &[email]).await?, Vec::new());
    }
    unit.rollback().await?;
    test.drop_now().await
}

async fn the_journal_and_the_histories_are_append_only(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (_, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let raw = test.raw().await?;
    for (table, column) in [
        ("journal_entries", "amount"),
        ("offer_history", "at"),
        ("dispute_comments", "at"),
        ("payment_reports", "received_at"),
    ] {
        let before = count(&raw, &format!("SELECT count(*) FROM {table}")).await?;
        if table == "dispute_comments" && test.is_sqlite() {
            // Row triggers need a row.
            plant_comment(&test, &raw).await?;
        }
        if table == "payment_reports" {
            sql(&raw, &report(&test, "'a', 1, 'EUR', NULL, 'UNKNOWN_DEAL'")).await?;
        }
        let mut attempts = vec![
            format!("UPDATE {table} SET {column} = 1"),
            format!("DELETE FROM {table}"),
        ];
        if !test.is_sqlite() {
            attempts.push(format!("TRUNCATE {table} CASCADE"));
        }
        for attempt in attempts {
            let refusal = sql(&raw, &attempt).await.expect_err(&attempt).to_string();
            assert!(
                refusal.contains(&format!("{table} is append-only")),
                "{attempt}: {refusal}"
            );
        }
        let after = count(&raw, &format!("SELECT count(*) FROM {table}")).await?;
        assert!(after >= before);
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Rows that others refer to are neither deleted nor given another key.
async fn what_others_refer_to_stays(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (_, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let raw = test.raw().await?;
    let other = literal(&test, fresh::<OfferId>());
    for (table, key) in [
        ("users", "id"),
        ("accounts", "id"),
        ("exchangers", "user_id"),
        ("listings", "id"),
        ("offers", "id"),
    ] {
        let mut attempts = vec![
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET {key} = {other}"),
        ];
        if !test.is_sqlite() {
            attempts.push(format!("TRUNCATE {table} CASCADE"));
        }
        for attempt in attempts {
            let refusal = sql(&raw, &attempt).await.expect_err(&attempt).to_string();
            let said = ["keeps its rows", "FOREIGN KEY", "UNIQUE", "append-only"];
            assert!(
                said.iter().any(|words| refusal.contains(words)),
                "{attempt}: {refusal}"
            );
        }
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

async fn plant_comment(test: &TestDatabase, raw: &DatabaseConnection) -> Result<()> {
    let id = literal(test, fresh::<OfferId>());
    sql(raw, "PRAGMA foreign_keys = OFF").await?;
    sql(
        raw,
        &format!(
            "INSERT INTO dispute_comments (dispute_id, id, author_id, text, at) \
             VALUES ({id}, {id}, {id}, 'so it was', 1)"
        ),
    )
    .await?;
    Ok(())
}

/// Every CHECK, unique key and foreign key, broken one at a time by a change of a sound row.
async fn impossible_rows_are_refused(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let raw = test.raw().await?;
    let (offer_id, customer) = (literal(&test, offer.id), literal(&test, stall.customer.id));
    let nobody = literal(&test, fresh::<OfferId>());
    let account = literal(&test, stall.exchanger_account.id);

    let dispute = |columns: &str, values: &str| {
        let id = literal(&test, fresh::<OfferId>());
        format!(
            "INSERT INTO disputes (id, offer_id, customer_id, exchanger_id, opened_by, reason, opened_at, version, {columns}) \
             VALUES ({id}, {offer_id}, {customer}, {customer}, 'CUSTOMER', '', 1, 1, {values})"
        )
    };
    let entry = |values: &str| {
        let id = literal(&test, fresh::<OfferId>());
        format!(
            "INSERT INTO journal_entries (transfer_id, posted_at, account_id, bucket, amount, kind, offer_id, staff_id) \
             VALUES ({id}, 1, {values})"
        )
    };
    let subject = |kind: &str, columns: &str| {
        let id = literal(&test, fresh::<OfferId>());
        format!(
            "INSERT INTO journal_entries (transfer_id, posted_at, account_id, bucket, amount, kind, offer_id, staff_id, subject_id) \
             VALUES ({id}, 1, {account}, 'HELD', 1, '{kind}', {columns})"
        )
    };
    // An order with a payment, a reason, and when it was settled and refunded.
    let order = |user: &str, amount: i64, status: &str, values: &str| {
        let id = literal(&test, fresh::<OfferId>());
        format!(
            "INSERT INTO orders (id, user_id, merchant_id, asset, amount, description, created_at, version, status, \
               payment_id, reason, settled_at, refunded_at) \
             VALUES ({id}, {user}, NULL, 'RUB', {amount}, '', 1, 1, '{status}', {values})"
        )
    };
    // A payment with an order, a caller, a key, an amount, a status, a reason to decline, and who refunded it when.
    let payment = |values: &str| {
        let id = literal(&test, fresh::<OfferId>());
        format!(
            "INSERT INTO payments (id, asset, description, processed_at, version, payer_account_id, payee_account_id, \
               order_id, caller_id, key, amount, status, decline, refunded_by, refunded_at) \
             VALUES ({id}, 'RUB', '', 1, 1, {account}, {account}, {values})"
        )
    };
    // A withdrawal with an amount, a status, who decided it when, and a note.
    let withdrawal = |user: &str, values: &str| {
        let id = literal(&test, fresh::<OfferId>());
        format!(
            "INSERT INTO withdrawals (id, user_id, asset, destination, created_at, version, amount, status, \
               decided_by, decided_at, note) VALUES ({id}, {user}, 'RUB', '', 1, 1, {values})"
        )
    };
    let answered = |tag: i32| {
        let empty = if test.is_sqlite() { "x''" } else { "''" };
        format!(
            "INSERT INTO idempotency_keys (caller, operation, key, fingerprint, tag, body, created_at) \
             VALUES ({customer}, 'o', 'k', {customer}, {tag}, {empty}, 1)"
        )
    };
    let notification = |user: &str, values: &str| {
        let id = literal(&test, fresh::<OfferId>());
        format!(
            "INSERT INTO notifications (id, user_id, event, at, number, version, amount, asset, fiat_amount, fiat) \
             VALUES ({id}, {user}, 'x', 1, {values})"
        )
    };
    for sound in [
        format!(
            "INSERT INTO mailboxes (user_id, last, read_to, version) VALUES ({customer}, 2, 1, 1)"
        ),
        notification(&customer, "1, 1, 1, 'USDT', NULL, NULL"),
        report(&test, "'a', 1, 'EUR', NULL, 'UNKNOWN_DEAL'"),
        "INSERT INTO inbox (consumer, message, taken_at) VALUES ('c', 'm', 1)".to_owned(),
        subject("PAYMENT", &format!("NULL, NULL, {customer}")),
        subject("DEPOSIT", &format!("NULL, NULL, {customer}")),
        order(&customer, 1, "NEW", "NULL, NULL, NULL, NULL"),
        order(&customer, 1, "FINISHED", &format!("{customer}, NULL, 1, 1")),
        order(&customer, 1, "CANCELLED", "NULL, 'x', 1, NULL"),
        payment(&format!(
            "{offer_id}, NULL, NULL, 1, 'AUTHORIZED', NULL, NULL, NULL"
        )),
        payment(&format!(
            "NULL, {customer}, 'k', 1, 'REFUNDED', NULL, {customer}, 1"
        )),
        payment(&format!(
            "NULL, {customer}, 'K', -1, 'DECLINED', 'x', NULL, NULL"
        )),
        withdrawal(&customer, "1, 'REQUESTED', NULL, NULL, NULL"),
        withdrawal(&customer, &format!("1, 'REJECTED', {nobody}, 1, 'x'")),
        answered(201),
    ] {
        sql(&raw, &sound).await?;
    }
    // The offer once more under a new id, with another value in one column.
    let copy = |column: &str, value: &str| {
        let id = literal(&test, fresh::<OfferId>());
        let columns = [
            "listing_id",
            "customer_id",
            "exchanger_id",
            "exchange_type",
            "asset",
            "amount",
            "fiat",
            "fiat_amount",
            "price_e8",
            "fee_basis_points",
            "payment_window_seconds",
            "conditions",
            "created_at",
            "status",
            "deadline",
            "cancel_proposed",
            "version",
        ];
        let values = columns.map(|known| if known == column { value } else { known });
        format!(
            "INSERT INTO offers (id, {}) SELECT {id}, {} FROM offers",
            columns.join(", "),
            values.join(", ")
        )
    };
    let cases = [
        ("users_roles", "UPDATE users SET roles = 16".to_owned()),
        ("users_version", "UPDATE users SET version = 0".to_owned()),
        (
            "users_email|users.email",
            "UPDATE users SET email = 'same'".to_owned(),
        ),
        (
            "accounts_held_not_negative",
            "UPDATE accounts SET held = -1".to_owned(),
        ),
        (
            "accounts_available_not_negative",
            format!("UPDATE accounts SET available = -1 WHERE id = {account}"),
        ),
        (
            "accounts_owner_asset|accounts.asset",
            "UPDATE accounts SET asset = 'BTC'".to_owned(),
        ),
        (
            "accounts_owner|FOREIGN KEY",
            format!("UPDATE accounts SET owner_id = {nobody} WHERE id = {account}"),
        ),
        (
            "journal_entries_bucket",
            entry(&format!("{account}, 'POCKET', 1, 'HOLD', {offer_id}, NULL")),
        ),
        (
            "journal_entries_amount_not_zero",
            entry(&format!("{account}, 'HELD', 0, 'HOLD', {offer_id}, NULL")),
        ),
        (
            "journal_entries_kind",
            entry(&format!("{account}, 'HELD', 1, 'GIFT', {offer_id}, NULL")),
        ),
        (
            "journal_entries_one_reference",
            entry(&format!("{account}, 'HELD', 1, 'HOLD', NULL, NULL")),
        ),
        (
            "journal_entries_one_reference",
            entry(&format!(
                "{account}, 'HELD', 1, 'HOLD', {offer_id}, {customer}"
            )),
        ),
        (
            "journal_entries_account|FOREIGN KEY",
            entry(&format!("{nobody}, 'HELD', 1, 'HOLD', {offer_id}, NULL")),
        ),
        (
            "journal_entries_account|FOREIGN KEY",
            entry(&format!(
                "{account}, 'AVAILABLE', -1, 'HOLD', {offer_id}, NULL), \
                 ({offer_id}, 1, {account}, 'HELD', 1, 'HOLD', {offer_id}, NULL), \
                 ({offer_id}, 1, {nobody}, 'HELD', 1, 'HOLD', {offer_id}, NULL"
            )),
        ),
        (
            "exchangers_unanswered",
            "UPDATE exchangers SET unanswered = -1".to_owned(),
        ),
        (
            "listings_exchange_type",
            "UPDATE listings SET exchange_type = 'GIFT'".to_owned(),
        ),
        (
            "listings_price",
            "UPDATE listings SET price_e8 = 0".to_owned(),
        ),
        (
            "listings_amounts_add_up",
            "UPDATE listings SET frozen = frozen + 1".to_owned(),
        ),
        (
            "listings_amounts_not_negative",
            "UPDATE listings SET executed = -1, remaining = remaining + 1".to_owned(),
        ),
        (
            "listings_limits",
            "UPDATE listings SET min_fiat = max_fiat + 1".to_owned(),
        ),
        (
            "listings_payment_window",
            "UPDATE listings SET payment_window_seconds = 0".to_owned(),
        ),
        (
            "listings_state",
            "UPDATE listings SET state = 'SOLD'".to_owned(),
        ),
        ("offers_two_sides", copy("customer_id", "exchanger_id")),
        (
            "offers_exchange_type",
            "UPDATE offers SET exchange_type = 'GIFT'".to_owned(),
        ),
        (
            "offers_amounts_positive",
            "UPDATE offers SET amount = 0".to_owned(),
        ),
        (
            "offers_amounts_positive",
            "UPDATE offers SET fiat_amount = -1".to_owned(),
        ),
        (
            "offers_fee",
            "UPDATE offers SET fee_basis_points = -1".to_owned(),
        ),
        (
            "offers_status",
            "UPDATE offers SET status = 'RECEIPT_CONFIRMED', deadline = NULL".to_owned(),
        ),
        (
            "offers_deadline_while_waiting",
            "UPDATE offers SET deadline = NULL".to_owned(),
        ),
        (
            "offers_deadline_while_waiting",
            "UPDATE offers SET status = 'FINISHED', closed_at = 1".to_owned(),
        ),
        (
            "offers_disputed_at",
            "UPDATE offers SET status = 'DISPUTE_OPEN', deadline = NULL".to_owned(),
        ),
        (
            "offers_closed_at",
            "UPDATE offers SET closed_at = 1".to_owned(),
        ),
        (
            "offers_closed_at",
            "UPDATE offers SET status = 'CANCELLED', deadline = NULL".to_owned(),
        ),
        (
            "offers_cancel_proposed",
            format!(
                "UPDATE offers SET cancel_proposed = {}",
                if test.is_sqlite() { "1" } else { "true" }
            ),
        ),
        (
            "never changes what its rows refer to|FOREIGN KEY",
            format!("UPDATE offers SET listing_id = {nobody}"),
        ),
        ("offers_listing|FOREIGN KEY", copy("listing_id", &nobody)),
        ("offers_customer|FOREIGN KEY", copy("customer_id", &nobody)),
        (
            "offers_exchanger|FOREIGN KEY",
            copy("exchanger_id", &nobody),
        ),
        (
            "offer_history_offer|FOREIGN KEY",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({nobody}, 1, 'PENDING', 'SYSTEM', 1)"
            ),
        ),
        (
            "offer_history_user|FOREIGN KEY",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, user_id, at) VALUES ({offer_id}, 9, 'PENDING', 'CUSTOMER', {nobody}, 1)"
            ),
        ),
        (
            "offer_history_status",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({offer_id}, 9, 'LOST', 'SYSTEM', 1)"
            ),
        ),
        (
            "offer_history_actor",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({offer_id}, 9, 'PENDING', 'NOBODY', 1)"
            ),
        ),
        (
            "offer_history_key|offer_history.version",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({offer_id}, 1, 'PENDING', 'SYSTEM', 1)"
            ),
        ),
        ("disputes_opener_is_a_person", dispute("state", "'OPEN'")),
        (
            "disputes_state",
            dispute("opener_id, state", &format!("{customer}, 'LOST'")),
        ),
        (
            "disputes_resolution",
            dispute(
                "opener_id, state, resolution, resolved_by, resolution_comment, resolved_at",
                &format!("{customer}, 'RESOLVED', 'LOST', {customer}, '', 1"),
            ),
        ),
        (
            "disputes_resolved_as_a_whole",
            dispute(
                "opener_id, state, resolution",
                &format!("{customer}, 'OPEN', 'RESOLVED_FINISHED'"),
            ),
        ),
        (
            "disputes_resolved_as_a_whole",
            dispute("opener_id, state", &format!("{customer}, 'RESOLVED'")),
        ),
        (
            "disputes_payer_amount",
            dispute(
                "opener_id, state, resolution, resolved_by, resolution_comment, resolved_at",
                &format!("{customer}, 'RESOLVED', 'RESOLVED_SPLIT', {customer}, '', 1"),
            ),
        ),
        (
            "disputes_payer_amount",
            dispute(
                "opener_id, state, payer_amount, payer_asset",
                &format!("{customer}, 'OPEN', 1, 'USDT'"),
            ),
        ),
        (
            "outbox_aggregate_type",
            format!(
                "INSERT INTO outbox (id, name, aggregate_type, aggregate_id, version, body, created_at) VALUES ({nobody}, 'x', 'y', {nobody}, 1, '', 1)"
            ),
        ),
        (
            "users_language",
            format!("UPDATE users SET language = 'xx' WHERE id = {customer}"),
        ),
        (
            "inbox_pkey|inbox_key|inbox.message",
            "INSERT INTO inbox (consumer, message, taken_at) VALUES ('c', 'm', 2)".to_owned(),
        ),
        (
            "mailboxes_read_to",
            "UPDATE mailboxes SET read_to = 3".to_owned(),
        ),
        (
            "mailboxes_read_to",
            "UPDATE mailboxes SET read_to = -1".to_owned(),
        ),
        (
            "mailboxes_version",
            "UPDATE mailboxes SET version = 0".to_owned(),
        ),
        (
            "mailboxes_user|FOREIGN KEY",
            format!(
                "INSERT INTO mailboxes (user_id, last, read_to, version) VALUES ({nobody}, 0, 0, 1)"
            ),
        ),
        (
            "notifications_user|FOREIGN KEY",
            notification(&nobody, "1, 1, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_number|notifications.number",
            notification(&customer, "1, 1, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_number_positive",
            notification(&customer, "0, 1, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_version",
            notification(&customer, "2, 0, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_amounts",
            notification(&customer, "2, 1, 1, NULL, NULL, NULL"),
        ),
        (
            "notifications_amounts",
            notification(&customer, "2, 1, NULL, NULL, NULL, 'EUR'"),
        ),
        (
            "payment_reports_callback|payment_reports.callback",
            report(&test, "'a', 1, 'EUR', NULL, 'UNKNOWN_DEAL'"),
        ),
        (
            "payment_reports_paid",
            report(&test, "'b', 0, 'EUR', NULL, 'UNKNOWN_DEAL'"),
        ),
        (
            "payment_reports_outcome",
            report(&test, &format!("'b', 1, 'EUR', {offer_id}, 'LOST'")),
        ),
        (
            "payment_reports_deal",
            report(&test, "'b', 1, 'EUR', NULL, 'WRONG_AMOUNT'"),
        ),
        (
            "payment_reports_deal",
            report(&test, &format!("'b', 1, 'EUR', {offer_id}, 'UNKNOWN_DEAL'")),
        ),
        (
            "journal_entries_one_reference",
            subject("PAYMENT", "NULL, NULL, NULL"),
        ),
        (
            "journal_entries_one_reference",
            subject("PAYMENT", &format!("{offer_id}, NULL, NULL")),
        ),
        (
            "journal_entries_one_reference",
            subject("HOLD", &format!("NULL, NULL, {offer_id}")),
        ),
        (
            "journal_entries_one_reference",
            subject("DEPOSIT", &format!("NULL, {customer}, {customer}")),
        ),
        (
            "orders_amount_positive",
            order(&customer, 0, "NEW", "NULL, NULL, NULL, NULL"),
        ),
        (
            "orders_status",
            order(&customer, 1, "LOST", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            order(&customer, 1, "NEW", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            order(&customer, 1, "NEW", "NULL, NULL, NULL, 1"),
        ),
        (
            "orders_settled_as_a_whole",
            order(&customer, 1, "FINISHED", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            order(&customer, 1, "CANCELLED", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            order(&customer, 1, "CANCELLED", "NULL, 'x', NULL, NULL"),
        ),
        (
            "orders_two_sides",
            "UPDATE orders SET merchant_id = user_id".to_owned(),
        ),
        ("orders_version", "UPDATE orders SET version = 0".to_owned()),
        (
            "orders_user|FOREIGN KEY",
            order(&nobody, 1, "NEW", "NULL, NULL, NULL, NULL"),
        ),
        (
            "payments_of_order|payments.order_id",
            payment(&format!(
                "{offer_id}, NULL, NULL, 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_of_caller|payments.caller_id, payments.key",
            payment(&format!(
                "NULL, {customer}, 'k', 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_one_origin",
            payment("NULL, NULL, NULL, 1, 'DECLINED', 'x', NULL, NULL"),
        ),
        (
            "payments_one_origin",
            payment(&format!(
                "{nobody}, {customer}, 'x', 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_one_origin",
            payment(&format!(
                "NULL, {customer}, NULL, 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_status",
            payment(&format!(
                "{nobody}, NULL, NULL, 1, 'LOST', NULL, NULL, NULL"
            )),
        ),
        (
            "payments_processed_as_a_whole",
            payment(&format!(
                "{nobody}, NULL, NULL, 1, 'DECLINED', NULL, NULL, NULL"
            )),
        ),
        (
            "payments_processed_as_a_whole",
            payment(&format!(
                "{nobody}, NULL, NULL, 1, 'REFUNDED', NULL, NULL, 1"
            )),
        ),
        (
            "payments_processed_as_a_whole",
            payment(&format!(
                "{nobody}, NULL, NULL, 1, 'AUTHORIZED', NULL, {customer}, NULL"
            )),
        ),
        (
            "payments_moved",
            payment(&format!(
                "{nobody}, NULL, NULL, 0, 'AUTHORIZED', NULL, NULL, NULL"
            )),
        ),
        (
            "payments_version",
            "UPDATE payments SET version = 0".to_owned(),
        ),
        (
            "withdrawals_amount_positive",
            withdrawal(&customer, "0, 'REQUESTED', NULL, NULL, NULL"),
        ),
        (
            "withdrawals_status",
            withdrawal(&customer, &format!("1, 'LOST', {nobody}, 1, 'x'")),
        ),
        (
            "withdrawals_decided_as_a_whole",
            withdrawal(&customer, &format!("1, 'REQUESTED', {nobody}, NULL, NULL")),
        ),
        (
            "withdrawals_decided_as_a_whole",
            withdrawal(&customer, &format!("1, 'APPROVED', {nobody}, 1, NULL")),
        ),
        (
            "withdrawals_version",
            "UPDATE withdrawals SET version = 0".to_owned(),
        ),
        (
            "withdrawals_user|FOREIGN KEY",
            withdrawal(&nobody, "1, 'REQUESTED', NULL, NULL, NULL"),
        ),
        (
            "idempotency_keys_pkey|idempotency_keys_key|idempotency_keys.key",
            answered(200),
        ),
        (
            "idempotency_keys_tag",
            "UPDATE idempotency_keys SET tag = -1".to_owned(),
        ),
        (
            "payment_reports_offer|FOREIGN KEY",
            report(&test, &format!("'b', 1, 'EUR', {nobody}, 'APPLIED'")),
        ),
        (
            "dead_letters_aggregate_type",
            format!(
                "INSERT INTO dead_letters (message_id, queue, name, aggregate_type, aggregate_id, version, body, created_at, reason, died_at) \
                 VALUES ({nobody}, 'q', 'x', 'y', {nobody}, 1, '', 1, '', 1)"
            ),
        ),
        (
            "heartbeat_one_row",
            "INSERT INTO heartbeat (id) VALUES (2)".to_owned(),
        ),
    ];
    for (names, statement) in cases {
        let refusal = sql(&raw, &statement)
            .await
            .expect_err(&statement)
            .to_string();
        assert!(
            names.split('|').any(|name| refusal.contains(name)),
            "{statement}: {refusal}"
        );
    }
    if test.is_sqlite() {
        // Money is never a REAL, however it came about.
        for value in ["1.5", "9223372036854775807 + 1", "'much'"] {
            let statement = format!("UPDATE accounts SET available = {value} WHERE id = {account}");
            let refusal = sql(&raw, &statement)
                .await
                .expect_err(&statement)
                .to_string();
            assert!(refusal.contains("cannot store"), "{statement}: {refusal}");
        }
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}
