//! The audit trail in a database: nobody alters it, and whoever takes the guards away and does is found out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_application::audit_chain::record_hash;
use p2p_application::audit_log::AuditLogQueries;
use p2p_application::ports::{AuditAppend, ChangeSet, Maintenance, Store};
use p2p_domain::audit_log::{AuditAction, AuditHead, AuditNote, AuditRecord};
use p2p_domain::{SessionId, TypedId, UserId};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;
use sea_orm::DatabaseConnection;

on_both! {
    records_are_neither_altered_nor_removed
    whoever_lays_hands_on_the_trail_is_found_out
    at_most_a_hundred_of_its_records_are_listed
    whoever_keeps_its_end_elsewhere_notices_what_is_cut_off
}

const WHOLE: &str = "the audit trail is whole";

/// How many records there are to lay hands on.
const RECORDS: u64 = 6;

fn record(after: AuditHead, turn: u64) -> AuditRecord {
    let note = AuditNote {
        actor: Some(UserId::from_u128(7)),
        session: Some(SessionId::from_u128(8)),
        address: Some("2001:db8::7".parse().unwrap()),
        action: AuditAction::RolesChanged,
        subject: format!("user_{turn}"),
        detail: "{\"from\":[],\"to\":[\"ADMIN\"]}".to_owned(),
    };
    let number = after.count + 1;
    let hash = record_hash(after.hash, number, NOW, &note);
    AuditRecord {
        number,
        at: NOW,
        note,
        hash,
    }
}

/// Appends so many records; they.
async fn fill(database: &Database, count: u64) -> Result<Vec<AuditRecord>> {
    let after = database.audit_head().await?;
    let mut records: Vec<AuditRecord> = Vec::new();
    for turn in 0..count {
        let end = records.last().map_or(after, |last| AuditHead {
            count: last.number,
            hash: last.hash,
        });
        records.push(record(end, turn));
    }
    let trail = Some(AuditAppend {
        after,
        records: records.clone(),
    });
    let changes = ChangeSet {
        trail,
        ..ChangeSet::default()
    };
    database.commit(&changes).await?;
    Ok(records)
}

/// By SQL of whoever has the database's password, as long as the guards are there.
async fn records_are_neither_altered_nor_removed(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let records = fill(&database, RECORDS).await?;
    let raw = test.raw().await?;
    let mut attempts = vec![
        "UPDATE audit_trail SET detail = '' WHERE number = 3".to_owned(),
        "UPDATE audit_trail SET number = 9 WHERE number = 6".to_owned(),
        "UPDATE audit_trail SET hash = hash".to_owned(),
        "DELETE FROM audit_trail WHERE number = 6".to_owned(),
        "DELETE FROM audit_trail".to_owned(),
        "INSERT INTO audit_trail (number, at, action, subject, detail, hash) \
         SELECT number, at, action, subject, '', hash FROM audit_trail WHERE number = 3 \
         ON CONFLICT (number) DO UPDATE SET detail = ''"
            .to_owned(),
    ];
    if test.is_sqlite() {
        // As the product's own connections have it.
        sql(&raw, "PRAGMA recursive_triggers = ON").await?;
        attempts.push(
            "INSERT OR REPLACE INTO audit_trail (number, at, action, subject, detail, hash) \
             SELECT number, at, action, subject, '', hash FROM audit_trail WHERE number = 3"
                .to_owned(),
        );
    } else {
        attempts.push("TRUNCATE audit_trail".to_owned());
        for guarded in [
            "DELETE FROM audit_head",
            "TRUNCATE audit_head",
            "UPDATE audit_head SET id = 1",
        ] {
            let refusal = sql(&raw, guarded).await.expect_err(guarded).to_string();
            assert!(refusal.contains("audit_head keeps its rows"), "{refusal}");
        }
    }
    for attempt in attempts {
        let refusal = sql(&raw, &attempt).await.expect_err(&attempt).to_string();
        let said = refusal.contains("audit_trail is append-only");
        assert!(said, "{attempt}: {refusal}");
    }
    assert_eq!(database.audit_records_after(0, 100).await?, records);
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// What a superuser does who has taken the guards away, each by itself and taken back again.
fn hands(test: &TestDatabase, records: &[AuditRecord]) -> Vec<String> {
    let other = literal(test, UserId::from_u128(9));
    let set = |change: &str| format!("UPDATE audit_trail SET {change} WHERE number = 3");
    let insert = |number: i64, of: u64| {
        format!(
            "INSERT INTO audit_trail (number, at, actor_id, session_id, address, action, subject, detail, hash) \
             SELECT {number}, at, actor_id, session_id, address, action, subject, detail, hash \
             FROM audit_trail WHERE number = {of}"
        )
    };
    // Another content, with the hash that it should have.
    let rewritten = |index: usize| {
        let (before, old) = (&records[index - 1], &records[index]);
        let note = AuditNote {
            detail: "{}".to_owned(),
            ..old.note.clone()
        };
        let hash = record_hash(before.hash, old.number, old.at, &note);
        format!(
            "UPDATE audit_trail SET detail = '{{}}', hash = '{hash}' WHERE number = {}",
            old.number
        )
    };
    let zeros = "0".repeat(64);
    vec![
        set("at = at + 1"),
        set("actor_id = NULL"),
        set(&format!("actor_id = {other}")),
        set("session_id = NULL"),
        set(&format!("session_id = {other}")),
        set("address = NULL"),
        set("address = '2001:db8::8'"),
        set("address = '2001:db8:0::7'"),
        set("address = 'somewhere'"),
        set("action = 'LOGGED_IN'"),
        set("action = 'NOTHING_KNOWN'"),
        set("subject = 'user_9'"),
        set("subject = '', detail = subject || detail"),
        set("detail = detail || ' '"),
        set(&format!("hash = '{zeros}'")),
        set("hash = upper(hash)"),
        set("hash = ''"),
        set("number = 9"),
        set("number = -3"),
        "UPDATE audit_trail SET number = 9 WHERE number = 6".to_owned(),
        "UPDATE audit_trail SET number = -number".to_owned(),
        "DELETE FROM audit_trail WHERE number = 1".to_owned(),
        "DELETE FROM audit_trail WHERE number = 3".to_owned(),
        "DELETE FROM audit_trail WHERE number = 6".to_owned(),
        "DELETE FROM audit_trail".to_owned(),
        insert(7, 6),
        insert(0, 1),
        insert(-1, 1),
        insert(1_000, 6),
        // Two change places, what they say with them.
        "UPDATE audit_trail SET subject = CASE number WHEN 2 THEN 'user_2' ELSE 'user_1' END, \
         hash = (SELECT o.hash FROM audit_trail AS o WHERE o.number = 5 - audit_trail.number) \
         WHERE number IN (2, 3)"
            .to_owned(),
        rewritten(2),
        rewritten(5),
        "UPDATE audit_head SET count = count + 1".to_owned(),
        "UPDATE audit_head SET count = count - 1".to_owned(),
        "UPDATE audit_head SET count = -1".to_owned(),
        format!("UPDATE audit_head SET hash = '{zeros}'"),
        "UPDATE audit_head SET hash = 'none'".to_owned(),
        format!("UPDATE audit_head SET count = 0, hash = '{zeros}'"),
        "DELETE FROM audit_head".to_owned(),
    ]
}

/// What is there, to be brought back.
async fn keep(raw: &DatabaseConnection) -> Result<()> {
    for table in ["audit_trail", "audit_head"] {
        let copy = format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}");
        sql(raw, &copy).await?;
    }
    Ok(())
}

