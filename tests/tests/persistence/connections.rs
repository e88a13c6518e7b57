//! Connections to the database: what is known when one breaks, and what is said when none can be made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::time::Duration;

use crate::common::*;
use anyhow::Result;
use p2p_application::offer::OfferQueries;
use p2p_application::ports::{ChangeSet, StorageError, Store};
use p2p_domain::Account;
use p2p_persistence::{Database, DatabaseSettings, OpenError};
use p2p_tests::databases::TestDatabase;

/// What happens to the connection while PostgreSQL commits: a trigger that runs in the COMMIT itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_is_in_doubt_unless_the_database_says_otherwise() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let raw = test.raw().await?;
    for (body, expected) in [
        ("PERFORM pg_terminate_backend(pg_backend_pid());", "InDoubt"),
        (
            "RAISE EXCEPTION 'late' USING ERRCODE = 'check_violation', CONSTRAINT = 'late_check';",
            "Rejected",
        ),
        (
            "RAISE EXCEPTION 'late' USING ERRCODE = 'serialization_failure';",
            "Conflict",
        ),
        (
            "RAISE EXCEPTION 'late' USING ERRCODE = 'statement_completion_unknown';",
            "InDoubt",
        ),
    ] {
        sql(
            &raw,
            &format!(
                "CREATE OR REPLACE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ \
                 BEGIN {body} RETURN NULL; END $$; \
                 CREATE CONSTRAINT TRIGGER late AFTER INSERT ON offers \
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()"
            ),
        )
        .await?;
        let (offer, changes) = stall.clone().offer(50_000_000);
        let outcome = commit(&database, &changes).await.unwrap_err();
        assert!(format!("{outcome:?}").starts_with(expected), "{outcome:?}");
        assert_eq!(database.find_offer(offer.id).await?, None);
        sql(&raw, "DROP TRIGGER late ON offers").await?;
    }
    let (_, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_before_the_commit_is_unavailable_and_replaced() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let raw = test.raw().await?;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut unit = database.begin().await?;
    sql(&raw, kill).await?;
    let lost = unit
        .load_by_key::<Account>(&[stall.customer_account.key])
        .await;
    assert!(
        matches!(lost, Err(StorageError::Unavailable { .. })),
        "{lost:?}"
    );
    // What has failed stays failed, whatever the program does with it.
    let outcome = unit.commit(&ChangeSet::default()).await;
    assert!(outcome.is_err(), "{outcome:?}");

    let (_, changes) = stall.offer(50_000_000);
    // There may have been more connections than one, and one of the dead is met here.
    let mut attempts = 0;
    let unit = loop {
        match database.begin().await {
            Ok(unit) => break unit,
            Err(StorageError::Unavailable { .. }) => attempts += 1,
            Err(error) => panic!("{error:?}"),
        }
        assert!(attempts < 10);
    };
    sql(&raw, kill).await?;
    let lost = unit.commit(&changes).await;
    assert!(
        matches!(lost, Err(StorageError::Unavailable { .. })),
        "{lost:?}"
    );
    // Dead connections are found out one by one, then all is well: nothing was committed meanwhile.
    let mut attempts = 0;
    while let Err(error) = commit(&database, &changes).await {
        assert!(
            matches!(error, StorageError::Unavailable { .. }),
            "{error:?}"
        );
        attempts += 1;
        assert!(attempts < 10);
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_url_is_said_to_be_without_being_shown() -> Result<()> {
    let open = async |url: &str| {
        let settings = DatabaseSettings {
            url: url.to_owned(),
            max_connections: 2,
            acquire_timeout: Duration::from_secs(2),
        };
        assert!(!format!("{settings:?}").contains("secret"));
        let error = Database::open(&settings).await.unwrap_err();
        let mut texts = vec![format!("{error:?}"), error.to_string()];
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            texts.push(cause.to_string());
            source = cause.source();
        }
        assert!(!texts.concat().contains("secret"), "{texts:?}");
        error
    };
    for url in ["", "mysql://u:secret@h/d", "secret", "/var/secret.db"] {
        assert!(matches!(open(url).await, OpenError::UnknownScheme), "{url}");
    }
    for url in [
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://x?mode=memory",
        "sqlite://",
    ] {
        assert!(matches!(open(url).await, OpenError::InMemory), "{url}");
    }
    assert!(matches!(
        open("postgres://u:secret@h:99999/d").await,
        OpenError::Url(_)
    ));
    assert!(matches!(
        open("postgres://u:secret@127.0.0.1:1/d").await,
        OpenError::Connect(_)
    ));
    Ok(())
}
