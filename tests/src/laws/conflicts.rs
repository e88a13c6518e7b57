//! Versions and unique keys: whoever comes second is told so, and nothing is changed.

use p2p_application::dispute::DisputeQueries;
use p2p_application::offer::OfferQueries;
use p2p_application::ports::{ChangeSet, Versioned};
use p2p_application::user::UserQueries;
use p2p_domain::user::User;
use p2p_domain::{Account, AccountKey, Asset, Dispute, ExchangeType, Exchanger, Listing, Offer};

use super::Backend;
use super::access_rows::AccessRows;
use super::rows::{assert_conflict, changed, commit, new, stranger};
use crate::harness::{Deal, Harness, Stage, Storage};

/// One row of each table that has versions.
pub(super) struct Rows {
    user: User,
    offer: Offer,
    dispute: Dispute,
    exchanger: Exchanger,
    listing: Listing,
    account: Account,
    access: AccessRows,
}

pub(super) async fn rows<S: Storage>(harness: &Harness<S>) -> (Deal, Rows) {
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Disputed)
        .await;
    let store = &harness.store;
    let access = AccessRows::of(deal.customer.user);
    commit(store, &access.all_new()).await.unwrap();
    let rows = Rows {
        access,
        user: store.find_user(deal.customer.user).await.unwrap().unwrap(),
        offer: harness.deal_now(deal.id()).await,
        dispute: store.disputes_of(deal.id()).await.unwrap().remove(0),
        exchanger: harness.exchanger_record(deal.exchanger.user).await,
        listing: harness.listing(deal.listing.id).await,
        account: store
            .accounts_of(deal.customer.user)
            .await
            .unwrap()
            .remove(0),
    };
    (deal, rows)
}

impl Rows {
    /// Each row by itself, saved as if it had been loaded with `loaded(its version)`.
    pub(super) fn each(
        &self,
        loaded: impl Fn(u64) -> Option<u64>,
    ) -> Vec<(&'static str, ChangeSet)> {
        fn row<T: Clone>(value: &T, expected_version: Option<u64>) -> Vec<Versioned<T>> {
            let value = value.clone();
            vec![Versioned {
                value,
                expected_version,
            }]
        }
        let none = ChangeSet::default;
        let mut all = vec![
            (
                "user",
                ChangeSet {
                    users: row(&self.user, loaded(self.user.version)),
                    ..none()
                },
            ),
            (
                "offer",
                ChangeSet {
                    offers: row(&self.offer, loaded(self.offer.version)),
                    ..none()
                },
            ),
            (
                "dispute",
                ChangeSet {
                    disputes: row(&self.dispute, loaded(self.dispute.version)),
                    ..none()
                },
            ),
            (
                "exchanger",
                ChangeSet {
                    exchangers: row(&self.exchanger, loaded(self.exchanger.version)),
                    ..none()
                },
            ),
            (
                "listing",
                ChangeSet {
                    listings: row(&self.listing, loaded(self.listing.version)),
                    ..none()
                },
            ),
            (
                "account",
                ChangeSet {
                    accounts: row(&self.account, loaded(self.account.version)),
                    ..none()
                },
            ),
        ];
        all.extend(self.access.each(loaded));
        all
    }
}

/// Loaded before the last change, or not at all: both are stale.
pub async fn a_stale_version_is_a_conflict<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (_, rows) = rows(&harness).await;
    for step in [1, -1] {
        for (what, changes) in rows.each(|version| version.checked_add_signed(step)) {
            assert_conflict(what, &commit(&harness.store, &changes).await);
        }
    }
    // The same rows with the right version are no conflict: it was the version and nothing else.
    for (what, changes) in rows.each(Some) {
        assert!(commit(&harness.store, &changes).await.is_ok(), "{what}");
    }
    harness.close().await;
}

/// A row that was loaded and is no more (or never was).
pub async fn a_row_that_is_gone_is_a_conflict<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (_, mut rows) = rows(&harness).await;
    let somebody = stranger(&harness, "somebody");
    rows.user = somebody.clone();
    rows.offer.id = harness.market.fresh();
    rows.dispute.id = harness.market.fresh();
    rows.exchanger.user = harness.customer("no exchanger").await.user;
    rows.listing.id = harness.market.fresh();
    let walletless = stranger(&harness, "walletless");
    let registration = ChangeSet {
        users: vec![new(walletless.clone())],
        ..ChangeSet::default()
    };
    commit(&harness.store, &registration).await.unwrap();
    rows.account = Account::open(
        harness.market.fresh(),
        AccountKey::user(walletless.id, Asset::Usdt),
    );
    rows.access = AccessRows::of(walletless.id);
    for (what, changes) in rows.each(Some) {
        assert_conflict(what, &commit(&harness.store, &changes).await);
    }
    assert_eq!(harness.store.find_user(somebody.id).await.unwrap(), None);
    harness.close().await;
}

