//! Codes of an authenticator.

use std::time::Duration;

use p2p_application::ports::AccessToken;
use p2p_application::second_factor::{confirm, enrol, remove, renew_recovery_codes, verify};
use p2p_application::session::EndSession;
use p2p_application::user::change_password;
use p2p_domain::Refusal;
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::{SecondFactorRefusal, SessionRefusal};
use p2p_domain::user::Email;
use p2p_tests::harness::minutes;

use super::fixture::{Fixture, PASSWORD, refusal, somewhere};

const STEP: Duration = Duration::from_secs(30);

/// Enrols Anna; her access token then, and her recovery codes.
async fn enrolled(fixture: &Fixture) -> (AccessToken, Vec<String>) {
    let market = &fixture.harness.market;
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    let caller = fixture.caller(&entered.access);
    enrol(market, caller, PASSWORD.to_owned(), somewhere())
        .await
        .unwrap();
    let confirmed = confirm(market, caller, &fixture.code(), somewhere())
        .await
        .unwrap();
    (confirmed.access, confirmed.codes.0)
}

#[tokio::test]
async fn it_is_asked_for_from_the_first_code_on_and_each_code_is_good_once() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let elsewhere = fixture.enter(PASSWORD, None).await.unwrap();
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    let caller = fixture.caller(&entered.access);
    let wrong = enrol(market, caller, "wrong".into(), somewhere()).await;
    assert_eq!(
        refusal(wrong),
        Refusal::Session(SessionRefusal::BadCredentials)
    );
    enrol(market, caller, PASSWORD.into(), somewhere())
        .await
        .unwrap();
    fixture.enter(PASSWORD, None).await.unwrap();
    let wrong = confirm(market, caller, "wrong", somewhere()).await;
    assert_eq!(
        refusal(wrong),
        Refusal::SecondFactor(SecondFactorRefusal::Wrong)
    );
    let code = fixture.code();
    let confirmed = confirm(market, caller, &code, somewhere()).await.unwrap();
    assert_eq!(
        fixture.caller(&confirmed.access).proved_at,
        Some(fixture.now())
    );
    assert!(fixture.admit(&elsewhere.access).is_err(), "out elsewhere");

    assert_eq!(
        refusal(fixture.enter(PASSWORD, None).await),
        Refusal::SecondFactor(SecondFactorRefusal::Required)
    );
    for replayed in [code.as_str(), "000000", "recovery-77", ""] {
        let refused = refusal(fixture.enter(PASSWORD, Some(replayed)).await);
        assert_eq!(
            refused,
            Refusal::SecondFactor(SecondFactorRefusal::Wrong),
            "{replayed}"
        );
        fixture.wait(minutes(1));
    }
    let code = fixture.code();
    fixture.enter(PASSWORD, Some(&code)).await.unwrap();
    let again = fixture.enter(PASSWORD, Some(&code)).await;
    assert_eq!(
        refusal(again),
        Refusal::SecondFactor(SecondFactorRefusal::Wrong)
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn one_code_at_many_doors_at_once_opens_one() {
    let fixture = Fixture::ruled(AccessRules {
        free_failures: 100,
        lock_after: 0,
        ..AccessRules::default()
    })
    .await;
    enrolled(&fixture).await;
    fixture.wait(STEP);
    let code = fixture.code();
    let all = (0..20).map(|_| fixture.enter(PASSWORD, Some(&code)));
    let all = futures::future::join_all(all).await;
    let good = all.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(good, 1);
    fixture.harness.close().await;
}

#[tokio::test]
async fn wrong_codes_count_like_wrong_passwords() {
    let fixture = Fixture::open().await;
    let (entered, _) = enrolled(&fixture).await;
    let caller = fixture.caller(&entered);
    for _ in 0..3 {
        let wrong = verify(&fixture.harness.market, caller, "000000", somewhere()).await;
        assert_eq!(
            refusal(wrong),
            Refusal::SecondFactor(SecondFactorRefusal::Wrong)
        );
    }
    let code = fixture.code();
    let shown = verify(&fixture.harness.market, caller, &code, somewhere()).await;
    assert!(matches!(
        refusal(shown),
        Refusal::Session(SessionRefusal::TooManyAttempts { .. })
    ));
    fixture.harness.close().await;
}

/// Whoever has many stolen passwords guesses codes no faster for that.
#[tokio::test]
async fn wrong_codes_at_log_ins_count_for_where_they_come_from() {
    let rules = AccessRules {
        free_failures_per_source: 2,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    enrolled(&fixture).await;
    for _ in 0..2 {
        let wrong = fixture.enter(PASSWORD, Some("000000")).await;
        assert_eq!(
            refusal(wrong),
            Refusal::SecondFactor(SecondFactorRefusal::Wrong)
        );
    }
    let nobody = Email::new("nobody@example.org");
    let another = fixture.enter_as(&nobody, "wrong", None).await;
    assert!(matches!(
        refusal(another),
        Refusal::Session(SessionRefusal::TooManyAttempts { .. })
    ));
    // To say no code at all is no guess.
    fixture.wait(STEP);
    for _ in 0..3 {
        let asked = fixture.enter(PASSWORD, None).await;
        assert_eq!(
            refusal(asked),
            Refusal::SecondFactor(SecondFactorRefusal::Required)
        );
    }
    fixture.harness.close().await;
}

#[tokio::test]
async fn too_many_wrong_codes_tell_the_owner_even_before_the_first_right_one() {
    let rules = AccessRules {
        lock_after: 1,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    let market = &fixture.harness.market;
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    let caller = fixture.caller(&entered.access);
    enrol(market, caller, PASSWORD.to_owned(), somewhere())
        .await
        .unwrap();
    let wrong = confirm(market, caller, "000000", somewhere()).await;
    assert_eq!(
        refusal(wrong),
        Refusal::SecondFactor(SecondFactorRefusal::Wrong)
    );
    let mails = fixture.mailed(1).await;
    assert!(
        mails[0].contains("A wrong code was entered"),
        "{}",
        mails[0]
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn no_stranger_and_no_new_password_changes_how_many_codes_may_be_tried() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let (access, recovery) = enrolled(&fixture).await;
    let caller = fixture.caller(&access);
    for _ in 0..5 {
        assert!(fixture.enter("wrong", None).await.is_err());
    }
    fixture.wait(STEP);
    let shown = verify(market, caller, &fixture.code(), somewhere()).await;
    let caller = fixture.caller(&shown.unwrap());
    for _ in 0..3 {
        let wrong = verify(market, caller, "000000", somewhere()).await;
        assert_eq!(
            refusal(wrong),
            Refusal::SecondFactor(SecondFactorRefusal::Wrong)
        );
    }
    let (old, new) = (PASSWORD.to_owned(), "four otters on a bridge".to_owned());
    change_password(market, caller, old, new, somewhere())
        .await
        .unwrap();
    fixture.wait(Duration::from_millis(10));
    let shown = verify(market, caller, &fixture.code(), somewhere()).await;
    assert!(matches!(
        refusal(shown),
        Refusal::Session(SessionRefusal::TooManyAttempts { .. })
    ));
    // Nobody guesses those.
    verify(market, caller, &recovery[0], somewhere())
        .await
        .unwrap();
    fixture.harness.close().await;
}

#[tokio::test]
async fn a_recovery_code_opens_once_and_its_owner_is_told() {
    let fixture = Fixture::open().await;
    let (_, codes) = enrolled(&fixture).await;
    assert_eq!(codes.len(), 10);
    fixture.enter(PASSWORD, Some(&codes[3])).await.unwrap();
    let again = fixture.enter(PASSWORD, Some(&codes[3])).await;
    assert_eq!(
        refusal(again),
        Refusal::SecondFactor(SecondFactorRefusal::Wrong)
    );
    let mails = fixture.mailed(2).await;
    assert!(mails[1].contains("9 are left"), "{}", mails[1]);
    assert!(fixture.trail().contains(&AuditAction::RecoveryCodeUsed));
    fixture.harness.close().await;
}

#[tokio::test]
async fn what_was_shown_counts_for_ten_minutes() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let (entered, old_codes) = enrolled(&fixture).await;
    let caller = fixture.caller(&entered);
    fixture.wait(minutes(10));
    let stale = renew_recovery_codes(market, caller).await;
    assert_eq!(
        refusal(stale),
        Refusal::SecondFactor(SecondFactorRefusal::Required)
    );
    let stale = remove(market, caller, caller.user).await;
    assert_eq!(
        refusal(stale),
        Refusal::SecondFactor(SecondFactorRefusal::Required)
    );
    let shown = verify(market, caller, &fixture.code(), somewhere())
        .await
        .unwrap();
    let caller = fixture.caller(&shown);
    renew_recovery_codes(market, caller).await.unwrap();
    assert!(fixture.mailed(2).await[1].contains("New recovery codes"));
    remove(market, caller, caller.user).await.unwrap();
    fixture.enter(PASSWORD, None).await.unwrap();
    let twice = remove(market, caller, caller.user).await;
    assert_eq!(
        refusal(twice),
        Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled)
    );
    assert_eq!(old_codes.len(), 10);
    fixture.harness.close().await;
}

#[tokio::test]
async fn a_session_that_has_ended_makes_no_recovery_codes() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let (entered, _) = enrolled(&fixture).await;
    let caller = fixture.caller(&entered);
    let session = caller.session.unwrap();
    fixture.harness.done(EndSession { caller, session }).await;
    let late = renew_recovery_codes(market, caller).await;
    assert_eq!(refusal(late), Refusal::Session(SessionRefusal::Over));
    fixture.harness.close().await;
}

#[tokio::test]
async fn an_administrator_helps_who_has_lost_everything() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let (entered, _) = enrolled(&fixture).await;
    let (admin, user) = (fixture.harness.admin, fixture.anna.id);
    let unproved = p2p_domain::user::Caller {
        proved_at: None,
        ..admin
    };
    for caller in [unproved, fixture.harness.moderator] {
        assert!(remove(market, caller, user).await.is_err());
    }
    remove(market, admin, user).await.unwrap();
    assert!(fixture.admit(&entered).is_err());
    fixture.enter(PASSWORD, None).await.unwrap();
    fixture.harness.close().await;
}
