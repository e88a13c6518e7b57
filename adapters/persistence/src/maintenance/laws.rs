//! The laws of the ledger and the market as queries that find what breaks them, the same text for both databases.
//!
//! A sum of 64-bit amounts may need more than 64 bits. Each sum is therefore made of two, of the high and of the low 32
//! bits, carried over: exact, and within 64 bits for up to two thousand million rows.

use p2p_domain::{AccountId, ListingId, OfferId, TransferId, UserId};
use uuid::Uuid;

use crate::row;

mod payments;

/// One law.
pub(super) struct Law {
    /// In words.
    pub(super) name: &'static str,
    /// What the offending row's id names.
    pub(super) row: fn(Uuid) -> String,
    /// How the two numbers of a finding are introduced: what is stored, and what it should be.
    pub(super) found: &'static str,
    pub(super) expected: &'static str,
    /// Finds offenders: `id`, `label`, and the two numbers in their halves. Ordered, and at most [`MAX_FINDINGS`].
    pub(super) sql: String,
}

/// Offenders of one law in a report.
pub(super) const MAX_FINDINGS: usize = 100;

const HELD: &str =
    "each holder's held balance is the sum of that holder's open escrows and requested withdrawals";

/// As whoever goes along the trail calls it.
pub(super) const TRAIL: &str = "the audit trail is whole";

const MASK: &str = "4294967295";
const OPEN: &str = "status NOT IN ('FINISHED', 'DECLINED', 'CANCELLED')";

pub(super) const COUNTS: &str = "SELECT (SELECT count(*) FROM accounts) AS accounts, \
     (SELECT count(*) FROM journal_entries) AS entries, \
     (SELECT count(*) FROM offers WHERE status NOT IN ('FINISHED', 'DECLINED', 'CANCELLED')) AS open_deals";

/// A number in two halves, as SQL.
struct BalanceCheck {
    high: String,
    low: String,
}

impl BalanceCheck {
    /// A stored number.
    fn of(column: &str) -> Self {
        Self {
            high: format!("({column} >> 32)"),
            low: format!("({column} & {MASK})"),
        }
    }

    fn zero() -> Self {
        Self {
            high: "CAST(0 AS bigint)".to_owned(),
            low: "CAST(0 AS bigint)".to_owned(),
        }
    }

    /// The sum of a few stored numbers.
    fn plus(columns: &[&str]) -> Self {
        let part = |operation: &str| {
            let parts: Vec<String> = columns
                .iter()
                .map(|column| format!("({column} {operation})"))
                .collect();
            parts.join(" + ")
        };
        let (high, low) = (part(">> 32"), part(&format!("& {MASK}")));
        Self {
            high: format!("({high} + (({low}) >> 32))"),
            low: format!("(({low}) & {MASK})"),
        }
    }

    /// The sum of an expression over many rows.
    fn sum(expression: &str) -> Self {
        let sum = |operation: &str| {
            format!("CAST(COALESCE(sum(({expression}) {operation}), 0) AS bigint)")
        };
        let (high, low) = (sum(">> 32"), sum(&format!("& {MASK}")));
        Self {
            high: format!("({high} + ({low} >> 32))"),
            low: format!("({low} & {MASK})"),
        }
    }

    /// Two columns of a joined sum; nothing joined is zero.
    fn joined(name: &str) -> Self {
        Self {
            high: format!("COALESCE({name}_high, 0)"),
            low: format!("COALESCE({name}_low, 0)"),
        }
    }

    fn columns(&self, name: &str) -> String {
        format!("{} AS {name}_high, {} AS {name}_low", self.high, self.low)
    }

    fn differs(&self, other: &Self) -> String {
        format!(
            "({} <> {} OR {} <> {})",
            self.high, other.high, self.low, other.low
        )
    }
}

fn finding(id: &str, label: &str, found: &BalanceCheck, expected: &BalanceCheck) -> String {
    format!(
        "SELECT {id} AS id, {label} AS label, {}, {}",
        found.columns("found"),
        expected.columns("expected")
    )
}

fn ordered(sql: &str) -> String {
    format!("SELECT * FROM ({sql}) AS findings ORDER BY label, id LIMIT {MAX_FINDINGS}")
}

/// All laws.
pub(super) fn all() -> Vec<Law> {
    vec![
        entries_of_an_asset(),
        entries_of_a_transfer(),
        balances(),
        negative_balances(),
        escrows(),
        escrows_without_account(),
        listing_sums(),
        listing_frozen(),
        histories(),
        last_steps(),
        payments::payments(),
        payments::withdrawals(),
        payments::deposits(),
        payments::orders(),
        records_of_the_trail(),
    ]
}

