//! A side of the deal or a moderator comments on a dispute.

use p2p_domain::dispute::Comment;
use p2p_domain::refusal::{DisputeRefusal, Resource};
use p2p_domain::user::Caller;
use p2p_domain::{CommentId, Dispute, DisputeId, Offer, Refusal, Role};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Adds a comment to an open dispute. For the deal's two sides and for moderators.
#[derive(Debug, Clone)]
pub struct CommentOnDispute {
    pub id: CommentId,
    pub caller: Caller,
    pub dispute: DisputeId,
    pub text: String,
}

impl Command for CommentOnDispute {
    type Outcome = Comment;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.dispute(self.dispute);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Comment, Refusal> {
        let dispute = uow.get::<Dispute>(&self.dispute)?;
        let offer = uow.get::<Offer>(&dispute.offer)?;
        let may_comment = offer.side_of(self.caller.user).is_some()
            || uow.require(self.caller, Role::Moderator).is_ok();
        if !may_comment {
            return Err(Refusal::NotFound(Resource::Dispute));
        }
        if !dispute.is_open() {
            return Err(Refusal::Dispute(DisputeRefusal::AlreadyResolved));
        }
        let comment = Comment {
            id: self.id,
            dispute: self.dispute,
            author: self.caller.user,
            text: self.text.clone(),
            at: uow.now(),
        };
        uow.comment(comment.clone());
        Ok(comment)
    }
}
