//! Publishing and changing listings.

mod publish;
mod update;

use super::memory;
