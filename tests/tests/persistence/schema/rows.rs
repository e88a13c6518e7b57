//! Statements that insert one row, and the rows that they refer to.

use crate::common::{Stall, fresh, literal, report};
use p2p_domain::{Offer, OfferId};
use p2p_tests::databases::TestDatabase;

/// The names of the constraint in each database, and a statement that breaks it.
pub(super) type Refused = (&'static str, String);

/// Ids as SQL.
pub(super) struct Rows<'a> {
    pub(super) test: &'a TestDatabase,
    pub(super) offer_id: String,
    pub(super) customer: String,
    /// The exchanger's.
    pub(super) account: String,
    /// Names no row.
    pub(super) missing: String,
}

impl<'a> Rows<'a> {
    pub(super) fn new(test: &'a TestDatabase, stall: &Stall, offer: &Offer) -> Self {
        Self {
            test,
            offer_id: literal(test, offer.id),
            customer: literal(test, stall.customer.id),
            account: literal(test, stall.exchanger_account.id),
            missing: literal(test, fresh::<OfferId>()),
        }
    }

    fn id(&self) -> String {
        literal(self.test, fresh::<OfferId>())
    }

    pub(super) fn dispute(&self, columns: &str, values: &str) -> String {
        let Self {
            offer_id, customer, ..
        } = self;
        let id = self.id();
        format!(
            "INSERT INTO disputes (id, offer_id, customer_id, exchanger_id, opened_by, reason, opened_at, version, {columns}) \
             VALUES ({id}, {offer_id}, {customer}, {customer}, 'CUSTOMER', '', 1, 1, {values})"
        )
    }

    pub(super) fn entry(&self, values: &str) -> String {
        let id = self.id();
        format!(
            "INSERT INTO journal_entries (transfer_id, posted_at, account_id, bucket, amount, kind, offer_id, staff_id) \
             VALUES ({id}, 1, {values})"
        )
    }

    pub(super) fn subject(&self, kind: &str, columns: &str) -> String {
        let Self { account, .. } = self;
        let id = self.id();
        format!(
            "INSERT INTO journal_entries (transfer_id, posted_at, account_id, bucket, amount, kind, offer_id, staff_id, subject_id) \
             VALUES ({id}, 1, {account}, 'HELD', 1, '{kind}', {columns})"
        )
    }

    /// An order with a payment, a reason, and when it was settled and refunded.
    pub(super) fn order(&self, user: &str, amount: i64, status: &str, values: &str) -> String {
        let id = self.id();
        format!(
            "INSERT INTO orders (id, user_id, merchant_id, asset, amount, description, created_at, version, status, \
               payment_id, reason, settled_at, refunded_at) \
             VALUES ({id}, {user}, NULL, 'RUB', {amount}, '', 1, 1, '{status}', {values})"
        )
    }

    /// A payment with an order, a caller, a key, an amount, a status, a reason to decline, and who refunded it when.
    pub(super) fn payment(&self, values: &str) -> String {
        let Self { account, .. } = self;
        let id = self.id();
        format!(
            "INSERT INTO payments (id, asset, description, processed_at, version, payer_account_id, payee_account_id, \
               order_id, caller_id, key, amount, status, decline, refunded_by, refunded_at) \
             VALUES ({id}, 'RUB', '', 1, 1, {account}, {account}, {values})"
        )
    }

    /// A withdrawal with an amount, a status, who decided it when, and a note.
    pub(super) fn withdrawal(&self, user: &str, values: &str) -> String {
        let id = self.id();
        format!(
            "INSERT INTO withdrawals (id, user_id, asset, destination, created_at, version, amount, status, \
               decided_by, decided_at, note) VALUES ({id}, {user}, 'RUB', '', 1, 1, {values})"
        )
    }

    pub(super) fn reply(&self, tag: i32) -> String {
        let Self { customer, .. } = self;
        let empty = if self.test.is_sqlite() { "x''" } else { "''" };
        format!(
            "INSERT INTO idempotency_keys (caller, operation, key, fingerprint, tag, body, created_at) \
             VALUES ({customer}, 'o', 'k', {customer}, {tag}, {empty}, 1)"
        )
    }

    pub(super) fn notification(&self, user: &str, values: &str) -> String {
        let id = self.id();
        format!(
            "INSERT INTO notifications (id, user_id, event, at, number, version, amount, asset, fiat_amount, fiat) \
             VALUES ({id}, {user}, 'x', 1, {values})"
        )
    }

    /// The offer once more under a new id, with another value in one column.
    pub(super) fn offer_with(&self, column: &str, value: &str) -> String {
        let id = self.id();
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
    }

    /// Rows that the schema accepts: others break a unique key because of them.
    pub(super) fn valid(&self) -> Vec<String> {
        let Self {
            offer_id,
            customer,
            missing,
            ..
        } = self;
        vec![
            format!(
                "INSERT INTO mailboxes (user_id, last, read_to, version) VALUES ({customer}, 2, 1, 1)"
            ),
            self.notification(customer, "1, 1, 1, 'USDT', NULL, NULL"),
            report(self.test, "'a', 1, 'EUR', NULL, 'UNKNOWN_DEAL'"),
            "INSERT INTO inbox (consumer, message, taken_at) VALUES ('c', 'm', 1)".to_owned(),
            self.subject("PAYMENT", &format!("NULL, NULL, {customer}")),
            self.subject("DEPOSIT", &format!("NULL, NULL, {customer}")),
            self.order(customer, 1, "NEW", "NULL, NULL, NULL, NULL"),
            self.order(customer, 1, "FINISHED", &format!("{customer}, NULL, 1, 1")),
            self.order(customer, 1, "CANCELLED", "NULL, 'x', 1, NULL"),
            self.payment(&format!(
                "{offer_id}, NULL, NULL, 1, 'AUTHORIZED', NULL, NULL, NULL"
            )),
            self.payment(&format!(
                "NULL, {customer}, 'k', 1, 'REFUNDED', NULL, {customer}, 1"
            )),
            self.payment(&format!(
                "NULL, {customer}, 'K', -1, 'DECLINED', 'x', NULL, NULL"
            )),
            self.withdrawal(customer, "1, 'REQUESTED', NULL, NULL, NULL"),
            self.withdrawal(customer, &format!("1, 'REJECTED', {missing}, 1, 'x'")),
            self.reply(201),
        ]
    }
}
