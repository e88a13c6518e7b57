//! Looks: what a look finds is what a unit of work would load, and nothing is locked by it. A store may know no looks: then
//! it says so, whatever it is asked for.

use std::time::Duration;

use p2p_application::ports::{ChangeSet, Snapshot, SnapshotQuery, Store};
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::user::Caller;
use p2p_domain::{
    Account, AccountId, AccountKey, Asset, Decline, ExchangeType, Exchanger, Listing, ListingId,
    Offer, OfferId, Payment, TypedId, UserId,
};
use tokio::time::timeout;

use super::Backend;
use super::paying::{asked, payment, roubles, sides};
use super::rows::{commit, new, nothing, stranger};
use crate::harness::{Deal, Harness, Offering, Stage, Storage};

/// Far longer than any of this takes: beyond it, something waits for a lock.
const STUCK: Duration = Duration::from_secs(30);

/// What is to be found, by key.
#[derive(Debug, Default)]
struct Keys {
    users: Vec<UserId>,
    offers: Vec<OfferId>,
    exchangers: Vec<UserId>,
    listings: Vec<ListingId>,
    accounts: Vec<AccountKey>,
    payments: Vec<PaymentOrigin>,
}

impl Keys {
    /// A deal and its exchanger.
    fn of(deal: &Deal) -> Self {
        Self {
            offers: vec![deal.id()],
            exchangers: vec![deal.exchanger.user],
            ..Self::default()
        }
    }

    /// A deal and all that settling it may move.
    fn of_settled(deal: &Deal) -> Self {
        Self {
            listings: vec![deal.listing.id],
            accounts: vec![
                usdt(deal.holder),
                usdt(deal.payer),
                AccountKey::fees(Asset::Usdt),
            ],
            ..Self::of(deal)
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.users.extend(other.users);
        self.offers.extend(other.offers);
        self.exchangers.extend(other.exchangers);
        self.listings.extend(other.listings);
        self.accounts.extend(other.accounts);
        self.payments.extend(other.payments);
        self
    }
}

fn usdt(owner: Caller) -> AccountKey {
    AccountKey::user(owner.user, Asset::Usdt)
}

fn sorted<K: Ord + Clone>(keys: &[K]) -> Vec<K> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The rows of these keys, as a unit of work loads them.
async fn locked<S: Store>(store: &S, keys: &Keys) -> Snapshot {
    let mut unit = store.begin().await.unwrap();
    let snapshot = Snapshot {
        users: unit.known_users(&sorted(&keys.users)).await.unwrap(),
        offers: unit
            .load_by_key::<Offer>(&sorted(&keys.offers))
            .await
            .unwrap(),
        exchangers: unit
            .load_by_key::<Exchanger>(&sorted(&keys.exchangers))
            .await
            .unwrap(),
        listings: unit
            .load_by_key::<Listing>(&sorted(&keys.listings))
            .await
            .unwrap(),
        payments: unit
            .load_by_key::<Payment>(&sorted(&keys.payments))
            .await
            .unwrap(),
        accounts: unit
            .load_by_key::<Account>(&sorted(&keys.accounts))
            .await
            .unwrap(),
        ..Snapshot::default()
    };
    unit.rollback().await.unwrap();
    snapshot
}

/// In order, each row once; a row that comes twice must be the same twice.
fn tidy(mut snapshot: Snapshot) -> Snapshot {
    snapshot.users.sort_unstable();
    snapshot.offers.sort_by_key(|row| row.id);
    snapshot.offers.dedup();
    snapshot.exchangers.sort_by_key(|row| row.user);
    snapshot.exchangers.dedup();
    snapshot.listings.sort_by_key(|row| row.id);
    snapshot.listings.dedup();
    snapshot.accounts.sort_by_key(|row| row.key);
    snapshot.accounts.dedup();
    snapshot.payments.sort_by_key(|row| row.id);
    snapshot.payments.dedup();
    snapshot
}

/// Looks, and compares what is found with what these keys load. Where the store does not look, it looks at nothing.
async fn assert_finds<S: Storage>(
    harness: &Harness<S>,
    snapshot_query: &SnapshotQuery,
    keys: &Keys,
) {
    let found = harness.store.read_snapshot(snapshot_query).await.unwrap();
    let Some(found) = found else {
        let nothing = harness
            .store
            .read_snapshot(&SnapshotQuery::default())
            .await
            .unwrap();
        return assert_eq!(nothing, None, "a store looks, or it does not");
    };
    let expected = locked(&harness.store, keys).await;
    assert_eq!(tidy(found), tidy(expected), "{snapshot_query:?}");
}

fn answers(listing: &Listing, customers: &[Caller]) -> SnapshotQuery {
    let pairs: Vec<_> = customers.iter().map(|one| (listing.id, one.user)).collect();
    SnapshotQuery {
        answers: sorted(&pairs),
        ..SnapshotQuery::default()
    }
}

/// The listing, its exchanger, and the accounts of whoever gives the crypto and of the customer.
pub async fn a_look_finds_what_an_answer_needs<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for exchange_type in ExchangeType::ALL {
        let deal = harness.deal(exchange_type, Stage::Pending).await;
        let newcomer = harness.customer("newcomer").await;
        let mut keys = Keys {
            exchangers: vec![deal.exchanger.user],
            listings: vec![deal.listing.id],
            accounts: vec![usdt(newcomer)],
            ..Keys::default()
        };
        if exchange_type == ExchangeType::FiatToCrypto {
            keys.accounts.push(usdt(deal.exchanger));
        }
        assert_finds(&harness, &answers(&deal.listing, &[newcomer]), &keys).await;
    }
    harness.close().await;
}

