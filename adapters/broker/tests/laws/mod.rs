//! The laws of the broker port, written once. [`laws!`] runs all of them against an adapter.
//!
//! A law is an async function over a [`Fixture`], named after its statement. To add one: write it in its file
//! and name it in the macro below (a test makes sure that none is forgotten).
#![allow(unreachable_pub, reason = "each test binary has its own copy of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a law that is broken has to stop the test"
)]

pub mod broadcasting;
pub mod consuming;
pub mod dead_letters;
pub mod publishing;

use std::sync::Arc;

use p2p_application::ports::Broker;

/// A broker under test.
pub trait Fixture {
    /// Opens it for one more replica.
    fn open(&self) -> Arc<dyn Broker>;

    /// Publishes replayed messages, if a replay puts them into the outbox.
    fn relay(&self) {}
}

/// Makes a test of every law. The expression opens a new, empty place; it is awaited for each law anew.
#[macro_export]
macro_rules! laws {
    ($fixture:expr) => {
        $crate::laws! { @each $fixture;
            publishing: [
                a_message_arrives_as_it_was
                messages_keep_their_order
                nothing_is_published_at_once
                a_message_for_one_queue_reaches_no_other
                an_event_reaches_the_queues_that_its_name_is_bound_to
                several_publish_at_the_same_time
            ]
            consuming: [
                a_processed_message_is_not_redelivered
                a_message_dropped_unsettled_is_redelivered
                unacknowledged_messages_are_redelivered_after_their_consumer
                prefetched_messages_go_to_another_consumer
                consumers_share_a_queue
                a_window_is_not_exceeded
                a_message_is_settled_when_its_consumer_has_gone
                a_cancelled_receive_loses_nothing
            ]
            dead_letters: [
                a_dead_message_is_kept_with_its_reason
                listing_removes_nothing
                a_replay_brings_a_message_back_to_its_queue_only
                a_replay_by_id_leaves_the_others
                a_replay_takes_the_oldest
                a_message_that_fails_again_is_dead_again
                an_unknown_id_replays_nothing
            ]
            broadcasting: [
                broadcasts_reach_all_subscribers
                a_broadcast_without_subscribers_succeeds
                broadcasts_keep_their_order
                a_subscriber_gets_no_earlier_broadcast
            ]
        }
    };
    (@each $fixture:expr; $($group:ident: [$($law:ident)*])*) => {
        $(
            mod $group {
                #[allow(unused_imports, reason = "the expression may name what its file imports")]
                use super::*;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $law() {
                        let fixture = $fixture.await;
                        $crate::laws::$group::$law(&fixture).await;
                    }
                )*
            }
        )*

        /// Every law that is written is a test.
        #[test]
        fn no_law_is_forgotten() {
            let named = [$($(stringify!($law)),*),*];
            let mut written = 0;
            for text in $crate::laws::TEXTS {
                for line in text.lines() {
                    if let Some(rest) = line.strip_prefix("pub async fn ") {
                        let name = rest.split(['(', '<']).next().unwrap();
                        assert!(named.contains(&name), "{name}");
                        written += 1;
                    }
                }
            }
            assert_eq!(written, named.len());
        }
    };
}

/// The laws, to be read.
pub const TEXTS: [&str; 4] = [
    include_str!("consuming.rs"),
    include_str!("dead_letters.rs"),
    include_str!("publishing.rs"),
    include_str!("broadcasting.rs"),
];
