//! Disputes, in memory: both sides once each, one decision for all, exact arithmetic, and nobody judges themself.

use super::memory;
use p2p_application::dispute::{CommentOnDispute, Decision, ResolveDispute, get_dispute};
use p2p_application::offer::OpenDispute;
use p2p_domain::dispute::{DisputeState, Resolution};
use p2p_domain::offer::{State, Trigger};
use p2p_domain::refusal::{AccessRefusal, AmountRole, DisputeRefusal, OfferRefusal, Resource};
use p2p_domain::user::Caller;
use p2p_domain::{
    AccountKey, Actor, Asset, DisputeId, ExchangeType, Money, MoneyError, OfferId, Refusal, Role,
    Roles, Status, TypedId,
};
use p2p_memory::Memory;
use p2p_tests::harness::{Deal, Harness, START, Stage, decimal, hours, minutes};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;

fn opening(harness: &Harness<Memory>, caller: Caller, offer: OfferId) -> OpenDispute {
    OpenDispute {
        id: harness.market.fresh(),
        caller,
        offer,
        claimed: None,
        reason: "no money came".to_owned(),
    }
}

fn verdict(caller: Caller, dispute: DisputeId, decision: Decision) -> ResolveDispute {
    ResolveDispute {
        caller,
        dispute,
        decision,
        comment: "the statement shows it".to_owned(),
    }
}

fn split(payer_amount: &str) -> Decision {
    Decision::Split {
        payer_amount: decimal(payer_amount),
    }
}

#[tokio::test]
async fn each_side_disputes_once() {
    for stage in [Stage::Approved, Stage::Paid] {
        let harness = Harness::open(memory()).await;
        let deal = harness.deal(SELLS, stage).await;
        harness.clock.advance(minutes(1));
        let first = harness
            .done(opening(&harness, deal.customer, deal.id()))
            .await;
        assert_eq!(
            (first.opened_by, first.opener),
            (Actor::Customer, Some(deal.customer.user))
        );
        assert_eq!(
            (first.state.clone(), first.version),
            (DisputeState::Open, 1)
        );
        let since = START.after(minutes(1));
        let disputed = harness.deal_now(deal.id()).await;
        assert_eq!(disputed.state, State::DisputeOpen { since });
        let refusal = harness
            .refused(opening(&harness, deal.customer, deal.id()))
            .await;
        assert_eq!(refusal, Refusal::Dispute(DisputeRefusal::AlreadyOpened));

        harness.clock.advance(minutes(1));
        let second = harness
            .done(opening(&harness, deal.exchanger, deal.id()))
            .await;
        assert_eq!(second.opened_by, Actor::Exchanger);
        // The deal has been in dispute since the first of them.
        assert_eq!(
            harness.deal_now(deal.id()).await.state,
            State::DisputeOpen { since }
        );
        let refusal = harness
            .refused(opening(&harness, deal.exchanger, deal.id()))
            .await;
        assert_eq!(refusal, Refusal::Dispute(DisputeRefusal::AlreadyOpened));
        harness.close().await;
    }
}

#[tokio::test]
async fn a_dispute_where_there_is_none_to_open_is_refused() {
    let harness = Harness::open(memory()).await;
    for stage in [
        Stage::Pending,
        Stage::Finished,
        Stage::Declined,
        Stage::Cancelled,
    ] {
        let deal = harness.deal(SELLS, stage).await;
        let state = Some(harness.deal_now(deal.id()).await.status());
        for (caller, actor) in [
            (deal.customer, Actor::Customer),
            (deal.exchanger, Actor::Exchanger),
        ] {
            let refusal = harness.refused(opening(&harness, caller, deal.id())).await;
            let expected = Refusal::Offer(OfferRefusal::IllegalTransition {
                state,
                trigger: Trigger::OpenDispute,
                actor,
            });
            assert_eq!(refusal, expected);
        }
    }
    let deal = harness.deal(SELLS, Stage::Approved).await;
    let stranger = harness.customer("stranger").await;
    for (caller, offer) in [
        (stranger, deal.id()),
        (deal.customer, OfferId::from_u128(9)),
    ] {
        let refusal = harness.refused(opening(&harness, caller, offer)).await;
        assert_eq!(refusal, Refusal::NotFound(Resource::Offer));
    }
    let claimed = Some(Actor::Exchanger);
    let lie = OpenDispute {
        claimed,
        ..opening(&harness, deal.customer, deal.id())
    };
    assert_eq!(
        harness.refused(lie).await,
        Refusal::Access(AccessRefusal::IdentityMismatch)
    );
    let truth = OpenDispute {
        claimed,
        ..opening(&harness, deal.exchanger, deal.id())
    };
    harness.done(truth).await;
    harness.close().await;
}

