//! The laws of the storage ports, written once. Every adapter is held to all of them by [`crate::laws!`].
//!
//! Grouped by what they are about; a law is an async function over a [`Backend`], named by what it says. To add one: write
//! it, and name it in the macro below (a test makes sure that none is forgotten).

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a law that is broken has to stop the test"
)]

pub mod access;
mod access_rows;
pub mod amounts;
pub mod at_once;
pub mod audit;
pub mod audited_payments;
pub mod book;
pub mod concurrency;
pub mod conflicts;
pub mod dead_letters;
pub mod disputes;
pub mod flows;
pub mod heartbeat;
pub mod inbox;
pub mod limits;
pub mod listings;
pub mod loading;
pub mod look;
pub mod maintenance;
pub mod notifications;
pub mod offers;
pub mod orders;
pub mod outbox;
mod paying;
pub mod payments;
pub mod payments_at_once;
pub mod replies;
pub mod reports;
pub mod round_trips;
mod rows;
pub mod sessions;
pub mod trail;
pub mod unit_of_work;
pub mod users;
pub mod wallets;
pub mod withdrawals;

use p2p_memory::Memory;
use p2p_persistence::Database;

use crate::databases::TestDatabase;
use crate::harness::Storage;

/// Where one market is kept. Each store that it opens is a replica's way to the same market.
pub trait Backend {
    type Store: Storage;

    /// Opens the market for one more replica.
    fn open(&self) -> impl Future<Output = Self::Store>;

    /// One more replica beside one that relays. SQLite's market is relayed by one process: there it is the same one.
    fn beside(&self, store: &Self::Store) -> impl Future<Output = Self::Store>;
}

impl Backend for TestDatabase {
    type Store = Database;

    async fn open(&self) -> Database {
        Self::open(self).await.expect("opening a test database")
    }

    async fn beside(&self, store: &Database) -> Database {
        if self.is_sqlite() {
            store.clone()
        } else {
            Backend::open(self).await
        }
    }
}

impl Backend for Memory {
    type Store = Self;

    async fn open(&self) -> Self {
        self.clone()
    }

    async fn beside(&self, store: &Self) -> Self {
        store.clone()
    }
}

/// Walks through a list page by page until a page is not full; `limit` is the length of a page.
async fn walk<T, C>(
    limit: usize,
    mut page: impl AsyncFnMut(Option<C>) -> Vec<T>,
    cursor: impl Fn(&T) -> C,
) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let rows = page(all.last().map(&cursor)).await;
        let full = rows.len() == limit;
        assert!(rows.len() <= limit, "a page is longer than asked for");
        assert!(all.len() < 1_000, "the list does not end");
        all.extend(rows);
        if !full {
            return all;
        }
    }
}

