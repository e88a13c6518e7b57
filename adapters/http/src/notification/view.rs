//! Notifications as clients see them, in their reader's language.

use p2p_application::notification::{MAX_UNREAD, NotificationView as Found, Reader, text};
use p2p_domain::Notification;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire;

/// A notification.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "notification_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "number": 7,
    "event": "ExchangeOfferApproved",
    "title": "Offer accepted",
    "body": "Your offer of 100.000000 USDT for 99.50 EUR was accepted.",
    "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "dispute_id": null,
    "exchanger_id": null,
    "order_id": null,
    "withdrawal_id": null,
    "at": "2025-04-18T15:00:00Z",
    "read": false,
    "read_at": null
}))]
pub(crate) struct NotificationView {
    id: wire::NotificationId,
    /// Its place in the mailbox, from 1 without a gap; in the streams, the event's id.
    number: u64,
    /// What has happened.
    event: wire::Event,
    /// In the reader's language, as the body.
    title: &'static str,
    body: String,
    /// The deal that it is about.
    #[schema(required = true)]
    offer_id: Option<wire::OfferId>,
    /// The dispute that it is about.
    #[schema(required = true)]
    dispute_id: Option<wire::DisputeId>,
    /// The exchanger that it is about, where it is about no deal.
    #[schema(required = true)]
    exchanger_id: Option<wire::UserId>,
    /// The order that it is about.
    #[schema(required = true)]
    order_id: Option<wire::OrderId>,
    /// The withdrawal that it is about.
    #[schema(required = true)]
    withdrawal_id: Option<wire::WithdrawalId>,
    /// When it happened.
    at: wire::Time,
    read: bool,
    /// When it was read by itself; `null` for those that were read together with others.
    #[schema(required = true)]
    read_at: Option<wire::Time>,
}

impl NotificationView {
    /// A notification as this reader sees it.
    pub(crate) fn of(notification: &Notification, reader: &Reader) -> Self {
        let text = text(notification, reader.language);
        let news = &notification.news;
        let together = notification.number <= reader.mailbox.read_to;
        Self {
            id: wire::NotificationId(notification.id),
            number: notification.number,
            event: wire::Event(news.event),
            title: text.title,
            body: text.body,
            offer_id: news.offer.map(wire::OfferId),
            dispute_id: news.dispute.map(wire::DisputeId),
            exchanger_id: news.exchanger.map(wire::UserId),
            order_id: news.order.map(wire::OrderId),
            withdrawal_id: news.withdrawal.map(wire::WithdrawalId),
            at: wire::Time(news.at),
            read: together || notification.read_at.is_some(),
            read_at: notification.read_at.map(wire::Time),
        }
    }
}

/// A page of a mailbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationPage {
    /// At most `limit` of them, newest first.
    items: Vec<NotificationView>,
    /// What to send as `before` for the next page; `null` on the last one.
    #[schema(required = true, example = "7")]
    next_cursor: Option<String>,
    /// How many in the whole mailbox are unread; counted up to 1000.
    #[schema(maximum = 1000)]
    unread_count: u64,
    /// The number of the newest notification; 0 in an empty mailbox.
    last: u64,
}

const _: () = assert!(MAX_UNREAD == 1_000, "as documented");

impl From<Found> for NotificationPage {
    fn from(found: Found) -> Self {
        let Found {
            page,
            reader,
            unread,
        } = found;
        let oldest = page.items.last().filter(|_| page.more);
        Self {
            next_cursor: oldest.map(|notification| notification.number.to_string()),
            items: page
                .items
                .iter()
                .map(|notification| NotificationView::of(notification, &reader))
                .collect(),
            unread_count: unread,
            last: reader.mailbox.last,
        }
    }
}