fn entries_of_an_asset() -> Law {
    let (sum, zero) = (BalanceCheck::sum("e.amount"), BalanceCheck::zero());
    Law {
        name: "per asset, the sum of all entries is zero",
        row: |_| "the journal".to_owned(),
        found: "the entries sum to",
        expected: "they should sum to",
        sql: ordered(&format!(
            "{} FROM journal_entries AS e JOIN accounts AS a ON a.id = e.account_id \
             GROUP BY a.asset HAVING {}",
            finding("CAST(NULL AS uuid)", "a.asset", &sum, &zero),
            sum.differs(&zero)
        )),
    }
}

fn entries_of_a_transfer() -> Law {
    let (sum, zero) = (BalanceCheck::sum("e.amount"), BalanceCheck::zero());
    Law {
        name: "per asset, the sum of each transfer's entries is zero",
        row: |id| row::id::<TransferId>(id).to_string(),
        found: "the entries sum to",
        expected: "they should sum to",
        sql: ordered(&format!(
            "{} FROM journal_entries AS e JOIN accounts AS a ON a.id = e.account_id \
             GROUP BY e.transfer_id, a.asset HAVING {}",
            finding("e.transfer_id", "a.asset", &sum, &zero),
            sum.differs(&zero)
        )),
    }
}

fn balances() -> Law {
    let of_bucket = |bucket: &str| {
        BalanceCheck::sum(&format!(
            "CASE WHEN bucket = '{bucket}' THEN amount ELSE 0 END"
        ))
    };
    let branch = |column: &str| {
        let (stored, sum) = (
            BalanceCheck::of(&format!("a.{column}")),
            BalanceCheck::joined(&format!("s.{column}")),
        );
        format!(
            "{} FROM accounts AS a LEFT JOIN sums AS s ON s.account_id = a.id WHERE {}",
            finding("a.id", &format!("a.asset || ' {column}'"), &stored, &sum),
            stored.differs(&sum)
        )
    };
    Law {
        name: "each balance is the sum of its entries",
        row: |id| row::id::<AccountId>(id).to_string(),
        found: "the balance is",
        expected: "its entries sum to",
        sql: format!(
            "WITH sums AS (SELECT account_id, {}, {} FROM journal_entries GROUP BY account_id) {}",
            of_bucket("AVAILABLE").columns("available"),
            of_bucket("HELD").columns("held"),
            ordered(&format!(
                "{} UNION ALL {}",
                branch("available"),
                branch("held")
            ))
        ),
    }
}

fn negative_balances() -> Law {
    let branch = |column: &str, condition: &str| {
        format!(
            "{} FROM accounts AS a JOIN users AS u ON u.id = a.owner_id WHERE {condition}",
            finding(
                "a.id",
                &format!("a.asset || ' {column}'"),
                &BalanceCheck::of(&format!("a.{column}")),
                &BalanceCheck::zero()
            )
        )
    };
    Law {
        name: "no balance but the outside world's is negative",
        row: |id| row::id::<AccountId>(id).to_string(),
        found: "the balance is",
        expected: "it should be at least",
        sql: ordered(&format!(
            "{} UNION ALL {}",
            branch(
                "available",
                "a.available < 0 AND u.email <> 'system:external'"
            ),
            branch("held", "a.held < 0")
        )),
    }
}

/// What must be held, by its owner: the escrows of open deals, of the holder of their crypto, and the withdrawals that
/// nobody has decided.
fn escrows_by_holder() -> String {
    format!(
        "WITH escrows AS (SELECT owner_id, asset, {} FROM (\
           SELECT CASE exchange_type WHEN 'CRYPTO2FIAT' THEN customer_id ELSE exchanger_id END AS owner_id, \
             asset, amount FROM offers WHERE {OPEN} \
           UNION ALL SELECT user_id, asset, amount FROM withdrawals WHERE status = 'REQUESTED') AS parts \
         GROUP BY owner_id, asset)",
        BalanceCheck::sum("amount").columns("sum")
    )
}

fn escrows() -> Law {
    let (held, sum) = (BalanceCheck::of("a.held"), BalanceCheck::joined("e.sum"));
    Law {
        name: HELD,
        row: |id| row::id::<AccountId>(id).to_string(),
        found: "held is",
        expected: "the open deals and withdrawals hold",
        sql: format!(
            "{} {}",
            escrows_by_holder(),
            ordered(&format!(
                "{} FROM accounts AS a LEFT JOIN escrows AS e \
                 ON e.owner_id = a.owner_id AND e.asset = a.asset WHERE {}",
                finding("a.id", "a.asset", &held, &sum),
                held.differs(&sum)
            ))
        ),
    }
}

