//! Logging in, going on, and being thrown out.

use std::time::Duration;

use p2p_application::ports::TokenError;
use p2p_application::session::{EndOtherSessions, EndSession, list_sessions, refresh};
use p2p_application::user::SetRoles;
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::Resource;
use p2p_domain::session::SessionEnd;
use p2p_domain::user::Email;
use p2p_domain::{Refusal, Role, Roles, Session};
use p2p_tests::harness::unlimited;

use super::scene::{PASSWORD, Scene, refusal, somewhere};

#[tokio::test]
async fn the_right_password_opens_and_nothing_else_does() {
    let scene = Scene::open().await;
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    assert_eq!(entered.user, scene.anna);
    let bearer = scene.admit(&entered.access).unwrap();
    assert_eq!(bearer.caller.user, scene.anna.id);
    assert_eq!(bearer.caller.session, Some(entered.session.id));
    assert_eq!(bearer.caller.proved_at, None);

    // A wrong password, an unknown address, an account without a password: one answer, and each costs a verification.
    let (verified, service) = (
        scene.harness.passwords.verified(),
        scene.harness.customer("service").await,
    );
    let service = scene.harness.store.tables().users[&service.user]
        .email
        .clone();
    let unknown = Email::new("nobody@example.org");
    for (email, password) in [
        (&scene.email(), "open"),
        (&unknown, PASSWORD),
        (&service, PASSWORD),
    ] {
        let refused = refusal(scene.enter_as(email, password, None).await);
        assert_eq!(refused, Refusal::BadCredentials, "{email:?}");
    }
    assert_eq!(scene.harness.passwords.verified(), verified + 3);
    use AuditAction::{LogInFailed, LoggedIn};
    assert_eq!(
        scene.trail(),
        [LoggedIn, LogInFailed, LogInFailed],
        "strangers fill no records"
    );
    scene.harness.close().await;
}

#[tokio::test]
async fn each_refresh_token_is_good_once_and_a_copy_ends_everything() {
    let scene = Scene::open().await;
    let market = &scene.harness.market;
    let first = scene.enter(PASSWORD, None).await.unwrap();
    let second = refresh(market, &first.refresh.0, somewhere())
        .await
        .unwrap();
    assert_eq!(second.session.id, first.session.id);
    assert!(scene.admit(&second.access).is_ok());

    let replayed = refresh(market, &first.refresh.0, somewhere()).await;
    assert_eq!(refusal(replayed), Refusal::SessionOver);
    // Whoever has the newest tokens is out too: nobody knows who is the thief.
    assert_eq!(scene.admit(&second.access), Err(TokenError::Ended));
    let newest = refresh(market, &second.refresh.0, somewhere()).await;
    assert_eq!(refusal(newest), Refusal::SessionOver);
    let stored = scene.harness.store.tables().sessions[&first.session.id].clone();
    assert_eq!(stored.ended.map(|(_, why)| why), Some(SessionEnd::Reused));
    assert_eq!(
        scene.trail(),
        [AuditAction::LoggedIn, AuditAction::RefreshTokenReused]
    );
    scene.harness.close().await;
}

#[tokio::test]
async fn of_many_who_come_with_one_token_one_goes_on() {
    let scene = Scene::open().await;
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    let all = (0..20).map(|_| refresh(&scene.harness.market, &entered.refresh.0, somewhere()));
    let mut good = 0;
    for outcome in futures::future::join_all(all).await {
        match outcome {
            Ok(_) => good += 1,
            other => assert_eq!(refusal(other), Refusal::SessionOver),
        }
    }
    assert_eq!(good, 1);
    let told = scene.trail();
    let reused = told
        .iter()
        .filter(|action| **action == AuditAction::RefreshTokenReused);
    assert_eq!(reused.count(), 1, "{told:?}");
    scene.harness.close().await;
}

#[tokio::test]
async fn garbage_and_tokens_of_other_kinds_are_no_refresh_tokens() {
    let scene = Scene::open().await;
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    for token in ["", "x", &entered.access.token] {
        let refused = refresh(&scene.harness.market, token, somewhere()).await;
        assert_eq!(refusal(refused), Refusal::SessionOver, "{token}");
    }
    assert!(
        scene.admit(&entered.access).is_ok(),
        "nobody was thrown out"
    );
    scene.harness.close().await;
}

