//! What limits go by: how customers behave, and how many of something somebody has.

use std::collections::BTreeMap;
use std::time::Duration;

use p2p_application::ports::{
    ChangeSet, CustomerPreconditions, SnapshotQuery, StorageError, Store,
};
use p2p_domain::conduct::Conduct;
use p2p_domain::listing::Switch;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::user::Caller;
use p2p_domain::withdrawal::WithdrawalState;
use p2p_domain::{
    Asset, ExchangeType, Exchanger, Listing, ListingId, Money, Timestamp, TypedId, UserId,
    Withdrawal,
};
use tokio::time::timeout;

use super::Backend;
use super::access_rows::LATE;
use super::rows::{assert_rejected, changed, commit, new};
use crate::harness::{Harness, Offering, START, Stage, Storage};

/// Far longer than any of this takes: beyond it, something waits for ever.
const STUCK: Duration = Duration::from_secs(60);

fn conduct(user: UserId, cancels: u32, paused_until: Option<Timestamp>) -> Conduct {
    Conduct {
        user,
        cancels,
        counted_from: LATE,
        paused_until,
        version: 1,
    }
}

async fn conducts<S: Store>(store: &S, users: &[UserId]) -> Vec<Conduct> {
    let mut unit = store.begin().await.unwrap();
    let mut found = unit.load_by_key::<Conduct>(users).await.unwrap();
    unit.rollback().await.unwrap();
    found.sort_unstable_by_key(|row| row.user);
    let mut unit = store.begin().await.unwrap();
    let offer_preconditions = unit
        .offer_preconditions(users, &[], 0)
        .await
        .unwrap()
        .customers;
    unit.rollback().await.unwrap();
    assert_eq!(offer_preconditions.len(), users.len(), "of everybody");
    assert!(offer_preconditions.iter().all(|one| one.open_offers == 0));
    let mut stand: Vec<_> = offer_preconditions
        .iter()
        .filter_map(|one| one.conduct)
        .collect();
    stand.sort_unstable_by_key(|row| row.user);
    assert_eq!(stand, found);
    let snapshot_query = SnapshotQuery {
        conducts: users.to_vec(),
        ..SnapshotQuery::default()
    };
    if let Some(mut seen) = store.read_snapshot(&snapshot_query).await.unwrap() {
        seen.conducts.sort_unstable_by_key(|row| row.user);
        assert_eq!(seen.conducts, found, "a look finds what a unit finds");
    }
    found
}

/// Any count, pausing and not: as new and as changed, in a unit and at once.
pub async fn conduct_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let nobody = UserId::from_u128(u128::MAX);
    let mut users = [
        harness.customer("anna").await.user,
        harness.customer("berta").await.user,
        nobody,
    ];
    users.sort_unstable();
    let (anna, berta) = (users[0], users[1]);
    assert_eq!(conducts(store, &users).await, []);
    let rows = [
        conduct(anna, u32::MAX, Some(START)),
        conduct(berta, 0, None),
    ];
    let changes = ChangeSet {
        conducts: rows.iter().copied().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(store, &changes).await.unwrap();
    assert_eq!(conducts(store, &users).await, rows);
    let next = Conduct {
        counted_from: START,
        version: 2,
        ..conduct(anna, 1, None)
    };
    let changes = ChangeSet {
        conducts: vec![changed(next, 1)],
        ..ChangeSet::default()
    };
    store.commit(&changes).await.unwrap();
    assert_eq!(conducts(store, &[anna]).await, [next]);
    assert_eq!(conducts(store, &users).await, [next, rows[1]]);
    let of_nobody = ChangeSet {
        conducts: vec![new(conduct(nobody, 1, None))],
        ..ChangeSet::default()
    };
    assert_rejected("in a unit", &commit(store, &of_nobody).await);
    assert_rejected("at once", &store.commit(&of_nobody).await);
    harness.close().await;
}