async fn bring_back(raw: &DatabaseConnection) -> Result<()> {
    for table in ["audit_trail", "audit_head"] {
        sql(raw, &format!("DELETE FROM {table}")).await?;
        let back = format!("INSERT INTO {table} SELECT * FROM kept_{table}");
        sql(raw, &back).await?;
    }
    Ok(())
}

async fn whoever_lays_hands_on_the_trail_is_found_out(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let records = fill(&database, RECORDS).await?;
    let raw = test.raw().await?;
    keep(&raw).await?;
    unguard(&test, &raw).await?;
    for hand in hands(&test, &records) {
        assert_eq!(database.audit().await?.violations, [], "before {hand}");
        assert!(sql(&raw, &hand).await? > 0, "{hand}");
        let violations = database.audit().await?.violations;
        assert!(!violations.is_empty(), "this passed unnoticed: {hand}");
        for one in &violations {
            assert_eq!(one.law, WHOLE, "{hand}: {one:?}");
            let named = ["audit_trail", "audit_head"];
            assert!(
                named.iter().any(|table| one.row.starts_with(table)),
                "{hand}: {one:?}"
            );
        }
        bring_back(&raw).await?;
    }
    assert_eq!(database.audit().await?.violations, []);
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

async fn at_most_a_hundred_of_its_records_are_listed(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    fill(&database, 150).await?;
    let raw = test.raw().await?;
    unguard(&test, &raw).await?;
    sql(&raw, "UPDATE audit_trail SET detail = '{}'").await?;
    sql(&raw, "UPDATE audit_head SET count = count + 1").await?;
    let violations = database.audit().await?.violations;
    assert_eq!(violations.len(), 100);
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Somebody who removes the last records and sets the end back leaves a shorter trail that is whole. Its end is another one.
async fn whoever_keeps_its_end_elsewhere_notices_what_is_cut_off(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let records = fill(&database, RECORDS).await?;
    let kept = database.audit().await?.trail.unwrap();
    let last = records.last().unwrap();
    assert_eq!((kept.count, kept.hash), (last.number, last.hash));
    let raw = test.raw().await?;
    unguard(&test, &raw).await?;
    let end = &records[2];
    sql(&raw, "DELETE FROM audit_trail WHERE number > 3").await?;
    let back = format!("UPDATE audit_head SET count = 3, hash = '{}'", end.hash);
    sql(&raw, &back).await?;
    let report = database.audit().await?;
    assert_eq!(report.violations, []);
    let told = report.trail.unwrap();
    assert_eq!((told.count, told.hash), (end.number, end.hash));
    assert_ne!(told, kept);
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}
