//! The online switch, the freeze of those who don't answer, and the moderators' thaw; in memory.

use super::memory;
use p2p_application::QueryError;
use p2p_application::exchanger::{SwitchOnline, UnfreezeExchanger, frozen_exchangers};
use p2p_domain::listing::{ListingState, Switch};
use p2p_domain::refusal::{AccessRefusal, ExchangerRefusal, ListingRefusal, Resource};
use p2p_domain::user::Caller;
use p2p_domain::{ExchangeType, Refusal, Role, Roles, TypedId, UserId};
use p2p_tests::fixture::Fixture;
use p2p_tests::harness::{Harness, Offering, START, minutes, party};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

const fn switch(caller: Caller, exchanger: UserId, online: bool) -> SwitchOnline {
    SwitchOnline {
        caller,
        exchanger,
        online,
    }
}

#[tokio::test]
async fn exchangers_turn_their_own_switch() {
    let harness = Harness::open(memory()).await;
    let anna = harness.person("anna", [Role::Exchanger]).await;
    let on = harness.done(switch(anna, anna.user, true)).await;
    assert_eq!((on.online, on.version), (true, 2));
    let before = harness.store.tables();
    assert_eq!(harness.done(switch(anna, anna.user, true)).await, on);
    assert!(
        before == harness.store.tables(),
        "turning to where it is changed something"
    );
    let off = harness.done(switch(anna, anna.user, false)).await;
    assert_eq!((off.online, off.version), (false, 3));

    let berta = harness.exchanger("berta").await;
    let customer = harness.customer("customer").await;
    for (caller, exchanger, expected) in [
        (
            anna,
            berta.user,
            Refusal::Access(AccessRefusal::IdentityMismatch),
        ),
        (
            customer,
            customer.user,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Exchanger,
            }),
        ),
        (
            harness.admin,
            anna.user,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Exchanger,
            }),
        ),
        (
            party(customer.user),
            customer.user,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Exchanger,
            }),
        ),
    ] {
        assert_eq!(
            harness.refused(switch(caller, exchanger, true)).await,
            expected
        );
    }
    harness.close().await;
}

#[tokio::test]
async fn the_sixth_unanswered_offer_in_a_row_freezes() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    let other = harness
        .publish(fixture.exchanger, &Offering::of(BUYS))
        .await;
    let paused = harness
        .publish(fixture.exchanger, &Offering::of(BUYS))
        .await;
    let paused = harness.turn(&paused, Switch::Pause).await;
    let berta = harness.exchanger("berta").await;
    let of_berta = harness.publish(berta, &Offering::of(BUYS)).await;
    fixture.let_offers_expire(5).await;
    assert_eq!(
        (fixture.unanswered().await, fixture.is_frozen().await),
        (5, false)
    );
    assert_eq!(harness.listing(other.id).await, other);

    let events = harness.event_count();
    fixture.let_offers_expire(1).await;
    let record = harness.exchanger_record(fixture.exchanger.user).await;
    assert_eq!(
        (record.unanswered, record.frozen_at),
        (6, Some(harness.market.now()))
    );
    assert!(record.online, "the switch is the exchanger's own");
    let expected = [
        "ExchangeOfferCancelled",
        "ExchangeOfferCreated",
        "ExchangerFrozen",
    ];
    let mut told = harness.events_since(events);
    told.sort_unstable();
    assert_eq!(told, expected);
    for listing in [&fixture.listing, &other] {
        let now = harness.listing(listing.id).await;
        assert_eq!(
            (now.state, now.updated_at),
            (ListingState::Paused, harness.market.now())
        );
    }
    assert_eq!(harness.listing(paused.id).await, paused);
    assert_eq!(harness.listing(of_berta.id).await, of_berta);
    fixture.harness.close().await;
}

