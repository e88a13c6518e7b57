//! Codes of an authenticator.

use std::time::Duration;

use p2p_application::ports::AccessToken;
use p2p_application::second_factor::{confirm, enrol, remove, renew_recovery_codes, verify};
use p2p_application::session::EndSession;
use p2p_application::user::change_password;
use p2p_domain::Refusal;
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::user::Email;
use p2p_tests::harness::minutes;

use super::scene::{PASSWORD, Scene, refusal, somewhere};

const STEP: Duration = Duration::from_secs(30);

/// Enrols Anna; her access token then, and her recovery codes.
async fn enrolled(scene: &Scene) -> (AccessToken, Vec<String>) {
    let market = &scene.harness.market;
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    let caller = scene.caller(&entered.access);
    enrol(market, caller, PASSWORD.to_owned(), somewhere())
        .await
        .unwrap();
    let confirmed = confirm(market, caller, &scene.code(), somewhere())
        .await
        .unwrap();
    (confirmed.access, confirmed.codes.0)
}

#[tokio::test]
async fn it_is_asked_for_from_the_first_code_on_and_each_code_is_good_once() {
    let scene = Scene::open().await;
    let market = &scene.harness.market;
    let elsewhere = scene.enter(PASSWORD, None).await.unwrap();
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    let caller = scene.caller(&entered.access);
    let wrong = enrol(market, caller, "wrong".into(), somewhere()).await;
    assert_eq!(refusal(wrong), Refusal::BadCredentials);
    enrol(market, caller, PASSWORD.into(), somewhere())
        .await
        .unwrap();
    scene.enter(PASSWORD, None).await.unwrap();
    let wrong = confirm(market, caller, "wrong", somewhere()).await;
    assert_eq!(refusal(wrong), Refusal::SecondFactorWrong);
    let code = scene.code();
    let confirmed = confirm(market, caller, &code, somewhere()).await.unwrap();
    assert_eq!(scene.caller(&confirmed.access).proved_at, Some(scene.now()));
    assert!(scene.admit(&elsewhere.access).is_err(), "out elsewhere");

    assert_eq!(
        refusal(scene.enter(PASSWORD, None).await),
        Refusal::SecondFactorRequired
    );
    for replayed in [code.as_str(), "000000", "recovery-77", ""] {
        let refused = refusal(scene.enter(PASSWORD, Some(replayed)).await);
        assert_eq!(refused, Refusal::SecondFactorWrong, "{replayed}");
        scene.wait(minutes(1));
    }
    let code = scene.code();
    scene.enter(PASSWORD, Some(&code)).await.unwrap();
    let again = scene.enter(PASSWORD, Some(&code)).await;
    assert_eq!(refusal(again), Refusal::SecondFactorWrong);
    scene.harness.close().await;
}

#[tokio::test]
async fn one_code_at_many_doors_at_once_opens_one() {
    let scene = Scene::ruled(AccessRules {
        free_failures: 100,
        lock_after: 0,
        ..AccessRules::default()
    })
    .await;
    enrolled(&scene).await;
    scene.wait(STEP);
    let code = scene.code();
    let all = (0..20).map(|_| scene.enter(PASSWORD, Some(&code)));
    let all = futures::future::join_all(all).await;
    let good = all.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(good, 1);
    scene.harness.close().await;
}

#[tokio::test]
async fn wrong_codes_count_like_wrong_passwords() {
    let scene = Scene::open().await;
    let (entered, _) = enrolled(&scene).await;
    let caller = scene.caller(&entered);
    for _ in 0..3 {
        let wrong = verify(&scene.harness.market, caller, "000000", somewhere()).await;
        assert_eq!(refusal(wrong), Refusal::SecondFactorWrong);
    }
    let code = scene.code();
    let shown = verify(&scene.harness.market, caller, &code, somewhere()).await;
    assert!(matches!(refusal(shown), Refusal::TooManyAttempts { .. }));
    scene.harness.close().await;
}

/// Whoever has many stolen passwords guesses codes no faster for that.
#[tokio::test]
async fn wrong_codes_at_log_ins_count_for_where_they_come_from() {
    let rules = AccessRules {
        free_failures_per_source: 2,
        ..AccessRules::default()
    };
    let scene = Scene::ruled(rules).await;
    enrolled(&scene).await;
    for _ in 0..2 {
        let wrong = scene.enter(PASSWORD, Some("000000")).await;
        assert_eq!(refusal(wrong), Refusal::SecondFactorWrong);
    }
    let nobody = Email::new("nobody@example.org");
    let another = scene.enter_as(&nobody, "wrong", None).await;
    assert!(matches!(refusal(another), Refusal::TooManyAttempts { .. }));
    // To say no code at all is no guess.
    scene.wait(STEP);
    for _ in 0..3 {
        let asked = scene.enter(PASSWORD, None).await;
        assert_eq!(refusal(asked), Refusal::SecondFactorRequired);
    }
    scene.harness.close().await;
}