fn escrows_without_account() -> Law {
    Law {
        name: HELD,
        row: |id| row::id::<UserId>(id).to_string(),
        found: "there is no account, so held is",
        expected: "the open deals and withdrawals hold",
        sql: format!(
            "{} {}",
            escrows_by_holder(),
            ordered(&format!(
                "{} FROM escrows AS e LEFT JOIN accounts AS a \
                 ON a.owner_id = e.owner_id AND a.asset = e.asset WHERE a.id IS NULL",
                finding(
                    "e.owner_id",
                    "e.asset",
                    &BalanceCheck::zero(),
                    &BalanceCheck::joined("e.sum")
                )
            ))
        ),
    }
}

fn listing_sums() -> Law {
    let total = BalanceCheck::of("l.total");
    let sum = BalanceCheck::plus(&["l.remaining", "l.frozen", "l.executed"]);
    Law {
        name: "each listing's amounts are not negative and add up to its total",
        row: |id| row::id::<ListingId>(id).to_string(),
        found: "the total is",
        expected: "remaining, frozen and executed add up to",
        sql: ordered(&format!(
            "{} FROM listings AS l WHERE {} OR l.remaining < 0 OR l.frozen < 0 OR l.executed < 0",
            finding("l.id", "l.asset", &total, &sum),
            total.differs(&sum)
        )),
    }
}

fn listing_frozen() -> Law {
    let (frozen, sum) = (BalanceCheck::of("l.frozen"), BalanceCheck::joined("s.sum"));
    Law {
        name: "each listing's frozen amount is the sum of its open deals",
        row: |id| row::id::<ListingId>(id).to_string(),
        found: "frozen is",
        expected: "its open deals are about",
        sql: format!(
            "WITH sums AS (SELECT listing_id, {} FROM offers WHERE {OPEN} GROUP BY listing_id) {}",
            BalanceCheck::sum("amount").columns("sum"),
            ordered(&format!(
                "{} FROM listings AS l LEFT JOIN sums AS s ON s.listing_id = l.id WHERE {}",
                finding("l.id", "l.asset", &frozen, &sum),
                frozen.differs(&sum)
            ))
        ),
    }
}

fn histories() -> Law {
    let version = BalanceCheck::of("o.version");
    let count = BalanceCheck::of("COALESCE(h.steps, 0)");
    Law {
        name: "each deal's version is the length of its history",
        row: |id| row::id::<OfferId>(id).to_string(),
        found: "the version is",
        expected: "the steps in its history are",
        sql: format!(
            "WITH steps AS (SELECT offer_id, count(*) AS steps, max(version) AS latest \
             FROM offer_history GROUP BY offer_id) {}",
            ordered(&format!(
                "{} FROM offers AS o LEFT JOIN steps AS h ON h.offer_id = o.id \
                 WHERE COALESCE(h.steps, 0) <> o.version OR COALESCE(h.latest, 0) <> o.version",
                finding("o.id", "o.status", &version, &count)
            ))
        ),
    }
}

fn last_steps() -> Law {
    let version = BalanceCheck::of("o.version");
    Law {
        name: "each deal's status is that of the last step in its history",
        row: |id| row::id::<OfferId>(id).to_string(),
        found: "the version is",
        expected: "the step with another status is",
        sql: ordered(&format!(
            "{} FROM offers AS o JOIN offer_history AS h \
             ON h.offer_id = o.id AND h.version = o.version WHERE h.status <> o.status",
            finding(
                "o.id",
                "o.status || ', in the history ' || h.status",
                &version,
                &version
            )
        )),
    }
}

/// What lies behind the end of the trail, or before its beginning, is met by nobody who goes along it.
fn records_of_the_trail() -> Law {
    let records = BalanceCheck::of("t.records");
    let count = BalanceCheck::of("COALESCE(h.count, 0)");
    Law {
        name: TRAIL,
        row: |_| "audit_trail".to_owned(),
        found: "there are",
        expected: "its end counts",
        sql: ordered(&format!(
            "{} FROM (SELECT count(*) AS records FROM audit_trail) AS t LEFT JOIN audit_head AS h ON h.id = 1 WHERE {}",
            finding("CAST(NULL AS uuid)", "'records'", &records, &count),
            records.differs(&count)
        )),
    }
}
