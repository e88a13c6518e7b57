//! Sessions: kept as they were, listed for their owners, and locked by whoever goes on with them or ends them.

use std::time::Duration;

use p2p_application::access::AccessQueries;
use p2p_application::ports::{ChangeSet, StorageError, Store};
use p2p_domain::session::{Origin, SessionEnd};
use p2p_domain::{Session, SessionId, TypedId, UserId};
use tokio::time::timeout;

use super::Backend;
use super::access_rows::{LATE, TEXT, addresses, session};
use super::rows::{assert_rejected, changed, commit, new};
use crate::harness::{Harness, START, Storage};

/// Far longer than any of this takes: beyond it, something waits for ever.
const STUCK: Duration = Duration::from_secs(60);

async fn keep<S: Storage>(harness: &Harness<S>, sessions: &[Session]) {
    let changes = ChangeSet {
        sessions: sessions.iter().cloned().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
}

/// So many sessions of somebody, oldest first.
async fn begun<S: Storage>(harness: &Harness<S>, user: UserId, count: usize) -> Vec<Session> {
    let fresh = || session(harness.market.fresh(), user);
    let sessions: Vec<Session> = std::iter::repeat_with(fresh).take(count).collect();
    keep(harness, &sessions).await;
    sessions
}

fn ended(session: &Session, why: SessionEnd) -> Session {
    session.clone().end(why, START)
}

async fn end<S: Storage>(harness: &Harness<S>, session: &Session) -> Session {
    let over = ended(session, SessionEnd::LoggedOut);
    let changes = ChangeSet {
        sessions: vec![changed(over.clone(), session.version)],
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
    over
}

async fn locked<S: Store>(store: &S, ids: &[SessionId], of: &[UserId]) -> Vec<Session> {
    let mut unit = store.begin().await.unwrap();
    let mut found = unit.load_by::<Session>(ids, of).await.unwrap();
    unit.rollback().await.unwrap();
    found.sort_unstable_by_key(|session| session.id);
    found
}

/// From everywhere, used to the last, proved or not, and over for each reason: as new and as changed.
pub async fn a_session_is_kept_as_it_was<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let user = harness.customer("anna").await.user;
    let ends = SessionEnd::ALL.iter().map(|why| Some((LATE, *why)));
    let ends: Vec<_> = ends.chain([None]).collect();
    for (turn, address) in addresses().into_iter().enumerate() {
        let row = Session {
            origin: Origin {
                address,
                client: TEXT.to_owned(),
            },
            last_used_at: LATE,
            generation: u32::MAX,
            proved_at: (turn % 2 == 0).then_some(START),
            ended: ends[turn % ends.len()],
            version: 7,
            ..session(harness.market.fresh(), user)
        };
        keep(&harness, std::slice::from_ref(&row)).await;
        let found = harness.store.find_session(row.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&row));
        let later = Session {
            last_used_at: START,
            generation: 2,
            proved_at: (turn % 2 == 1).then_some(LATE),
            ended: ends[(turn + 1) % ends.len()],
            version: 8,
            ..row
        };
        let changes = ChangeSet {
            sessions: vec![changed(later.clone(), 7)],
            ..ChangeSet::default()
        };
        harness.store.commit(&changes).await.unwrap();
        assert_eq!(locked(&harness.store, &[later.id], &[]).await, [later]);
    }
    let nothing = SessionId::from_u128(u128::MAX);
    assert_eq!(harness.store.find_session(nothing).await.unwrap(), None);
    harness.close().await;
}

/// Their owner's, newest first, and no more than asked for: what has ended is not among them, what has only expired is.
pub async fn sessions_are_listed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, berta) = (
        harness.customer("anna").await.user,
        harness.customer("berta").await.user,
    );
    let expired = Session {
        expires_at: START,
        ..session(harness.market.fresh(), anna)
    };
    keep(&harness, std::slice::from_ref(&expired)).await;
    let mut own = vec![expired];
    for _ in 0..3 {
        let fresh = begun(&harness, anna, 2).await;
        end(&harness, &fresh[0]).await;
        own.push(fresh[1].clone());
        begun(&harness, berta, 1).await;
    }
    own.reverse();
    for limit in [1, 2, 4, 100] {
        let expected: Vec<Session> = own.iter().take(limit).cloned().collect();
        let limit = u32::try_from(limit).unwrap();
        let listed = harness.store.list_sessions(anna, limit).await.unwrap();
        assert_eq!(listed, expected);
    }
    let listed = harness.store.list_sessions(berta, 100).await.unwrap();
    assert_eq!(listed.len(), 3);
    let nobody = UserId::from_u128(u128::MAX);
    let listed = harness.store.list_sessions(nobody, 100).await.unwrap();
    assert_eq!(listed, []);
    harness.close().await;
}