/// What the holder, the payer and the market have in the end.
async fn shares(harness: &Harness<Memory>, deal: &Deal) -> [(i64, i64); 3] {
    let fees = harness.store.tables().accounts[&AccountKey::fees(Asset::Usdt)];
    [
        harness.wallet(deal.holder.user, Asset::Usdt).await,
        harness.wallet(deal.payer.user, Asset::Usdt).await,
        (fees.available().minor(), fees.held().minor()),
    ]
}

#[tokio::test]
async fn a_verdict_moves_the_escrow_to_the_last_unit() {
    // Of 100 USDT in escrow and 900 beside it. The fee of 0.1 % is taken from what is paid out, rounded down.
    for (decision, status, shares_then) in [
        (
            Decision::Finished,
            Status::Finished,
            [900_000_000, 99_900_000, 100_000],
        ),
        (
            Decision::Cancelled,
            Status::Cancelled,
            [1_000_000_000, 0, 0],
        ),
        (
            split("50"),
            Status::Finished,
            [950_000_000, 49_950_000, 50_000],
        ),
        (
            split("33.333333"),
            Status::Finished,
            [966_666_667, 33_300_000, 33_333],
        ),
        (split("0.000999"), Status::Finished, [999_999_001, 999, 0]),
        (split("0.001"), Status::Finished, [999_999_000, 999, 1]),
        (split("0.000001"), Status::Finished, [999_999_999, 1, 0]),
        (
            split("99.999999"),
            Status::Finished,
            [900_000_001, 99_900_000, 99_999],
        ),
    ] {
        for exchange_type in ExchangeType::ALL {
            let harness = Harness::open(memory()).await;
            let deal = harness.deal(exchange_type, Stage::Disputed).await;
            let dispute = harness.store.tables().disputes.pop_first().unwrap().0;
            let resolved = harness.resolve(dispute, decision).await;
            assert!(!resolved.is_open());
            let offer = harness.deal_now(deal.id()).await;
            assert_eq!(offer.status(), status, "{decision:?}");
            assert_eq!(
                shares(&harness, &deal).await,
                shares_then.map(|share| (share, 0)),
                "{decision:?}"
            );
            let listing = harness.listing(deal.listing.id).await;
            let executed = shares_then[1] + shares_then[2];
            assert_eq!(
                (listing.frozen.minor(), listing.executed.minor()),
                (0, executed)
            );
            harness.close().await;
        }
    }
}

#[tokio::test]
async fn one_verdict_resolves_all_disputes_of_the_deal() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Paid).await;
    // The clock opens one, and each side another.
    assert_eq!(harness.sweep_after(hours(24)).await, 1);
    for caller in [deal.customer, deal.exchanger] {
        harness.done(opening(&harness, caller, deal.id())).await;
    }
    let other = harness.deal(SELLS, Stage::Disputed).await;
    let events = harness.event_count();
    harness.clock.advance(minutes(1));
    let disputes: Vec<_> = harness
        .store
        .tables()
        .disputes
        .into_values()
        .filter(|one| one.offer == deal.id())
        .collect();
    let openers: Vec<_> = disputes.iter().map(|dispute| dispute.opened_by).collect();
    assert_eq!(openers, [Actor::System, Actor::Customer, Actor::Exchanger]);

    let command = verdict(harness.admin, disputes[1].id, Decision::Cancelled);
    let outcome = harness.done(command.clone()).await;
    assert_eq!(outcome.id, disputes[1].id);
    let tables = harness.store.tables();
    for dispute in &disputes {
        let now = &tables.disputes[&dispute.id];
        let expected = DisputeState::Resolved {
            resolution: Resolution::Cancelled,
            by: harness.admin.user,
            comment: "the statement shows it".to_owned(),
            at: harness.market.now(),
        };
        assert_eq!((&now.state, now.version), (&expected, 2));
        let refusal = harness
            .refused(verdict(harness.moderator, dispute.id, Decision::Finished))
            .await;
        assert_eq!(refusal, Refusal::Dispute(DisputeRefusal::AlreadyResolved));
    }
    let open = tables.disputes.values().filter(|dispute| dispute.is_open());
    assert_eq!(
        open.map(|dispute| dispute.offer).collect::<Vec<_>>(),
        [other.id()]
    );
    let expected = [
        "ExchangeOfferCancelled",
        "DisputeResolved",
        "DisputeResolved",
        "DisputeResolved",
    ];
    assert_eq!(harness.events_since(events), expected);
    let last = &tables.history[&(deal.id(), harness.deal_now(deal.id()).await.version)];
    assert_eq!(
        (last.actor, last.user),
        (Actor::Moderator, Some(harness.admin.user))
    );
    assert_eq!(last.comment.as_deref(), Some("the statement shows it"));
    let (_, told) = tables.trail.last_key_value().unwrap();
    let detail: serde_json::Value = serde_json::from_str(&told.note.detail).unwrap();
    assert_eq!(detail["comment"], "the statement shows it");
    harness.close().await;
}

