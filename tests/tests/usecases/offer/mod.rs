//! Offers and the moves of deals.

mod create;
mod moves;

use super::memory;
