//! Authentication as an operator configures it: production mode, keys, mail, second factors, and their audit records.

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use p2p_tests::databases::TestDatabase;
use p2p_tests::served::TOKEN_SECRET;
use serde_json::{Value, json};
use support::{Server, program, run};

/// By chance.
const SECRET: &str = "1f0b7d4ce2a94835b6d0c7f8a9e1b2c3";

const TIMEOUT: Duration = Duration::from_secs(20);

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What the program answers to what is typed in.
fn typed(arguments: &[&str], database: &str, input: &str) -> Result<Output> {
    let mut child = program(database, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no input")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    Ok(child.wait_with_output()?)
}

async fn log_in(url: &str, body: Value) -> Result<(u16, Value)> {
    let client = reqwest::Client::new();
    let login = client.post(format!("{url}/api/auth/login")).json(&body);
    let response = login.send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

#[test]
fn in_production_all_that_is_too_weak_is_told_at_once() -> Result<()> {
    let output = program("postgres://postgres:postgres@db.test/market", &["serve"])
        .env("P2P_MODE", "production")
        .env("P2P_MARKET__FAUCET", "true")
        .env("P2P_AUTH__STAFF_SECOND_FACTOR", "false")
        .env("P2P_HTTP__CORS_ORIGINS", "[\"*\"]")
        .env("AMQP_URL", "amqp://guest:guest@mq.test")
        .output()?;
    let complaint = stderr(&output);
    assert!(!output.status.success());
    for reason in [
        "auth.token_secret",
        "auth.staff_second_factor",
        "passwords.memory_kib",
        "mail.kind",
        "market.faucet",
        "http.cors_origins",
        "database.url",
        "broker.url",
    ] {
        assert!(complaint.contains(reason), "{reason}: {complaint}");
    }
    for secret in [TOKEN_SECRET, "postgres:postgres", "guest:guest"] {
        assert!(!complaint.contains(secret), "{complaint}");
    }
    Ok(())
}

#[tokio::test]
async fn in_production_a_fit_market_starts_and_a_demo_does_not() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let folder = tempfile::tempdir()?;
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n"))?;
    let fit = |arguments: &[&str]| {
        let mut command = program(database.url(), arguments);
        command
            .env("P2P_MODE", "production")
            .env_remove("P2P_AUTH__TOKEN_SECRET")
            .env("P2P_AUTH__TOKEN_SECRET_FILE", &secret)
            .env_remove("P2P_PASSWORDS__MEMORY_KIB")
            .env_remove("P2P_PASSWORDS__PASSES")
            .env("P2P_MAIL__KIND", "folder")
            .env("P2P_MAIL__FOLDER", folder.path().join("mail"))
            .env("P2P_MAIL__LINKS", "https://market.test");
        command
    };
    let server = Server::start(fit(&["serve"]))?;
    let health = reqwest::get(format!("{}/healthz", server.url)).await?;
    assert_eq!(health.status(), 200);
    let told = health.headers().get("strict-transport-security");
    assert!(told.is_some_and(|told| told == "max-age=31536000"));
    server.terminate()?;
    assert!(server.wait()?.success());
    let demo = fit(&["demo", "--database", database.url()]).output()?;
    assert!(!demo.status.success() && stderr(&demo).contains("mode"));
    database.drop_now().await
}

#[test]
fn a_secret_that_looks_like_a_number_is_neither_read_as_one_nor_shown() -> Result<()> {
    // Too short, and so refused: for what it is.
    let output = program("sqlite://never-made.db", &["serve"])
        .env("P2P_AUTH__TOKEN_SECRET", "31415926535")
        .output()?;
    let complaint = stderr(&output);
    assert!(complaint.contains("at least 32"), "{complaint}");
    assert!(!complaint.contains("31415926535"), "{complaint}");
    Ok(())
}

#[test]
fn an_authenticator_is_at_hand() -> Result<()> {
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    for output in [
        run("sqlite://never-made.db", &["totp", SECRET])?,
        typed(&["totp"], "sqlite://never-made.db", &format!("{SECRET}\n"))?,
    ] {
        let code = String::from_utf8(output.stdout)?;
        assert!(output.status.success());
        assert_eq!(code.trim().len(), 6, "{code}");
        assert!(code.trim().bytes().all(|digit| digit.is_ascii_digit()));
    }
    let output = run("sqlite://never-made.db", &["totp", "0189"])?;
    assert!(!output.status.success() && stderr(&output).contains("not a secret"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demos_staff_show_second_factors_if_so_wished() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let demo = |more: &[&str]| {
        let arguments = [&["demo", "--database", database.url()], more].concat();
        Server::start(program("sqlite://never-made.db", &arguments))
    };
    let adam = json!({"email": "adam@demo.example", "password": "demo-password"});
    // The second time they have had them already.
    for _ in 0..2 {
        let mut server = demo(&["--second-factor"])?;
        let line = server.said_with("Adam ")?;
        let secret = line.split_whitespace().last().context("no secret")?;
        let (status, answer) = log_in(&server.url, adam.clone()).await?;
        assert_eq!(
            (status, &answer["code"]),
            (401, &json!("SECOND_FACTOR_REQUIRED"))
        );
        let code = typed(&["totp"], "sqlite://never-made.db", secret)?.stdout;
        let mut with_code = adam.clone();
        with_code["code"] = json!(String::from_utf8(code)?.trim());
        let (status, answer) = log_in(&server.url, with_code.clone()).await?;
        assert_eq!(status, 200, "{answer}");
        let (status, answer) = log_in(&server.url, with_code).await?;
        assert_eq!(
            (status, &answer["code"]),
            (401, &json!("SECOND_FACTOR_WRONG"))
        );
        let alice = json!({"email": "alice@demo.example", "password": "demo-password"});
        assert_eq!(log_in(&server.url, alice).await?.0, 200);
        server.terminate()?;
        assert!(server.wait()?.success());
    }
    let server = demo(&[])?;
    let (status, answer) = log_in(&server.url, adam).await?;
    assert_eq!(status, 200, "{answer}");
    drop(server);
    assert!(run(database.url(), &["audit"])?.status.success());
    database.drop_now().await
}

/// The text of the only mail there, once it is there.
async fn mail_in(folder: &Path) -> Result<String> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let mut mails = Vec::new();
        for file in std::fs::read_dir(folder)? {
            let path = file?.path();
            mails.extend(
                path.extension()
                    .is_some_and(|end| end == "eml")
                    .then_some(path),
            );
        }
        if let [mail] = mails.as_slice() {
            return Ok(std::fs::read_to_string(mail)?);
        }
        ensure!(mails.is_empty() && Instant::now() < deadline, "{mails:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_of_the_demo_lies_in_its_folder_and_its_link_is_good_once() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let folder = tempfile::tempdir()?;
    let mut demo = program(
        "sqlite://never-made.db",
        &["demo", "--database", database.url()],
    );
    demo.env("P2P_MAIL__FOLDER", folder.path());
    let server = Server::start(demo)?;
    let client = reqwest::Client::new();
    let post = |path: &str, body: Value| {
        let request = client.post(format!("{}/api/auth/{path}", server.url));
        request.json(&body).send()
    };
    let unknown = json!({"email": "unknown@demo.example"});
    assert_eq!(post("password/forgot", unknown).await?.status(), 202);
    let alice = json!({"email": "alice@demo.example"});
    assert_eq!(post("password/forgot", alice).await?.status(), 202);
    let mail = mail_in(folder.path()).await?;
    assert!(mail.contains("To: alice@demo.example"), "{mail}");
    let link = mail.split("reset-password?token=").nth(1);
    let token = link.and_then(|rest| rest.split_whitespace().next());
    let token = token.context("no link")?;
    let reset = |password: &str| {
        post(
            "password/reset",
            json!({"token": token, "new_password": password}),
        )
    };
    let weak: Value = reset("alice-alice-alice").await?.json().await?;
    assert_eq!(weak["code"], "WEAK_PASSWORD", "{weak}");
    let strong = "kettle orbit mud Parthenon";
    assert_eq!(reset(strong).await?.status(), 204);
    let spent: Value = reset("another kettle orbit mud").await?.json().await?;
    assert_eq!(spent["code"], "LINK_SPENT", "{spent}");
    let login = json!({"email": "alice@demo.example", "password": strong});
    assert_eq!(log_in(&server.url, login).await?.0, 200);
    server.terminate()?;
    assert!(server.wait()?.success());
    database.drop_now().await
}

#[tokio::test]
async fn undeliverable_mail_does_not_keep_the_program_from_ending() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let mut demo = program(
        "sqlite://never-made.db",
        &["demo", "--database", database.url()],
    );
    // No server listens at the discard port of this machine.
    demo.env("P2P_MAIL__KIND", "smtp")
        .env("P2P_MAIL__SMTP_URL", "smtp://127.0.0.1:9?tls=none")
        .env("P2P_HTTP__SHUTDOWN_SECONDS", "8");
    let server = Server::start(demo)?;
    let client = reqwest::Client::new();
    let forgot = client.post(format!("{}/api/auth/password/forgot", server.url));
    let forgot = forgot.json(&json!({"email": "alice@demo.example"}));
    assert_eq!(forgot.send().await?.status(), 202);
    server.terminate()?;
    assert!(server.wait()?.success());
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_on_record_where_they_change() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let create = [
        "admin",
        "create",
        "--email",
        "root@test.example",
        "--password-stdin",
    ];
    let strong = "kettle orbit mud Parthenon";
    let weak = typed(&create, database.url(), "root-at-test-example\n")?;
    assert!(
        !weak.status.success() && stderr(&weak).contains("the password"),
        "{}",
        stderr(&weak)
    );
    let created = typed(&create, database.url(), strong)?;
    assert!(created.status.success(), "{}", stderr(&created));
    assert!(String::from_utf8(created.stdout)?.contains("/api/auth/2fa/enroll"));
    for (limit, records) in [("7", 1), ("7", 1), ("8", 2)] {
        let mut serve = program(database.url(), &["serve"]);
        // An administrator's address is known to be theirs.
        serve
            .env("P2P_AUTH__REQUIRE_VERIFIED_EMAIL", "true")
            .env("P2P_MARKET__LISTINGS_LIMIT", limit);
        let server = Server::start(serve)?;
        let login = json!({"email": "root@test.example", "password": strong});
        let (status, answer) = log_in(&server.url, login).await?;
        assert_eq!(status, 200, "{answer}");
        let token = answer["access_token"].as_str().context("no token")?;
        let audit = format!("{}/api/audit?action=SETTINGS_CHANGED", server.url);
        let audit = reqwest::Client::new().get(audit).bearer_auth(token);
        let page: Value = audit.send().await?.json().await?;
        assert_eq!(
            page["items"].as_array().map(Vec::len),
            Some(records),
            "{page}"
        );
        // The operator vouched for the address; it was never verified.
        let verified = format!("{}/api/audit?action=EMAIL_VERIFIED", server.url);
        let verified = reqwest::Client::new().get(verified).bearer_auth(token);
        let verified: Value = verified.send().await?.json().await?;
        assert_eq!(verified["items"][0]["actor_id"], Value::Null, "{verified}");
        let detail = &page["items"][0]["detail"];
        assert_eq!(detail["limits"]["listings"].to_string(), limit, "{page}");
        assert!(!page.to_string().contains(TOKEN_SECRET));
        server.terminate()?;
        assert!(server.wait()?.success());
    }
    let audit = run(database.url(), &["audit"])?;
    let said = String::from_utf8(audit.stdout)?;
    assert!(audit.status.success(), "{said}");
    // Two people's doings, three log-ins and two settings at least.
    let line = said
        .lines()
        .find(|line| line.starts_with("the audit log has"));
    let words: Vec<&str> = line
        .context("no line about the audit log")?
        .split_whitespace()
        .collect();
    assert!(words[4].parse::<u64>()? >= 6, "{said}");
    let hash = *words.last().context("no hash")?;
    assert_eq!(hash.len(), 64, "{said}");
    // An auditor who kept this line can check it later.
    let count: u64 = words[4].parse()?;
    let kept = format!("{count}:{hash}");
    let other = format!("{}:{hash}", count - 1);
    let beyond = format!("{}:{hash}", count + 1);
    for (ends, holds) in [
        (vec![&kept], true),
        (vec![&other], false),
        (vec![&kept, &beyond], false),
    ] {
        let arguments = ends.iter().flat_map(|end| ["--kept", end.as_str()]);
        let arguments: Vec<&str> = std::iter::once("audit").chain(arguments).collect();
        let audit = run(database.url(), &arguments)?;
        let said = String::from_utf8(audit.stdout)?;
        assert_eq!(audit.status.success(), holds, "{said}");
        assert_eq!(said.contains("VIOLATED the audit trail"), !holds, "{said}");
    }
    database.drop_now().await
}
