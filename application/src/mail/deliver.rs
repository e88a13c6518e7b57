//! Mail on its way out: a few at a time, and what could not be sent again later. Nobody's mail waits for anybody else's to be
//! tried again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::{MailStats, ROOM};
use crate::ports::{Mail, MailError, Mailer};

/// Mails that are being sent at the same time.
const AT_ONCE: usize = 4;

/// How often a mail is tried, and how long to wait before the second time; twice as long each time after.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// A mail that was tried so often.
struct Tried {
    mail: Mail,
    times: u32,
}

/// A mail that waits to be tried again: the one that is due first is the greatest.
struct Again {
    due: Reverse<Instant>,
    tried: Tried,
}

impl Ord for Again {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl PartialOrd for Again {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Again {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Again {}

/// Sends what was left, until nobody can leave any more. What waits then is tried once more, at once.
pub(super) async fn deliver(
    mailer: Arc<dyn Mailer>,
    mut left: mpsc::Receiver<Mail>,
    stats: Arc<MailStats>,
) {
    let mut sending = JoinSet::new();
    let mut again: BinaryHeap<Again> = BinaryHeap::new();
    let mut open = true;
    while open || !again.is_empty() || !sending.is_empty() {
        let has_room = sending.len() < AT_ONCE;
        let due = again.peek().filter(|_| has_room).map(|next| next.due.0);
        let due = if open {
            due
        } else {
            due.map(|_| Instant::now())
        };
        tokio::select! {
            mail = left.recv(), if open && has_room => match mail {
                Some(mail) => send(&mut sending, &mailer, Tried { mail, times: 0 }),
                None => open = false,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if let Some(next) = again.pop() {
                    send(&mut sending, &mailer, next.tried);
                }
            }
            Some(done) = sending.join_next() => {
                let Some(tried) = failed(done, &stats) else { continue };
                let subject = tried.mail.subject.as_str();
                if !open || tried.times >= ATTEMPTS {
                    stats.given_up();
                    tracing::error!(subject, "a mail was given up");
                } else if again.len() >= ROOM {
                    stats.no_room();
                    tracing::warn!(subject, "too much mail waits to be tried again: one was dropped");
                } else {
                    let pause = FIRST_PAUSE * 2_u32.pow(tried.times.saturating_sub(1));
                    let due = Reverse(Instant::now() + pause);
                    again.push(Again { due, tried });
                }
            }
        }
    }
}

type Sent = (Tried, Result<(), MailError>);

fn send(sending: &mut JoinSet<Sent>, mailer: &Arc<dyn Mailer>, mut tried: Tried) {
    let mailer = Arc::clone(mailer);
    sending.spawn(async move {
        tried.times += 1;
        let sent = mailer.send(&tried.mail).await;
        (tried, sent)
    });
}

/// The mail, if it may get out another time.
fn failed(done: Result<Sent, JoinError>, stats: &MailStats) -> Option<Tried> {
    match done {
        Ok((_, Ok(()))) => stats.sent(),
        Ok((tried, Err(error @ MailError::Refused(_)))) => {
            stats.refused();
            tracing::warn!(%error, subject = tried.mail.subject, "a mail was refused");
        }
        Ok((tried, Err(error))) => {
            tracing::warn!(%error, times = tried.times, subject = tried.mail.subject, "a mail could not be sent");
            return Some(tried);
        }
        // It has panicked, and the mail is gone.
        Err(error) => {
            stats.given_up();
            tracing::error!(%error, "a mail was given up");
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

    /// Can't send to some, and never does to others; remembers when it tried.
    #[derive(Default)]
    struct Fickle(Mutex<Vec<(String, Duration)>>, Option<Instant>);

    impl Fickle {
        fn tried(&self, to: &str) -> Vec<u64> {
            let tried = self.0.lock().unwrap();
            let own = tried.iter().filter(|(name, _)| name == to);
            own.map(|(_, at)| at.as_secs()).collect()
        }
    }

    #[async_trait]
    impl Mailer for Fickle {
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

    struct Scene {
        mailer: Arc<Fickle>,
        stats: Arc<MailStats>,
        door: mpsc::Sender<Mail>,
        sending: tokio::task::JoinHandle<()>,
    }

    impl Scene {
        fn open() -> Self {
            let mailer = Arc::new(Fickle(Mutex::default(), Some(Instant::now())));
            let stats = Arc::<MailStats>::default();
            let (door, left) = mpsc::channel(ROOM);
            let fickle: Arc<Fickle> = Arc::clone(&mailer);
            let sending = tokio::spawn(deliver(fickle, left, Arc::clone(&stats)));
            Self {
                mailer,
                stats,
                door,
                sending,
            }
        }

        async fn enqueue(&self, to: &str) {
            let mail = Mail {
                to: Email::new(to),
                subject: "News".to_owned(),
                text: String::new(),
            };
            self.door.send(mail).await.unwrap();
        }

        fn counted(&self) -> Vec<(&'static str, u64)> {
            let counts = self.stats.snapshot().into_iter();
            let some = counts.filter(|one| one.count > 0);
            some.map(|one| (one.outcome, one.count)).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_that_gets_no_mail_does_not_hold_up_others() {
        let scene = Scene::open();
        // More than are sent at once.
        for number in 0..20 {
            scene.enqueue(&format!("later-{number}")).await;
        }
        scene.enqueue("refused").await;
        scene.enqueue("good").await;
        while scene.mailer.tried("good").is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            scene.mailer.tried("good"),
            [0],
            "before anything is tried again"
        );
        tokio::time::sleep(Duration::from_secs(100)).await;
        for number in 0..20 {
            let tried = scene.mailer.tried(&format!("later-{number}"));
            assert_eq!(tried, [0, 2, 6, 14, 30, 62]);
        }
        assert_eq!(scene.mailer.tried("refused"), [0]);
        let counted = [("sent", 1), ("refused", 1), ("given_up", 20)];
        assert_eq!(scene.counted(), counted);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_what_waits_is_tried_once_more_and_not_waited_for() {
        let scene = Scene::open();
        scene.enqueue("later").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        scene.enqueue("good").await;
        let Scene {
            mailer,
            stats,
            door,
            sending,
        } = scene;
        drop(door);
        sending.await.unwrap();
        assert_eq!(mailer.tried("later"), [0, 1]);
        assert_eq!(mailer.tried("good"), [1]);
        let outcomes = stats.snapshot().into_iter().map(|one| one.count);
        assert_eq!(outcomes.collect::<Vec<_>>(), [1, 0, 1, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_to_be_tried_again_is_bounded() {
        let scene = Scene::open();
        for number in 0..ROOM + 10 {
            scene.enqueue(&format!("later-{number}")).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(scene.counted(), [("no_room", 10)]);
    }
}
