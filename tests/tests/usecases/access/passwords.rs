//! Guessing, forgetting, changing, and mail.

use std::time::Duration;

use futures::future::join_all;
use p2p_application::auth::AccessError;
use p2p_application::second_factor::enrol;
use p2p_application::session::refresh;
use p2p_application::user::{
    change_password, request_reset, request_verification, reset_password, verify_email,
};
use p2p_domain::audit_log::AuditAction;
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::{SessionRefusal, UserRefusal};
use p2p_domain::session::Origin;
use p2p_domain::user::Email;
use p2p_domain::{Refusal, User};
use p2p_memory::{InsecurePasswords, WEAK_PASSWORD};

use super::fixture::{Fixture, PASSWORD, refusal, somewhere};

const NEW: &str = "a new day, a new password";

fn wait_of<T: std::fmt::Debug>(outcome: Result<T, AccessError>) -> u64 {
    match refusal(outcome) {
        Refusal::Session(SessionRefusal::TooManyAttempts { wait }) => wait.as_secs(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn guessing_takes_longer_and_longer_whether_or_not_there_is_an_account() {
    let rules = AccessRules {
        free_failures: 2,
        lock_after: 4,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    let nobody = Email::new("nobody@example.org");
    for email in [&fixture.email(), &nobody] {
        let guess = || fixture.enter_as(email, "wrong", None);
        assert_eq!(
            refusal(guess().await),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
        assert_eq!(
            refusal(guess().await),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
        let verified = fixture.harness.passwords.verified();
        assert_eq!(wait_of(guess().await), 1);
        // Not even the right one is looked at.
        assert_eq!(wait_of(fixture.enter_as(email, PASSWORD, None).await), 1);
        assert_eq!(fixture.harness.passwords.verified(), verified);
        fixture.wait(Duration::from_secs(1));
        assert_eq!(
            refusal(guess().await),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
        assert_eq!(wait_of(guess().await), 2);
        fixture.wait(Duration::from_secs(2));
        assert_eq!(
            refusal(guess().await),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
        assert_eq!(wait_of(guess().await), rules.lock_lasts.as_secs());
    }
    let locked = fixture.trail();
    let locked = locked
        .iter()
        .filter(|action| **action == AuditAction::LogInLocked);
    assert_eq!(locked.count(), 1, "of the account that there is");
    // Nobody but the owner gets the way out.
    assert_eq!(fixture.harness.letters.to(&nobody), []);
    let token = fixture.mailed_token().await;
    reset_password(&fixture.harness.market, &token, NEW.to_owned(), somewhere())
        .await
        .unwrap();
    fixture.enter(NEW, None).await.unwrap();
    fixture.harness.close().await;
}

/// One guess for each of many people is no cheaper than many for one.
#[tokio::test]
async fn whoever_tries_many_doors_waits_longer_and_longer() {
    let rules = AccessRules {
        free_failures_per_source: 4,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    let from = |address: &str| Origin::new(address.parse().ok(), "a test");
    let guess = async |name: &str, password: &str, origin: Origin| {
        let email = Email::new(name);
        fixture.enter_from(origin, &email, password, None).await
    };
    let anna = fixture.email();
    let enter = async |origin| fixture.enter_from(origin, &anna, PASSWORD, None).await;
    // All of a network count as one.
    let there = |door: u32| from(&format!("2001:db8:0:1::{door:x}"));
    for door in 0..4 {
        let name = format!("somebody{door}@example.org");
        let outcome = guess(&name, "wrong", there(door)).await;
        assert_eq!(
            refusal(outcome),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
    }
    for (door, seconds) in (4..12).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        let name = format!("somebody{door}@example.org");
        let verified = fixture.harness.passwords.verified();
        assert_eq!(wait_of(guess(&name, "wrong", there(door)).await), seconds);
        let right = enter(there(0)).await;
        assert_eq!(wait_of(right), seconds, "whoever comes from there");
        assert_eq!(fixture.harness.passwords.verified(), verified);
        fixture.wait(Duration::from_secs(seconds));
        let outcome = guess(&name, "wrong", there(door)).await;
        assert_eq!(
            refusal(outcome),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
    }
    // From elsewhere, and from nowhere, everybody gets in; and one who gets in takes back nothing that others have done.
    for origin in [
        from("2001:db8:0:2::1"),
        from("192.0.2.1"),
        Origin::default(),
    ] {
        enter(origin).await.unwrap();
    }
    fixture.wait(Duration::from_secs(60));
    enter(there(5)).await.unwrap();
    let another = || guess("another@example.org", "wrong", there(6));
    assert_eq!(
        refusal(another().await),
        Refusal::Session(SessionRefusal::BadCredentials)
    );
    assert_eq!(wait_of(another().await), 60);
    // Each minute takes one back.
    fixture.wait(Duration::from_secs(20 * 60));
    for door in 0..4 {
        let name = format!("anybody{door}@example.org");
        let outcome = guess(&name, "wrong", there(door)).await;
        assert_eq!(
            refusal(outcome),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
    }
    assert_eq!(wait_of(another().await), 1);
    // And who mistypes and then gets in takes back their own.
    for _ in 0..5 {
        for _ in 0..2 {
            let mistyped = guess(anna.as_str(), "wrong", from("192.0.2.9")).await;
            assert_eq!(
                refusal(mistyped),
                Refusal::Session(SessionRefusal::BadCredentials)
            );
        }
        enter(from("192.0.2.9")).await.unwrap();
    }
    // What was mistyped elsewhere leaves nothing where nobody has failed.
    let mistyped = guess(anna.as_str(), "wrong", Origin::default()).await;
    assert_eq!(
        refusal(mistyped),
        Refusal::Session(SessionRefusal::BadCredentials)
    );
    let counted = fixture.harness.store.tables().failed_attempts.len();
    enter(from("192.0.2.10")).await.unwrap();
    assert_eq!(
        fixture.harness.store.tables().failed_attempts.len(),
        counted
    );
    fixture.harness.close().await;
}

/// Guesses that come at once pass the first look together; each is still counted.
#[tokio::test]
async fn many_doors_at_once_are_counted_one_by_one() {
    let rules = AccessRules {
        free_failures_per_source: 4,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    let doors: Vec<_> = (0..20)
        .map(|door| Email::new(&format!("somebody{door}@example.org")))
        .collect();
    let guesses = doors
        .iter()
        .map(|door| fixture.enter_as(door, "wrong", None));
    let outcomes = join_all(guesses).await.into_iter().map(refusal);
    let looked_at =
        outcomes.filter(|refusal| *refusal == Refusal::Session(SessionRefusal::BadCredentials));
    assert_eq!(looked_at.count(), 4);
    fixture.harness.close().await;
}

#[tokio::test]
async fn the_right_password_ends_the_row_of_failures() {
    let fixture = Fixture::open().await;
    for _ in 0..5 {
        assert_eq!(
            refusal(fixture.enter("wrong", None).await),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
        assert_eq!(
            refusal(fixture.enter("wrong", None).await),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
        fixture.enter(PASSWORD, None).await.unwrap();
    }
    fixture.harness.close().await;
}

#[tokio::test]
async fn a_log_in_renews_a_hash_of_another_cost_and_changes_nothing_else() {
    let fixture = Fixture::open().await;
    let stored = || fixture.harness.store.tables().users[&fixture.anna.id].clone();
    let outdated = User {
        password: Some(InsecurePasswords::outdated(PASSWORD)),
        ..stored()
    };
    let put = outdated.clone();
    fixture.harness.store.tamper(|tables| {
        tables.users.insert(put.id, put);
    });
    assert_eq!(
        refusal(fixture.enter("wrong", None).await),
        Refusal::Session(SessionRefusal::BadCredentials)
    );
    assert_eq!(stored(), outdated, "only who knows it can hash it anew");
    let before = fixture.enter(PASSWORD, None).await.unwrap();
    assert_eq!(
        stored(),
        User {
            password: fixture.anna.password.clone(),
            version: outdated.version + 1,
            ..outdated
        }
    );
    let renewed = stored();
    fixture.enter(PASSWORD, None).await.unwrap();
    assert_eq!(stored(), renewed, "it is one of today now");
    assert!(fixture.admit(&before.access).is_ok(), "sessions go on");
    fixture.harness.close().await;
}

#[tokio::test]
async fn each_lock_tells_the_owner() {
    let rules = AccessRules {
        lock_after: 1,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    for locks in 1..=3 {
        assert_eq!(
            refusal(fixture.enter("wrong", None).await),
            Refusal::Session(SessionRefusal::BadCredentials)
        );
        fixture.mailed(locks).await;
        fixture.wait(rules.lock_lasts);
    }
    fixture.harness.close().await;
}

#[tokio::test]
async fn a_session_does_not_help_to_guess_the_password() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let here = fixture.enter(PASSWORD, None).await.unwrap();
    let caller = fixture.caller(&here.access);
    let free = AccessRules::default().free_failures;
    let tries = (0..40).map(|number| {
        let guess = if number == 39 { PASSWORD } else { "wrong" };
        enrol(market, caller, guess.to_owned(), somewhere())
    });
    let mut looked_at = 0;
    for outcome in futures::future::join_all(tries).await {
        match refusal(outcome) {
            Refusal::Session(SessionRefusal::BadCredentials) => looked_at += 1,
            Refusal::Session(SessionRefusal::TooManyAttempts { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, free, "not even the right one is told apart");
    fixture.harness.close().await;
}

#[tokio::test]
async fn guesses_at_once_are_counted_one_by_one() {
    let rules = AccessRules {
        free_failures: 3,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    let all = (0..50).map(|_| fixture.enter("wrong", None));
    let mut looked_at = 0;
    for outcome in futures::future::join_all(all).await {
        match refusal(outcome) {
            Refusal::Session(SessionRefusal::BadCredentials) => looked_at += 1,
            Refusal::Session(SessionRefusal::TooManyAttempts { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, 3, "however many come at once");
    fixture.harness.close().await;
}

#[tokio::test]
async fn who_knows_the_password_changes_it_and_is_out_elsewhere() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let here = fixture.enter(PASSWORD, None).await.unwrap();
    let there = fixture.enter(PASSWORD, None).await.unwrap();
    let caller = fixture.caller(&here.access);
    let change = |current: &str, new: &str| {
        change_password(
            market,
            caller,
            current.to_owned(),
            new.to_owned(),
            somewhere(),
        )
    };
    assert_eq!(
        refusal(change("wrong", NEW).await),
        Refusal::Session(SessionRefusal::BadCredentials)
    );
    assert!(matches!(
        refusal(change(PASSWORD, WEAK_PASSWORD).await),
        Refusal::User(UserRefusal::WeakPassword { .. })
    ));
    change(PASSWORD, NEW).await.unwrap();
    assert!(fixture.admit(&here.access).is_ok());
    assert!(fixture.admit(&there.access).is_err());
    assert_eq!(
        refusal(fixture.enter(PASSWORD, None).await),
        Refusal::Session(SessionRefusal::BadCredentials)
    );
    fixture.enter(NEW, None).await.unwrap();
    assert!(fixture.mailed(1).await[0].contains("was changed"));
    fixture.harness.close().await;
}

#[tokio::test]
async fn a_link_sets_a_new_password_once() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    let before = fixture.enter(PASSWORD, None).await.unwrap();
    request_reset(market, &Email::new("nobody@example.org"))
        .await
        .unwrap();
    request_reset(market, &fixture.email()).await.unwrap();
    let token = fixture.mailed_token().await;
    let reset = |token: &str, new: &str| {
        let (token, new) = (token.to_owned(), new.to_owned());
        async move { reset_password(market, &token, new, somewhere()).await }
    };
    assert!(matches!(
        refusal(reset(&token, WEAK_PASSWORD).await),
        Refusal::User(UserRefusal::WeakPassword { .. })
    ));
    reset(&token, NEW).await.unwrap();
    assert_eq!(
        refusal(reset(&token, PASSWORD).await),
        Refusal::User(UserRefusal::LinkSpent)
    );
    assert!(fixture.admit(&before.access).is_err());
    let late = refresh(market, &before.refresh.0, somewhere()).await;
    assert_eq!(refusal(late), Refusal::Session(SessionRefusal::Over));
    let entered = fixture.enter(NEW, None).await.unwrap();
    assert!(
        entered.user.email_verified_at.is_some(),
        "the mail has come"
    );
    // Neither one that is too old, nor one for something else.
    request_reset(market, &fixture.email()).await.unwrap();
    let text = fixture.mailed(3).await.pop().unwrap();
    let old = text.split_once("token=").unwrap().1;
    let old = old.split_whitespace().next().unwrap();
    fixture.wait(Duration::from_secs(60 * 60));
    for token in [old, &entered.access.token, &entered.refresh.0, ""] {
        assert_eq!(
            refusal(reset(token, PASSWORD).await),
            Refusal::User(UserRefusal::LinkSpent)
        );
    }
    fixture.harness.close().await;
}

#[tokio::test]
async fn of_two_links_the_one_that_is_used_spends_the_other() {
    let fixture = Fixture::open().await;
    let market = &fixture.harness.market;
    request_reset(market, &fixture.email()).await.unwrap();
    let first = fixture.mailed_token().await;
    let both =
        (0..2).map(|nth| reset_password(market, &first, format!("{NEW} {nth}"), somewhere()));
    let done = futures::future::join_all(both).await;
    let good = done.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(good, 1, "{done:?}");
    fixture.harness.close().await;
}

#[tokio::test]
async fn where_it_is_asked_for_nobody_comes_in_before_the_address_is_verified() {
    let rules = AccessRules {
        verified_email: true,
        ..AccessRules::default()
    };
    let fixture = Fixture::ruled(rules).await;
    let market = &fixture.harness.market;
    assert_eq!(
        refusal(fixture.enter("wrong", None).await),
        Refusal::Session(SessionRefusal::BadCredentials),
        "nothing is told to who does not know the password"
    );
    assert_eq!(
        refusal(fixture.enter(PASSWORD, None).await),
        Refusal::User(UserRefusal::EmailNotVerified)
    );
    let token = fixture.mailed_token().await;
    let as_reset = reset_password(market, &token, NEW.to_owned(), somewhere()).await;
    assert_eq!(
        refusal(as_reset),
        Refusal::User(UserRefusal::LinkSpent),
        "for something else"
    );
    verify_email(market, &token, somewhere()).await.unwrap();
    verify_email(market, &token, somewhere()).await.unwrap();
    fixture.enter(PASSWORD, None).await.unwrap();
    request_verification(market, &fixture.email())
        .await
        .unwrap();
    assert_eq!(
        fixture.mailed(1).await.len(),
        1,
        "there is nothing to verify"
    );
    let verified = fixture.trail();
    let verified = verified
        .iter()
        .filter(|action| **action == AuditAction::EmailVerified);
    assert_eq!(verified.count(), 1);
    fixture.harness.close().await;
}