#[tokio::test]
async fn a_verdict_that_cannot_be_is_refused() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Disputed).await;
    let dispute = harness.store.tables().disputes.pop_first().unwrap().0;
    let moderator = harness.moderator;
    for caller in [
        deal.customer,
        deal.exchanger,
        harness.customer("stranger").await,
    ] {
        let refusal = harness
            .refused(verdict(caller, dispute, Decision::Finished))
            .await;
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired {
                role: Role::Moderator
            })
        );
    }
    let missing = verdict(moderator, DisputeId::from_u128(9), Decision::Finished);
    assert_eq!(
        harness.refused(missing).await,
        Refusal::NotFound(Resource::Dispute)
    );
    let escrow = Money::new(100_000_000, Asset::Usdt);
    for (amount, expected) in [
        (
            "0",
            Refusal::Offer(OfferRefusal::SplitOutOfRange { escrow }),
        ),
        (
            "-1",
            Refusal::Offer(OfferRefusal::SplitOutOfRange { escrow }),
        ),
        (
            "100",
            Refusal::Offer(OfferRefusal::SplitOutOfRange { escrow }),
        ),
        (
            "100.000001",
            Refusal::Offer(OfferRefusal::SplitOutOfRange { escrow }),
        ),
        (
            "1.0000001",
            Refusal::amount_of(AmountRole::PayerAmount)(MoneyError::TooManyDecimals { most: 6 }),
        ),
        (
            "1e40",
            Refusal::amount_of(AmountRole::PayerAmount)(MoneyError::Overflow),
        ),
    ] {
        let refusal = harness
            .refused(verdict(moderator, dispute, split(amount)))
            .await;
        assert_eq!(refusal, expected, "{amount}");
    }
    harness.resolve(dispute, Decision::Finished).await;
    harness.close().await;
}

/// A moderator who is a side of the deal decides nothing in it, whatever the roles.
#[tokio::test]
async fn nobody_judges_their_own_deal() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Disputed).await;
    let dispute = harness.store.tables().disputes.pop_first().unwrap().0;
    for user in [deal.customer.user, deal.exchanger.user] {
        for role in [Role::Moderator, Role::Admin] {
            let roles = Roles::from([role, Role::Exchanger]);
            harness.appoint(user, roles).await;
            let caller =
                Caller::new(user, roles).proved(p2p_domain::Timestamp::from_micros(i64::MAX));
            for decision in [Decision::Finished, Decision::Cancelled, split("1")] {
                let refusal = harness.refused(verdict(caller, dispute, decision)).await;
                assert_eq!(refusal, Refusal::Access(AccessRefusal::ConflictOfInterest));
            }
        }
    }
    harness.close().await;
}

#[tokio::test]
async fn those_concerned_remark_while_it_is_open() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Disputed).await;
    let dispute = harness.store.tables().disputes.pop_first().unwrap().0;
    let remark = |caller, dispute| CommentOnDispute {
        id: harness.market.fresh(),
        caller,
        dispute,
        text: "see the attached statement".to_owned(),
    };
    let mut expected = Vec::new();
    for caller in [
        deal.customer,
        deal.exchanger,
        harness.moderator,
        harness.admin,
    ] {
        let comment = harness.done(remark(caller, dispute)).await;
        assert_eq!((comment.author, comment.at), (caller.user, START));
        expected.push(comment);
    }
    let missing = Refusal::NotFound(Resource::Dispute);
    let stranger = harness.exchanger("stranger").await;
    assert_eq!(harness.refused(remark(stranger, dispute)).await, missing);
    assert_eq!(
        harness
            .refused(remark(harness.moderator, DisputeId::from_u128(9)))
            .await,
        missing
    );
    harness.resolve(dispute, Decision::Cancelled).await;
    for caller in [deal.customer, harness.moderator] {
        assert_eq!(
            harness.refused(remark(caller, dispute)).await,
            Refusal::Dispute(DisputeRefusal::AlreadyResolved)
        );
    }
    let view = get_dispute(&harness.market, deal.customer, dispute)
        .await
        .unwrap();
    assert_eq!(view.comments, expected);
    assert_eq!((view.dispute.id, view.offer.id), (dispute, deal.id()));
    harness.close().await;
}
