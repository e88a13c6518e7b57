//! What is stored is what is loaded: every variant, every optional part, the largest numbers, any text. Laws that leave
//! rows behind which no command would make do not end in an audit.

use std::time::Duration;

use p2p_application::dispute::DisputeQueries;
use p2p_application::offer::OfferQueries;
use p2p_application::ports::{ChangeSet, Store};
use p2p_application::user::UserQueries;
use p2p_domain::dispute::{DisputeState, Resolution};
use p2p_domain::listing::ListingState;
use p2p_domain::offer::{HistoryEntry, State};
use p2p_domain::user::{PasswordHash, User};
use p2p_domain::{
    Account, AccountKey, Actor, Asset, Dispute, ExchangeType, Exchanger, Language, Listing,
    ListingId, Money, Offer, OfferId, Price, Role, Roles, Status, Timestamp,
};

use super::Backend;
use super::rows::{changed, commit, deposit, enrol, new, stranger};
use crate::harness::{Harness, START, Stage};

/// Letters of many scripts, quotes, a line end, an emoji: nothing that may be lost or cut.
const TEXT: &str = "Žluťoučký 'kůň' \"ёлка\"\n漢字 \\0 %s {} 🦀 \t end";

const LATE: Timestamp = Timestamp::from_micros(253_402_300_799_999_999);

/// With and without a password, each set of roles, each language.
pub async fn a_user_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut users: Vec<User> = (0..16)
        .map(|bits| User {
            roles: Roles::from_bits(bits).unwrap(),
            created_at: LATE,
            password_changed_at: START,
            ..stranger(&harness, "somebody")
        })
        .collect();
    users[0].password = Some(PasswordHash::new(
        "$argon2id$v=19$m=8,t=1,p=1$YWJj$ZGVm".to_owned(),
    ));
    users[1].name = TEXT.to_owned();
    users[2].language = Language::Russian;
    users[2].email_verified_at = Some(LATE);
    users[3].roles_changed_at = Some(LATE);
    for user in &users {
        let changes = ChangeSet {
            users: vec![new(user.clone())],
            ..ChangeSet::default()
        };
        commit(&harness.store, &changes).await.unwrap();
        assert_eq!(
            harness.store.find_user(user.id).await.unwrap().as_ref(),
            Some(user)
        );
    }
    let updated = User {
        name: TEXT.to_owned(),
        password: Some(PasswordHash::new("other".to_owned())),
        language: Language::English,
        password_changed_at: LATE,
        email_verified_at: Some(START),
        ..users[2].clone().with_roles(Roles::from(Role::ALL), START)
    };
    let changes = ChangeSet {
        users: vec![changed(updated.clone(), 1)],
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
    let mut unit = harness.store.begin().await.unwrap();
    assert_eq!(
        unit.load_by_key::<User>(&[updated.id]).await.unwrap(),
        [updated]
    );
    unit.rollback().await.unwrap();
    harness.close().await;
}

/// Online and not, frozen and not, any count.
pub async fn an_exchanger_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut changes = ChangeSet::default();
    let fresh = enrol(&harness, &mut changes);
    commit(&harness.store, &changes).await.unwrap();
    for (version, (online, unanswered, frozen_at)) in (fresh.version..).zip([
        (true, 0, None),
        (false, 5, Some(LATE)),
        (true, u32::MAX, Some(START)),
        (false, 0, None),
    ]) {
        let row = Exchanger {
            online,
            unanswered,
            frozen_at,
            version: version + 1,
            ..fresh
        };
        let changes = ChangeSet {
            exchangers: vec![changed(row, version)],
            ..ChangeSet::default()
        };
        commit(&harness.store, &changes).await.unwrap();
        assert_eq!(harness.exchanger_record(fresh.user).await, row);
        let mut unit = harness.store.begin().await.unwrap();
        assert_eq!(
            unit.load_by_key::<Exchanger>(&[fresh.user]).await.unwrap(),
            [row]
        );
        unit.rollback().await.unwrap();
    }
    harness.close().await;
}