/// How many of these each has, as a unit of work counts; what is left out is none.
async fn quota_counts<S: Store>(
    store: &S,
    wanted: &[(QuotaKind, UserId)],
    most: u32,
) -> BTreeMap<(QuotaKind, UserId), u32> {
    let mut sorted = wanted.to_vec();
    sorted.sort_unstable();
    let mut unit = store.begin().await.unwrap();
    let counted = unit.quota_counts(&sorted, most).await.unwrap();
    unit.rollback().await.unwrap();
    let mut quota_counts: BTreeMap<_, _> = sorted.into_iter().map(|key| (key, 0)).collect();
    for (what, user, count) in counted {
        assert!(
            quota_counts.contains_key(&(what, user)),
            "nobody asked for it"
        );
        quota_counts.insert((what, user), count);
    }
    let open = quota_counts
        .iter()
        .filter(|((what, _), _)| *what == QuotaKind::OpenOffers);
    let open: Vec<_> = open.map(|((_, user), count)| (*user, *count)).collect();
    let users: Vec<_> = open.iter().map(|(user, _)| *user).collect();
    let mut unit = store.begin().await.unwrap();
    let offer_preconditions = unit
        .offer_preconditions(&users, &[], most)
        .await
        .unwrap()
        .customers;
    unit.rollback().await.unwrap();
    let stand = offer_preconditions
        .iter()
        .map(|one| (one.user, one.open_offers));
    assert_eq!(
        stand.collect::<BTreeMap<_, _>>(),
        open.into_iter().collect()
    );
    quota_counts
}

/// One customer's deals with one exchanger: one in each stage in each direction, of which this many are open.
async fn deals<S: Storage>(harness: &Harness<S>) -> (Caller, Caller, u32) {
    let (customer, exchanger) = (
        harness.customer("customer").await,
        harness.exchanger("exchanger").await,
    );
    for party in [customer, exchanger] {
        harness.deposit(party, "1000", Asset::Usdt).await;
    }
    let mut open = 0;
    for exchange_type in ExchangeType::ALL {
        let listing = harness
            .publish(exchanger, &Offering::of(exchange_type))
            .await;
        for stage in Stage::ALL {
            let offer = harness.offer(customer, &listing, "10").await;
            let offer = harness.bring(offer, stage).await;
            open += u32::from(!offer.status().is_final());
        }
    }
    (customer, exchanger, open)
}

async fn withdrawals<S: Storage>(harness: &Harness<S>, owner: UserId) {
    let amount = Money::new(5, Asset::Usdt);
    let (by, at) = (harness.admin.user, START);
    let mut changes = ChangeSet::default();
    for state in [
        WithdrawalState::Requested,
        WithdrawalState::Approved {
            by,
            at,
            reference: String::new(),
        },
        WithdrawalState::Requested,
        WithdrawalState::Rejected {
            by,
            at,
            reason: String::new(),
        },
    ] {
        let (id, now) = (harness.market.fresh(), harness.market.now());
        let step = Withdrawal::request(id, owner, amount, String::new(), now);
        let row = Withdrawal {
            state,
            ..step.unwrap().withdrawal
        };
        changes.withdrawals.push(new(row));
    }
    commit(&harness.store, &changes).await.unwrap();
}

/// Of each kind what is open, and whose it is.
pub async fn what_is_open_is_counted<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (customer, exchanger, open) = deals(&harness).await;
    let offering = Offering::of(ExchangeType::FiatToCrypto);
    let paused = harness.publish(exchanger, &offering).await;
    harness.turn(&paused, Switch::Pause).await;
    let closed = harness.publish(exchanger, &offering).await;
    harness.take_down(&closed).await;
    withdrawals(&harness, customer.user).await;
    let nobody = UserId::from_u128(u128::MAX);
    let kinds = [
        QuotaKind::OpenOffers,
        QuotaKind::Listings,
        QuotaKind::OpenWithdrawals,
    ];
    let wanted = kinds.map(|what| {
        let people = [customer.user, exchanger.user, nobody];
        people.map(|user| (what, user))
    });
    let wanted = wanted.concat();
    let expected = BTreeMap::from_iter(
        wanted
            .iter()
            .copied()
            .zip([[open, 0, 0], [0, 3, 0], [2, 0, 0]].concat()),
    );
    assert!(open > 2, "there is something to count");
    assert_eq!(quota_counts(&harness.store, &wanted, 1_000).await, expected);
    for (key, count) in expected {
        let alone = quota_counts(&harness.store, &[key], 1_000).await;
        assert_eq!(alone, BTreeMap::from([(key, count)]));
    }
    // The withdrawals were made by hand.
    harness.end().await;
}

