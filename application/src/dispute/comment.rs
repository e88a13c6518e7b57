//! Somebody concerned remarks on a dispute.

use domain::dispute::Comment;
use domain::refusal::Noun;
use domain::user::Caller;
use domain::{CommentId, DisputeId, Refusal, Role};

use crate::pipeline::{Command, Desk, Needs};

/// Adds a remark to an open dispute, by one of the deal's sides or a moderator.
#[derive(Debug, Clone)]
pub struct CommentOnDispute {
    pub id: CommentId,
    pub caller: Caller,
    pub dispute: DisputeId,
    pub text: String,
}

impl Command for CommentOnDispute {
    type Outcome = Comment;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.dispute(self.dispute);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Comment, Refusal> {
        let dispute = desk.dispute(self.dispute)?;
        let offer = desk.offer(dispute.offer)?;
        let concerned = offer.side_of(self.caller.user).is_some()
            || desk.require(self.caller, Role::Moderator).is_ok();
        if !concerned {
            return Err(Refusal::NotFound(Noun::Dispute));
        }
        if !dispute.is_open() {
            return Err(Refusal::DisputeResolved);
        }
        let comment = Comment {
            id: self.id,
            dispute: self.dispute,
            author: self.caller.user,
            text: self.text.clone(),
            at: desk.now(),
        };
        desk.comment(comment.clone());
        Ok(comment)
    }
}
