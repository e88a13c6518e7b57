//! The operator's settings as the audit log records them, without any secret.

use std::time::Duration;

use p2p_application::limits::Quotas;
use p2p_application::ports::Quota;
use p2p_domain::Policy;
use p2p_domain::policy::{AccessRules, Limits};
use serde_json::{Value, json};

use super::Config;

impl Config {
    /// As a JSON object. Times are in seconds.
    pub(crate) fn record(&self) -> Value {
        let Policy {
            response_window,
            receipt_window,
            default_payment_window,
            unanswered_limit,
            fee_basis_points,
            finished_stays_active,
            payments_per_minute,
            payments_at_once,
            faucet,
            limits,
            access,
        } = self.policy();
        json!({
            "mode": self.mode,
            "response_window": seconds(response_window),
            "receipt_window": seconds(receipt_window),
            "default_payment_window": seconds(default_payment_window),
            "unanswered_limit": unanswered_limit,
            "fee_basis_points": fee_basis_points,
            "finished_stays_active": seconds(finished_stays_active),
            "payments_per_minute": payments_per_minute,
            "payments_at_once": payments_at_once,
            "faucet": faucet,
            "limits": of_limits(limits),
            "access": of_access(access),
            "token_lifetime": self.auth.token_minutes.saturating_mul(60),
            "passwords": {
                "memory_kib": self.passwords.memory_kib,
                "passes": self.passwords.passes,
            },
            "gateway": self.gateway.enabled,
            "edge": self.edge(),
        })
    }

    /// Trusted peers and rate limits.
    fn edge(&self) -> Value {
        json!({
            "gateway_addresses": self.gateway.addresses,
            "trusted_proxies": self.http.trusted_proxies,
            "quotas": of_quotas(self.quotas()),
            "redis": !self.redis.url.is_empty(),
            // Their names, not their secrets.
            "callback_providers": self.callbacks.secrets.keys().collect::<Vec<_>>(),
        })
    }
}

fn of_limits(limits: Limits) -> Value {
    let Limits {
        open_offers,
        cancels_per_day,
        cancel_pause,
        listings,
        open_withdrawals,
    } = limits;
    json!({
        "open_offers": open_offers,
        "cancels_per_day": cancels_per_day,
        "cancel_pause": seconds(cancel_pause),
        "listings": listings,
        "open_withdrawals": open_withdrawals,
    })
}

fn of_quotas(quotas: Quotas) -> Value {
    let Quotas {
        read,
        write,
        pay,
        stream,
        login,
        callback,
        address,
    } = quotas;
    json!({
        "read": of_quota(read),
        "write": of_quota(write),
        "pay": of_quota(pay),
        "stream": of_quota(stream),
        "login": of_quota(login),
        "callback": of_quota(callback),
        "address": of_quota(address),
    })
}

/// `null`: there is no limit.
fn of_quota(quota: Option<Quota>) -> Value {
    quota.map_or(Value::Null, |quota| {
        json!({
            "interval_microseconds": u64::try_from(quota.interval().as_micros()).unwrap_or(u64::MAX),
            "burst": quota.burst(),
        })
    })
}

fn of_access(rules: AccessRules) -> Value {
    let AccessRules {
        staff_second_factor,
        withdrawal_second_factor,
        proof_lasts,
        verified_email,
        session_lifetime,
        session_idle,
        free_failures,
        longest_wait,
        lock_after,
        free_failures_per_source,
        lock_lasts,
    } = rules;
    json!({
        "staff_second_factor": staff_second_factor,
        "withdrawal_second_factor": withdrawal_second_factor,
        "proof_lasts": seconds(proof_lasts),
        "verified_email": verified_email,
        "session_lifetime": seconds(session_lifetime),
        "session_idle": seconds(session_idle),
        "free_failures": free_failures,
        "longest_wait": seconds(longest_wait),
        "lock_after": lock_after,
        "free_failures_per_source": free_failures_per_source,
        "lock_lasts": seconds(lock_lasts),
    })
}

const fn seconds(span: Duration) -> u64 {
    span.as_secs()
}
