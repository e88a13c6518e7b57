//! Storage that never responds, and a pipeline that is closed. Time is tokio's own, paused: when every task waits, it goes
//! on by itself, so nothing here takes as long as it says.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use p2p_application::access::RevocationCache;
use p2p_application::exchanger::SwitchOnline;
use p2p_application::ports::Store;
use p2p_application::user::RegisterUser;
use p2p_application::{Caller, CommandError, Pipeline, PipelineSettings};
use p2p_domain::user::Email;
use p2p_domain::{Policy, Role, Roles, Timestamp, User};
use p2p_memory::{ManualClock, Memory, Point, SequentialIds};
use tokio::task::JoinHandle;
use tokio::time::Instant;

type Outcome = Result<User, CommandError>;

struct Fixture {
    memory: Memory,
    ids: SequentialIds,
    pipeline: Pipeline,
    worker: JoinHandle<()>,
}

impl Fixture {
    fn open() -> Self {
        let (memory, ids) = (Memory::new(), SequentialIds::default());
        let (pipeline, worker) = Pipeline::start(
            Arc::new(memory.clone()),
            Arc::new(ManualClock::at(Timestamp::from_micros(1))),
            Arc::new(ids.clone()),
            Policy::default(),
            RevocationCache::new(Duration::from_secs(60)),
            PipelineSettings::default(),
        );
        Self {
            memory,
            ids,
            pipeline,
            worker,
        }
    }

    fn registration(&self, name: &str) -> RegisterUser {
        let email = Email::new(&format!("{name}@example.org"));
        let roles = Roles::from([Role::Exchanger]);
        RegisterUser::new(&self.ids, email, name.to_owned(), roles, None)
    }

    /// Sends a registration now; the answer can be waited for later.
    fn post(&self, name: &str) -> Pin<Box<dyn Future<Output = Outcome>>> {
        let (pipeline, command) = (self.pipeline.clone(), self.registration(name));
        let mut answer = Box::pin(async move { pipeline.execute(command).await });
        let polled = answer
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        answer
    }

    /// Two registrations in one batch.
    async fn two(&self, names: [&str; 2]) -> [Outcome; 2] {
        let [first, second] = names.map(|name| self.post(name));
        [first.await, second.await]
    }

    fn registered(&self) -> Vec<String> {
        let users = self.memory.tables().users;
        let mut names: Vec<String> = users.into_values().map(|user| user.name).collect();
        names.sort_unstable();
        names
    }

    fn asked(&self) -> u64 {
        self.memory.tally().borrow().asked
    }

    /// Whatever happened, the market goes on.
    async fn goes_on(self) {
        assert_eq!(self.memory.faults().pending(), 0);
        let zoe = self.pipeline.execute(self.registration("zoe")).await;
        assert!(self.registered().contains(&zoe.unwrap().name));
        drop(self.pipeline);
        self.worker.await.unwrap();
    }
}

/// One silence is a dead connection; after a second one, storage is unavailable. No caller waits for ever.
#[tokio::test(start_paused = true)]
async fn storage_that_is_silent_before_the_commit_is_away() {
    for point in [Point::Begin, Point::Load] {
        let fixture = Fixture::open();
        fixture.memory.faults().silence(point);
        assert!(
            fixture
                .two(["anna", "berta"])
                .await
                .iter()
                .all(Result::is_ok)
        );
        assert_eq!(fixture.registered(), ["anna", "berta"]);

        let (before, began) = (fixture.asked(), Instant::now());
        fixture.memory.faults().silence(point);
        fixture.memory.faults().silence(point);
        let answers = fixture.two(["carla", "dora"]).await;
        assert_eq!(answers, [const { Err(CommandError::Unavailable) }; 2]);
        assert_eq!(fixture.registered(), ["anna", "berta"]);
        assert_eq!(fixture.asked(), before + 2);
        assert!(began.elapsed() < Duration::from_secs(60), "{point:?}");
        fixture.goes_on().await;
    }
}

/// Silence instead of the commit's reply: the outcome is in doubt, whether it took effect or not, and is not tried again.
#[tokio::test(start_paused = true)]
async fn a_commit_that_is_never_answered_is_in_doubt() {
    for (point, registered) in [
        (Point::Commit, vec![]),
        (Point::Committed, vec!["anna", "berta"]),
    ] {
        let fixture = Fixture::open();
        fixture.memory.faults().silence(point);
        let answers = fixture.two(["anna", "berta"]).await;
        assert_eq!(
            answers,
            [const { Err(CommandError::InDoubt) }; 2],
            "{point:?}"
        );
        assert_eq!(fixture.registered(), registered);
        assert_eq!(fixture.asked(), 1);
        fixture.goes_on().await;
    }
}

/// A roll-back without a reply leaves nothing in doubt if there was nothing to write.
#[tokio::test(start_paused = true)]
async fn a_rollback_that_is_never_answered_is_tried_again() {
    let fixture = Fixture::open();
    let anna = fixture.pipeline.execute(fixture.registration("anna")).await;
    let (user, roles) = anna.map(|user| (user.id, user.roles)).unwrap();
    fixture.memory.faults().silence(Point::Rollback);
    let idle = SwitchOnline {
        caller: Caller::new(user, roles).proved(Timestamp::from_micros(i64::MAX)),
        exchanger: user,
        online: false,
    };
    assert!(!fixture.pipeline.execute(idle).await.unwrap().online);
    fixture.goes_on().await;
}

/// Another unit of work holds storage and never ends.
#[tokio::test(start_paused = true)]
async fn a_unit_of_work_that_never_ends_does_not_hold_the_pipeline_up() {
    let fixture = Fixture::open();
    let held = fixture.memory.begin().await.unwrap();
    let answers = fixture.two(["anna", "berta"]).await;
    assert_eq!(answers, [const { Err(CommandError::Unavailable) }; 2]);
    held.rollback().await.unwrap();
    fixture.goes_on().await;
}

/// Closing is for a shutdown while clones still exist: accepted commands are carried out, the worker ends, and
/// later commands are refused as unavailable.
#[tokio::test]
async fn a_closed_pipeline_answers_what_it_accepted_and_ends() {
    // Whether the pipeline sees the close or the commands first is left to chance: both, in so many tries.
    for _ in 0..32 {
        close_behind_three().await;
    }
}

async fn close_behind_three() {
    let fixture = Fixture::open();
    let accepted: Vec<_> = ["anna", "berta", "carla"]
        .map(|name| fixture.post(name))
        .into();
    fixture.pipeline.close();
    for answer in accepted {
        assert!(answer.await.is_ok());
    }
    let Fixture {
        memory,
        pipeline,
        worker,
        ids,
    } = fixture;
    worker.await.unwrap();
    let email = Email::new("late@example.org");
    let late = RegisterUser::new(&ids, email, "late".to_owned(), Roles::default(), None);
    assert_eq!(pipeline.execute(late).await, Err(CommandError::Unavailable));
    assert_eq!(memory.tables().users.len(), 3);
}

/// Closed before anything was sent, and twice.
#[tokio::test]
async fn an_idle_pipeline_can_be_closed() {
    let fixture = Fixture::open();
    fixture.pipeline.close();
    fixture.pipeline.close();
    fixture.worker.await.unwrap();
    assert_eq!(fixture.memory.tables().users.len(), 0);
}