/// One listing, answered by many at once, one of whom has no wallet: the others are found with theirs.
pub async fn a_look_finds_a_listing_for_several_customers<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let somebody = stranger(&harness, "walletless");
    let walletless = crate::harness::party(somebody.id);
    let registration = ChangeSet {
        users: vec![new(somebody)],
        ..ChangeSet::default()
    };
    commit(&harness.store, &registration).await.unwrap();
    let exchanger = harness.exchanger("exchanger").await;
    let (anna, berta) = (
        harness.customer("anna").await,
        harness.customer("berta").await,
    );
    for exchange_type in ExchangeType::ALL {
        let listing = harness
            .publish(exchanger, &Offering::of(exchange_type))
            .await;
        let mut keys = Keys {
            exchangers: vec![exchanger.user],
            listings: vec![listing.id],
            accounts: vec![usdt(anna), usdt(berta)],
            ..Keys::default()
        };
        if exchange_type == ExchangeType::FiatToCrypto {
            keys.accounts.push(usdt(exchanger));
        }
        let snapshot_query = answers(&listing, &[anna, berta, walletless]);
        assert_finds(&harness, &snapshot_query, &keys).await;
        let alone = Keys {
            accounts: keys.accounts.split_off(2),
            ..keys
        };
        assert_finds(&harness, &answers(&listing, &[walletless]), &alone).await;
    }
    harness.close().await;
}

/// Deals in every state, each with its exchanger's record.
pub async fn a_look_finds_deals_with_their_exchangers<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut keys = Keys::default();
    for exchange_type in ExchangeType::ALL {
        for stage in Stage::ALL {
            let deal = harness.deal(exchange_type, stage).await;
            keys = keys.and(Keys::of(&deal));
        }
    }
    let snapshot_query = SnapshotQuery {
        deals: sorted(&keys.offers),
        ..SnapshotQuery::default()
    };
    assert_finds(&harness, &snapshot_query, &keys).await;
    harness.close().await;
}

/// In both directions, and in one look: the listing, the accounts of both sides, and the fees'.
pub async fn a_look_finds_what_settling_moves<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut keys = Keys::default();
    for exchange_type in ExchangeType::ALL {
        for stage in [Stage::Paid, Stage::Finished] {
            let deal = harness.deal(exchange_type, stage).await;
            keys = keys.and(Keys::of_settled(&deal));
        }
    }
    let snapshot_query = SnapshotQuery {
        settled: sorted(&keys.offers),
        ..SnapshotQuery::default()
    };
    assert_finds(&harness, &snapshot_query, &keys).await;
    harness.close().await;
}

/// All kinds of glances at once, over the same rows in part: as a batch of different commands would look.
pub async fn a_look_finds_all_kinds_at_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness.deal(ExchangeType::FiatToCrypto, Stage::Paid).await;
    let pending = harness.offer(deal.customer, &deal.listing, "10").await;
    let snapshot_query = SnapshotQuery {
        deals: vec![pending.id],
        settled: vec![deal.id()],
        ..answers(&deal.listing, &[deal.customer])
    };
    let mut keys = Keys::of_settled(&deal);
    keys.offers.push(pending.id);
    assert_finds(&harness, &snapshot_query, &keys).await;
    harness.close().await;
}

/// A few payments that were made or declined, for orders and for callers' keys.
async fn paid<S: Storage>(harness: &Harness<S>, sides: &[Account; 2]) -> Vec<Payment> {
    let both = [Some(&sides[0]), Some(&sides[1])];
    let payments: Vec<Payment> = [
        (asked(1, "ёлка 🦀"), None),
        (asked(1, "a"), Some(Decline::InsufficientFunds)),
        (asked(2, "a"), Some(Decline::RateLimited)),
        (PaymentOrigin::Order(harness.market.fresh()), None),
    ]
    .into_iter()
    .map(|(origin, decline)| payment(harness, origin, both, roubles(5), decline))
    .collect();
    let changes = ChangeSet {
        payments: payments.iter().cloned().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
    payments
}

/// Payments by their reasons and accounts by their ids, whichever of the two are more; with what is not there left out.
pub async fn a_look_finds_payments_and_accounts<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    let sides = sides(&harness, buyer).await;
    let payments = paid(&harness, &sides).await;
    let origins: Vec<_> = payments.iter().map(|one| one.origin.clone()).collect();
    let (ids, keys): (Vec<_>, Vec<_>) = sides.iter().map(|side| (side.id, side.key)).unzip();
    let no_account = AccountId::from_u128(u128::MAX);
    for (payments, accounts) in [(4, 2), (4, 0), (1, 2), (0, 2), (0, 1), (2, 1)] {
        let origins = &origins[..payments];
        let expected = Keys {
            accounts: keys[..accounts].to_vec(),
            payments: origins.to_vec(),
            ..Keys::default()
        };
        let exact = SnapshotQuery {
            payments: sorted(origins),
            accounts: sorted(&ids[..accounts]),
            ..SnapshotQuery::default()
        };
        assert_finds(&harness, &exact, &expected).await;
        let nobody_asked = [asked(1, "A"), asked(3, "a"), asked(1, "a\0")];
        let more = SnapshotQuery {
            payments: sorted(&[origins, &nobody_asked].concat()),
            accounts: sorted(&[&ids[..accounts], &[no_account]].concat()),
            ..SnapshotQuery::default()
        };
        assert_finds(&harness, &more, &expected).await;
    }
    harness.end().await;
}

