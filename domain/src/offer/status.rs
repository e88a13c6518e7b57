//! The statuses of a deal and the triggers that change them.

use crate::named::named;

named! {
    /// Where a deal stands.
    Status {
        Pending = "PENDING",
        Approved = "APPROVED",
        PaymentConfirmed = "PAYMENT_CONFIRMED",
        /// Passed through on the way to FINISHED; only ever seen in a history.
        ReceiptConfirmed = "RECEIPT_CONFIRMED",
        DisputeOpen = "DISPUTE_OPEN",
        Finished = "FINISHED",
        Declined = "DECLINED",
        Cancelled = "CANCELLED",
    }
}

impl Status {
    /// Nothing moves from here.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Declined | Self::Cancelled)
    }
}

named! {
    /// The triggers of transitions.
    Trigger {
        Create = "create",
        Accept = "accept",
        Decline = "decline",
        Cancel = "cancel",
        ResponseTimeout = "response timeout",
        ConfirmPayment = "confirm payment",
        PaymentTimeout = "payment timeout",
        ConfirmReceipt = "confirm receipt",
        ReceiptTimeout = "receipt timeout",
        OpenDispute = "open dispute",
        ResolveFinished = "resolve finished",
        ResolveCancelled = "resolve cancelled",
        ResolveSplit = "resolve split",
    }
}
