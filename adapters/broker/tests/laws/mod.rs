//! The laws of the broker port, written once. Every adapter is held to all of them by [`laws!`].
//!
//! A law is an async function over a [`Place`], named by what it says. To add one: write it in the file that it belongs to,
//! and name it in the macro below (a test makes sure that none is forgotten).
#![allow(
    unreachable_pub,
    reason = "each test binary has its own copy of this, which nobody else sees"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a law that is broken has to stop the test"
)]

pub mod consuming;
pub mod dying;
pub mod publishing;
pub mod pushing;

use std::sync::Arc;

use p2p_application::ports::Broker;

/// Where messages are.
pub trait Place {
    /// Opens it for one more replica.
    fn open(&self) -> Arc<dyn Broker>;

    /// Publishes what a replay has put back into the outbox, if that is where it goes.
    fn relay(&self) {}
}

/// Makes a test of every law. The expression opens a new, empty place; it is awaited for each law anew.
#[macro_export]
macro_rules! laws {
    ($place:expr) => {
        $crate::laws! { @each $place;
            publishing: [
                a_message_arrives_as_it_was
                messages_keep_their_order
                nothing_is_published_at_once
                a_message_for_one_queue_reaches_no_other
                an_event_reaches_the_queues_that_its_name_is_bound_to
                several_publish_at_the_same_time
            ]
            consuming: [
                what_is_done_does_not_come_again
                a_message_dropped_without_a_word_comes_again
                what_is_in_hand_comes_again_when_its_consumer_goes
                what_was_not_asked_for_yet_goes_to_another
                consumers_share_a_queue
                a_window_is_not_exceeded
                a_message_is_settled_when_its_consumer_has_gone
                asking_and_giving_up_loses_nothing
            ]
            dying: [
                a_dead_message_is_kept_with_its_reason
                looking_takes_nothing_away
                a_replay_brings_a_message_back_to_its_queue_only
                a_replay_by_id_leaves_the_others
                a_replay_takes_the_oldest
                what_dies_again_is_dead_again
                an_unknown_id_replays_nothing
            ]
            pushing: [
                news_reach_all_listeners
                news_without_listeners_are_no_trouble
                news_keep_their_order
                a_listener_hears_nothing_of_before
            ]
        }
    };
    (@each $place:expr; $($group:ident: [$($law:ident)*])*) => {
        $(
            mod $group {
                #[allow(unused_imports, reason = "the expression may name what its file imports")]
                use super::*;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $law() {
                        let place = $place.await;
                        $crate::laws::$group::$law(&place).await;
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
    include_str!("dying.rs"),
    include_str!("publishing.rs"),
    include_str!("pushing.rs"),
];