/// Each state, several and odd payment methods, the widest window, the largest amounts.
pub async fn a_listing_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut changes = ChangeSet::default();
    let exchanger = enrol(&harness, &mut changes);
    commit(&harness.store, &changes).await.unwrap();
    let most = i64::MAX;
    let base = |state: ListingState, exchange_type| Listing {
        id: harness.market.fresh::<ListingId>(),
        exchanger: exchanger.user,
        exchange_type,
        price: Price::from_e8(most, Asset::Jpy).unwrap(),
        total: Money::new(most, Asset::Eth),
        frozen: Money::zero(Asset::Eth),
        executed: Money::new(most - 1, Asset::Eth),
        min: Money::new(1, Asset::Jpy),
        max: Money::new(most, Asset::Jpy),
        payment_methods: vec!["BANK, A".to_owned(), TEXT.to_owned()],
        payment_window: Duration::from_secs(6 * 60 * 60),
        terms: TEXT.to_owned(),
        state,
        created_at: START,
        updated_at: LATE,
        version: 7,
    };
    for state in ListingState::ALL {
        for exchange_type in ExchangeType::ALL {
            let row = base(state, exchange_type);
            let changes = ChangeSet {
                listings: vec![new(row.clone())],
                ..ChangeSet::default()
            };
            commit(&harness.store, &changes).await.unwrap();
            assert_eq!(harness.listing(row.id).await, row);
            let updated = Listing {
                price: Price::from_e8(1, Asset::Jpy).unwrap(),
                total: Money::new(5, Asset::Eth),
                executed: Money::new(2, Asset::Eth),
                payment_methods: vec!["SEPA".to_owned()],
                payment_window: Duration::from_secs(10 * 60),
                terms: String::new(),
                state: ListingState::Closed,
                version: 8,
                ..row
            };
            let changes = ChangeSet {
                listings: vec![changed(updated.clone(), 7)],
                ..ChangeSet::default()
            };
            commit(&harness.store, &changes).await.unwrap();
            let mut unit = harness.store.begin().await.unwrap();
            let loaded = unit.load_by_key::<Listing>(&[updated.id]).await.unwrap();
            unit.rollback().await.unwrap();
            assert_eq!(loaded, [updated]);
        }
    }
    harness.close().await;
}

fn states() -> [State; 9] {
    [
        State::Pending { respond_by: START },
        State::Approved {
            pay_by: START,
            cancel_proposed: false,
        },
        State::Approved {
            pay_by: LATE,
            cancel_proposed: true,
        },
        State::PaymentConfirmed {
            receipt_by: START,
            cancel_proposed: false,
        },
        State::PaymentConfirmed {
            receipt_by: LATE,
            cancel_proposed: true,
        },
        State::DisputeOpen { since: START },
        State::Finished { at: START },
        State::Declined { at: START },
        State::Cancelled { at: START },
    ]
}

/// Stored as new and as changed, with and without a payment reference.
pub async fn a_deal_is_kept_as_it_was_in_every_state<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for exchange_type in ExchangeType::ALL {
        let deal = harness.deal(exchange_type, Stage::Pending).await;
        for state in states() {
            for payment_reference in [None, Some(TEXT.to_owned())] {
                let mut row = Offer {
                    state,
                    payment_reference,
                    version: 3,
                    ..deal.offer.clone()
                };
                row.id = harness.market.fresh::<OfferId>();
                row.terms.conditions = TEXT.to_owned();
                row.terms.fee_basis_points = 100;
                row.terms.payment_window = Duration::from_secs(600);
                let changes = ChangeSet {
                    offers: vec![new(row.clone())],
                    ..ChangeSet::default()
                };
                commit(&harness.store, &changes).await.unwrap();
                assert_eq!(harness.deal_now(row.id).await, row);
            }
            let mut row = harness.deal_now(deal.id()).await;
            let loaded = row.version;
            row.state = state;
            row.version += 1;
            row.payment_reference = Some(format!("{state:?}"));
            let changes = ChangeSet {
                offers: vec![changed(row.clone(), loaded)],
                ..ChangeSet::default()
            };
            commit(&harness.store, &changes).await.unwrap();
            let mut unit = harness.store.begin().await.unwrap();
            assert_eq!(unit.load_by_key::<Offer>(&[row.id]).await.unwrap(), [row]);
            unit.rollback().await.unwrap();
        }
    }
}

