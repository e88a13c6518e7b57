//! Failed log-ins, second factors, changed rights, and what of it is forgotten.

use std::sync::Arc;
use std::time::Duration;

use p2p_application::access::{AccessChanges, AccessQueries};
use p2p_application::ports::{ChangeSet, Maintenance, StorageError, Store};
use p2p_application::user::UserQueries;
use p2p_domain::second_factor::{RecoveryCodes, SealedSecret};
use p2p_domain::session::SessionEnd;
use p2p_domain::user::User;
use p2p_domain::{FailedAttempts, Role, Roles, SecondFactor, Session, Timestamp, TypedId, UserId};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Backend;
use super::access_rows::{LATE, TEXT, session};
use super::rows::{assert_rejected, changed, commit, new};
use crate::harness::{Harness, START, Storage};

/// Far longer than any of this takes: beyond it, something waits for ever.
const STUCK: Duration = Duration::from_secs(60);

const MOMENT: Duration = Duration::from_micros(1);

fn attempts(key: u128, failed: u32, last_failed_at: Timestamp) -> FailedAttempts {
    FailedAttempts {
        key,
        failed,
        last_failed_at,
        version: 1,
    }
}

async fn keep<S: Store>(store: &S, rows: &[FailedAttempts]) {
    let changes = ChangeSet {
        failed_attempts: rows.iter().copied().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(store, &changes).await.unwrap();
}

/// Of any digest, any count; found and locked by it.
pub async fn failed_log_ins_are_kept_as_they_were<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let rows = [
        attempts(0, 0, START),
        attempts(1, u32::MAX, LATE),
        attempts(u128::MAX, 3, START),
    ];
    keep(&store, &rows).await;
    for row in rows {
        assert_eq!(store.find_attempts(row.key).await.unwrap(), Some(row));
    }
    assert_eq!(store.find_attempts(5).await.unwrap(), None);
    let once_more = rows[2].one_more(LATE);
    let changes = ChangeSet {
        failed_attempts: vec![changed(once_more, 1)],
        ..ChangeSet::default()
    };
    store.commit(&changes).await.unwrap();
    let mut unit = store.begin().await.unwrap();
    let mut locked = unit
        .load_by_key::<FailedAttempts>(&[0, 1, 5, u128::MAX])
        .await
        .unwrap();
    unit.rollback().await.unwrap();
    locked.sort_unstable_by_key(|row| row.key);
    assert_eq!(locked, [rows[0], rows[1], once_more]);
}

/// Begun, confirmed, used up and given up; found and locked by whose it is.
pub async fn a_second_factor_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let user = harness.customer("anna").await.user;
    assert_eq!(store.find_second_factor(user).await.unwrap(), None);
    let mut now = SecondFactor::begin(user, SealedSecret::new(TEXT.to_owned()));
    let changes = ChangeSet {
        second_factors: vec![new(now.clone())],
        ..ChangeSet::default()
    };
    commit(store, &changes).await.unwrap();
    let codes = (0..10).map(|digit| u128::MAX / 9 * digit).collect();
    for (active_since, last_step, recovery) in [
        (Some(LATE), i64::MAX.cast_unsigned(), codes),
        (Some(START), 7, vec![u128::MAX]),
        (None, 0, vec![]),
    ] {
        let next = SecondFactor {
            active_since,
            last_step,
            recovery: RecoveryCodes(recovery),
            secret: SealedSecret::new(format!("sealed {last_step}")),
            version: now.version + 1,
            ..now.clone()
        };
        let changes = ChangeSet {
            second_factors: vec![changed(next.clone(), now.version)],
            ..ChangeSet::default()
        };
        store.commit(&changes).await.unwrap();
        now = next;
        let found = store.find_second_factor(user).await.unwrap();
        // Not compared by what they show of themselves: that is next to nothing.
        assert!(found == Some(now.clone()), "{last_step}");
    }
    let mut unit = store.begin().await.unwrap();
    let users = [user, UserId::from_u128(u128::MAX)];
    let locked = unit.load_by_key::<SecondFactor>(&users).await.unwrap();
    unit.rollback().await.unwrap();
    assert!(locked == [now], "{locked:?}");
    let of_nobody = SecondFactor::begin(users[1], SealedSecret::new(String::new()));
    let changes = ChangeSet {
        second_factors: vec![new(of_nobody)],
        ..ChangeSet::default()
    };
    assert_rejected("of nobody", &commit(store, &changes).await);
    harness.close().await;
}

