//! The audit trail: records go behind its end and nowhere else, are kept as they were, and are found again.

use std::time::Duration;

use p2p_application::audit_chain::record_hash;
use p2p_application::audit_log::{AuditLogFilter, AuditLogQueries};
use p2p_application::ports::{AuditAppend, ChangeSet, Maintenance, StorageError, Store};
use p2p_application::user::UserQueries;
use p2p_domain::audit_log::{AuditAction, AuditHead, AuditNote, AuditRecord, ChainHash};
use p2p_domain::{SessionId, TypedId, UserId};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::access_rows::{LATE, TEXT, addresses};
use super::rows::{assert_conflict, commit, new, stranger};
use super::{Backend, walk};
use crate::harness::{Harness, START, Storage};

/// Far longer than any of this takes: beyond it, something waits for ever.
const STUCK: Duration = Duration::from_secs(60);

fn note(subject: &str, detail: &str) -> AuditNote {
    AuditNote::by_system(
        AuditAction::DepositBooked,
        subject.to_owned(),
        detail.to_owned(),
    )
}

/// Notes as records behind an end.
fn audit_append(after: AuditHead, notes: Vec<AuditNote>) -> AuditAppend {
    let mut end = after;
    let record = |note| {
        let number = end.count + 1;
        let hash = record_hash(end.hash, number, LATE, &note);
        end = AuditHead {
            count: number,
            hash,
        };
        AuditRecord {
            number,
            at: LATE,
            note,
            hash,
        }
    };
    let records = notes.into_iter().map(record).collect();
    AuditAppend { after, records }
}

fn appending(audit_append: AuditAppend) -> ChangeSet {
    ChangeSet {
        trail: Some(audit_append),
        ..ChangeSet::default()
    }
}

/// Puts notes behind the end that is there; the records.
async fn append<S: Store + AuditLogQueries>(store: &S, notes: Vec<AuditNote>) -> Vec<AuditRecord> {
    let audit_append = audit_append(store.audit_head().await.unwrap(), notes);
    let records = audit_append.records.clone();
    commit(store, &appending(audit_append)).await.unwrap();
    records
}

async fn whole<S: AuditLogQueries>(store: &S) -> Vec<AuditRecord> {
    store.audit_records_after(0, 10_000).await.unwrap()
}

/// Of everything that can be done, from everywhere, with and without who did it.
pub async fn a_record_is_kept_as_it_was<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut from = addresses().into_iter().cycle();
    let mut notes = vec![];
    for (turn, action) in AuditAction::ALL.iter().enumerate() {
        notes.push(AuditNote {
            actor: (turn % 2 == 0).then_some(UserId::from_u128(u128::MAX - turn as u128)),
            session: (turn % 3 == 0).then_some(SessionId::from_u128(turn as u128)),
            address: from.next().unwrap(),
            action: *action,
            subject: [TEXT, "", "user_1"][turn % 3].to_owned(),
            detail: ["{}", TEXT, "{\"a\": \"\\u0000\"}"][turn % 3].to_owned(),
        });
    }
    let records = append(&store, notes).await;
    assert_eq!(whole(&store).await, records);
    let all = AuditLogFilter {
        limit: 1_000,
        ..AuditLogFilter::default()
    };
    let mut listed = store.list_audit_records(&all).await.unwrap();
    listed.reverse();
    assert_eq!(listed, records);
    let report = store.audit().await.unwrap();
    assert_eq!(report.violations, []);
}

/// One after the other and several together, in units and at once: without gaps, and the end is known.
pub async fn records_go_behind_the_end<B: Backend>(backend: &B) {
    let store = backend.open().await;
    assert_eq!(store.audit_head().await.unwrap(), AuditHead::EMPTY);
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.lock_audit_head().await.unwrap(), AuditHead::EMPTY);
    unit.rollback().await.unwrap();
    let mut head = AuditHead::EMPTY;
    for turn in 0..6u64 {
        let notes = (0..=turn % 3).map(|index| note("a", &index.to_string()));
        let next = audit_append(head, notes.collect());
        head = next.head();
        let changes = appending(next);
        if turn % 2 == 0 {
            let mut unit = store.begin().await.unwrap();
            unit.lock_audit_head().await.unwrap();
            unit.commit(&changes).await.unwrap();
        } else {
            store.commit(&changes).await.unwrap();
        }
        assert_eq!(store.audit_head().await.unwrap(), head);
        let mut unit = store.begin().await.unwrap();
        assert_eq!(unit.lock_audit_head().await.unwrap(), head);
        unit.rollback().await.unwrap();
    }
    let numbers: Vec<u64> = whole(&store).await.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<u64>>());
}