#[tokio::test]
async fn a_frozen_exchanger_offers_nothing_and_finishes_what_runs() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    let running = harness
        .offer(fixture.customer, &fixture.listing, "10")
        .await;
    let running = harness.accept(&running).await;
    let running = harness.pay(&running).await;
    let waiting = {
        fixture.let_offers_expire(5).await;
        harness.clock.advance(minutes(1));
        harness
            .offer(fixture.customer, &fixture.listing, "10")
            .await
    };
    // Of two offers that wait, the older one freezes.
    harness.clock.advance(minutes(15));
    let unanswered = harness
        .offer(fixture.customer, &fixture.listing, "10")
        .await;
    assert_eq!(harness.sweep_after(minutes(15)).await, 1);
    assert!(fixture.is_frozen().await);
    assert!(harness.deal_now(waiting.id).await.status().is_final());

    let refusal = harness
        .refused(harness.publication(fixture.exchanger, &Offering::of(BUYS)))
        .await;
    assert_eq!(refusal, Refusal::Exchanger(ExchangerRefusal::Frozen));
    let resume = p2p_application::listing::UpdateListing {
        caller: fixture.exchanger,
        listing: fixture.listing.id,
        change: p2p_application::listing::ListingChange {
            switch: Some(Switch::Resume),
            ..Default::default()
        },
    };
    assert_eq!(
        harness.refused(resume.clone()).await,
        Refusal::Exchanger(ExchangerRefusal::Frozen)
    );
    let refusal = harness
        .refused(harness.opening(fixture.customer, &fixture.listing, "10"))
        .await;
    assert_eq!(refusal, Refusal::Listing(ListingRefusal::Paused));

    // What was there before goes on; an answer resets the count, and does not thaw.
    harness.receive(&running).await;
    harness.accept(&unanswered).await;
    assert_eq!(
        (fixture.unanswered().await, fixture.is_frozen().await),
        (0, true)
    );

    let thawed = harness.unfreeze(fixture.exchanger).await;
    assert_eq!((thawed.frozen_at, thawed.unanswered), (None, 0));
    // The listings stay paused until their owner resumes them.
    assert_eq!(
        harness.listing(fixture.listing.id).await.state,
        ListingState::Paused
    );
    harness.done(resume).await;
    harness
        .offer(fixture.customer, &fixture.listing, "10")
        .await;
    fixture.harness.close().await;
}

