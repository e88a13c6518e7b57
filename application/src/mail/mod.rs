//! Mail to users: templates, and the queue in which mail waits. A request does not wait until its mail is sent, so its timing
//! reveals nothing. Mail that is lost with the process can be requested again.

mod deliver;
mod stats;
mod template;
mod throttle;

pub use stats::MailCount;
pub use template::MailTemplate;

use std::sync::Arc;

use p2p_domain::User;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ports::{Clock, Mail, Mailer};
use stats::MailStats;
use throttle::Throttle;

/// How many mails may wait for their first attempt; as many may wait for another one.
const QUEUE_CAPACITY: usize = 1_024;

/// The queue of outgoing mail. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MailQueue(Option<Arc<Inner>>);

struct Inner {
    waiting: mpsc::Sender<Mail>,
    /// The first part of links in mails.
    links: String,
    clock: Arc<dyn Clock>,
    throttle: Throttle,
    stats: Arc<MailStats>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl MailQueue {
    /// Sends queued mail, a few at a time. The handle ends when all clones are dropped and all mail is sent or abandoned: from
    /// then on failed mail is tried once more without a wait.
    /// `links`: the web page that links lead to, such as `https://market.example.com`.
    #[must_use]
    pub fn open(
        mailer: Arc<dyn Mailer>,
        clock: Arc<dyn Clock>,
        links: &str,
    ) -> (Self, JoinHandle<()>) {
        let (waiting, queued) = mpsc::channel(QUEUE_CAPACITY);
        let stats = Arc::<MailStats>::default();
        let inner = Inner {
            waiting,
            links: links.trim_end_matches('/').to_owned(),
            clock,
            throttle: Throttle::default(),
            stats: Arc::clone(&stats),
        };
        let sending = tokio::spawn(deliver::deliver(mailer, queued, stats));
        (Self(Some(Arc::new(inner))), sending)
    }

    /// A queue that sends no mail.
    #[must_use]
    pub const fn closed() -> Self {
        Self(None)
    }

    /// Queues a mail unless the recipient has reached the limit for unsolicited mail of this kind.
    pub fn enqueue(&self, user: &User, template: &MailTemplate) {
        let Some(inner) = &self.0 else { return };
        let (subject, text) = template.render(user, &inner.links);
        if template.is_unsolicited(user)
            && !inner.throttle.admits(user.id, template, inner.clock.now())
        {
            inner.stats.throttled();
            tracing::debug!(user = %user.id, subject, "a mail was not queued: the recipient has reached the limit of this kind");
            return;
        }
        let mail = Mail {
            to: user.email.clone(),
            subject: subject.to_owned(),
            text,
        };
        if inner.waiting.try_send(mail).is_err() {
            inner.stats.no_room();
            tracing::warn!(user = %user.id, subject, "a mail was dropped: the queue is full");
        }
    }

    /// The number of mails by outcome; empty for a closed queue.
    #[must_use]
    pub fn counts(&self) -> Vec<MailCount> {
        let inner = self.0.as_ref();
        inner.map_or_else(Vec::new, |inner| inner.stats.snapshot())
    }
}
