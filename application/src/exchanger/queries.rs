//! Reading exchangers.

use p2p_domain::user::Caller;
use p2p_domain::{Exchanger, Role};

use crate::{MAX_PAGE, Market, QueryError};

/// Frozen exchangers, longest frozen first. For MODERATOR.
pub async fn frozen_exchangers(
    market: &Market,
    caller: Caller,
) -> Result<Vec<Exchanger>, QueryError> {
    caller.require(Role::Moderator)?;
    Ok(market.queries().frozen_exchangers(MAX_PAGE).await?)
}