#[tokio::test]
async fn a_session_is_over_when_it_was_left_alone() {
    let rules = AccessRules {
        session_idle: Duration::from_secs(100),
        ..AccessRules::default()
    };
    let scene = Scene::ruled(rules).await;
    let mut entered = scene.enter(PASSWORD, None).await.unwrap();
    for _ in 0..3 {
        scene.wait(Duration::from_secs(99));
        entered = refresh(&scene.harness.market, &entered.refresh.0, somewhere())
            .await
            .unwrap();
    }
    let caller = scene.caller(&entered.access);
    scene.wait(Duration::from_secs(100));
    let late = refresh(&scene.harness.market, &entered.refresh.0, somewhere()).await;
    assert_eq!(refusal(late), Refusal::SessionOver);
    let open = list_sessions(&scene.harness.market, caller).await.unwrap();
    assert_eq!(open, []);
    scene.harness.close().await;
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_and_no_others() {
    let scene = Scene::open().await;
    let here = scene.enter(PASSWORD, None).await.unwrap();
    let there = scene.enter(PASSWORD, None).await.unwrap();
    let elsewhere = scene.enter(PASSWORD, None).await.unwrap();
    let caller = scene.caller(&here.access);
    let (harness, market) = (&scene.harness, &scene.harness.market);
    let seen = list_sessions(market, caller).await.unwrap();
    let ids: Vec<_> = seen.iter().map(|session| session.id).collect();
    assert_eq!(
        ids,
        [elsewhere.session.id, there.session.id, here.session.id]
    );
    assert_eq!(seen[0].origin, somewhere());

    let stranger = harness.customer("eve").await;
    let session = there.session.id;
    let foreign = EndSession {
        caller: stranger,
        session,
    };
    let missing = Refusal::NotFound(Resource::Session);
    assert_eq!(harness.refused(foreign).await, missing);

    harness.done(EndSession { caller, session }).await;
    harness.done(EndSession { caller, session }).await;
    assert_eq!(scene.admit(&there.access), Err(TokenError::Ended));
    assert_eq!(harness.done(EndOtherSessions { caller }).await, 1);
    assert_eq!(scene.admit(&elsewhere.access), Err(TokenError::Ended));
    assert!(scene.admit(&here.access).is_ok());
    let own = EndSession {
        caller,
        session: here.session.id,
    };
    harness.done(own).await;
    assert_eq!(scene.admit(&here.access), Err(TokenError::Ended));
    use AuditAction::{LoggedIn, LoggedOut, SessionRevoked};
    assert_eq!(
        scene.trail(),
        [
            LoggedIn,
            LoggedIn,
            LoggedIn,
            SessionRevoked,
            SessionRevoked,
            LoggedOut
        ]
    );
    scene.harness.close().await;
}

#[tokio::test]
async fn who_logs_in_for_ever_has_so_many_sessions() {
    let scene = Scene::open().await;
    let first = scene.enter(PASSWORD, None).await.unwrap();
    let mut last = first.clone();
    for _ in 0..Session::MOST {
        scene.wait(Duration::from_secs(1));
        last = scene.enter(PASSWORD, None).await.unwrap();
    }
    assert_eq!(scene.admit(&first.access), Err(TokenError::Ended));
    let caller = scene.caller(&last.access);
    let ended = scene.harness.done(EndOtherSessions { caller }).await;
    assert_eq!(ended, Session::MOST - 1);
    scene.harness.close().await;
}

#[tokio::test]
async fn changed_roles_count_for_tokens_that_are_out() {
    let scene = Scene::open().await;
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    let promote = |roles: Roles| SetRoles {
        caller: scene.harness.admin,
        user: scene.anna.id,
        roles,
    };
    let roles = Roles::from([Role::Customer, Role::Moderator]);
    scene.harness.done(promote(roles)).await;
    assert_eq!(scene.caller(&entered.access).roles, roles);
    scene.harness.done(promote(Roles::default())).await;
    assert_eq!(scene.caller(&entered.access).roles, Roles::default());
    // Later tokens say it themselves.
    scene.wait(Duration::from_secs(1));
    let next = refresh(&scene.harness.market, &entered.refresh.0, somewhere())
        .await
        .unwrap();
    assert_eq!(scene.caller(&next.access).roles, Roles::default());
    scene.harness.close().await;
}

#[tokio::test]
async fn another_replica_learns_of_it_from_storage() {
    let scene = Scene::open().await;
    let entered = scene.enter(PASSWORD, None).await.unwrap();
    let setup = p2p_tests::harness::Setup {
        policy: unlimited(),
        clock: scene.harness.clock.clone(),
        ids: scene.harness.ids.clone(),
        ..Default::default()
    };
    let store = scene.harness.store.clone();
    let other = p2p_tests::harness::Harness::open_with(store, setup).await;
    other.market.refresh_revocations().await.unwrap();
    let session = entered.session.id;
    let caller = scene.caller(&entered.access);
    scene.harness.done(EndSession { caller, session }).await;
    let token = &entered.access.token;
    assert!(other.market.admit(token).is_ok(), "not known there yet");
    other.market.refresh_revocations().await.unwrap();
    assert_eq!(other.market.admit(token), Err(TokenError::Ended));
    // Who hears nothing from storage for a while believes nobody.
    let fresh = scene.enter(PASSWORD, None).await.unwrap();
    scene.wait(Duration::from_secs(51));
    let token = &fresh.access.token;
    assert_eq!(other.market.admit(token), Err(TokenError::Unknown));
    other.market.refresh_revocations().await.unwrap();
    assert!(other.market.admit(token).is_ok());
    other.close().await;
    scene.harness.close().await;
}
