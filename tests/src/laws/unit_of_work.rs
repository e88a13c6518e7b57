//! A unit of work: nothing before the commit, everything with it.

use p2p_application::dispute::DisputeQueries;
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::offer::OfferQueries;
use p2p_application::ports::{ChangeSet, Maintenance, Store};
use p2p_application::user::UserQueries;
use p2p_application::wallet::WalletQueries;
use p2p_domain::dispute::Comment;
use p2p_domain::offer::Act;
use p2p_domain::{
    Account, AccountKey, Actor, Asset, ExchangeType, Money, Offer, Posting, User, UserId,
};

use super::Backend;
use super::rows::{
    assert_conflict, assert_rejected, booking, broken, changed, commit, deposit, enrol, new,
    stranger,
};
use crate::harness::{Harness, Stage, Storage, hours};

/// A reader sees the market as it was until the commit, and all of the change after it.
pub async fn what_is_not_committed_is_not_seen<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let reader = backend.open().await;
    let anna = harness.customer("anna").await;
    let available = async || {
        let accounts = reader.accounts_of(anna.user).await.unwrap();
        let account = accounts.iter().find(|one| one.key.asset == Asset::Usdt);
        account.unwrap().available().minor()
    };

    let mut unit = harness.store.begin().await.unwrap();
    let changes = deposit(&harness, unit.as_mut(), anna, 5).await;
    assert_eq!(available().await, 0);
    unit.commit(&changes).await.unwrap();
    assert_eq!(available().await, 5);
    harness.close().await;
}

/// A unit of work that is dropped (its task was cancelled, say) is as if it had never been.
pub async fn a_dropped_unit_leaves_neither_trace_nor_lock<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    let mut unit = harness.store.begin().await.unwrap();
    deposit(&harness, unit.as_mut(), anna, 5).await;
    drop(unit);
    goes_on_from_nothing(harness, anna.user).await;
}

/// The same where it was said in so many words.
pub async fn a_unit_that_is_rolled_back_leaves_neither_trace_nor_lock<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    let mut unit = harness.store.begin().await.unwrap();
    deposit(&harness, unit.as_mut(), anna, 5).await;
    unit.rollback().await.unwrap();
    goes_on_from_nothing(harness, anna.user).await;
}

async fn goes_on_from_nothing<S: Storage>(harness: Harness<S>, user: UserId) {
    assert_eq!(harness.wallet(user, Asset::Usdt).await, (0, 0));
    let user = crate::harness::party(user);
    harness.deposit(user, "0.000007", Asset::Usdt).await;
    assert_eq!(harness.wallet(user.user, Asset::Usdt).await, (7, 0));
    harness.close().await;
}

/// Adds a row that can't be written.
type Spoil<'a> = &'a dyn Fn(&mut ChangeSet);

/// One row that can't be written, and nothing else is written either: whichever row it is.
pub async fn a_commit_is_all_or_nothing<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Disputed)
        .await;
    let offer = harness.deal_now(deal.id()).await;
    let disputes = harness.store.disputes_of(deal.id()).await.unwrap();
    let listing = harness.listing(deal.listing.id).await;
    let record = harness.exchanger_record(deal.exchanger.user).await;
    let user = harness
        .store
        .find_user(deal.customer.user)
        .await
        .unwrap()
        .unwrap();
    let wallet = harness.store.accounts_of(deal.customer.user).await.unwrap();
    let history = harness.store.offer_history(deal.id()).await.unwrap();

    let stale = |spoil: Spoil<'_>| {
        let mut changes = ChangeSet::default();
        let newcomer = stranger(&harness, "newcomer");
        changes.users.push(new(newcomer.clone()));
        let account = Account::open(
            harness.market.fresh(),
            AccountKey::user(newcomer.id, Asset::Usdt),
        );
        changes.accounts.push(new(account));
        spoil(&mut changes);
        (newcomer, changes)
    };
    let spoilers: [(&str, Spoil<'_>); 7] = [
        ("user", &|all| all.users.push(changed(user.clone(), 99))),
        ("offer", &|all| all.offers.push(changed(offer.clone(), 99))),
        ("dispute", &|all| {
            all.disputes.push(changed(disputes[0].clone(), 99))
        }),
        ("exchanger", &|all| all.exchangers.push(changed(record, 99))),
        ("listing", &|all| {
            all.listings.push(changed(listing.clone(), 99))
        }),
        ("account", &|all| all.accounts.push(changed(wallet[0], 99))),
        ("history", &|all| all.history.push(history[0].clone())),
    ];
    for (what, spoil) in spoilers {
        let (newcomer, changes) = stale(spoil);
        assert_conflict(what, &commit(&harness.store, &changes).await);
        let found = harness.store.find_user(newcomer.id).await.unwrap();
        assert_eq!(found, None, "a stale {what} did not stop a new user");
        let accounts = harness.store.accounts_of(newcomer.id).await.unwrap();
        assert_eq!(accounts, [], "a stale {what} did not stop a new account");
    }
    harness.close().await;
}

