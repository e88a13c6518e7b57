//! What people are told: numbered in their mailboxes, read in any order.

use p2p_application::notification::{NotificationFilter, NotificationQueries};
use p2p_application::ports::{ChangeSet, Store};
use p2p_application::user::UserQueries;
use p2p_domain::event::FactName;
use p2p_domain::{
    Asset, Mailbox, Money, Notification, NotificationContent, NotificationId, Timestamp, TypedId,
    UserId,
};

use super::rows::{assert_conflict, assert_rejected, changed, commit, new, stranger};
use super::{Backend, walk};
use crate::harness::{Harness, START, Storage};

/// No numbers.
const NONE: [u64; 0] = [];

const LATE: Timestamp = Timestamp::from_micros(253_402_300_799_999_999);

fn news(event: FactName) -> NotificationContent {
    NotificationContent {
        event,
        offer: None,
        dispute: None,
        exchanger: None,
        order: None,
        withdrawal: None,
        amount: None,
        fiat: None,
        detail: None,
        at: START,
    }
}

/// So many pieces of news for somebody, and a mailbox that counts them.
async fn tell<S: Storage>(harness: &Harness<S>, user: UserId, count: u64) -> Vec<Notification> {
    let mut all = Vec::new();
    for number in 1..=count {
        let news = news(FactName::ExchangeOfferCreated);
        all.push(Notification::new(
            harness.market.fresh(),
            user,
            number,
            news,
        ));
    }
    let mailbox = Mailbox {
        last: count,
        version: 1 + count,
        ..Mailbox::open(user)
    };
    let changes = ChangeSet {
        mailboxes: vec![new(mailbox)],
        notifications: all.iter().cloned().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
    all
}

fn all_of(user: UserId) -> NotificationFilter {
    NotificationFilter {
        user,
        unread_after: None,
        before: None,
        limit: 1_000,
    }
}

async fn list<S: Storage>(harness: &Harness<S>, filter: NotificationFilter) -> Vec<u64> {
    let rows = harness.store.list_notifications(&filter).await.unwrap();
    rows.iter().map(|row| row.number).collect()
}

/// Marks one as read by itself.
async fn read<S: Storage>(harness: &Harness<S>, notification: &Notification) -> Notification {
    let read = notification.clone().read(LATE);
    let changes = ChangeSet {
        notifications: vec![changed(read.clone(), notification.version)],
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
    read
}

/// Every event, with and without each of its parts; read and not.
pub async fn a_notification_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let user = harness.customer("anna").await.user;
    let mut expected = Vec::new();
    for (number, event) in (1..).zip(FactName::ALL) {
        let bare = news(*event);
        let news = if number % 2 == 0 {
            bare
        } else {
            NotificationContent {
                offer: Some(harness.market.fresh()),
                dispute: Some(harness.market.fresh()),
                exchanger: Some(harness.market.fresh()),
                order: Some(harness.market.fresh()),
                withdrawal: Some(harness.market.fresh()),
                amount: Some(Money::new(i64::MAX, Asset::Btc)),
                fiat: Some(Money::new(1, Asset::Jpy)),
                detail: Some("ёлка \"x\" 'y'\n🦀".to_owned()),
                at: LATE,
                ..bare
            }
        };
        expected.push(Notification::new(
            harness.market.fresh(),
            user,
            number,
            news,
        ));
    }
    let changes = ChangeSet {
        notifications: expected.iter().cloned().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
    expected[0] = read(&harness, &expected[0]).await;

    let mut unit = harness.store.begin().await.unwrap();
    let mut ids: Vec<NotificationId> = expected.iter().map(|row| row.id).collect();
    ids.push(NotificationId::from_u128(u128::MAX));
    let mut locked = unit.load_by_key::<Notification>(&ids).await.unwrap();
    unit.rollback().await.unwrap();
    locked.sort_unstable_by_key(|row| row.number);
    assert_eq!(locked, expected);
    let store = &harness.store;
    let found = store.notifications_after(user, 0, 1_000).await.unwrap();
    assert_eq!(found, expected);
    let found = store.list_notifications(&all_of(user)).await.unwrap();
    assert_eq!(found, expected.into_iter().rev().collect::<Vec<_>>());
    harness.close().await;
}

/// As it was counted; and none where nothing has come.
pub async fn a_mailbox_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let [anna, berta] = [
        harness.customer("anna").await,
        harness.customer("berta").await,
    ];
    let (anna, berta) = (anna.user, berta.user);
    assert_eq!(store.mailbox(anna).await.unwrap(), None);
    let empty = Mailbox::open(anna);
    let opened = ChangeSet {
        mailboxes: vec![new(empty)],
        ..ChangeSet::default()
    };
    commit(store, &opened).await.unwrap();
    assert_eq!(store.mailbox(anna).await.unwrap(), Some(empty));
    let most = u64::try_from(i64::MAX).unwrap();
    let full = Mailbox {
        user: anna,
        last: most,
        read_to: most,
        version: most,
    };
    let filled = ChangeSet {
        mailboxes: vec![changed(full, 1)],
        ..ChangeSet::default()
    };
    store.commit(&filled).await.unwrap();
    assert_eq!(store.mailbox(anna).await.unwrap(), Some(full));
    let mut unit = store.begin().await.unwrap();
    assert_eq!(
        unit.load_by_key::<Mailbox>(&[anna, berta]).await.unwrap(),
        [full]
    );
    unit.rollback().await.unwrap();
    harness.close().await;
}

/// Opened twice, counted from what is stale, a number given twice: whoever comes second is told so.
pub async fn a_mailbox_is_counted_by_one_at_a_time<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let user = harness.customer("anna").await.user;
    let told = tell(&harness, user, 2).await;
    let mailbox = store.mailbox(user).await.unwrap().unwrap();
    let of = |mailbox, loaded| ChangeSet {
        mailboxes: vec![match loaded {
            None => new(mailbox),
            Some(version) => changed(mailbox, version),
        }],
        ..ChangeSet::default()
    };
    let twice = of(Mailbox::open(user), None);
    assert_conflict("opened twice", &commit(store, &twice).await);
    let stale = of(mailbox.one_more(), Some(mailbox.version - 1));
    assert_conflict("stale", &commit(store, &stale).await);
    let stranger = UserId::from_u128(0xdead);
    let gone = of(Mailbox::open(stranger), Some(1));
    assert_conflict("of nobody", &commit(store, &gone).await);

    let fresh = harness.market.fresh();
    let same = Notification::new(fresh, user, 2, news(FactName::ExchangeOfferCreated));
    let mut again = of(mailbox.one_more(), Some(mailbox.version));
    again.notifications.push(new(same));
    assert_conflict("a number", &commit(store, &again).await);
    let mut stale = ChangeSet::default();
    stale
        .notifications
        .push(changed(told[0].clone().read(LATE), 9));
    assert_conflict("a stale notification", &commit(store, &stale).await);
    assert_eq!(store.mailbox(user).await.unwrap(), Some(mailbox));
    assert_eq!(list(&harness, all_of(user)).await, [2, 1]);
    harness.close().await;
}