/// A listing that escaped the pause (as in a database that was mended by hand) is still closed to offers.
#[tokio::test]
async fn a_frozen_exchangers_active_listing_takes_no_offers() {
    let fixture = Fixture::open(memory()).await;
    fixture.harness.store.tamper(|tables| {
        let record = tables.exchangers.get_mut(&fixture.exchanger.user).unwrap();
        record.frozen_at = Some(START);
    });
    let opening = fixture
        .harness
        .opening(fixture.customer, &fixture.listing, "10");
    assert_eq!(
        fixture.harness.refused(opening).await,
        Refusal::Exchanger(ExchangerRefusal::Frozen)
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn any_answer_ends_the_row() {
    for answer in ["accept", "decline", "cancel"] {
        let fixture = Fixture::open(memory()).await;
        let harness = &fixture.harness;
        fixture.let_offers_expire(5).await;
        let offer = harness
            .offer(fixture.customer, &fixture.listing, "10")
            .await;
        match answer {
            "accept" => {
                let accepted = harness.accept(&offer).await;
                harness.cancel(&accepted, accepted.fiat_payer()).await
            }
            "decline" => harness.decline(&offer).await,
            _ => harness.cancel(&offer, fixture.exchanger.user).await,
        };
        assert_eq!(fixture.unanswered().await, 0, "{answer}");
        fixture.let_offers_expire(5).await;
        assert!(!fixture.is_frozen().await);
        fixture.let_offers_expire(1).await;
        assert!(fixture.is_frozen().await);
        fixture.harness.close().await;
    }
}

/// A customer who gives up, and a payment that does not come, say nothing of the exchanger's attention.
#[tokio::test]
async fn what_is_no_answer_does_not_end_the_row() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    fixture.let_offers_expire(3).await;
    let offer = harness
        .offer(fixture.customer, &fixture.listing, "10")
        .await;
    harness.cancel(&offer, fixture.customer.user).await;
    assert_eq!(fixture.unanswered().await, 3);
    let offer = harness
        .offer(fixture.customer, &fixture.listing, "10")
        .await;
    harness.accept(&offer).await;
    assert_eq!(fixture.unanswered().await, 0);
    assert_eq!(harness.sweep_after(minutes(30)).await, 1);
    assert_eq!(
        fixture.unanswered().await,
        0,
        "a missing payment was counted"
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn an_offline_exchanger_is_not_counted() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    for _ in 0..8 {
        harness
            .offer(fixture.customer, &fixture.listing, "10")
            .await;
        harness.switch(fixture.exchanger, false).await;
        assert_eq!(harness.sweep_after(minutes(30)).await, 1);
        harness.switch(fixture.exchanger, true).await;
    }
    assert_eq!(
        (fixture.unanswered().await, fixture.is_frozen().await),
        (0, false)
    );
    assert_eq!(
        harness.listing(fixture.listing.id).await.state,
        ListingState::Active
    );
    // Being offline neither counts nor excuses: the row goes on where it was.
    fixture.let_offers_expire(2).await;
    harness
        .offer(fixture.customer, &fixture.listing, "10")
        .await;
    harness.switch(fixture.exchanger, false).await;
    harness.sweep_after(minutes(30)).await;
    harness.switch(fixture.exchanger, true).await;
    assert_eq!(fixture.unanswered().await, 2);
    fixture.harness.close().await;
}

#[tokio::test]
async fn only_a_moderator_lifts_a_freeze_and_not_the_own() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    fixture.let_offers_expire(6).await;
    let thaw = |caller| UnfreezeExchanger {
        caller,
        exchanger: fixture.exchanger.user,
    };
    for caller in [fixture.exchanger, fixture.customer] {
        let refusal = harness.refused(thaw(caller)).await;
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Moderator
            })
        );
    }
    let roles = Roles::from([Role::Exchanger, Role::Moderator]);
    harness.appoint(fixture.exchanger.user, roles).await;
    let own = Caller::new(fixture.exchanger.user, roles)
        .proved(p2p_domain::Timestamp::from_micros(i64::MAX));
    assert_eq!(
        harness.refused(thaw(own)).await,
        Refusal::Access(AccessRefusal::ConflictOfInterest)
    );
    let nobody = UnfreezeExchanger {
        caller: harness.moderator,
        exchanger: fixture.customer.user,
    };
    assert_eq!(
        harness.refused(nobody).await,
        Refusal::NotFound(Resource::Exchanger)
    );

    let queue = frozen_exchangers(&harness.market, harness.moderator)
        .await
        .unwrap();
    assert_eq!(
        queue.iter().map(|record| record.user).collect::<Vec<_>>(),
        [fixture.exchanger.user]
    );
    let refused = frozen_exchangers(&harness.market, fixture.customer).await;
    let expected = Refusal::Access(AccessRefusal::RoleRequired {
        role: Role::Moderator,
    });
    assert!(
        matches!(&refused, Err(QueryError::Refused(refusal)) if *refusal == expected),
        "{refused:?}"
    );

    let events = harness.event_count();
    let thawed = harness.done(thaw(harness.admin)).await;
    assert_eq!(harness.events_since(events), ["ExchangerUnfrozen"]);
    let before = harness.store.tables();
    assert_eq!(harness.done(thaw(harness.moderator)).await, thawed);
    assert!(
        before == harness.store.tables(),
        "thawing twice changed something"
    );
    let queue = frozen_exchangers(&harness.market, harness.moderator)
        .await
        .unwrap();
    assert_eq!(queue, []);
    // And the row starts anew.
    harness.turn(&fixture.listing, Switch::Resume).await;
    fixture.let_offers_expire(5).await;
    assert!(!fixture.is_frozen().await);
    let nobody = UserId::from_u128(9);
    let missing = UnfreezeExchanger {
        caller: harness.moderator,
        exchanger: nobody,
    };
    assert_eq!(
        harness.refused(missing).await,
        Refusal::NotFound(Resource::Exchanger)
    );
    fixture.harness.close().await;
}