/// One that was the end before, one that is not yet, and one that never was: nothing of the commit is stored.
pub async fn records_behind_another_end_are_a_conflict<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let earlier = store.audit_head().await.unwrap();
    let there = append(store, vec![note("a", "")]).await;
    let now = store.audit_head().await.unwrap();
    let later = AuditHead {
        count: now.count + 1,
        ..now
    };
    let other = AuditHead {
        hash: ChainHash([7; 32]),
        ..now
    };
    for (what, after) in [("earlier", earlier), ("later", later), ("other", other)] {
        let newcomer = stranger(&harness, "newcomer");
        let changes = ChangeSet {
            users: vec![new(newcomer.clone())],
            ..appending(audit_append(after, vec![note("b", what)]))
        };
        assert_conflict(what, &commit(store, &changes).await);
        assert_conflict(what, &store.commit(&changes).await);
        let found = store.find_user(newcomer.id).await.unwrap();
        assert_eq!(found, None, "{what} did not stop a new user");
    }
    assert_eq!(store.audit_head().await.unwrap(), now);
    let behind = store.audit_records_after(earlier.count, 10).await.unwrap();
    assert_eq!(behind, there);
    harness.close().await;
}

/// Who appends until so many are there; how often another was faster.
async fn append_many<S: Storage>(store: S, locks: bool, name: String) -> u32 {
    const EACH: u32 = 8;
    let (mut done, mut conflicts) = (0, 0);
    while done < EACH {
        let attempt = async {
            let mut unit = store.begin().await?;
            let head = match locks {
                true => unit.lock_audit_head().await?,
                false => store.audit_head().await?,
            };
            let notes = vec![note(&name, &done.to_string()), note(&name, "")];
            unit.commit(&appending(audit_append(head, notes))).await
        };
        match attempt.await {
            Ok(()) => done += 1,
            Err(StorageError::Conflict { .. }) => conflicts += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    conflicts
}

async fn appended_by_many<B: Backend>(backend: &B, locks: bool) -> u32 {
    let stores = [backend.open().await, backend.open().await];
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        let store = stores[task % 2].clone();
        tasks.spawn(append_many(store, locks, task.to_string()));
    }
    let conflicts = timeout(STUCK, tasks.join_all()).await.expect("all end");
    let trail = whole(&stores[0]).await;
    assert_eq!(trail.len(), 6 * 8 * 2);
    for task in 0..6 {
        let name = task.to_string();
        let own = trail.iter().filter(|row| row.note.subject == name);
        assert_eq!(own.count(), 8 * 2);
    }
    let report = stores[1].audit().await.unwrap();
    assert_eq!(report.violations, []);
    conflicts.into_iter().sum()
}

/// Whoever has locked the end appends; the others wait, and go on from there.
pub async fn appenders_take_turns<B: Backend>(backend: &B) {
    assert_eq!(appended_by_many(backend, true).await, 0);
}

/// Whoever has only read it may come too late, and is told so: nothing is lost, and no number is given twice.
pub async fn appenders_who_do_not_wait_conflict<B: Backend>(backend: &B) {
    appended_by_many(backend, false).await;
    let store = backend.open().await;
    let head = store.audit_head().await.unwrap();
    let next = |name: &str| appending(audit_append(head, vec![note(name, "")]));
    store.commit(&next("a")).await.unwrap();
    assert_conflict("too late", &store.commit(&next("b")).await);
    assert_conflict("in a unit", &commit(&store, &next("b")).await);
}

/// Two people, two things, three kinds of deeds, and what the market has done itself; in turns.
async fn fixture<S: Store + AuditLogQueries>(store: &S) -> ([UserId; 2], Vec<AuditRecord>) {
    let people = [3, 4].map(UserId::from_u128);
    let actors = [None, Some(people[0]), Some(people[1]), Some(people[0])];
    let actions = [
        AuditAction::RolesChanged,
        AuditAction::LoggedIn,
        AuditAction::RolesChanged,
    ];
    let subjects = ["thing_1", "", "thing_2", "thing_1", "thing_12"];
    let notes = (0..60).map(|turn| AuditNote {
        actor: actors[turn % 4],
        action: actions[turn % 3],
        ..note(subjects[turn % 5], &turn.to_string())
    });
    let records = append(store, notes.collect()).await;
    (people, records)
}

/// By whom, what, and to what, in every combination; newest first.
pub async fn the_trail_is_listed<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let (people, records) = fixture(&store).await;
    for actor in [None, Some(people[0]), Some(people[1])] {
        for action in [None, Some(AuditAction::RolesChanged)] {
            for subject in [None, Some(""), Some("thing_1")] {
                for before in [None, Some(31), Some(u64::MAX)] {
                    let filter = AuditLogFilter {
                        actor,
                        action,
                        subject: subject.map(str::to_owned),
                        before,
                        limit: 1_000,
                    };
                    let expected: Vec<AuditRecord> = records
                        .iter()
                        .rev()
                        .filter(|row| actor.is_none() || row.note.actor == actor)
                        .filter(|row| action.is_none_or(|action| row.note.action == action))
                        .filter(|row| subject.is_none_or(|subject| row.note.subject == subject))
                        .filter(|row| before.is_none_or(|before| row.number < before))
                        .cloned()
                        .collect();
                    assert!(!expected.is_empty());
                    let listed = store.list_audit_records(&filter).await.unwrap();
                    assert_eq!(listed, expected, "{filter:?}");
                }
            }
        }
    }
    let nobody = Some(UserId::from_u128(u128::MAX));
    let nothing = |subject: &str| Some(subject.to_owned());
    for filter in [
        AuditLogFilter {
            actor: nobody,
            ..AuditLogFilter::default()
        },
        AuditLogFilter {
            action: Some(AuditAction::LogInLocked),
            ..AuditLogFilter::default()
        },
        AuditLogFilter {
            subject: nothing("thing_\0"),
            ..AuditLogFilter::default()
        },
        AuditLogFilter {
            subject: nothing("THING_1"),
            ..AuditLogFilter::default()
        },
        AuditLogFilter {
            before: Some(1),
            ..AuditLogFilter::default()
        },
    ] {
        let filter = AuditLogFilter {
            limit: 10,
            ..filter
        };
        let listed = store.list_audit_records(&filter).await.unwrap();
        assert_eq!(listed, [], "{filter:?}");
    }
}