/// Asked for together with keys that do name something, and alone.
pub async fn a_look_leaves_out_what_is_not_there<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness.deal(ExchangeType::CryptoToFiat, Stage::Paid).await;
    let nobody = crate::harness::party(UserId::from_u128(u128::MAX));
    let no_listing = ListingId::from_u128(u128::MAX);
    let empty = SnapshotQuery {
        answers: vec![(no_listing, deal.customer.user)],
        deals: vec![nothing()],
        settled: vec![nothing()],
        users: vec![nobody.user],
        replies: vec![super::replies::key("nobody has asked")],
        payments: vec![asked(7, "nobody has asked"), asked(7, "nobody\0can")],
        accounts: vec![AccountId::from_u128(u128::MAX)],
        conducts: vec![nobody.user],
        open_offers: 0,
    };
    assert_finds(&harness, &empty, &Keys::default()).await;
    let mixed = SnapshotQuery {
        answers: sorted(&[
            (deal.listing.id, nobody.user),
            (no_listing, deal.customer.user),
        ]),
        deals: sorted(&[deal.id(), nothing()]),
        settled: sorted(&[deal.id(), nothing()]),
        users: sorted(&[deal.customer.user, nobody.user]),
        ..SnapshotQuery::default()
    };
    let keys = Keys {
        users: vec![deal.customer.user],
        ..Keys::of_settled(&deal)
    };
    assert_finds(&harness, &mixed, &keys).await;
    let known = locked(&harness.store, &keys).await.users;
    assert_eq!(known, [deal.customer.user]);
    let nobodies = Keys {
        users: vec![nobody.user],
        ..Keys::default()
    };
    let known = locked(&harness.store, &nobodies).await.users;
    assert!(known.is_empty());
    harness.close().await;
}

/// What was committed last is found, whoever committed it, and by whichever way.
pub async fn a_look_finds_what_was_committed_last<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let other = backend.open().await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Pending)
        .await;
    let snapshot_query = SnapshotQuery {
        deals: vec![deal.id()],
        ..SnapshotQuery::default()
    };
    for accepted in [false, true] {
        if accepted {
            harness.accept(&deal.offer).await;
        }
        let now = harness.deal_now(deal.id()).await;
        if let Some(snapshot) = other.read_snapshot(&snapshot_query).await.unwrap() {
            assert_eq!(snapshot.offers, [now]);
        }
    }
    harness.close().await;
}

/// While somebody holds the rows, others see them as they were committed; whoever has looked holds nobody up.
pub async fn a_look_neither_waits_nor_locks<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let other = backend.open().await;
    let deal = harness.deal(ExchangeType::CryptoToFiat, Stage::Paid).await;
    let snapshot_query = SnapshotQuery {
        settled: vec![deal.id()],
        ..answers(&deal.listing, &[deal.customer])
    };
    let keys = Keys::of_settled(&deal);
    let expected = locked(&other, &keys).await;

    let mut unit = harness.store.begin().await.unwrap();
    unit.load_by_key::<Offer>(&keys.offers).await.unwrap();
    unit.load_by_key::<Exchanger>(&keys.exchangers)
        .await
        .unwrap();
    unit.load_by_key::<Listing>(&keys.listings).await.unwrap();
    unit.load_by_key::<Account>(&sorted(&keys.accounts))
        .await
        .unwrap();
    let snapshot = timeout(STUCK, other.read_snapshot(&snapshot_query)).await;
    let snapshot = snapshot.expect("a look does not wait").unwrap();
    unit.rollback().await.unwrap();
    if let Some(snapshot) = snapshot {
        assert_eq!(tidy(snapshot), tidy(expected.clone()));
    }

    let held = other.read_snapshot(&snapshot_query).await.unwrap();
    let again = timeout(STUCK, locked(&harness.store, &keys)).await;
    assert_eq!(again.expect("a look locks nothing"), expected);
    drop(held);
    harness.close().await;
}