/// Saved as new, but there.
pub async fn a_new_row_under_a_taken_key_is_a_conflict<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (_, rows) = rows(&harness).await;
    for (what, changes) in rows.each(|_| None) {
        assert_conflict(what, &commit(&harness.store, &changes).await);
    }
    harness.close().await;
}

/// An account is named by owner and asset, whatever its id.
pub async fn two_accounts_of_one_owner_and_asset_are_a_conflict<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    let owned = [
        AccountKey::user(anna.user, Asset::Btc),
        AccountKey::external(Asset::Btc),
        AccountKey::fees(Asset::Btc),
    ];
    for key in owned {
        let mut changes = ChangeSet::default();
        changes
            .accounts
            .push(new(Account::open(harness.market.fresh(), key)));
        assert_conflict(&format!("{key:?}"), &commit(&harness.store, &changes).await);
    }
    harness.close().await;
}

/// Two registrations with one address, in one commit or in two.
pub async fn an_address_has_one_account<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let first = stranger(&harness, "first");
    let mut second = stranger(&harness, "second");
    second.email = first.email.clone();
    let mut both = ChangeSet::default();
    both.users.extend([new(first.clone()), new(second.clone())]);
    assert_conflict("both at once", &commit(&harness.store, &both).await);
    assert_eq!(harness.store.find_user(first.id).await.unwrap(), None);

    let one = |user: &User| ChangeSet {
        users: vec![new(user.clone())],
        ..ChangeSet::default()
    };
    commit(&harness.store, &one(&first)).await.unwrap();
    assert_conflict(
        "one after the other",
        &commit(&harness.store, &one(&second)).await,
    );
    let found = harness
        .store
        .find_user_by_email(&first.email)
        .await
        .unwrap();
    assert_eq!(found.map(|user| user.id), Some(first.id));

    // Nor can somebody who is registered move to an address that is taken.
    let anna = harness.customer("anna").await;
    let mut anna = harness.store.find_user(anna.user).await.unwrap().unwrap();
    anna.email = first.email.clone();
    let moved = ChangeSet {
        users: vec![changed(anna.clone(), anna.version)],
        ..ChangeSet::default()
    };
    assert_conflict("a move", &commit(&harness.store, &moved).await);
    harness.close().await;
}

/// Two disputes of one side, under ids of their own.
pub async fn a_side_opens_one_dispute_of_a_deal<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deal, rows) = rows(&harness).await;
    let second = Dispute {
        id: harness.market.fresh(),
        ..rows.dispute.clone()
    };
    let changes = ChangeSet {
        disputes: vec![new(second)],
        ..ChangeSet::default()
    };
    assert_conflict("a second dispute", &commit(&harness.store, &changes).await);
    assert_eq!(
        harness.store.disputes_of(deal.id()).await.unwrap(),
        [rows.dispute]
    );
    harness.close().await;
}

/// Steps of a history and remarks have keys, too.
pub async fn what_is_only_added_is_added_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deal, rows) = rows(&harness).await;
    let history = harness.store.offer_history(deal.id()).await.unwrap();
    let remark = harness
        .comment(rows.dispute.id, deal.customer, "hello")
        .await;

    let mut step = history[0].clone();
    step.comment = Some("rewritten".to_owned());
    let changes = ChangeSet {
        history: vec![step],
        ..ChangeSet::default()
    };
    assert_conflict("a step", &commit(&harness.store, &changes).await);
    assert_eq!(
        harness.store.offer_history(deal.id()).await.unwrap(),
        history
    );

    let mut rewritten = remark.clone();
    rewritten.text = "goodbye".to_owned();
    let changes = ChangeSet {
        comments: vec![rewritten],
        ..ChangeSet::default()
    };
    assert_conflict("a remark", &commit(&harness.store, &changes).await);
    assert_eq!(
        harness
            .store
            .dispute_comments(rows.dispute.id)
            .await
            .unwrap(),
        [remark]
    );
    harness.close().await;
}
