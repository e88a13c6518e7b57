//! What goes out, what comes in, and what people are told of it.

use anyhow::Result;
use p2p_application::notification::{NotificationFilter, NotificationQueries};
use p2p_application::payment_report::{ReportFilter, ReportQueries};
use p2p_application::ports::{DeadLetters, InboxKey, Maintenance, Outbox, Store};
use p2p_domain::{
    EventId, Mailbox, Notification, NotificationId, OfferId, ReportId, Timestamp, TypedId,
};
use p2p_persistence::Database;

use super::LIMIT;
use super::counter::{Counter, TIMES};
use super::market::{DEAD, NOTIFICATION, OFFER, REPORT, user};

/// What all turns but the last remove, half of it on average.
const REMOVED: i64 = LIMIT as i64 * (TIMES - 1) / 2;

/// Two users with five notifications each, and one with 20,000.
pub(crate) async fn notifications(counter: &Counter) -> Result<()> {
    let all = |who| NotificationFilter {
        user: user(who),
        unread_after: None,
        before: None,
        limit: LIMIT,
    };
    counter
        .check("mailbox", 2, 1, async |db| {
            Ok(db.mailbox(user(1_000)).await?.into_iter().collect())
        })
        .await?;
    for (name, filter, least) in [
        ("newest", all(1_000), 20),
        (
            "next page",
            NotificationFilter {
                before: Some(9_000),
                ..all(1_000)
            },
            20,
        ),
        (
            "unread",
            NotificationFilter {
                unread_after: Some(10_000),
                ..all(1_000)
            },
            20,
        ),
        (
            "unread, next page",
            NotificationFilter {
                unread_after: Some(10_000),
                before: Some(15_000),
                ..all(1_000)
            },
            20,
        ),
        ("of somebody with few", all(2_000), 5),
        ("of nobody", all(5_900), 0),
    ] {
        let what = format!("list_notifications: {name}");
        counter
            .check(&what, 25, least, async |db| {
                Ok(db.list_notifications(&filter).await?)
            })
            .await?;
    }
    counter
        .check("notifications_after", 25, 20, async |db| {
            Ok(db.notifications_after(user(1_000), 9_000, LIMIT).await?)
        })
        .await?;
    counter
        .check("notifications_after the newest", 2, 0, async |db| {
            Ok(db.notifications_after(user(1_000), 20_000, LIMIT).await?)
        })
        .await?;
    counter
        .check("count_unread", 105, 1, async |db| {
            let count = db.count_unread(user(1_000), 10_000, 1_000).await?;
            assert_eq!(count, 100);
            Ok(vec![count])
        })
        .await?;
    counter
        .check("count_unread, no further than it must", 55, 1, async |db| {
            let count = db.count_unread(user(1_000), 0, 50).await?;
            assert_eq!(count, 50);
            Ok(vec![count])
        })
        .await
}

