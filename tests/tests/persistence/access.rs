//! Log-ins and limits in a database: what the schema refuses, what can't be read, and what became of those who were there
//! before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_application::access::AccessQueries;
use p2p_application::audit_log::AuditLogQueries;
use p2p_application::ports::{ChangeSet, StorageError, Store};
use p2p_application::user::UserQueries;
use p2p_domain::session::Origin;
use p2p_domain::{
    Conduct, FailedAttempts, Role, SecondFactor, Session, SessionId, TypedId, UserId,
};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;

on_both! {
    who_was_there_before_has_the_password_of_then
    impossible_rows_are_refused
    a_row_that_cannot_be_is_corrupt
    what_cannot_be_counted_in_63_bits_is_refused
}

async fn who_was_there_before_has_the_password_of_then(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let with_access = changes_from("m0023_account_dates");
    database.migrate_down(with_access).await?;
    let raw = test.raw().await?;
    let id: UserId = fresh();
    let row = literal(&test, id);
    sql(
        &raw,
        &format!(
            "INSERT INTO users (id, email, name, roles, created_at, version) VALUES ({row}, 'a@b.c', 'a', 1, 77, 3)"
        ),
    )
    .await?;
    database.migrate().await?;
    let user = database.find_user(id).await?.unwrap();
    assert_eq!(user.password_changed_at.as_micros(), 77);
    assert_eq!(user.created_at.as_micros(), 77);
    assert_eq!(user.email_verified_at, None);
    assert_eq!(user.roles_changed_at, None);
    assert_eq!(user.version, 3);
    database.migrate_down(with_access).await?;
    database.migrate().await?;
    assert_eq!(database.find_user(id).await?, Some(user));
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// One row of each table.
struct Rows {
    user: UserId,
    session: SessionId,
}

async fn rows_of_each(database: &Database) -> Result<Rows> {
    let somebody = new_user("somebody", Role::Customer);
    let (user, session) = (somebody.id, fresh());
    let begun = Session {
        id: session,
        user,
        origin: Origin::default(),
        started_at: NOW,
        last_used_at: NOW,
        expires_at: NOW,
        generation: 1,
        proved_at: None,
        ended: None,
        version: 1,
    };
    let secret = p2p_domain::second_factor::SealedSecret::new("sealed".to_owned());
    let changes = ChangeSet {
        users: vec![new(somebody)],
        sessions: vec![new(begun)],
        failed_attempts: vec![new(FailedAttempts::none(7, NOW))],
        second_factors: vec![new(SecondFactor::begin(user, secret))],
        conducts: vec![new(Conduct::new(user, NOW))],
        ..ChangeSet::default()
    };
    database.commit(&changes).await?;
    Ok(Rows { user, session })
}

/// Every CHECK, key and reference, broken one at a time by a change of a sound row.
async fn impossible_rows_are_refused(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let rows = rows_of_each(&database).await?;
    let raw = test.raw().await?;
    let (user, nobody) = (literal(&test, rows.user), literal(&test, fresh::<UserId>()));
    let record = |number: i64, hash: &str| {
        format!(
            "INSERT INTO audit_trail (number, at, action, subject, detail, hash) \
             VALUES ({number}, 1, 'LOGGED_IN', '', '', '{hash}')"
        )
    };
    let hash = "0".repeat(64);
    sql(&raw, &record(1, &hash)).await?;
    let cases = [
        (
            "sessions_generation",
            "UPDATE sessions SET generation = 0".to_owned(),
        ),
        (
            "sessions_ended_as_a_whole",
            "UPDATE sessions SET ended_at = 1".to_owned(),
        ),
        (
            "sessions_ended_as_a_whole",
            "UPDATE sessions SET ended_why = 'REVOKED'".to_owned(),
        ),
        (
            "sessions_version",
            "UPDATE sessions SET version = 0".to_owned(),
        ),
        (
            "sessions_user|FOREIGN KEY",
            format!("UPDATE sessions SET user_id = {nobody}"),
        ),
        (
            "log_in_attempts_failed",
            "UPDATE log_in_attempts SET failed = -1".to_owned(),
        ),
        (
            "log_in_attempts_version",
            "UPDATE log_in_attempts SET version = 0".to_owned(),
        ),
        (
            "second_factors_last_step",
            "UPDATE second_factors SET last_step = -1".to_owned(),
        ),
        (
            "second_factors_version",
            "UPDATE second_factors SET version = 0".to_owned(),
        ),
        (
            "second_factors_user|FOREIGN KEY",
            format!("UPDATE second_factors SET user_id = {nobody}"),
        ),
        (
            "second_factors_pkey|second_factors.user_id",
            format!(
                "INSERT INTO second_factors (user_id, secret, last_step, recovery, version) VALUES ({user}, '', 0, '', 1)"
            ),
        ),
        (
            "conducts_cancels",
            "UPDATE conducts SET cancels = -1".to_owned(),
        ),
        (
            "conducts_version",
            "UPDATE conducts SET version = 0".to_owned(),
        ),
        (
            "conducts_user|FOREIGN KEY",
            format!("UPDATE conducts SET user_id = {nobody}"),
        ),
        ("audit_trail_number_positive", record(0, &hash)),
        ("audit_trail_hash", record(2, "00")),
        ("audit_trail_pkey|audit_trail.number", record(1, &hash)),
        (
            "audit_head_one_row",
            format!("INSERT INTO audit_head (id, count, hash) VALUES (2, 0, '{hash}')"),
        ),
        (
            "audit_head_pkey|audit_head.id",
            format!("INSERT INTO audit_head (id, count, hash) VALUES (1, 0, '{hash}')"),
        ),
        (
            "audit_head_count",
            "UPDATE audit_head SET count = -1".to_owned(),
        ),
        (
            "audit_head_hash",
            "UPDATE audit_head SET hash = ''".to_owned(),
        ),
    ];
    for (names, statement) in cases {
        let refusal = sql(&raw, &statement).await;
        let refusal = refusal.expect_err(&statement).to_string();
        let named = names.split('|').any(|name| refusal.contains(name));
        assert!(named, "{statement}: {refusal}");
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Each column that the domain reads, made impossible behind the schema's back.
async fn a_row_that_cannot_be_is_corrupt(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let rows = rows_of_each(&database).await?;
    let raw = test.raw().await?;
    let hash = "a".repeat(64);
    let record = format!(
        "INSERT INTO audit_trail (number, at, action, subject, detail, hash) \
         VALUES (1, 1, 'LOGGED_IN', '', '', '{hash}')"
    );
    sql(&raw, &record).await?;
    unguard(&test, &raw).await?;
    let cases = [
        ("sessions", "address = 'here'", "address = NULL"),
        ("sessions", "address = '127.0.0.01'", "address = NULL"),
        ("sessions", "generation = -1", "generation = 1"),
        ("sessions", "generation = 4294967296", "generation = 1"),
        ("sessions", "ended_at = 1", "ended_at = NULL"),
        ("sessions", "ended_why = 'REVOKED'", "ended_why = NULL"),
        (
            "sessions",
            "ended_at = 1, ended_why = 'LOST'",
            "ended_at = NULL, ended_why = NULL",
        ),
        ("sessions", "version = 0", "version = 1"),
        ("log_in_attempts", "failed = -1", "failed = 0"),
        ("log_in_attempts", "failed = 4294967296", "failed = 0"),
        ("log_in_attempts", "version = 0", "version = 1"),
        ("second_factors", "last_step = -1", "last_step = 0"),
        ("second_factors", "recovery = 'secret'", "recovery = ''"),
        ("second_factors", "version = 0", "version = 1"),
        ("conducts", "cancels = -1", "cancels = 0"),
        ("conducts", "cancels = 4294967296", "cancels = 0"),
        ("conducts", "version = 0", "version = 1"),
        ("audit_trail", "action = 'LOST'", "action = 'LOGGED_IN'"),
        ("audit_trail", "address = 'here'", "address = NULL"),
        ("audit_trail", "hash = 'short'", "hash = 'HASH'"),
        ("audit_head", "count = -1", "count = 0"),
        ("audit_head", "hash = 'short'", "hash = 'HASH'"),
    ];
    let users = [rows.user];
    for (table, change, back) in cases {
        let change = format!("UPDATE {table} SET {change}");
        sql(&raw, &change).await?;
        let mut unit = database.begin().await?;
        let read = match table {
            "sessions" => unit
                .load_by::<Session>(&[], &users)
                .await
                .err()
                .or(database.find_session(rows.session).await.err()),
            "log_in_attempts" => unit.load_by_key::<FailedAttempts>(&[7]).await.err(),
            "second_factors" => unit.load_by_key::<SecondFactor>(&users).await.err(),
            "conducts" => {
                let read = unit.load_by_key::<Conduct>(&users).await.err();
                assert!(read.is_some());
                unit.rollback().await?;
                unit = database.begin().await?;
                unit.offer_preconditions(&users, &[], 1).await.err()
            }
            "audit_head" => unit.lock_audit_head().await.err(),
            _ => database.audit_records_after(0, 10).await.err(),
        };
        unit.rollback().await?;
        let Some(StorageError::Corrupt {
            table: named,
            reason,
            ..
        }) = read
        else {
            panic!("{change} was read as {read:?}");
        };
        assert_eq!(named, table, "{change}");
        assert!(!reason.contains("secret"), "{reason}");
        let back = back.replace("HASH", &hash);
        sql(&raw, &format!("UPDATE {table} SET {back}")).await?;
    }
    let sound = database.find_session(rows.session).await?;
    assert!(sound.is_some());
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

async fn what_cannot_be_counted_in_63_bits_is_refused(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let rows = rows_of_each(&database).await?;
    let before = database.find_second_factor(rows.user).await?.unwrap();
    let far = SecondFactor {
        last_step: u64::MAX,
        version: 2,
        ..before.clone()
    };
    let changes = ChangeSet {
        second_factors: vec![changed(far, 1)],
        ..ChangeSet::default()
    };
    let outcome = database.commit(&changes).await;
    assert!(
        matches!(outcome, Err(StorageError::Rejected { .. })),
        "{outcome:?}"
    );
    assert!(database.find_second_factor(rows.user).await? == Some(before));
    database.close().await?;
    test.drop_now().await
}

/// A text that PostgreSQL can't store is refused, wherever it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_zero_byte_is_not_stored() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let rows = rows_of_each(&database).await?;
    let mut session = database.find_session(rows.session).await?.unwrap();
    session.id = SessionId::from_u128(5);
    session.origin.client = "a\0b".to_owned();
    let secret = p2p_domain::second_factor::SealedSecret::new("a\0b".to_owned());
    let mut factor = SecondFactor::begin(rows.user, secret);
    factor.version = 2;
    for changes in [
        ChangeSet {
            sessions: vec![new(session)],
            ..ChangeSet::default()
        },
        ChangeSet {
            second_factors: vec![changed(factor, 1)],
            ..ChangeSet::default()
        },
    ] {
        for outcome in [
            commit(&database, &changes).await,
            database.commit(&changes).await,
        ] {
            let refused = matches!(outcome, Err(StorageError::Rejected { .. }));
            assert!(refused, "{outcome:?}");
        }
    }
    database.close().await?;
    test.drop_now().await
}