/// The last line of defence.
pub async fn impossible_mailboxes_are_rejected<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let user = harness.customer("anna").await.user;
    let ahead = Mailbox {
        read_to: 1,
        ..Mailbox::open(user)
    };
    let nobody = UserId::from_u128(0xdead);
    for (what, mailbox) in [
        ("more read than there is", ahead),
        ("a mailbox of nobody", Mailbox::open(nobody)),
    ] {
        let changes = ChangeSet {
            mailboxes: vec![new(mailbox)],
            ..ChangeSet::default()
        };
        assert_rejected(what, &commit(store, &changes).await);
    }
    let id = harness.market.fresh();
    let lost = Notification::new(id, nobody, 1, news(FactName::ExchangerFrozen));
    let changes = ChangeSet {
        notifications: vec![new(lost)],
        ..ChangeSet::default()
    };
    assert_rejected("a notification of nobody", &commit(store, &changes).await);
    harness.close().await;
}

/// News and the mailbox of whoever has just come, in one commit.
pub async fn somebody_new_is_told_at_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let user = stranger(&harness, "newcomer");
    let id = harness.market.fresh();
    let first = Notification::new(id, user.id, 1, news(FactName::ExchangeOfferCreated));
    let changes = ChangeSet {
        users: vec![new(user.clone())],
        mailboxes: vec![new(Mailbox::open(user.id).one_more())],
        notifications: vec![new(first.clone())],
        ..ChangeSet::default()
    };
    harness.store.commit(&changes).await.unwrap();
    let store = &harness.store;
    assert!(store.find_user(user.id).await.unwrap().is_some());
    let found = store.notifications_after(user.id, 0, 9).await.unwrap();
    assert_eq!(found, [first]);
    harness.close().await;
}

