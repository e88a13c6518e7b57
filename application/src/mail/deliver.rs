//! Delivery of queued mail: a few at a time, failed ones again later. A mail that waits for another attempt does not delay
//! others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::{MailStats, QUEUE_CAPACITY};
use crate::ports::{Mail, MailError, Mailer};

/// How many mails are sent in parallel.
const MAX_PARALLEL: usize = 4;

/// How often a mail is tried.
const MAX_ATTEMPTS: u32 = 6;

/// The wait before the second attempt; it doubles with each further one.
const FIRST_RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// A mail and how often it was tried.
struct Attempt {
    mail: Mail,
    times: u32,
}

/// A mail that waits for another attempt. The one due first is the greatest.
struct Retry {
    due: Reverse<Instant>,
    attempt: Attempt,
}

impl Ord for Retry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl PartialOrd for Retry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Retry {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Retry {}

/// Sends queued mail until the queue is closed. Mail that waits then is tried once more, at once.
pub(super) async fn deliver(
    mailer: Arc<dyn Mailer>,
    mut queued: mpsc::Receiver<Mail>,
    stats: Arc<MailStats>,
) {
    let mut sending = JoinSet::new();
    let mut retries: BinaryHeap<Retry> = BinaryHeap::new();
    let mut open = true;
    while open || !retries.is_empty() || !sending.is_empty() {
        let has_capacity = sending.len() < MAX_PARALLEL;
        let due = retries
            .peek()
            .filter(|_| has_capacity)
            .map(|next| next.due.0);
        let due = if open {
            due
        } else {
            due.map(|_| Instant::now())
        };
        tokio::select! {
            mail = queued.recv(), if open && has_capacity => match mail {
                Some(mail) => send(&mut sending, &mailer, Attempt { mail, times: 0 }),
                None => open = false,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if let Some(next) = retries.pop() {
                    send(&mut sending, &mailer, next.attempt);
                }
            }
            Some(done) = sending.join_next() => {
                let Some(attempt) = retryable(done, &stats) else { continue };
                let subject = attempt.mail.subject.as_str();
                if !open || attempt.times >= MAX_ATTEMPTS {
                    stats.given_up();
                    tracing::error!(subject, "a mail was abandoned");
                } else if retries.len() >= QUEUE_CAPACITY {
                    stats.no_room();
                    tracing::warn!(subject, "a mail was dropped: too much mail waits for another attempt");
                } else {
                    let pause = FIRST_RETRY_INTERVAL * 2_u32.pow(attempt.times.saturating_sub(1));
                    let due = Reverse(Instant::now() + pause);
                    retries.push(Retry { due, attempt });
                }
            }
        }
    }
}

type Sent = (Attempt, Result<(), MailError>);

fn send(sending: &mut JoinSet<Sent>, mailer: &Arc<dyn Mailer>, mut attempt: Attempt) {
    let mailer = Arc::clone(mailer);
    sending.spawn(async move {
        attempt.times += 1;
        let sent = mailer.send(&attempt.mail).await;
        (attempt, sent)
    });
}

/// Counts the outcome; returns the mail if another attempt may succeed.
fn retryable(done: Result<Sent, JoinError>, stats: &MailStats) -> Option<Attempt> {
    match done {
        Ok((_, Ok(()))) => stats.sent(),
        Ok((attempt, Err(error @ MailError::Refused(_)))) => {
            stats.refused();
            tracing::warn!(%error, subject = attempt.mail.subject, "a mail was refused");
        }
        Ok((attempt, Err(error))) => {
            tracing::warn!(%error, times = attempt.times, subject = attempt.mail.subject, "a mail could not be sent");
            return Some(attempt);
        }
        // The task panicked; the mail is lost.
        Err(error) => {
            stats.given_up();
            tracing::error!(%error, "a mail was abandoned");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use p2p_domain::user::Email;

    use super::*;

    /// Refuses some recipients, fails for others, and records each attempt.
    #[derive(Default)]
    struct FlakyMailer(Mutex<Vec<(String, Duration)>>, Option<Instant>);

    impl FlakyMailer {
        fn tried(&self, to: &str) -> Vec<u64> {
            let tried = self.0.lock().unwrap();
            let own = tried.iter().filter(|(name, _)| name == to);
            own.map(|(_, at)| at.as_secs()).collect()
        }
    }

    #[async_trait]
    impl Mailer for FlakyMailer {
        async fn send(&self, mail: &Mail) -> Result<(), MailError> {
            let to = mail.to.as_str().to_owned();
            let at = self.1.map_or(Duration::ZERO, |start| start.elapsed());
            self.0.lock().unwrap().push((to.clone(), at));
            match to.as_str() {
                "refused" => Err(MailError::Refused("no such mailbox".into())),
                "good" => Ok(()),
                _ => Err(MailError::Unavailable("come back later".into())),
            }
        }
    }

    struct Fixture {
        mailer: Arc<FlakyMailer>,
        stats: Arc<MailStats>,
        queue: mpsc::Sender<Mail>,
        sending: tokio::task::JoinHandle<()>,
    }

    impl Fixture {
        fn open() -> Self {
            let mailer = Arc::new(FlakyMailer(Mutex::default(), Some(Instant::now())));
            let stats = Arc::<MailStats>::default();
            let (queue, queued) = mpsc::channel(QUEUE_CAPACITY);
            let flaky: Arc<FlakyMailer> = Arc::clone(&mailer);
            let sending = tokio::spawn(deliver(flaky, queued, Arc::clone(&stats)));
            Self {
                mailer,
                stats,
                queue,
                sending,
            }
        }

        async fn enqueue(&self, to: &str) {
            let mail = Mail {
                to: Email::new(to),
                subject: "News".to_owned(),
                text: String::new(),
            };
            self.queue.send(mail).await.unwrap();
        }

        fn counted(&self) -> Vec<(&'static str, u64)> {
            let counts = self.stats.snapshot().into_iter();
            let some = counts.filter(|one| one.count > 0);
            some.map(|one| (one.outcome, one.count)).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_address_does_not_delay_others() {
        let fixture = Fixture::open();
        // More than are sent in parallel.
        for number in 0..20 {
            fixture.enqueue(&format!("later-{number}")).await;
        }
        fixture.enqueue("refused").await;
        fixture.enqueue("good").await;
        while fixture.mailer.tried("good").is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(fixture.mailer.tried("good"), [0], "before any retry");
        tokio::time::sleep(Duration::from_secs(100)).await;
        for number in 0..20 {
            let tried = fixture.mailer.tried(&format!("later-{number}"));
            assert_eq!(tried, [0, 2, 6, 14, 30, 62]);
        }
        assert_eq!(fixture.mailer.tried("refused"), [0]);
        let counted = [("sent", 1), ("refused", 1), ("given_up", 20)];
        assert_eq!(fixture.counted(), counted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_tries_waiting_mail_once_more_without_a_wait() {
        let fixture = Fixture::open();
        fixture.enqueue("later").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        fixture.enqueue("good").await;
        let Fixture {
            mailer,
            stats,
            queue,
            sending,
        } = fixture;
        drop(queue);
        sending.await.unwrap();
        assert_eq!(mailer.tried("later"), [0, 1]);
        assert_eq!(mailer.tried("good"), [1]);
        let outcomes = stats.snapshot().into_iter().map(|one| one.count);
        assert_eq!(outcomes.collect::<Vec<_>>(), [1, 0, 1, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn mail_that_waits_for_another_attempt_is_bounded() {
        let fixture = Fixture::open();
        for number in 0..QUEUE_CAPACITY + 10 {
            fixture.enqueue(&format!("later-{number}")).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(fixture.counted(), [("no_room", 10)]);
    }
}
