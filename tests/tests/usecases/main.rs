//! Use cases in memory. Files are named after the modules of `application`.
//!
//! Every use case runs twice: on a store that locks what it reads, and on one that reads snapshots first, as PostgreSQL does.
#![expect(clippy::duplicate_mod, reason = "the same tests on two kinds of store")]

mod engine;
mod log_in_timing;

#[path = "."]
mod locking {
    use p2p_memory::Memory;

    fn memory() -> Memory {
        Memory::new()
    }

    #[path = "use_cases.rs"]
    mod use_cases;
}

#[path = "."]
mod snapshots {
    use p2p_memory::Memory;

    fn memory() -> Memory {
        Memory::looking()
    }

    #[path = "use_cases.rs"]
    mod use_cases;
}