/// Whoever has more is as good as at the limit.
pub async fn nothing_is_counted_further_than_asked<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (customer, exchanger, open) = deals(&harness).await;
    withdrawals(&harness, customer.user).await;
    let all = [
        (QuotaKind::OpenOffers, customer.user, open),
        (QuotaKind::Listings, exchanger.user, 2),
        (QuotaKind::OpenWithdrawals, customer.user, 2),
    ];
    let wanted = all.map(|(what, user, _)| (what, user));
    for most in [1, 2, 3, open, open + 1] {
        let counted = quota_counts(&harness.store, &wanted, most).await;
        let expected = all.map(|(what, user, count)| ((what, user), count.min(most)));
        assert_eq!(counted, BTreeMap::from(expected), "{most}");
    }
    harness.end().await;
}

/// The record that guards an exchanger's listings is held by one at a time: who comes second counts what the first added.
pub async fn whoever_waits_for_the_guard_counts_what_was_added<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let other = backend.open().await;
    let exchanger = harness.exchanger("exchanger").await.user;
    let wanted = [(QuotaKind::Listings, exchanger)];
    let offering = Offering::of(ExchangeType::FiatToCrypto);
    let listing = harness
        .publish(crate::harness::party(exchanger), &offering)
        .await;
    let mut first = harness.store.begin().await.unwrap();
    first.load_by_key::<Exchanger>(&[exchanger]).await.unwrap();
    let counted = first.quota_counts(&wanted, 9).await.unwrap();
    assert_eq!(counted, [(QuotaKind::Listings, exchanger, 1)]);
    let second = async {
        let mut unit = other.begin().await?;
        unit.load_by_key::<Exchanger>(&[exchanger]).await?;
        let counted = unit.quota_counts(&wanted, 9).await?;
        unit.rollback().await?;
        Ok::<_, StorageError>(counted)
    };
    let first = async {
        for _ in 0..20 {
            // Gives the second time to knock.
            harness.exchanger_record(exchanger).await;
            tokio::task::yield_now().await;
        }
        let one_more = Listing {
            id: harness.market.fresh(),
            ..listing
        };
        let changes = ChangeSet {
            listings: vec![new(one_more)],
            ..ChangeSet::default()
        };
        first.commit(&changes).await
    };
    let both = async { tokio::join!(first, second) };
    let (committed, counted) = timeout(STUCK, both).await.expect("both units end");
    committed.unwrap();
    assert_eq!(counted.unwrap(), [(QuotaKind::Listings, exchanger, 2)]);
    harness.close().await;
}