/// Newest first, each its own; unread ones, and how many.
pub async fn a_mailbox_is_listed_and_counted<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, berta) = (
        harness.customer("anna").await.user,
        harness.customer("berta").await.user,
    );
    let told = tell(&harness, anna, 6).await;
    tell(&harness, berta, 2).await;
    read(&harness, &told[1]).await;
    read(&harness, &told[4]).await;
    assert_eq!(list(&harness, all_of(anna)).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(list(&harness, all_of(berta)).await, [2, 1]);
    assert_eq!(list(&harness, all_of(UserId::from_u128(9))).await, NONE);
    let count = async |number, most| {
        let count = harness.store.count_unread(anna, number, most).await;
        count.unwrap()
    };
    for (number, unread) in [
        (0, vec![6, 4, 3, 1]),
        (1, vec![6, 4, 3]),
        (3, vec![6, 4]),
        (6, vec![]),
        (u64::MAX, vec![]),
    ] {
        let filter = NotificationFilter {
            unread_after: Some(number),
            ..all_of(anna)
        };
        assert_eq!(list(&harness, filter).await, unread);
        assert_eq!(count(number, 100).await, unread.len() as u64);
        assert_eq!(count(number, 2).await, 2.min(unread.len() as u64));
    }
    assert_eq!(count(0, u64::MAX).await, 4);
    assert_eq!(count(0, 0).await, 0);
    let after = async |number, limit| {
        let store = &harness.store;
        let rows = store.notifications_after(anna, number, limit).await;
        let rows = rows.unwrap();
        rows.iter().map(|row| row.number).collect::<Vec<_>>()
    };
    assert_eq!(after(0, 100).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(after(2, 3).await, [3, 4, 5]);
    assert_eq!(after(6, 3).await, NONE);
    assert_eq!(after(u64::MAX, 3).await, NONE);
    harness.close().await;
}

/// Every length of page gives the same list.
pub async fn pages_of_a_mailbox_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await.user;
    let told = tell(&harness, anna, 7).await;
    read(&harness, &told[3]).await;
    for unread_after in [None, Some(1)] {
        let whole = NotificationFilter {
            unread_after,
            ..all_of(anna)
        };
        let expected = list(&harness, whole).await;
        for limit in 1..=8 {
            let page = async |before| {
                let filter = NotificationFilter {
                    before,
                    limit,
                    ..whole
                };
                list(&harness, filter).await
            };
            let length = usize::try_from(limit).unwrap();
            assert_eq!(walk(length, page, |number| *number).await, expected);
        }
    }
    let far = NotificationFilter {
        before: Some(u64::MAX),
        ..all_of(anna)
    };
    assert_eq!(list(&harness, far).await.len(), 7);
    harness.close().await;
}