pub(crate) async fn reports(counter: &Counter) -> Result<()> {
    let all = ReportFilter {
        applied: None,
        offer: None,
        after: None,
        limit: LIMIT,
    };
    let after = Some(ReportId::from_u128(REPORT + 15_000));
    for (name, filter, least) in [
        ("newest", all, 20),
        ("next page", ReportFilter { after, ..all }, 20),
        (
            "not applied",
            ReportFilter {
                applied: Some(false),
                ..all
            },
            20,
        ),
        (
            "not applied, next page",
            ReportFilter {
                applied: Some(false),
                after,
                ..all
            },
            20,
        ),
        (
            "applied",
            ReportFilter {
                applied: Some(true),
                after,
                ..all
            },
            20,
        ),
        (
            "of a deal",
            ReportFilter {
                offer: Some(OfferId::from_u128(OFFER + 7_777)),
                ..all
            },
            1,
        ),
        (
            "of a deal, not applied",
            ReportFilter {
                offer: Some(OfferId::from_u128(OFFER + 7_777)),
                applied: Some(false),
                ..all
            },
            0,
        ),
        (
            "of a deal without any",
            ReportFilter {
                offer: Some(OfferId::from_u128(OFFER + 30_000)),
                ..all
            },
            0,
        ),
    ] {
        counter
            .check(&format!("list_reports: {name}"), 25, least, async |db| {
                Ok(db.list_reports(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

/// With one connection for everything: what is taken is dropped before the next.
pub(crate) async fn relay(counter: &Counter) -> Result<()> {
    counter
        .check("take", 25, 20, async |db| {
            Ok(db.claim(LIMIT).await?.messages().to_vec())
        })
        .await?;
    // Found and removed; what was removed at an earlier turn may be come upon until the index forgets it. So with the others
    // that remove what they find.
    counter
        .check("delivered", 60 + REMOVED, 20, async |db| {
            let lease = db.claim(LIMIT).await?;
            let arrived: Vec<EventId> = lease.messages().iter().map(|one| one.id).collect();
            lease.ack(&arrived).await?;
            Ok(arrived)
        })
        .await?;
    counter
        .check("list_dead_letters", 25, 20, async |db| {
            Ok(db.list_dead_letters(LIMIT).await?)
        })
        .await?;
    counter
        .check("revive", 90 + REMOVED, 20, async |db| {
            let count = db.requeue(None, LIMIT).await?;
            Ok(vec![(); usize::try_from(count)?])
        })
        .await?;
    let one = EventId::from_u128(DEAD + 15_000);
    counter
        .check("revive one", 6, 0, async |db| {
            let _ = db.requeue(Some(one), LIMIT).await?;
            Ok(Vec::<()>::new())
        })
        .await?;
    counter
        .check("forget_inbox, nothing to forget", 2, 0, async |db| {
            let count = db
                .forget_inbox("orders", Timestamp::from_micros(1), LIMIT)
                .await?;
            Ok(vec![(); usize::try_from(count)?])
        })
        .await?;
    counter
        .check("forget_inbox", 60 + REMOVED, 20, async |db| {
            let before = Timestamp::from_micros(9_000);
            let count = db.forget_inbox("orders", before, LIMIT).await?;
            Ok(vec![(); usize::try_from(count)?])
        })
        .await
}

/// As a batch of a few dozen messages would load.
pub(crate) async fn locks(counter: &Counter) -> Result<()> {
    let picks = || (1..=30u128).map(|i| i * 97);
    let offers: Vec<_> = picks().map(|i| OfferId::from_u128(OFFER + i)).collect();
    let users: Vec<_> = picks().map(|i| user(1 + i)).collect();
    let told: Vec<_> = picks()
        .map(|i| NotificationId::from_u128(NOTIFICATION + i))
        .collect();
    let mut keys: Vec<_> = picks()
        .flat_map(|i| {
            ["notifications", "orders"].map(|consumer| InboxKey {
                consumer,
                message: format!("message {}", i + 7_500),
            })
        })
        .collect();
    keys.sort_unstable();
    let begin = async |db: &Database| anyhow::Ok(db.begin().await?);
    counter
        .check("taken_in", 65, 40, async |db| {
            Ok(begin(db).await?.processed(&keys).await?)
        })
        .await?;
    counter
        .check("offer_heads", 40, 30, async |db| {
            Ok(begin(db).await?.offer_summaries(&offers).await?)
        })
        .await?;
    counter
        .check("staff, which nobody is", 2, 0, async |db| {
            Ok(begin(db).await?.staff().await?)
        })
        .await?;
    counter
        .check("lock_mailboxes", 40, 30, async |db| {
            Ok(begin(db).await?.load_by_key::<Mailbox>(&users).await?)
        })
        .await?;
    counter
        .check("lock_notifications", 40, 30, async |db| {
            Ok(begin(db).await?.load_by_key::<Notification>(&told).await?)
        })
        .await
}