/// Of everybody who answers, each once, however many listings they answer; open deals as far as is asked, and not at all if
/// that is nothing.
pub async fn a_look_finds_conduct_and_open_deals<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let (busy, exchanger, open) = deals(&harness).await;
    let (idle, other) = (
        harness.customer("idle").await.user,
        harness.customer("other").await.user,
    );
    // Of the deals some were called off.
    let left = conducts(store, &[busy.user]).await.remove(0);
    let rows = [left, conduct(other, 1, Some(LATE))];
    let changes = ChangeSet {
        conducts: vec![new(rows[1])],
        ..ChangeSet::default()
    };
    commit(store, &changes).await.unwrap();
    let offering = Offering::of(ExchangeType::FiatToCrypto);
    let mut answers = vec![];
    for _ in 0..2 {
        let listing = harness.publish(exchanger, &offering).await;
        answers.extend([(listing.id, busy.user), (listing.id, idle)]);
    }
    answers.sort_unstable();
    for open_offers in [0, 1, open, open + 1] {
        let snapshot_query = SnapshotQuery {
            answers: answers.clone(),
            conducts: vec![other],
            open_offers,
            ..SnapshotQuery::default()
        };
        let Some(mut seen) = store.read_snapshot(&snapshot_query).await.unwrap() else {
            break;
        };
        seen.conducts.sort_unstable_by_key(|row| row.user);
        seen.conducts.dedup();
        assert_eq!(seen.conducts, rows, "{open_offers}");
        seen.open_offers.sort_unstable();
        let mut expected = match open_offers {
            0 => vec![],
            most => vec![(busy.user, open.min(most)), (idle, 0)],
        };
        expected.sort_unstable();
        assert_eq!(seen.open_offers, expected, "{open_offers}");
    }
    harness.close().await;
}

/// Of each customer and of each exchanger, whether there are more of these or of those.
pub async fn both_sides_of_answers_stand_for_themselves<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (busy, exchanger, open) = deals(&harness).await;
    let idle = harness.customer("idle").await.user;
    let nobody = UserId::from_u128(u128::MAX);
    let record = harness.exchanger_record(exchanger.user).await;
    let conduct = conducts(&harness.store, &[busy.user]).await.remove(0);
    let mut everybody = [busy.user, idle, exchanger.user, nobody];
    everybody.sort_unstable();
    let standing = |user| CustomerPreconditions {
        user,
        conduct: (user == busy.user).then_some(conduct),
        open_offers: if user == busy.user { open } else { 0 },
    };
    for (customers, exchangers) in [
        (&everybody[..], &[exchanger.user][..]),
        (&[busy.user], &everybody),
        (&everybody, &everybody),
        (&everybody, &[]),
        (&[], &everybody),
    ] {
        let mut unit = harness.store.begin().await.unwrap();
        let found = unit
            .offer_preconditions(customers, exchangers, open + 1)
            .await;
        unit.rollback().await.unwrap();
        let mut found = found.unwrap();
        found.customers.sort_unstable_by_key(|one| one.user);
        let expected: Vec<_> = customers.iter().copied().map(standing).collect();
        assert_eq!(found.customers, expected);
        let asked = exchangers.contains(&exchanger.user);
        assert_eq!(found.exchangers, Vec::from_iter(asked.then_some(record)));
    }
    harness.close().await;
}

/// Naming a listing that is not there beside one that is hides nothing.
pub async fn a_look_counts_for_whoever_answers_nothing<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let (busy, exchanger, open) = deals(&harness).await;
    // Of the deals some were called off.
    let left = conducts(store, &[busy.user]).await;
    assert_eq!(left.len(), 1);
    let offering = Offering::of(ExchangeType::FiatToCrypto);
    let listing = harness.publish(exchanger, &offering).await;
    let nothing = [0, u128::MAX].map(ListingId::from_u128);
    for listings in [
        vec![nothing[0], listing.id],
        vec![listing.id, nothing[1]],
        vec![nothing[0], nothing[1]],
    ] {
        let there = listings.iter().filter(|id| **id == listing.id).count();
        let snapshot_query = SnapshotQuery {
            answers: listings.into_iter().map(|id| (id, busy.user)).collect(),
            open_offers: open,
            ..SnapshotQuery::default()
        };
        let Some(mut seen) = store.read_snapshot(&snapshot_query).await.unwrap() else {
            break;
        };
        assert_eq!(seen.open_offers, [(busy.user, open)], "{snapshot_query:?}");
        seen.conducts.dedup();
        assert_eq!(seen.conducts, left, "{snapshot_query:?}");
        assert_eq!(seen.listings.len(), there, "{snapshot_query:?}");
    }
    harness.close().await;
}
