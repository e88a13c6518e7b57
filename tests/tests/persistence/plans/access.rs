//! Log-ins, limits and the audit trail.

use anyhow::Result;
use p2p_application::access::AccessQueries;
use p2p_application::audit_log::{AuditLogFilter, AuditLogQueries};
use p2p_application::ports::{Maintenance, Store, Transaction};
use p2p_domain::audit_log::AuditAction;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{
    Conduct, FailedAttempts, SecondFactor, Session, SessionId, Timestamp, TypedId, UserId,
};
use p2p_persistence::Database;

use super::LIMIT;
use super::counter::{Counter, TIMES};
use super::market::{SESSION, USER, user};

fn session(i: u128) -> SessionId {
    SessionId::from_u128(SESSION + i)
}

pub(crate) async fn queries(counter: &Counter) -> Result<()> {
    counter
        .check("find_session", 2, 1, async |db| {
            Ok(db.find_session(session(9_000)).await?.into_iter().collect())
        })
        .await?;
    for (name, who, least) in [
        ("of one with many", 1_000, 20),
        ("of one with few", 1_502, 0),
        ("of one with none", 5_900, 0),
    ] {
        counter
            .check(&format!("list_sessions: {name}"), 30, least, async |db| {
                Ok(db.list_sessions(user(who), LIMIT).await?)
            })
            .await?;
    }
    counter
        .check("find_attempts", 2, 1, async |db| {
            Ok(db.find_attempts(USER + 9_000).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("find_second_factor", 2, 1, async |db| {
            Ok(db
                .find_second_factor(user(3_000))
                .await?
                .into_iter()
                .collect())
        })
        .await?;
    for (since, least) in [(19_990, 20), (30_000, 0)] {
        counter
            .check("access_changes", 15, least, async |db| {
                let since = Timestamp::from_micros(since);
                let changes = db.access_changes(since).await?;
                Ok(vec![(); changes.roles.len() + changes.ended.len()])
            })
            .await?;
    }
    Ok(())
}

pub(crate) async fn trail(counter: &Counter) -> Result<()> {
    let all = AuditLogFilter {
        limit: LIMIT,
        ..AuditLogFilter::default()
    };
    let (busy, rare) = (Some(user(1_000)), Some(AuditAction::RolesChanged));
    let by = |actor, action, before| AuditLogFilter {
        actor,
        action,
        before,
        ..all.clone()
    };
    let to = |subject: &str, actor, action| AuditLogFilter {
        subject: Some(subject.to_owned()),
        ..by(actor, action, None)
    };
    let (some, often) = (Some(15_000), Some(AuditAction::LoggedIn));
    for (name, filter, least) in [
        ("all", all.clone(), 20),
        ("next page", by(None, None, some), 20),
        ("by one with many", by(busy, None, None), 20),
        ("by one with many, next page", by(busy, None, some), 20),
        ("by one with few", by(Some(user(1_502)), None, None), 2),
        ("by one with none", by(Some(user(5_900)), None, None), 0),
        ("what is rare", by(None, rare, some), 20),
        ("what is done often", by(None, often, None), 20),
        (
            "what is never done",
            by(None, Some(AuditAction::LogInLocked), None),
            0,
        ),
        ("what one with many does rarely", by(busy, rare, some), 10),
        ("what one with many does often", by(busy, often, some), 20),
        ("to a thing", to("user 7", None, None), 20),
        ("to a thing by somebody", to("user 8", busy, None), 20),
        ("to a thing, something", to("user 7", None, often), 20),
        ("to nothing", to("nothing", None, None), 0),
    ] {
        counter
            .check(&format!("list_trail: {name}"), 30, least, async |db| {
                Ok(db.list_audit_records(&filter).await?)
            })
            .await?;
    }
    counter
        .check("trail_after", 25, 20, async |db| {
            Ok(db.audit_records_after(10_000, LIMIT).await?)
        })
        .await?;
    counter
        .check("trail_head", 2, 1, async |db| {
            Ok(vec![db.audit_head().await?])
        })
        .await
}

/// As a batch of a few dozen commands would load.
pub(crate) async fn locks(counter: &Counter) -> Result<()> {
    let picks = || (1..=30u128).map(|i| i * 97);
    let keys: Vec<u128> = picks().map(|i| USER + i).collect();
    let users: Vec<UserId> = picks().map(user).collect();
    let exchangers: Vec<UserId> = (1..=30).map(user).collect();
    let sessions: Vec<SessionId> = picks().map(session).collect();
    async fn unit(db: &Database) -> Result<Box<dyn Transaction>> {
        Ok(db.begin().await?)
    }
    counter
        .check("lock_attempts", 40, 30, async |db| {
            Ok(unit(db).await?.load_by_key::<FailedAttempts>(&keys).await?)
        })
        .await?;
    counter
        .check("lock_second_factors", 40, 30, async |db| {
            Ok(unit(db).await?.load_by_key::<SecondFactor>(&users).await?)
        })
        .await?;
    counter
        .check("lock_sessions", 90, 30, async |db| {
            Ok(unit(db)
                .await?
                .load_by::<Session>(&sessions, &users)
                .await?)
        })
        .await?;
    counter
        .check("read_conducts", 40, 30, async |db| {
            Ok(unit(db).await?.load_by_key::<Conduct>(&users).await?)
        })
        .await?;
    counter
        .check("standings", 60, 60, async |db| {
            let found = unit(db)
                .await?
                .offer_preconditions(&users, &exchangers, 10)
                .await?;
            Ok(vec![(); found.customers.len() + found.exchangers.len()])
        })
        .await?;
    counter
        .check("lock_audit_head", 2, 1, async |db| {
            Ok(vec![unit(db).await?.lock_audit_head().await?])
        })
        .await?;
    // Of those who have more than is counted, no more is looked at.
    for (what, who) in [
        (QuotaKind::OpenOffers, 1_000),
        (QuotaKind::Listings, 1),
        (QuotaKind::OpenWithdrawals, 1_000),
    ] {
        let mut wanted: Vec<_> = users.iter().map(|user| (what, *user)).collect();
        wanted.push((what, user(who)));
        wanted.sort_unstable();
        counter
            .check(&format!("tallies: {what:?}"), 60, 1, async |db| {
                let mut counted = unit(db).await?.quota_counts(&wanted, 10).await?;
                counted.retain(|(.., count)| *count == 10);
                Ok(counted)
            })
            .await?;
    }
    Ok(())
}

/// Removes what it finds: what was removed at an earlier turn may be come upon until the index forgets it.
pub(crate) async fn forgetting(counter: &Counter) -> Result<()> {
    let removed = i64::from(LIMIT) * (TIMES - 1) / 2;
    counter
        .check("forget_access, nothing to forget", 2, 0, async |db| {
            let count = db.forget_access(Timestamp::from_micros(1), LIMIT).await?;
            Ok(vec![(); usize::try_from(count)?])
        })
        .await?;
    counter
        .check("forget_access", 90 + removed, 40, async |db| {
            let before = Timestamp::from_micros(9_000);
            let count = db.forget_access(before, LIMIT).await?;
            Ok(vec![(); usize::try_from(count)?])
        })
        .await
}