/// All kinds of rows in one commit, and all of them are there.
pub async fn everything_that_changed_is_committed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Disputed)
        .await;
    let (offer, now) = (harness.deal_now(deal.id()).await, harness.market.now());
    let dispute = harness
        .store
        .disputes_of(deal.id())
        .await
        .unwrap()
        .remove(0);
    let record = harness.exchanger_record(deal.exchanger.user).await;

    let mut unit = harness.store.begin().await.unwrap();
    let key = AccountKey::user(deal.holder.user, Asset::Usdt);
    let accounts = unit.load_by_key::<Account>(&[key]).await.unwrap();
    let step = Act::by(Actor::Moderator, harness.moderator.user, now);
    let comment = String::from("called off");
    let moved = offer
        .clone()
        .resolve_cancelled(step, comment.clone(), harness.market.policy())
        .unwrap();
    let mut changes = booking(&harness, moved.posting.unwrap(), &accounts);
    let newcomer = enrol(&harness, &mut changes);
    let listing = harness.listing(deal.listing.id).await;
    let freed = listing.clone().follow(moved.listing.unwrap()).unwrap();
    let (resolved, _) = dispute.clone().resolve(
        p2p_domain::dispute::Resolution::Cancelled,
        harness.moderator.user,
        comment,
        offer.deal(),
        now,
    );
    let switched = record.switch(!record.online);
    let remark = Comment {
        id: harness.market.fresh(),
        dispute: dispute.id,
        author: deal.customer.user,
        text: "thank you".to_owned(),
        at: now,
    };
    changes
        .offers
        .push(changed(moved.offer.clone(), offer.version));
    changes
        .disputes
        .push(changed(resolved.clone(), dispute.version));
    changes.exchangers.push(changed(switched, record.version));
    changes
        .listings
        .push(changed(freed.clone(), listing.version));
    changes.history.extend(moved.history.clone());
    changes.comments.push(remark.clone());
    unit.commit(&changes).await.unwrap();

    let store = &harness.store;
    assert_eq!(harness.deal_now(deal.id()).await, moved.offer);
    assert_eq!(
        store.find_dispute(dispute.id).await.unwrap(),
        Some(resolved)
    );
    assert_eq!(
        store.find_exchanger(record.user).await.unwrap(),
        Some(switched)
    );
    assert_eq!(
        store.find_exchanger(newcomer.user).await.unwrap(),
        Some(newcomer)
    );
    assert_eq!(harness.listing(listing.id).await, freed);
    assert_eq!(store.dispute_comments(dispute.id).await.unwrap(), [remark]);
    let history = store.offer_history(deal.id()).await.unwrap();
    assert_eq!(history.last(), moved.history.last());
    assert_eq!(
        harness.wallet(deal.holder.user, Asset::Usdt).await,
        (1_000_000_000, 0)
    );
    harness.close().await;
}

