//! Who is let in, for how long, and what is remembered of it; in memory.

mod limits;
mod passwords;
mod scene;
mod second_factor;
mod sessions;
mod staff;
