//! What payment providers have reported: received once, kept as it came.

use p2p_application::payment_report::ReportFilter;
use p2p_application::ports::{ChangeSet, Store};
use p2p_domain::{
    Asset, ExchangeType, Money, OfferId, PaymentReport, ReportId, ReportOutcome, TypedId,
};

use super::rows::{assert_conflict, assert_rejected, commit, nothing};
use super::{Backend, walk};
use crate::harness::{Harness, START, Stage, Storage};

const ALL: ReportFilter = ReportFilter {
    applied: None,
    offer: None,
    after: None,
    limit: 1_000,
};

fn report<S: Storage>(
    harness: &Harness<S>,
    outcome: ReportOutcome,
    offer: Option<OfferId>,
) -> PaymentReport {
    let id: ReportId = harness.market.fresh();
    PaymentReport {
        id,
        provider: "bank".to_owned(),
        callback: format!("callback {id}"),
        deal_reference: "offer ёлка".to_owned(),
        payment_reference: "SEPA 'x' \"y\" 🦀".to_owned(),
        paid: Money::new(i64::MAX, Asset::Eur),
        offer,
        outcome,
        received_at: START,
    }
}

async fn keep<S: Storage>(harness: &Harness<S>, reports: &[PaymentReport]) {
    let changes = ChangeSet {
        reports: reports.to_vec(),
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
}

/// Two deals, and a report of each outcome about one or the other, oldest first.
async fn fixture<S: Storage>(harness: &Harness<S>) -> ([OfferId; 2], Vec<PaymentReport>) {
    let mut deals = Vec::new();
    for _ in 0..2 {
        let deal = harness
            .deal(ExchangeType::FiatToCrypto, Stage::Approved)
            .await;
        deals.push(deal.id());
    }
    let deals = [deals[0], deals[1]];
    let mut reports = Vec::new();
    for (outcome, deal) in ReportOutcome::ALL.iter().zip([0, 0, 0, 1, 0]) {
        let known = *outcome != ReportOutcome::UnknownDeal;
        let offer = known.then_some(deals[deal]);
        reports.push(report(harness, *outcome, offer));
    }
    // A deposit.
    reports.push(report(harness, ReportOutcome::Applied, None));
    keep(harness, &reports).await;
    (deals, reports)
}

async fn list<S: Storage>(harness: &Harness<S>, filter: ReportFilter) -> Vec<PaymentReport> {
    harness.store.list_reports(&filter).await.unwrap()
}

/// Newest first; those that were applied or not, and those about a deal.
pub async fn reports_are_kept_and_listed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deals, reports) = fixture(&harness).await;
    let picked = |wanted: &dyn Fn(&PaymentReport) -> bool| {
        let newest_first = reports.iter().rev();
        let picked = newest_first.filter(|report| wanted(report));
        picked.cloned().collect::<Vec<_>>()
    };
    assert_eq!(list(&harness, ALL).await, picked(&|_| true));
    for applied in [true, false] {
        let fits = |report: &PaymentReport| (report.outcome == ReportOutcome::Applied) == applied;
        let of_these = ReportFilter {
            applied: Some(applied),
            ..ALL
        };
        assert_eq!(list(&harness, of_these).await, picked(&fits));
        for deal in deals {
            let of_deal = ReportFilter {
                offer: Some(deal),
                ..of_these
            };
            let both = |report: &PaymentReport| fits(report) && report.offer == Some(deal);
            assert_eq!(list(&harness, of_deal).await, picked(&both));
        }
    }
    for deal in deals {
        let of_deal = ReportFilter {
            offer: Some(deal),
            ..ALL
        };
        let about_it = |report: &PaymentReport| report.offer == Some(deal);
        assert_eq!(list(&harness, of_deal).await, picked(&about_it));
    }
    let about_nothing = ReportFilter {
        offer: Some(nothing()),
        ..ALL
    };
    assert_eq!(list(&harness, about_nothing).await, []);
    harness.end().await;
}

/// Every length of page gives the same list.
pub async fn pages_of_reports_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deals, _) = fixture(&harness).await;
    for (applied, offer) in [
        (None, None),
        (Some(false), None),
        (Some(true), None),
        (None, Some(deals[0])),
    ] {
        let whole = ReportFilter {
            applied,
            offer,
            ..ALL
        };
        let ids = async |filter| {
            let rows = list(&harness, filter).await;
            rows.iter().map(|row| row.id).collect::<Vec<_>>()
        };
        let expected = ids(whole).await;
        assert!(!expected.is_empty());
        for limit in 1..=6 {
            let page = async |after| {
                ids(ReportFilter {
                    after,
                    limit,
                    ..whole
                })
                .await
            };
            let length = usize::try_from(limit).unwrap();
            assert_eq!(walk(length, page, |id| *id).await, expected);
        }
    }
    harness.end().await;
}

/// Under its provider's name for it, and under its own id; another provider may use the same name.
pub async fn a_report_is_received_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let first = report(&harness, ReportOutcome::UnknownDeal, None);
    keep(&harness, std::slice::from_ref(&first)).await;
    let of = |report: PaymentReport| ChangeSet {
        reports: vec![report],
        ..ChangeSet::default()
    };
    let renamed = PaymentReport {
        id: harness.market.fresh(),
        ..first.clone()
    };
    assert_conflict("its name", &commit(store, &of(renamed.clone())).await);
    let other_name = PaymentReport {
        callback: "another".to_owned(),
        ..first.clone()
    };
    assert_conflict("its id", &store.commit(&of(other_name)).await);
    let elsewhere = PaymentReport {
        provider: "another bank".to_owned(),
        ..renamed
    };
    keep(&harness, std::slice::from_ref(&elsewhere)).await;
    assert_eq!(list(&harness, ALL).await, [elsewhere, first]);
    harness.close().await;
}

/// The last line of defence.
pub async fn impossible_reports_are_rejected<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let ghost = OfferId::from_u128(0xdead);
    for (what, outcome, offer) in [
        (
            "of a deal that is not there",
            ReportOutcome::Applied,
            Some(ghost),
        ),
        (
            "of no deal, in the wrong currency",
            ReportOutcome::WrongCurrency,
            None,
        ),
    ] {
        let changes = ChangeSet {
            reports: vec![report(&harness, outcome, offer)],
            ..ChangeSet::default()
        };
        assert_rejected(what, &commit(&harness.store, &changes).await);
    }
    assert_eq!(list(&harness, ALL).await, []);
    harness.close().await;
}