/// Every length of page gives the same list.
pub async fn pages_of_the_trail_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let (people, _) = fixture(&store).await;
    for actor in [None, Some(people[0])] {
        let page = async |before, limit| {
            let filter = AuditLogFilter {
                actor,
                before,
                limit,
                ..AuditLogFilter::default()
            };
            store.list_audit_records(&filter).await.unwrap()
        };
        let expected = page(None, 1_000).await;
        for limit in [1, 2, 7, 30] {
            let length = usize::try_from(limit).unwrap();
            let walked = walk(
                length,
                async |before| page(before, limit).await,
                |row| row.number,
            );
            assert_eq!(walked.await, expected);
        }
    }
}

/// Oldest first, from any place, as far as is asked.
pub async fn the_trail_is_gone_along<B: Backend>(backend: &B) {
    let store = backend.open().await;
    assert_eq!(whole(&store).await, []);
    let (_, records) = fixture(&store).await;
    for (from, limit) in [(0, 1), (0, 60), (7, 11), (59, 10), (60, 10)] {
        let expected: Vec<AuditRecord> = records.iter().skip(from).take(limit).cloned().collect();
        let limit = u32::try_from(limit).unwrap();
        let found = store.audit_records_after(from as u64, limit).await.unwrap();
        assert_eq!(found, expected);
    }
    assert_eq!(store.audit_records_after(u64::MAX, 10).await.unwrap(), []);
}

/// With what commands have left there.
pub async fn an_audit_tells_where_the_trail_ends<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1", p2p_domain::Asset::Usdt).await;
    let head = harness.store.audit_head().await.unwrap();
    let report = harness.store.audit().await.unwrap();
    assert_eq!(report.trail, Some(head));
    let deposits = AuditLogFilter {
        action: Some(AuditAction::DepositBooked),
        limit: 10,
        ..AuditLogFilter::default()
    };
    let noted = harness.store.list_audit_records(&deposits).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].at, START);
    let next = append(&harness.store, vec![note("a", "")]).await;
    let report = harness.store.audit().await.unwrap();
    assert_eq!(report.trail.map(|head| head.count), Some(head.count + 1));
    assert_eq!(report.trail.map(|head| head.hash), Some(next[0].hash));
    harness.close().await;
}
