//! Logging in, going on, and being thrown out.

use std::time::Duration;

use p2p_application::ports::TokenError;
use p2p_application::session::{EndOtherSessions, EndSession, list_sessions, refresh};
use p2p_application::user::SetRoles;
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::{Resource, SessionRefusal};
use p2p_domain::session::SessionEnd;
use p2p_domain::user::Email;
use p2p_domain::{Refusal, Role, Roles, Session};
use p2p_tests::harness::unlimited;

use super::fixture::{Fixture, PASSWORD, refusal, somewhere};

#[tokio::test]
async fn the_right_password_opens_and_nothing_else_does() {
    let fixture = Fixture::open().await;
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    assert_eq!(entered.user, fixture.anna);
    let bearer = fixture.admit(&entered.access).unwrap();
    assert_eq!(bearer.caller.user, fixture.anna.id);
    assert_eq!(bearer.caller.session, Some(entered.session.id));
    assert_eq!(bearer.caller.proved_at, None);

    // A wrong password, an unknown address, an account without a password: one answer, and each costs a verification.
    let (verified, service) = (
        fixture.harness.passwords.verified(),
        fixture.harness.customer("service").await,
    );
    let service = fixture.harness.store.tables().users[&service.user]
        .email
        .clone();
    let unknown = Email::new("nobody@example.org");
    for (email, password) in [
        (&fixture.email(), "open"),
        (&unknown, PASSWORD),
        (&service, PASSWORD),
    ] {
        let refused = refusal(fixture.enter_as(email, password, None).await);
        assert_eq!(
            refused,
            Refusal::Session(SessionRefusal::BadCredentials),
            "{email:?}"
        );
    }
    assert_eq!(fixture.harness.passwords.verified(), verified + 3);
    use AuditAction::{LogInFailed, LoggedIn};
    assert_eq!(
        fixture.trail(),
        [LoggedIn, LogInFailed, LogInFailed],
        "strangers fill no records"
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn each_refresh_token_is_good_once_and_a_copy_ends_everything() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let first = fixture.enter(PASSWORD, None).await.unwrap();
    let second = refresh(market, &first.refresh.0, somewhere())
        .await
        .unwrap();
    assert_eq!(second.session.id, first.session.id);
    assert!(fixture.admit(&second.access).is_ok());

    let replayed = refresh(market, &first.refresh.0, somewhere()).await;
    assert_eq!(refusal(replayed), Refusal::Session(SessionRefusal::Over));
    // Whoever has the newest tokens is out too: nobody knows who is the thief.
    assert_eq!(fixture.admit(&second.access), Err(TokenError::Ended));
    let newest = refresh(market, &second.refresh.0, somewhere()).await;
    assert_eq!(refusal(newest), Refusal::Session(SessionRefusal::Over));
    let stored = fixture.harness.store.tables().sessions[&first.session.id].clone();
    assert_eq!(stored.ended.map(|(_, why)| why), Some(SessionEnd::Reused));
    assert_eq!(
        fixture.trail(),
        [AuditAction::LoggedIn, AuditAction::RefreshTokenReused]
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn of_many_who_come_with_one_token_one_goes_on() {
    let fixture = Fixture::open().await;
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    let all = (0..20).map(|_| refresh(&fixture.harness.market, &entered.refresh.0, somewhere()));
    let mut good = 0;
    for outcome in futures::future::join_all(all).await {
        match outcome {
            Ok(_) => good += 1,
            other => assert_eq!(refusal(other), Refusal::Session(SessionRefusal::Over)),
        }
    }
    assert_eq!(good, 1);
    let told = fixture.trail();
    let reused = told
        .iter()
        .filter(|action| **action == AuditAction::RefreshTokenReused);
    assert_eq!(reused.count(), 1, "{told:?}");
    fixture.harness.close().await;
}

#[tokio::test]
async fn garbage_and_tokens_of_other_kinds_are_no_refresh_tokens() {
    let fixture = Fixture::open().await;
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    for token in ["", "x", &entered.access.token] {
        let refused = refresh(&fixture.harness.market, token, somewhere()).await;
        assert_eq!(
            refusal(refused),
            Refusal::Session(SessionRefusal::Over),
            "{token}"
        );
    }
    assert!(
        fixture.admit(&entered.access).is_ok(),
        "nobody was thrown out"
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn a_session_is_over_when_it_was_left_alone() {
    let rules = AccessRules {
        session_idle: Duration::from_secs(100),
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    let mut entered = fixture.enter(PASSWORD, None).await.unwrap();
    for _ in 0..3 {
        fixture.wait(Duration::from_secs(99));
        entered = refresh(&fixture.harness.market, &entered.refresh.0, somewhere())
            .await
            .unwrap();
    }
    let caller = fixture.caller(&entered.access);
    fixture.wait(Duration::from_secs(100));
    let late = refresh(&fixture.harness.market, &entered.refresh.0, somewhere()).await;
    assert_eq!(refusal(late), Refusal::Session(SessionRefusal::Over));
    let open = list_sessions(&fixture.harness.market, caller)
        .await
        .unwrap();
    assert_eq!(open, []);
    fixture.harness.close().await;
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_and_no_others() {
    let fixture = Fixture::open().await;
    let here = fixture.enter(PASSWORD, None).await.unwrap();
    let there = fixture.enter(PASSWORD, None).await.unwrap();
    let elsewhere = fixture.enter(PASSWORD, None).await.unwrap();
    let caller = fixture.caller(&here.access);
    let (harness, market) = (&fixture.harness, &fixture.harness.market);
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
    assert_eq!(fixture.admit(&there.access), Err(TokenError::Ended));
    assert_eq!(harness.done(EndOtherSessions { caller }).await, 1);
    assert_eq!(fixture.admit(&elsewhere.access), Err(TokenError::Ended));
    assert!(fixture.admit(&here.access).is_ok());
    let own = EndSession {
        caller,
        session: here.session.id,
    };
    harness.done(own).await;
    assert_eq!(fixture.admit(&here.access), Err(TokenError::Ended));
    use AuditAction::{LoggedIn, LoggedOut, SessionRevoked};
    assert_eq!(
        fixture.trail(),
        [
            LoggedIn,
            LoggedIn,
            LoggedIn,
            SessionRevoked,
            SessionRevoked,
            LoggedOut
        ]
    );
    fixture.harness.close().await;
}

#[tokio::test]
async fn who_logs_in_for_ever_has_so_many_sessions() {
    let fixture = Fixture::open().await;
    let first = fixture.enter(PASSWORD, None).await.unwrap();
    let mut last = first.clone();
    for _ in 0..Session::MOST {
        fixture.wait(Duration::from_secs(1));
        last = fixture.enter(PASSWORD, None).await.unwrap();
    }
    assert_eq!(fixture.admit(&first.access), Err(TokenError::Ended));
    let caller = fixture.caller(&last.access);
    let ended = fixture.harness.done(EndOtherSessions { caller }).await;
    assert_eq!(ended, Session::MOST - 1);
    fixture.harness.close().await;
}

#[tokio::test]
async fn changed_roles_count_for_tokens_that_are_out() {
    let fixture = Fixture::open().await;
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    let promote = |roles: Roles| SetRoles {
        caller: fixture.harness.admin,
        user: fixture.anna.id,
        roles,
    };
    let roles = Roles::from([Role::Customer, Role::Moderator]);
    fixture.harness.done(promote(roles)).await;
    assert_eq!(fixture.caller(&entered.access).roles, roles);
    fixture.harness.done(promote(Roles::default())).await;
    assert_eq!(fixture.caller(&entered.access).roles, Roles::default());
    // Later tokens say it themselves.
    fixture.wait(Duration::from_secs(1));
    let next = refresh(&fixture.harness.market, &entered.refresh.0, somewhere())
        .await
        .unwrap();
    assert_eq!(fixture.caller(&next.access).roles, Roles::default());
    fixture.harness.close().await;
}

#[tokio::test]
async fn another_replica_learns_of_it_from_storage() {
    let fixture = Fixture::open().await;
    let entered = fixture.enter(PASSWORD, None).await.unwrap();
    let setup = p2p_tests::harness::Setup {
        policy: unlimited(),
        clock: fixture.harness.clock.clone(),
        ids: fixture.harness.ids.clone(),
        ..Default::default()
    };
    let store = fixture.harness.store.clone();
    let other = p2p_tests::harness::Harness::open_with(store, setup).await;
    other.market.refresh_revocations().await.unwrap();
    let session = entered.session.id;
    let caller = fixture.caller(&entered.access);
    fixture.harness.done(EndSession { caller, session }).await;
    let token = &entered.access.token;
    assert!(other.market.admit(token).is_ok(), "not known there yet");
    other.market.refresh_revocations().await.unwrap();
    assert_eq!(other.market.admit(token), Err(TokenError::Ended));
    // Who hears nothing from storage for a while believes nobody.
    let fresh = fixture.enter(PASSWORD, None).await.unwrap();
    fixture.wait(Duration::from_secs(51));
    let token = &fresh.access.token;
    assert_eq!(other.market.admit(token), Err(TokenError::Unknown));
    other.market.refresh_revocations().await.unwrap();
    assert!(other.market.admit(token).is_ok());
    other.close().await;
    fixture.harness.close().await;
}
