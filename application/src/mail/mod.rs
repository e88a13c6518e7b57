//! Mail to people: what it says, and the desk where it is left. Whoever leaves a mail does not wait until it is sent, and so
//! learns nothing from the clock; a mail that is lost with the process can be asked for again.

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

/// Mails that may wait until they are sent for the first time, and as many that wait to be tried again.
const ROOM: usize = 1_024;

/// Where mail is left. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MailQueue(Option<Arc<Inner>>);

struct Inner {
    waiting: mpsc::Sender<Mail>,
    /// What links in mails begin with.
    links: String,
    clock: Arc<dyn Clock>,
    throttle: Throttle,
    stats: Arc<MailStats>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl MailQueue {
    /// Sends what is left there, a few mails at a time. The handle ends when all clones are gone and all mail is sent or given
    /// up: then nobody waits for a better moment any more.
    /// `links`: the web page that links lead to, such as `https://market.example.com`.
    #[must_use]
    pub fn open(
        mailer: Arc<dyn Mailer>,
        clock: Arc<dyn Clock>,
        links: &str,
    ) -> (Self, JoinHandle<()>) {
        let (waiting, left) = mpsc::channel(ROOM);
        let stats = Arc::<MailStats>::default();
        let inner = Inner {
            waiting,
            links: links.trim_end_matches('/').to_owned(),
            clock,
            throttle: Throttle::default(),
            stats: Arc::clone(&stats),
        };
        let sending = tokio::spawn(deliver::deliver(mailer, left, stats));
        (Self(Some(Arc::new(inner))), sending)
    }

    /// Nobody gets any mail.
    #[must_use]
    pub const fn closed() -> Self {
        Self(None)
    }

    /// Leaves a mail for somebody, unless they got many of the kind of late for the asking.
    pub fn enqueue(&self, user: &User, template: &MailTemplate) {
        let Some(inner) = &self.0 else { return };
        let (subject, text) = template.words(user, &inner.links);
        if template.is_unsolicited(user)
            && !inner.throttle.admits(user.id, template, inner.clock.now())
        {
            inner.stats.throttled();
            tracing::debug!(user = %user.id, subject, "one more mail of a kind that came often of late was not sent");
            return;
        }
        let mail = Mail {
            to: user.email.clone(),
            subject: subject.to_owned(),
            text,
        };
        if inner.waiting.try_send(mail).is_err() {
            inner.stats.no_room();
            tracing::warn!(user = %user.id, subject, "too much mail is waiting: one was dropped");
        }
    }

    /// What became of mail so far; nothing where there is none.
    #[must_use]
    pub fn counts(&self) -> Vec<MailCount> {
        let inner = self.0.as_ref();
        inner.map_or_else(Vec::new, |inner| inner.stats.snapshot())
    }
}