#[tokio::test]
async fn too_many_wrong_codes_tell_the_owner_even_before_the_first_right_one() {
    let rules = AccessRules {
        lock_after: 1,
        ..AccessRules::default()
    };
    let scene = Scene::ruled(rules).await;
    let market = &scene.harness.market;
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    let caller = scene.caller(&entered.access);
    enrol(market, caller, PASSWORD.to_owned(), somewhere())
        .await
        .unwrap();
    let wrong = confirm(market, caller, "000000", somewhere()).await;
    assert_eq!(refusal(wrong), Refusal::SecondFactorWrong);
    let mails = scene.mailed(1).await;
    assert!(mails[0].contains("wrong codes"), "{}", mails[0]);
    scene.harness.close().await;
}

#[tokio::test]
async fn no_stranger_and_no_new_password_changes_how_many_codes_may_be_tried() {
    let scene = Scene::open().await;
    let market = &scene.harness.market;
    let (access, recovery) = enrolled(&scene).await;
    let caller = scene.caller(&access);
    for _ in 0..5 {
        assert!(scene.enter("wrong", None).await.is_err());
    }
    scene.wait(STEP);
    let shown = verify(market, caller, &scene.code(), somewhere()).await;
    let caller = scene.caller(&shown.unwrap());
    for _ in 0..3 {
        let wrong = verify(market, caller, "000000", somewhere()).await;
        assert_eq!(refusal(wrong), Refusal::SecondFactorWrong);
    }
    let (old, new) = (PASSWORD.to_owned(), "four otters on a bridge".to_owned());
    change_password(market, caller, old, new, somewhere())
        .await
        .unwrap();
    scene.wait(Duration::from_millis(10));
    let shown = verify(market, caller, &scene.code(), somewhere()).await;
    assert!(matches!(refusal(shown), Refusal::TooManyAttempts { .. }));
    // Nobody guesses those.
    verify(market, caller, &recovery[0], somewhere())
        .await
        .unwrap();
    scene.harness.close().await;
}

#[tokio::test]
async fn a_recovery_code_opens_once_and_its_owner_is_told() {
    let scene = Scene::open().await;
    let (_, codes) = enrolled(&scene).await;
    assert_eq!(codes.len(), 10);
    scene.enter(PASSWORD, Some(&codes[3])).await.unwrap();
    let again = scene.enter(PASSWORD, Some(&codes[3])).await;
    assert_eq!(refusal(again), Refusal::SecondFactorWrong);
    let mails = scene.mailed(2).await;
    assert!(mails[1].contains("9 are left"), "{}", mails[1]);
    assert!(scene.trail().contains(&AuditAction::RecoveryCodeUsed));
    scene.harness.close().await;
}

#[tokio::test]
async fn what_was_shown_counts_for_ten_minutes() {
    let scene = Scene::open().await;
    let market = &scene.harness.market;
    let (entered, old_codes) = enrolled(&scene).await;
    let caller = scene.caller(&entered);
    scene.wait(minutes(10));
    let stale = renew_recovery_codes(market, caller).await;
    assert_eq!(refusal(stale), Refusal::SecondFactorRequired);
    let stale = remove(market, caller, caller.user).await;
    assert_eq!(refusal(stale), Refusal::SecondFactorRequired);
    let shown = verify(market, caller, &scene.code(), somewhere())
        .await
        .unwrap();
    let caller = scene.caller(&shown);
    renew_recovery_codes(market, caller).await.unwrap();
    assert!(scene.mailed(2).await[1].contains("New recovery codes"));
    remove(market, caller, caller.user).await.unwrap();
    scene.enter(PASSWORD, None).await.unwrap();
    let twice = remove(market, caller, caller.user).await;
    assert_eq!(refusal(twice), Refusal::SecondFactorMissing);
    assert_eq!(old_codes.len(), 10);
    scene.harness.close().await;
}

#[tokio::test]
async fn a_session_that_has_ended_makes_no_recovery_codes() {
    let scene = Scene::open().await;
    let market = &scene.harness.market;
    let (entered, _) = enrolled(&scene).await;
    let caller = scene.caller(&entered);
    let session = caller.session.unwrap();
    scene.harness.done(EndSession { caller, session }).await;
    let late = renew_recovery_codes(market, caller).await;
    assert_eq!(refusal(late), Refusal::SessionOver);
    scene.harness.close().await;
}

#[tokio::test]
async fn an_administrator_helps_who_has_lost_everything() {
    let scene = Scene::open().await;
    let market = &scene.harness.market;
    let (entered, _) = enrolled(&scene).await;
    let (admin, user) = (scene.harness.admin, scene.anna.id);
    let unproved = p2p_domain::user::Caller {
        proved_at: None,
        ..admin
    };
    for caller in [unproved, scene.harness.moderator] {
        assert!(remove(market, caller, user).await.is_err());
    }
    remove(market, admin, user).await.unwrap();
    assert!(scene.admit(&entered).is_err());
    scene.enter(PASSWORD, None).await.unwrap();
    scene.harness.close().await;
}