/// The last line of defence: rows that no sequence of commands leads to are not let in, and leave no trace.
pub async fn broken_rows_are_rejected<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for (what, mut changes) in broken(&harness).await {
        let newcomer = stranger(&harness, "newcomer");
        changes.users.push(new(newcomer.clone()));
        assert_rejected(what, &commit(&harness.store, &changes).await);
        let found = harness.store.find_user(newcomer.id).await.unwrap();
        assert_eq!(found, None, "{what} was let in, in part");
    }
    harness.close().await;
}

/// As many rows as the largest batch can have: more than one statement's parameters in some databases.
pub async fn a_full_batch_fits_one_commit<B: Backend>(backend: &B) {
    const COMMANDS: usize = 512;
    let harness = Harness::open(backend.open().await).await;
    let exchanger = harness.exchanger("exchanger").await;
    let listing = crate::harness::Offering {
        total: "1000000",
        ..crate::harness::Offering::of(ExchangeType::CryptoToFiat)
    };
    let listing = harness.publish(exchanger, &listing).await;
    let record = harness.exchanger_record(exchanger.user).await;
    let now = harness.market.now();

    // Registrations are the widest of commands, offers the ones that write into most tables.
    let mut changes = ChangeSet::default();
    let mut frozen = listing.clone();
    for _ in 0..COMMANDS {
        let user = stranger(&harness, "customer");
        for asset in Asset::ALL {
            let key = AccountKey::user(user.id, *asset);
            changes
                .accounts
                .push(new(Account::open(harness.market.fresh(), key)));
        }
        changes.users.push(new(user));
    }
    commit(&harness.store, &changes).await.unwrap();

    let (mut deposits, mut deals) = (ChangeSet::default(), ChangeSet::default());
    let external = AccountKey::external(Asset::Usdt);
    let mut keys: Vec<AccountKey> = changes
        .users
        .iter()
        .flat_map(|row| {
            Asset::ALL
                .iter()
                .map(|asset| AccountKey::user(row.value.id, *asset))
        })
        .chain([external])
        .collect();
    keys.sort_unstable();
    let ids: Vec<UserId> = changes.users.iter().map(|row| row.value.id).collect();
    let mut unit = harness.store.begin().await.unwrap();
    assert_eq!(
        unit.load_by_key::<User>(&ids).await.unwrap().len(),
        COMMANDS
    );
    let accounts = unit.load_by_key::<Account>(&keys).await.unwrap();
    assert_eq!(accounts.len(), keys.len());
    let outside = accounts.iter().find(|one| one.key == external).unwrap();
    let mut outside_now = *outside;
    for user in &ids {
        let own = accounts
            .iter()
            .find(|one| one.key == AccountKey::user(*user, Asset::Usdt))
            .unwrap();
        let amount = Money::new(20_000_000, Asset::Usdt);
        let posting = Posting::deposit(*user, amount, harness.admin.user).unwrap();
        let mut booked = booking(&harness, posting, &[*own, outside_now]);
        outside_now = booked.accounts.pop().unwrap().value;
        let own = booked.accounts.pop().unwrap().value;
        deposits.accounts.push(changed(own, 1));
        deposits.transfers.append(&mut booked.transfers);

        let opening = p2p_domain::offer::NewOffer {
            id: harness.market.fresh(),
            customer: *user,
            amount: Money::new(10_000_000, Asset::Usdt),
            conditions: String::new(),
        };
        let moved = Offer::create(opening, &frozen, &record, harness.market.policy(), now).unwrap();
        frozen = frozen.follow(moved.listing.unwrap()).unwrap();
        deals.history.extend(moved.history);
        deals.offers.push(new(moved.offer));
        let mut held = booking(&harness, moved.posting.unwrap(), &[own]);
        deals.accounts.append(&mut held.accounts);
        deals.transfers.append(&mut held.transfers);
    }
    deposits
        .accounts
        .push(changed(outside_now, outside.version));
    unit.commit(&deposits).await.unwrap();
    deals.listings.push(changed(frozen, listing.version));
    commit(&harness.store, &deals).await.unwrap();

    let due = harness
        .store
        .due_offers(now.after(hours(1)), 10_000)
        .await
        .unwrap();
    assert_eq!(due.len(), COMMANDS);
    harness.close().await;
}
