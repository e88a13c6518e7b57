//! The program's own log while people use it, with nothing left out of what we say ourselves: each event is one line, and no
//! line contains a secret, an address, or a user's text.

mod support;

use std::fs;

use anyhow::{Context, Result, ensure};
use p2p_tests::databases::TestDatabase;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use support::{Server, program};
use tempfile::NamedTempFile;

/// Everything that is our own says all that it has to say.
const OURS: &str = "p2p_market=trace,p2p_edge=trace,p2p_http=trace,p2p_grpc=trace,p2p_application=trace,p2p_domain=trace,p2p_persistence=trace,\
    p2p_broker=trace,p2p_system=trace,p2p_migration=trace";

const FORGED: &str = "x\r\n2025-04-18T15:00:00.000000Z ERROR forged: \u{1b}[31mred";

/// What must not come up.
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, word: &str) -> String {
        self.0.push(word.to_owned());
        word.to_owned()
    }
}

struct Walk {
    client: Client,
    url: String,
    words: Words,
    answers: usize,
}

impl Walk {
    fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("user-agent", "a-telling-agent/1.0")
            .header("x-forwarded-for", "203.0.113.7")
            .header("x-real-ip", "203.0.113.7")
            .header("forwarded", "for=203.0.113.7");
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Value> {
        let text = request.send().await?.text().await?;
        self.answers += 1;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    async fn call(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Result<Value> {
        let key = format!("a-telling-key-{}", self.answers);
        let request = self
            .request(method, path, token)
            .header("idempotency-key", key)
            .json(&body);
        self.send(request).await
    }

    async fn get(&mut self, path: &str, token: Option<&str>) -> Result<Value> {
        let request = self.request(Method::GET, path, token);
        self.send(request).await
    }

    async fn log_in(&mut self, name: &str) -> Result<String> {
        let email = self.words.add(&format!("{name}@demo.example"));
        let password = self.words.add("demo-password");
        let body = json!({"email": email, "password": password});
        let answer = self
            .call(Method::POST, "/api/auth/login", None, body)
            .await?;
        let refresh = answer["refresh_token"].as_str().context("no token")?;
        let refresh = self.words.add(refresh);
        // Once, and once too often: a session of its own, which ends with that.
        for _ in 0..2 {
            let body = json!({"refresh_token": refresh});
            self.call(Method::POST, "/api/auth/refresh", None, body)
                .await?;
        }
        let body = json!({"email": email, "password": password});
        let answer = self
            .call(Method::POST, "/api/auth/login", None, body)
            .await?;
        let token = answer["access_token"].as_str().context("no token")?;
        Ok(self.words.add(token))
    }

    /// Begins a second factor and gets its code wrong, and asks for a link for another password.
    async fn secure(&mut self, name: &str, token: Option<&str>) -> Result<()> {
        let password = json!({"password": "demo-password"});
        let begun = self
            .call(Method::POST, "/api/auth/2fa/enroll", token, password)
            .await?;
        for member in ["secret", "uri"] {
            self.words
                .add(begun[member].as_str().context("no second factor")?);
        }
        let code = json!({"code": self.words.add("wrong-code-by-far")});
        self.call(Method::POST, "/api/auth/2fa/confirm", token, code)
            .await?;
        let address = json!({"email": format!("{name}@demo.example")});
        self.call(Method::POST, "/api/auth/password/forgot", None, address)
            .await?;
        self.get("/api/auth/sessions", token).await?;
        Ok(())
    }

    /// Rightly and wrongly, over most of the API.
    async fn go(&mut self) -> Result<()> {
        let (post, patch) = (Method::POST, Method::PATCH);
        let (adam, alice) = (self.log_in("adam").await?, self.log_in("alice").await?);
        let (adam, alice) = (Some(adam.as_str()), Some(alice.as_str()));
        let email = self.words.add("nina.newcomer@mail.example");
        let password = self.words.add("seven ducks over an old river");
        let name = self.words.add("Nina Newcomer");
        let account = json!({"email": email, "password": password, "name": name});
        for _ in 0..2 {
            self.call(post.clone(), "/api/auth/register", None, account.clone())
                .await?;
        }
        for wrong in ["not the right password", FORGED] {
            let wrong = self.words.add(wrong);
            for known in ["nina.newcomer@mail.example", "unknown.user@mail.example"] {
                let body = json!({"email": self.words.add(known), "password": wrong});
                self.call(post.clone(), "/api/auth/login", None, body)
                    .await?;
            }
        }
        for token in ["a.forged.token", "\u{e9}"] {
            let token = self.words.add(token);
            self.get("/api/users/me", Some(&token)).await?;
        }
        self.secure("alice", alice).await?;
        let me = self.get("/api/users/me", alice).await?;
        let id = me["user_id"].as_str().context("no id")?.to_owned();
        let deposit = json!({"user_id": id, "amount": "1000", "asset": "RUB"});
        let booked = self
            .call(post.clone(), "/api/billing/deposit", adam, deposit.clone())
            .await?;
        ensure!(booked["code"].is_null(), "{booked}");
        self.call(post.clone(), "/api/billing/deposit", alice, deposit)
            .await?;
        for text in ["a secret wish", FORGED] {
            let text = self.words.add(text);
            let order = json!({"amount": "10", "description": text});
            self.call(post.clone(), "/api/orders?surprise=1", alice, order.clone())
                .await?;
            self.call(post.clone(), "/api/orders", alice, order).await?;
            let out = json!({"amount": "1", "asset": "RUB", "destination": text});
            let out = self
                .call(post.clone(), "/api/billing/withdrawals", alice, out)
                .await?;
            let id = out["withdrawal_id"].as_str().context("no withdrawal")?;
            let path = format!("/api/billing/withdrawals/{id}/reject");
            let why = json!({"reason": text});
            self.call(post.clone(), &path, adam, why).await?;
            let language = json!({"language": text});
            self.call(patch.clone(), "/api/users/me", alice, language)
                .await?;
        }
        for path in [
            "/api/wallet",
            "/api/wallet/entries",
            "/api/wallet/entries.csv",
            "/api/notifications",
            "/api/p2p/listings",
            "/api/p2p/listings?%0aforged=%0d%0aforged",
            "/api/p2p/exchange-offers/%0d%0aforged",
            "/%0d%0aforged",
            "/api/ws?last_event_id=1",
            "/metrics",
        ] {
            self.get(path, alice).await?;
            self.get(path, None).await?;
        }
        // A stream begins, and is left alone.
        let stream = self
            .request(Method::GET, "/api/events", alice)
            .send()
            .await?;
        ensure!(stream.status() == 200, "{}", stream.status());
        drop(stream);
        let tag = self.words.add(&"ab".repeat(32));
        let report = self
            .request(post, "/api/callbacks/payments", None)
            .header("x-provider", "acme-pay")
            .header("x-signature", format!("t=1744988400,v1={tag}"))
            .json(&json!({"callback_id": self.words.add("what-acme-calls-it")}));
        self.send(report).await?;
        Ok(())
    }
}

async fn log_of_a_walk(format: &str) -> Result<(String, Walk)> {
    let database = TestDatabase::sqlite().await?;
    let log = NamedTempFile::new()?;
    let url = database.url().to_owned();
    let mut command = program("sqlite://never-made.db", &["demo", "--database", &url]);
    command
        .env("P2P_LOG__FILTER", OURS)
        .env("P2P_LOG__FORMAT", format)
        .env("P2P_RELAY__ENABLED", "true")
        .stderr(log.reopen()?);
    let server = Server::start(command)?;
    let mut walk = Walk {
        client: Client::new(),
        url: server.url.clone(),
        words: Words(Vec::new()),
        answers: 0,
    };
    walk.go().await?;
    server.terminate()?;
    ensure!(server.wait()?.success(), "it did not end in good order");
    database.drop_now().await?;
    Ok((fs::read_to_string(log.path())?, walk))
}

fn is_discreet(log: &str, walk: &Walk) {
    let lines = log.lines().count();
    assert!(
        lines >= walk.answers,
        "{lines} lines, {} answers",
        walk.answers
    );
    let always = [
        "forged",
        "203.0.113.7",
        "127.0.0.1",
        "::1",
        "telling",
        "@",
        "Bearer",
        "eyJ",
        "$argon2",
        "tests, long enough to sign",
    ];
    let words = walk.words.0.iter().map(String::as_str).chain(always);
    for word in words {
        let line = log.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "`{word}` in {line:?}");
    }
    let raw = |letter: char| letter.is_control() && letter != '\n';
    assert!(!log.contains(raw));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_discreet_in_json() -> Result<()> {
    let (log, walk) = log_of_a_walk("json").await?;
    is_discreet(&log, &walk);
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_discreet_in_plain_text() -> Result<()> {
    let (log, walk) = log_of_a_walk("pretty").await?;
    is_discreet(&log, &walk);
    let levels = [" TRACE ", " DEBUG ", "  INFO ", "  WARN ", " ERROR "];
    for line in log.lines() {
        let begins = line.starts_with("20") && line.get(19..20) == Some(".");
        assert!(
            begins && levels.iter().any(|level| line.contains(level)),
            "{line}"
        );
    }
    Ok(())
}