/// By id whatever has become of it, and of a user all that have not ended; each once.
pub async fn sessions_are_locked_by_id_and_by_user<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, berta) = (
        harness.customer("anna").await.user,
        harness.customer("berta").await.user,
    );
    let own = begun(&harness, anna, 3).await;
    let over = end(&harness, &own[1]).await;
    let others = begun(&harness, berta, 2).await;
    let nothing = SessionId::from_u128(u128::MAX);
    let nobody = UserId::from_u128(u128::MAX);
    let open = [own[0].clone(), own[2].clone()];
    let store = &harness.store;
    assert_eq!(locked(store, &[], &[anna]).await, open);
    assert_eq!(
        locked(store, &[over.id], &[]).await,
        std::slice::from_ref(&over)
    );
    assert_eq!(locked(store, &[own[0].id], &[anna]).await, open);
    let all = [own[0].clone(), over.clone(), own[2].clone()];
    assert_eq!(locked(store, &[over.id], &[anna]).await, all);
    let mut both = all.to_vec();
    both.push(others[1].clone());
    let ids = [over.id, others[1].id, nothing];
    assert_eq!(locked(store, &ids, &[anna, nobody]).await, both);
    let mut users = [anna, berta];
    users.sort_unstable();
    let four = [&open[..], &others[..]].concat();
    assert_eq!(locked(store, &[], &users).await, four);
    assert_eq!(locked(store, &[], &[]).await, []);
    harness.close().await;
}

/// Whoever comes second finds it as the first leaves it, by id and by user.
pub async fn two_who_refresh_take_turns<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let other = backend.open().await;
    let anna = harness.customer("anna").await.user;
    let begun = begun(&harness, anna, 1).await.remove(0);
    let ways: [(&[SessionId], &[UserId]); 2] = [(&[begun.id], &[]), (&[], &[anna])];
    let mut now = begun.clone();
    for (ids, of) in ways {
        let mut first = harness.store.begin().await.unwrap();
        let found = first.load_by::<Session>(ids, of).await.unwrap();
        assert_eq!(found, [now.clone()]);
        let next = Session {
            generation: now.generation + 1,
            version: now.version + 1,
            ..now.clone()
        };
        let changes = ChangeSet {
            sessions: vec![changed(next.clone(), now.version)],
            ..ChangeSet::default()
        };
        let second = async {
            let mut unit = other.begin().await?;
            let found = unit.load_by::<Session>(ids, of).await?;
            unit.rollback().await?;
            Ok::<_, StorageError>(found)
        };
        let first = async {
            // Reads meanwhile: they neither wait nor see anything, and give the second time to knock.
            for _ in 0..20 {
                let seen = harness.store.find_session(begun.id).await.unwrap();
                assert_eq!(seen.as_ref(), Some(&now));
                tokio::task::yield_now().await;
            }
            first.commit(&changes).await
        };
        let both = async { tokio::join!(first, second) };
        let (committed, found) = timeout(STUCK, both).await.expect("both units end");
        committed.unwrap();
        assert_eq!(found.unwrap(), std::slice::from_ref(&next));
        now = next;
    }
    harness.close().await;
}

/// The last line of defence.
pub async fn a_session_belongs_to_somebody<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let nobody = UserId::from_u128(0xdead);
    let row = session(harness.market.fresh(), nobody);
    let changes = ChangeSet {
        sessions: vec![new(row.clone())],
        ..ChangeSet::default()
    };
    assert_rejected("in a unit", &commit(&harness.store, &changes).await);
    assert_rejected("at once", &harness.store.commit(&changes).await);
    assert_eq!(harness.store.find_session(row.id).await.unwrap(), None);
    harness.close().await;
}
