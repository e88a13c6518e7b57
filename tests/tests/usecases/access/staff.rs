//! What moves money or rights takes a second factor of the staff, and leaves a record.

use std::time::Duration;

use super::memory;
use p2p_application::audit_log::{AuditLogFilter, list_audit_records, record_settings};
use p2p_application::dispute::{Decision, ResolveDispute};
use p2p_application::exchanger::UnfreezeExchanger;
use p2p_application::user::{RegisterUser, SetRoles};
use p2p_application::wallet::Deposit;
use p2p_application::{Caller, QueryError};
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::{AccessRefusal, SecondFactorRefusal};
use p2p_domain::user::Email;
use p2p_domain::{Asset, ExchangeType, Policy, Refusal, Role, Roles};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, Setup, Stage, decimal, deposit, minutes, unlimited};

/// The same, having shown nothing, or too long ago.
fn unproved(harness: &Harness<Memory>, staff: Caller) -> [Caller; 2] {
    let long_ago = harness.market.now().before(minutes(10));
    let nothing = Caller {
        proved_at: None,
        ..staff
    };
    [nothing, nothing.proved(long_ago)]
}

#[tokio::test]
async fn staff_move_neither_money_nor_rights_without_their_second_factor() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Disputed)
        .await;
    let dispute = harness
        .store
        .tables()
        .disputes
        .keys()
        .next()
        .copied()
        .unwrap();
    let roles = Roles::from([Role::Customer]);
    let needed = Refusal::SecondFactor(SecondFactorRefusal::Required);
    for caller in unproved(&harness, harness.admin) {
        let booked = deposit(caller, anna, "1", Asset::Usdt);
        assert_eq!(harness.refused(booked).await, needed);
        let user = anna.user;
        let set = SetRoles {
            caller,
            user,
            roles,
        };
        assert_eq!(harness.refused(set).await, needed);
        let email = Email::new("new@example.org");
        let opened = RegisterUser::new(harness.market.ids(), email, "New".into(), roles, None);
        assert_eq!(harness.refused(opened.by(caller)).await, needed);
    }
    for caller in unproved(&harness, harness.moderator) {
        let resolve = ResolveDispute {
            caller,
            dispute,
            decision: Decision::Cancelled,
            comment: "no".into(),
        };
        assert_eq!(harness.refused(resolve).await, needed);
        let unfreeze = UnfreezeExchanger {
            caller,
            exchanger: deal.exchanger.user,
        };
        assert_eq!(harness.refused(unfreeze).await, needed);
    }
    // Almost too long ago is not too long ago.
    let shown = harness
        .market
        .now()
        .before(minutes(10) - Duration::from_micros(1));
    let caller = harness.admin.proved(shown);
    harness.done(deposit(caller, anna, "1", Asset::Usdt)).await;
    harness.close().await;
}

#[tokio::test]
async fn the_operator_may_go_without() {
    let policy = Policy {
        access: AccessRules {
            staff_second_factor: false,
            ..AccessRules::default()
        },
        ..unlimited()
    };
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    let harness = Harness::open_with(memory(), setup).await;
    let anna = harness.customer("anna").await;
    for caller in unproved(&harness, harness.admin) {
        harness.done(deposit(caller, anna, "1", Asset::Usdt)).await;
    }
    harness.close().await;
}

#[tokio::test]
async fn what_staff_do_is_on_record_and_what_is_refused_is_not() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let admin = Caller {
        address: "192.0.2.9".parse().ok(),
        ..harness.admin
    };
    let booked = Deposit {
        caller: admin,
        user: anna.user,
        asset: Asset::Usdt,
        amount: decimal("1.5"),
    };
    harness.done(booked).await;
    harness.refused(deposit(anna, anna, "1", Asset::Usdt)).await;
    let filter = AuditLogFilter {
        subject: Some(anna.user.to_string()),
        action: Some(AuditAction::DepositBooked),
        limit: 10,
        ..AuditLogFilter::default()
    };
    let page = list_audit_records(&harness.market, harness.moderator, filter.clone())
        .await
        .unwrap();
    let [record] = page.items.as_slice() else {
        panic!("{page:?}")
    };
    assert_eq!(record.note.actor, Some(admin.user));
    assert_eq!(record.note.address, admin.address);
    assert!(record.note.detail.contains("1.5"), "{}", record.note.detail);
    for stranger in [anna, harness.exchanger("eve").await] {
        let refused = list_audit_records(&harness.market, stranger, filter.clone()).await;
        assert!(matches!(
            refused,
            Err(QueryError::Refused(Refusal::Access(
                AccessRefusal::RoleRequired {
                    role: Role::Moderator
                }
            )))
        ));
    }
    harness.close().await;
}

#[tokio::test]
async fn the_operators_numbers_are_recorded_when_they_change() {
    let harness = Harness::open(memory()).await;
    let record = |settings: &str| record_settings(&harness.market, settings.to_owned());
    assert!(record("{\"fee\":1}").await.unwrap());
    assert!(!record("{\"fee\":1}").await.unwrap());
    assert!(record("{\"fee\":2}").await.unwrap());
    assert!(record("{\"fee\":1}").await.unwrap());
    harness.close().await;
}

#[tokio::test]
async fn a_trail_that_was_tampered_with_is_found_out() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1", Asset::Usdt).await;
    let store = harness.close().await;
    store.tamper(|tables| {
        let last = tables.trail.values_mut().last().unwrap();
        last.note.actor = Some(anna.user);
    });
    let report = p2p_application::ports::Maintenance::audit(&store)
        .await
        .unwrap();
    assert_eq!(report.violations.len(), 1, "{:?}", report.violations);
}
