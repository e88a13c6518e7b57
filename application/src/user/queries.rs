//! Reading users.

use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Exchanger, Refusal, Role, User, UserId};

use crate::{Market, QueryError};

/// A user, with their exchanger record if they have one. For the user and for ADMIN.
pub async fn get_user(
    market: &Market,
    caller: Caller,
    id: UserId,
) -> Result<(User, Option<Exchanger>), QueryError> {
    if caller.user != id {
        caller.require(Role::Admin)?;
    }
    let user = market.queries().find_user(id).await?;
    let user = user.ok_or(Refusal::NotFound(Resource::User))?;
    let exchanger = market.queries().find_exchanger(id).await?;
    Ok((user, exchanger))
}
