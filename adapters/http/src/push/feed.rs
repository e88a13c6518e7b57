//! What a stream is fed with: a task follows the mailbox and hands notifications over through a small channel. Whoever does
//! not take them in time is dropped; nothing is held for them beyond what the channel and one read from storage have.

use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use p2p_application::notification::{Follower, Reader, reader_of};
use p2p_application::ports::{Bearer, StorageError};
use p2p_domain::{Notification, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::extract::has_logged_out;
use crate::notification::view::NotificationView;
use crate::problem::{Problem, storage_failed};
use crate::streams::StreamPermit;

/// The capacity of the channel between the follower and the writer.
const CHANNEL_CAPACITY: usize = 16;

/// While storage is away it is asked again after this time.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The market's clock may be set: whether a token has expired is looked at this often at least.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Whether the bearer's session was ended is looked at this often at least: it may have been elsewhere.
const SESSION_CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// One notification, ready to be written.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) number: u64,
    pub(super) event: &'static str,
    /// As in the list of notifications.
    pub(super) json: String,
}

/// Why a feed has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The access token is good no more.
    Expired,
    /// The session was ended.
    LoggedOut,
    /// The server stops.
    Stopped,
    /// The client did not take the next notification in time.
    TooSlow,
    /// The client has disconnected.
    Left,
    /// A defect of ours; the log has the details.
    Failed,
}

/// The notifications of one caller, as they come.
#[derive(Debug)]
pub(super) struct Feed {
    items: mpsc::Receiver<Item>,
    task: JoinHandle<End>,
    begins_after: u64,
}

impl Feed {
    /// Feeds the bearer with everything behind `last`, or what comes from now on.
    pub(super) async fn open(
        app: &App,
        place: Arc<StreamPermit>,
        bearer: Bearer,
        last: Option<u64>,
    ) -> Result<Self, Problem> {
        let user = bearer.caller.user;
        let reader = reader_of(app.market(), user).await?;
        let follower = Follower::new(app.market(), &app.state().hub, user, last)
            .await
            .map_err(|error| storage_failed(&error))?;
        let (sender, items) = mpsc::channel(CHANNEL_CAPACITY);
        let begins_after = follower.seen();
        let source = Source {
            app: app.clone(),
            reader,
            follower,
            sender,
            bearer,
        };
        let task = tokio::spawn(async move {
            let end = source.run().await;
            drop(place);
            tracing::debug!(user = %user, ?end, "a stream has ended");
            end
        });
        Ok(Self {
            items,
            task,
            begins_after,
        })
    }

    /// The number behind which it begins.
    pub(super) const fn begins_after(&self) -> u64 {
        self.begins_after
    }

    /// The next notification; `None` when it has ended. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Item> {
        self.items.recv().await
    }

    /// Why it has ended.
    pub(super) async fn end(self) -> End {
        drop(self.items);
        self.task.await.unwrap_or(End::Failed)
    }

    /// The same as a stream.
    pub(super) fn into_stream(mut self) -> impl Stream<Item = Item> {
        futures::stream::poll_fn(move |cx| self.items.poll_recv(cx))
    }
}

struct Source {
    app: App,
    reader: Reader,
    follower: Follower,
    sender: mpsc::Sender<Item>,
    bearer: Bearer,
}

impl Source {
    async fn run(self) -> End {
        let Self {
            app,
            reader,
            mut follower,
            sender,
            bearer,
        } = self;
        tokio::select! {
            biased;
            () = app.state().stop.cancelled() => End::Stopped,
            () = sender.closed() => End::Left,
            () = expiry(&app, bearer.expires_at) => End::Expired,
            () = log_out(&app, bearer) => End::LoggedOut,
            end = pump(&app, &reader, &mut follower, &sender, bearer) => end,
        }
    }
}

/// Waits until this time has come, by the market's clock.
async fn expiry(app: &App, at: Timestamp) {
    loop {
        let left = at.since(app.market().now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(CLOCK_CHECK_INTERVAL)).await;
    }
}

/// Waits until the session is known to have ended; for ever where there is none.
async fn log_out(app: &App, bearer: Bearer) {
    while !has_logged_out(app, bearer.caller) {
        sleep(SESSION_CHECK_INTERVAL).await;
    }
}

/// Hands notifications over, one after another.
async fn pump(
    app: &App,
    reader: &Reader,
    follower: &mut Follower,
    sender: &mpsc::Sender<Item>,
    bearer: Bearer,
) -> End {
    let patience = app.settings().streams.patience;
    loop {
        let found = match follower.next().await {
            Ok(found) => found,
            Err(error) if passes(&error) => {
                tracing::debug!(%error, "a mailbox can't be read; trying again");
                sleep(RETRY_INTERVAL).await;
                continue;
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "a mailbox can't be read; its stream ends");
                return End::Failed;
            }
        };
        for notification in &found {
            // However fast they come: nothing is shown to a bearer whose time is over.
            if app.market().now() >= bearer.expires_at {
                return End::Expired;
            }
            if has_logged_out(app, bearer.caller) {
                return End::LoggedOut;
            }
            match timeout(patience, sender.send(item(notification, reader))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Left,
                Err(_) => return End::TooSlow,
            }
        }
    }
}

/// Whether it is likely to be better next time.
const fn passes(error: &StorageError) -> bool {
    match error {
        StorageError::Conflict { .. }
        | StorageError::Blocked { .. }
        | StorageError::Unavailable { .. }
        | StorageError::InDoubt { .. } => true,
        StorageError::Corrupt { .. } | StorageError::Rejected { .. } => false,
    }
}

fn item(notification: &Notification, reader: &Reader) -> Item {
    let view = NotificationView::of(notification, reader);
    Item {
        number: notification.number,
        event: notification.news.event.name(),
        // Strings, numbers and nothing else: this can't fail.
        json: serde_json::to_string(&view).unwrap_or_default(),
    }
}
