//! The laws of payments, withdrawals and orders.

use p2p_domain::{OrderId, PaymentId, ReportId, WithdrawalId};

use super::{BalanceCheck, Law, finding, ordered};
use crate::row;

/// The id of the world outside.
const OUTSIDE: &str = "(SELECT u.id FROM users AS u WHERE u.email = 'system:external')";

/// Compares what the journal has booked with what should be there, entry by entry. `which`: those that are looked at;
/// `expected`: rows of `id, kind, account_id, asset, bucket, amount`.
fn moves(which: &str, expected: &[String]) -> String {
    let amount_of = |booked: u8| {
        BalanceCheck::sum(&format!(
            "CASE WHEN booked = {booked} THEN amount ELSE 0 END"
        ))
    };
    let (is, should_be) = (amount_of(1), amount_of(0));
    let expected: Vec<String> = expected
        .iter()
        .map(|rows| format!(" UNION ALL SELECT part.*, 0 FROM ({rows}) AS part"))
        .collect();
    let label = "kind || ' ' || asset || ' ' || bucket || ', entries ' || CAST(sum(booked) AS text) \
                 || ' of ' || CAST(count(*) - sum(booked) AS text)";
    format!(
        "WITH moves AS (SELECT e.subject_id AS id, e.kind, e.account_id, a.asset, e.bucket, e.amount, 1 AS booked \
           FROM journal_entries AS e JOIN accounts AS a ON a.id = e.account_id WHERE {which}{}) {}",
        expected.concat(),
        ordered(&format!(
            "{} FROM moves GROUP BY id, kind, account_id, asset, bucket \
             HAVING {} OR sum(booked) * 2 <> count(*)",
            finding("id", label, &is, &should_be),
            is.differs(&should_be)
        ))
    )
}

pub(super) fn payments() -> Law {
    let side = |kind: &str, side: &str, amount: &str, which: &str| {
        format!(
            "SELECT id, '{kind}' AS kind, {side}_account_id AS account_id, asset, 'AVAILABLE' AS bucket, \
             {amount} AS amount FROM payments WHERE {which}"
        )
    };
    let (made, returned) = ("status <> 'DECLINED'", "status = 'REFUNDED'");
    Law {
        name: "each payment has moved what its state says, once",
        row: |id| row::id::<PaymentId>(id).to_string(),
        found: "the entries sum to",
        expected: "they should sum to",
        sql: moves(
            "e.kind IN ('PAYMENT', 'REFUND')",
            &[
                side("PAYMENT", "payer", "-amount", made),
                side("PAYMENT", "payee", "amount", made),
                side("REFUND", "payee", "-amount", returned),
                side("REFUND", "payer", "amount", returned),
            ],
        ),
    }
}

pub(super) fn withdrawals() -> Law {
    let own = |kind: &str, bucket: &str, amount: &str, which: &str| {
        format!(
            "SELECT w.id, '{kind}' AS kind, a.id AS account_id, w.asset, '{bucket}' AS bucket, \
             {amount} AS amount FROM withdrawals AS w \
             LEFT JOIN accounts AS a ON a.owner_id = w.user_id AND a.asset = w.asset WHERE {which}"
        )
    };
    let outside = format!(
        "SELECT w.id, 'WITHDRAWAL' AS kind, a.id AS account_id, w.asset, 'AVAILABLE' AS bucket, \
         w.amount AS amount FROM withdrawals AS w \
         LEFT JOIN accounts AS a ON a.asset = w.asset AND a.owner_id = {OUTSIDE} \
         WHERE w.status = 'APPROVED'"
    );
    let (all, approved, rejected) = ("true", "w.status = 'APPROVED'", "w.status = 'REJECTED'");
    Law {
        name: "each withdrawal has moved what its state says, once",
        row: |id| row::id::<WithdrawalId>(id).to_string(),
        found: "the entries sum to",
        expected: "they should sum to",
        sql: moves(
            "e.kind IN ('WITHDRAWAL_HOLD', 'WITHDRAWAL_RELEASE', 'WITHDRAWAL')",
            &[
                own("WITHDRAWAL_HOLD", "AVAILABLE", "-w.amount", all),
                own("WITHDRAWAL_HOLD", "HELD", "w.amount", all),
                own("WITHDRAWAL", "HELD", "-w.amount", approved),
                outside,
                own("WITHDRAWAL_RELEASE", "HELD", "-w.amount", rejected),
                own("WITHDRAWAL_RELEASE", "AVAILABLE", "w.amount", rejected),
            ],
        ),
    }
}

/// Only the outside world's half: the other one is a wallet's, and both sum to zero by another law.
pub(super) fn deposits() -> Law {
    let applied = format!(
        "SELECT r.id, 'DEPOSIT' AS kind, a.id AS account_id, r.currency AS asset, 'AVAILABLE' AS bucket, \
         -r.paid AS amount FROM payment_reports AS r \
         LEFT JOIN accounts AS a ON a.asset = r.currency AND a.owner_id = {OUTSIDE} \
         WHERE r.outcome = 'APPLIED' AND r.offer_id IS NULL"
    );
    let booked =
        format!("e.kind = 'DEPOSIT' AND e.subject_id IS NOT NULL AND a.owner_id = {OUTSIDE}");
    Law {
        name: "each reported deposit has come in once",
        row: |id| row::id::<ReportId>(id).to_string(),
        found: "the entries sum to",
        expected: "they should sum to",
        sql: moves(&booked, &[applied]),
    }
}

pub(super) fn orders() -> Law {
    let (amount, paid) = (
        BalanceCheck::of("o.amount"),
        BalanceCheck::of("COALESCE(p.amount, 0)"),
    );
    Law {
        name: "each finished order was paid, and no cancelled one",
        row: |id| row::id::<OrderId>(id).to_string(),
        found: "the order costs",
        expected: "what was paid for it is",
        sql: ordered(&format!(
            "{} FROM orders AS o \
             LEFT JOIN payments AS p ON p.order_id = o.id AND p.status <> 'DECLINED' \
             WHERE (o.status = 'FINISHED' AND (p.id IS NULL OR p.id <> o.payment_id \
                 OR p.amount <> o.amount OR p.asset <> o.asset \
                 OR (o.refunded_at IS NOT NULL AND p.status <> 'REFUNDED'))) \
               OR (o.status = 'CANCELLED' AND p.id IS NOT NULL)",
            finding(
                "o.id",
                "o.status || ', its payment ' || COALESCE(p.status, 'missing')",
                &amount,
                &paid
            )
        )),
    }
}