/// By each opener, with each resolution.
pub async fn a_dispute_is_kept_as_it_was_in_every_state<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Approved)
        .await;
    let split = Resolution::Split {
        payer_amount: Money::new(1, Asset::Usdt),
    };
    let openers = [
        (
            Actor::Customer,
            Some(deal.customer.user),
            Resolution::Finished,
        ),
        (
            Actor::Exchanger,
            Some(deal.exchanger.user),
            Resolution::Cancelled,
        ),
        (Actor::System, None, split),
    ];
    for (opened_by, opener, resolution) in openers {
        let open = Dispute {
            id: harness.market.fresh(),
            offer: deal.id(),
            opened_by,
            opener,
            reason: TEXT.to_owned(),
            opened_at: LATE,
            state: DisputeState::Open,
            version: 1,
        };
        let changes = ChangeSet {
            disputes: vec![new(open.clone())],
            ..ChangeSet::default()
        };
        commit(&harness.store, &changes).await.unwrap();
        assert_eq!(
            harness.store.find_dispute(open.id).await.unwrap().as_ref(),
            Some(&open)
        );
        let resolved = Dispute {
            state: DisputeState::Resolved {
                resolution,
                by: harness.moderator.user,
                comment: TEXT.to_owned(),
                at: LATE,
            },
            version: 2,
            ..open
        };
        let changes = ChangeSet {
            disputes: vec![changed(resolved.clone(), 1)],
            ..ChangeSet::default()
        };
        commit(&harness.store, &changes).await.unwrap();
        assert_eq!(
            harness.store.find_dispute(resolved.id).await.unwrap(),
            Some(resolved)
        );
    }
    harness.close().await;
}

/// The largest balance that there can be, and the debt of the outside world that mirrors it.
pub async fn an_account_is_kept_to_the_last_unit<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let rich = harness.customer("rich").await;
    let mut unit = harness.store.begin().await.unwrap();
    let changes = deposit(&harness, unit.as_mut(), rich, i64::MAX).await;
    unit.commit(&changes).await.unwrap();
    assert_eq!(harness.wallet(rich.user, Asset::Usdt).await, (i64::MAX, 0));
    let mut unit = harness.store.begin().await.unwrap();
    let external = unit
        .load_by_key::<Account>(&[AccountKey::external(Asset::Usdt)])
        .await
        .unwrap();
    unit.rollback().await.unwrap();
    assert_eq!(external[0].available().minor(), -i64::MAX);
    harness.close().await;
}

/// Each actor, with and without a person and a comment.
pub async fn a_history_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Pending)
        .await;
    let mut expected = harness.store.offer_history(deal.id()).await.unwrap();
    let mut changes = ChangeSet::default();
    for (status, actor) in Status::ALL.iter().zip(Actor::ALL.iter().cycle()) {
        let user = (*actor != Actor::System).then_some(deal.customer.user);
        let step = HistoryEntry {
            offer: deal.id(),
            version: expected.last().unwrap().version + 1,
            status: *status,
            actor: *actor,
            user,
            comment: user.map(|_| TEXT.to_owned()),
            at: LATE,
        };
        changes.history.push(step.clone());
        expected.push(step);
    }
    commit(&harness.store, &changes).await.unwrap();
    assert_eq!(
        harness.store.offer_history(deal.id()).await.unwrap(),
        expected
    );
}
