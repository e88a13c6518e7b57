//! Table `journal_entries`: a row for each entry, never changed.

use p2p_application::ports::{StorageError, Transfer};
use p2p_application::wallet::StatementEntry;
use p2p_domain::ledger::{Bucket, PostingKind, Reference};
use p2p_domain::{Money, TransferId};
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;

use crate::row::{self, RowContext};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "journal_entries")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) account_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) transfer_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) bucket: String,
    pub(crate) amount: i64,
    pub(crate) kind: String,
    pub(crate) offer_id: Option<Uuid>,
    pub(crate) staff_id: Option<Uuid>,
    pub(crate) posted_at: i64,
    /// A payment, a withdrawal, or the report of a deposit: by the kind.
    pub(crate) subject_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The name under which a bucket is stored. AVAILABLE sorts before HELD.
pub(crate) const fn bucket_name(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Available => "AVAILABLE",
        Bucket::Held => "HELD",
    }
}

/// The rows of a transfer.
pub(crate) fn rows(transfer: &Transfer) -> impl Iterator<Item = Model> + '_ {
    let (offer_id, staff_id, subject_id) = match transfer.posting.reference() {
        Reference::Offer(offer) => (Some(row::uuid(offer)), None, None),
        Reference::Staff(user) => (None, Some(row::uuid(user)), None),
        Reference::Report(report) => (None, None, Some(row::uuid(report))),
        Reference::Payment(payment) => (None, None, Some(row::uuid(payment))),
        Reference::Withdrawal(withdrawal) => (None, None, Some(row::uuid(withdrawal))),
    };
    transfer.entries.iter().map(move |entry| Model {
        account_id: row::uuid(entry.account),
        transfer_id: row::uuid(transfer.id),
        bucket: bucket_name(entry.bucket).to_owned(),
        amount: entry.amount,
        kind: transfer.posting.kind().name().to_owned(),
        offer_id,
        staff_id,
        posted_at: transfer.at.as_micros(),
        subject_id,
    })
}

/// An entry with the asset of its account.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Line {
    asset: String,
    transfer_id: Uuid,
    bucket: String,
    amount: i64,
    kind: String,
    offer_id: Option<Uuid>,
    staff_id: Option<Uuid>,
    posted_at: i64,
    subject_id: Option<Uuid>,
}

impl TryFrom<Line> for StatementEntry {
    type Error = StorageError;

    fn try_from(line: Line) -> Result<Self, StorageError> {
        let transfer: TransferId = row::id(line.transfer_id);
        let reading = RowContext::new("journal_entries", transfer);
        let asset = reading.asset(&line.asset)?;
        let kind = reading.named(&PostingKind::ALL, PostingKind::name, &line.kind)?;
        let reference = match (line.offer_id, line.staff_id, line.subject_id) {
            (Some(offer), None, None) => Reference::Offer(row::id(offer)),
            (None, Some(user), None) => Reference::Staff(row::id(user)),
            (None, None, Some(subject)) => named(&reading, kind, subject)?,
            _ => return Err(reading.corrupt("it refers to nothing, or to two things")),
        };
        Ok(Self {
            transfer,
            kind,
            reference,
            bucket: reading.named(
                &[Bucket::Available, Bucket::Held],
                bucket_name,
                &line.bucket,
            )?,
            amount: Money::new(line.amount, asset),
            at: row::time(line.posted_at),
        })
    }
}

/// What the subject of an entry of this kind names.
fn named(
    reading: &RowContext,
    kind: PostingKind,
    subject: Uuid,
) -> Result<Reference, StorageError> {
    match kind {
        PostingKind::Deposit => Ok(Reference::Report(row::id(subject))),
        PostingKind::Payment | PostingKind::Refund => Ok(Reference::Payment(row::id(subject))),
        PostingKind::WithdrawalHold | PostingKind::WithdrawalRelease | PostingKind::Withdrawal => {
            Ok(Reference::Withdrawal(row::id(subject)))
        }
        PostingKind::Hold | PostingKind::Release | PostingKind::Capture | PostingKind::Split => {
            Err(reading.corrupt("a deal is named in the wrong column"))
        }
    }
}