/// Many guesses at the same moment, over two replicas, under an address that was never tried before.
pub async fn each_failed_log_in_is_counted<B: Backend>(backend: &B) {
    const TASKS: usize = 6;
    const EACH: u32 = 5;
    let stores = [backend.open().await, backend.open().await];
    let start = Arc::new(tokio::sync::Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (store, start) = (stores[task % 2].clone(), Arc::clone(&start));
        tasks.spawn(async move {
            start.wait().await;
            let mut counted = 0;
            while counted < EACH {
                let attempt = async {
                    let mut unit = store.begin().await?;
                    let found = unit
                        .load_by_key::<FailedAttempts>(&[7])
                        .await?
                        .first()
                        .copied();
                    let before = found.unwrap_or_else(|| FailedAttempts::none(7, START));
                    let value = before.one_more(START);
                    let saved = match found {
                        Some(_) => changed(value, before.version),
                        None => new(value),
                    };
                    let changes = ChangeSet {
                        failed_attempts: vec![saved],
                        ..ChangeSet::default()
                    };
                    unit.commit(&changes).await
                };
                match attempt.await {
                    Ok(()) => counted += 1,
                    Err(StorageError::Conflict { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    timeout(STUCK, tasks.join_all()).await.expect("all end");
    let found = stores[0].find_attempts(7).await.unwrap();
    assert_eq!(found.map(|row| row.failed), Some(30));
}

async fn with_roles<S: Storage>(harness: &Harness<S>, roles: Roles, at: Timestamp) -> User {
    let id = harness.customer("somebody").await.user;
    let before = harness.store.find_user(id).await.unwrap().unwrap();
    let user = before.clone().with_roles(roles, at);
    let changes = ChangeSet {
        users: vec![changed(user.clone(), before.version)],
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
    user
}

/// Roles as they are now and sessions that have ended, from the very moment that is asked for on.
pub async fn changed_rights_are_told<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let anna = harness.customer("anna").await.user;
    let (roles, none) = (Roles::from([Role::Moderator]), Roles::default());
    let (before, after) = (START.before(MOMENT), START.after(MOMENT));
    let mut changes = vec![];
    for (roles, at) in [(roles, before), (none, START), (roles, after)] {
        let user = with_roles(&harness, roles, at).await;
        changes.push((user.id, roles, at));
    }
    let mut over = vec![];
    for at in [before, START, after] {
        let begun = session(harness.market.fresh(), anna);
        let row = begun.end(SessionEnd::Revoked, at);
        over.push((row.id, at));
        let changes = ChangeSet {
            sessions: vec![new(row), new(session(harness.market.fresh(), anna))],
            ..ChangeSet::default()
        };
        commit(store, &changes).await.unwrap();
    }
    for (since, first) in [(before, 0), (START, 1), (after, 2), (LATE, 3)] {
        let mut told = store.access_changes(since).await.unwrap();
        told.roles.sort_unstable_by_key(|(user, ..)| *user);
        told.ended.sort_unstable();
        let expected = AccessChanges {
            roles: changes[first..].to_vec(),
            ended: over[first..].to_vec(),
        };
        assert_eq!(told, expected, "{since:?}");
    }
    // What else changes of a user are no rights.
    let user = store.find_user(changes[0].0).await.unwrap().unwrap();
    let renamed = User {
        name: "another".to_owned(),
        version: user.version + 1,
        ..user.clone()
    };
    let changes = ChangeSet {
        users: vec![changed(renamed, user.version)],
        ..ChangeSet::default()
    };
    commit(store, &changes).await.unwrap();
    let told = store.access_changes(START).await.unwrap();
    assert_eq!(told.roles.len(), 2);
    harness.close().await;
}

/// Sessions that were over before the time that is asked for, by their end or by their age, and old failures; all of them,
/// some at a time, and nothing else.
pub async fn what_is_over_is_forgotten<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let user = harness.customer("anna").await.user;
    let before = START.before(MOMENT);
    let row = |expires_at: Timestamp, ended: Option<Timestamp>| Session {
        expires_at,
        ended: ended.map(|at| (at, SessionEnd::LoggedOut)),
        ..session(harness.market.fresh(), user)
    };
    let kept = [
        row(LATE, None),
        row(START, None),
        row(LATE, Some(START)),
        row(START, Some(LATE)),
    ];
    let old = [
        row(before, None),
        row(LATE, Some(before)),
        row(before, Some(before)),
        row(before, Some(START)),
        row(before, None),
    ];
    let changes = ChangeSet {
        sessions: kept.iter().chain(&old).cloned().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(store, &changes).await.unwrap();
    let failures = [
        attempts(1, 1, START),
        attempts(2, 9, before),
        attempts(3, 0, before),
    ];
    keep(store, &failures).await;

    assert_eq!(store.forget_access(before, 100).await.unwrap(), 0);
    let mut forgotten = 0;
    for _ in 0..8 {
        forgotten += store.forget_access(START, 2).await.unwrap();
    }
    assert_eq!(forgotten, 7);
    for row in &kept {
        let found = store.find_session(row.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(row));
    }
    for row in &old {
        assert_eq!(store.find_session(row.id).await.unwrap(), None);
    }
    let found = store.find_attempts(1).await.unwrap();
    assert_eq!(found, Some(failures[0]));
    for key in [2, 3] {
        assert_eq!(store.find_attempts(key).await.unwrap(), None);
    }
    harness.close().await;
}