/// Makes a test of every law. The expression opens a new, empty backend; it is awaited for each law anew.
#[macro_export]
macro_rules! laws {
    ($backend:expr) => {
        $crate::laws! { @each $backend;
            unit_of_work: [
                what_is_not_committed_is_not_seen
                a_dropped_unit_leaves_neither_trace_nor_lock
                a_unit_that_is_rolled_back_leaves_neither_trace_nor_lock
                a_commit_is_all_or_nothing
                everything_that_changed_is_committed
                broken_rows_are_rejected
                a_full_batch_fits_one_commit
            ]
            conflicts: [
                a_stale_version_is_a_conflict
                a_row_that_is_gone_is_a_conflict
                a_new_row_under_a_taken_key_is_a_conflict
                two_accounts_of_one_owner_and_asset_are_a_conflict
                an_address_has_one_account
                a_side_opens_one_dispute_of_a_deal
                what_is_only_added_is_added_once
            ]
            loading: [
                keys_that_name_nothing_are_left_out
                users_by_id_or_address_come_once
                listings_by_id_or_as_active_come_once
                all_disputes_of_the_deals_come
                what_never_changes_is_told_without_a_lock
                the_staff_is_told_without_a_lock
                the_system_has_accounts_in_every_asset
            ]
            look: [
                a_look_finds_what_an_answer_needs
                a_look_finds_a_listing_for_several_customers
                a_look_finds_deals_with_their_exchangers
                a_look_finds_what_settling_moves
                a_look_finds_all_kinds_at_once
                a_look_finds_payments_and_accounts
                a_look_leaves_out_what_is_not_there
                a_look_finds_what_was_committed_last
                a_look_neither_waits_nor_locks
            ]
            at_once: [
                at_once_a_stale_version_is_a_conflict
                at_once_one_stale_row_stops_all
                at_once_a_taken_key_is_a_conflict
                at_once_broken_rows_are_rejected
                at_once_everything_is_committed
                at_once_and_units_lose_nothing
            ]
            round_trips: [
                a_user_is_kept_as_it_was
                an_exchanger_is_kept_as_it_was
                a_listing_is_kept_as_it_was
                a_deal_is_kept_as_it_was_in_every_state
                a_dispute_is_kept_as_it_was_in_every_state
                an_account_is_kept_to_the_last_unit
                a_history_is_kept_as_it_was
            ]
            concurrency: [
                two_units_on_one_row_take_turns
                many_units_lose_nothing
                overlapping_units_never_deadlock
                replicas_spend_one_balance_once
                replicas_register_an_address_once
                a_record_that_is_read_is_not_written_over
            ]
            offers: [
                what_is_not_there_is_not_found
                deals_come_newest_first_for_their_sides_only
                pages_of_deals_neither_repeat_nor_skip
                a_finished_deal_is_active_for_exactly_as_long_as_asked
                a_history_comes_in_order
            ]
            listings: [
                a_listing_is_found_in_every_state
                lists_come_in_the_order_asked_for
                pages_of_listings_neither_repeat_nor_skip
                only_active_listings_are_shown
                an_exchangers_own_list_leaves_out_what_is_closed
                each_filter_narrows_the_list
                online_means_switched_on_and_not_frozen
            ]
            book: [
                filters_hold_in_every_order_and_on_every_page
            ]
            amounts: [
                an_amount_fits_the_limits_and_what_remains
                an_amount_is_compared_with_the_rounded_worth
                huge_numbers_do_not_overflow
            ]
            disputes: [
                a_dispute_is_found_with_its_comments
                disputes_are_a_queue
                pages_of_disputes_neither_repeat_nor_skip
                each_side_has_its_own_dispute_of_a_deal
            ]
            wallets: [
                a_wallet_has_every_asset_in_order
                a_statement_is_newest_first_and_complete
                pages_of_a_statement_neither_repeat_nor_skip
                a_statement_adds_up_to_the_balance
            ]
            users: [
                people_are_found_by_id_and_by_address
                the_longest_frozen_comes_first
            ]
            maintenance: [
                storage_answers
                a_deal_is_due_from_its_deadline_on
                the_most_overdue_comes_first
                only_waiting_deals_are_due
            ]
            heartbeat: [
                the_first_beat_finds_no_gap
                a_silence_within_the_tolerance_is_no_gap
                a_gap_puts_off_what_was_still_running
                a_gap_is_made_up_for_once
                two_beats_at_once_find_one_gap
                a_beat_and_a_step_do_not_overwrite_each_other
                a_slower_clock_does_not_set_the_beat_back
                a_deal_that_was_put_off_goes_on
            ]
            audit: [
                an_empty_market_is_clean
                an_audit_says_what_it_looked_at
                money_out_of_nothing_is_noticed
                a_transfer_that_does_not_balance_is_noticed
                an_asset_that_makes_up_for_another_is_noticed
                escrow_without_a_deal_is_noticed
                a_deal_without_escrow_is_noticed
                a_deal_that_leaves_its_escrow_behind_is_noticed
                a_listing_that_freezes_too_much_is_noticed
                a_listing_that_freezes_too_little_is_noticed
                a_deal_ahead_of_its_history_is_noticed
                a_history_ahead_of_its_deal_is_noticed
            ]
            outbox: [
                messages_come_oldest_first_and_as_they_were
                a_message_is_in_one_hand
                a_dropped_parcel_comes_back
                what_has_arrived_is_gone_and_the_rest_comes_back
                what_is_committed_meanwhile_is_seen
                many_takers_share_nothing_and_lose_nothing
                parcels_in_hand_hold_nobody_up
                the_backlog_is_counted
            ]
            dead_letters: [
                a_dead_letter_is_kept_once
                dead_letters_come_in_the_order_in_which_they_died
                a_revived_message_is_for_its_queue_only
                a_message_on_its_way_is_not_revived
                many_dead_letters_are_revived
            ]
            inbox: [
                a_message_is_taken_in_once
                replicas_take_one_message_in_once
                each_consumer_takes_a_message_in
                a_full_batch_is_taken_in
                old_messages_are_forgotten
            ]
            notifications: [
                a_notification_is_kept_as_it_was
                a_mailbox_is_kept_as_it_was
                a_mailbox_is_counted_by_one_at_a_time
                impossible_mailboxes_are_rejected
                somebody_new_is_told_at_once
                a_mailbox_is_listed_and_counted
                pages_of_a_mailbox_neither_repeat_nor_skip
            ]
            reports: [
                reports_are_kept_and_listed
                pages_of_reports_neither_repeat_nor_skip
                a_report_is_received_once
                impossible_reports_are_rejected
            ]
            orders: [
                an_order_is_kept_as_it_was_in_every_state
                orders_are_listed
                pages_of_orders_neither_repeat_nor_skip
                an_order_is_made_and_moved_once
                impossible_orders_are_rejected
            ]
            payments: [
                a_payment_is_kept_as_it_was_in_every_state
                payments_are_found_by_their_reasons
                there_is_one_payment_for_each_reason
                replicas_pay_an_order_once
                accounts_are_told_by_their_ids
                an_account_is_found_by_its_id
                a_statement_names_what_the_money_moved_for
            ]
            payments_at_once: [
                payments_back_and_forth_lose_nothing
                replicas_pay_back_and_forth_and_lose_nothing
                a_key_that_is_sent_at_once_pays_once
                replicas_pay_a_key_once
            ]
            withdrawals: [
                a_withdrawal_is_kept_as_it_was_in_every_state
                withdrawals_are_listed
                pages_of_withdrawals_neither_repeat_nor_skip
                a_withdrawal_is_made_and_decided_once
                impossible_withdrawals_are_rejected
            ]
            replies: [
                a_request_is_answered_once
                replicas_answer_one_request_once
                each_caller_and_operation_has_its_own_keys
                a_full_batch_is_answered
                old_answers_are_forgotten
            ]
            audited_payments: [
                what_was_paid_and_withdrawn_is_clean
                a_payment_that_moved_nothing_is_noticed
                a_payment_that_moved_another_amount_is_noticed
                a_payment_that_moved_twice_is_noticed
                a_declined_payment_that_moved_is_noticed
                entries_of_no_payment_are_noticed
                a_refund_that_moved_nothing_is_noticed
                a_refund_that_is_not_told_is_noticed
                a_withdrawal_that_holds_nothing_is_noticed
                a_hold_for_no_withdrawal_is_noticed
                a_decision_that_moved_nothing_is_noticed
                a_rejected_withdrawal_that_left_is_noticed
                an_approved_withdrawal_that_stayed_is_noticed
                a_finished_order_that_was_not_paid_is_noticed
                an_order_that_names_another_payment_is_noticed
                an_order_that_costs_another_amount_is_noticed
                an_order_that_was_not_refunded_is_noticed
                a_cancelled_order_that_was_paid_is_noticed
            ]
            sessions: [
                a_session_is_kept_as_it_was
                sessions_are_listed
                sessions_are_locked_by_id_and_by_user
                two_who_refresh_take_turns
                a_session_belongs_to_somebody
            ]
            access: [
                failed_log_ins_are_kept_as_they_were
                a_second_factor_is_kept_as_it_was
                each_failed_log_in_is_counted
                changed_rights_are_told
                what_is_over_is_forgotten
            ]
            limits: [
                conduct_is_kept_as_it_was
                what_is_open_is_counted
                nothing_is_counted_further_than_asked
                whoever_waits_for_the_guard_counts_what_was_added
                a_look_finds_conduct_and_open_deals
                both_sides_of_answers_stand_for_themselves
                a_look_counts_for_whoever_answers_nothing
            ]
            trail: [
                a_record_is_kept_as_it_was
                records_go_behind_the_end
                records_behind_another_end_are_a_conflict
                appenders_take_turns
                appenders_who_do_not_wait_conflict
                the_trail_is_listed
                pages_of_the_trail_neither_repeat_nor_skip
                the_trail_is_gone_along
                an_audit_tells_where_the_trail_ends
            ]
            flows: [
                a_deal_in_each_direction_to_the_end
                a_deal_called_off_in_every_way
                a_dispute_decided_in_every_way
                a_deal_that_nobody_moves
                six_unanswered_offers_freeze_and_a_moderator_thaws
                a_hundred_offers_in_one_batch
            ]
        }
    };
    (@each $backend:expr; $($group:ident: [$($law:ident)*])*) => {$(
        mod $group {
            #[allow(unused_imports, reason = "the expression may name what its file imports")]
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $law() {
                    let backend = $backend.await;
                    $crate::laws::$group::$law(&backend).await;
                }
            )*
        }
    )*};
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Every law that is written is in the macro's list.
    #[test]
    fn no_law_is_forgotten() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/laws");
        let mut written = BTreeSet::new();
        for file in std::fs::read_dir(&folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let laws = text.lines().filter_map(|line| {
                let (name, _) = line.strip_prefix("pub async fn ")?.split_once('<')?;
                Some(name.to_owned())
            });
            written.extend(laws);
        }
        let list = include_str!("mod.rs");
        let words: BTreeSet<&str> = list.split_whitespace().collect();
        let forgotten: Vec<&String> = written
            .iter()
            .filter(|law| !words.contains(law.as_str()))
            .collect();
        assert!(written.len() > 50, "the laws were not found");
        assert_eq!(forgotten, Vec::<&String>::new());
    }
}
