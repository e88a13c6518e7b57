//! The program's other commands, as an operator uses them.

mod support;

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result};
use p2p_tests::databases::TestDatabase;
use serde_json::{Value, json};
use support::{Server, program, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_prints_logins_that_work() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    for _ in 0..2 {
        // The second time, all users exist already.
        let server = Server::start(program(
            "sqlite://never-made.db",
            &["demo", "--database", database.url()],
        ))?;
        let client = reqwest::Client::new();
        for name in ["adam", "mona", "alice", "bob", "dora", "emil"] {
            let login =
                json!({"email": format!("{name}@demo.example"), "password": "demo-password"});
            let response = client
                .post(format!("{}/api/auth/login", server.url))
                .json(&login)
                .send()
                .await?;
            assert_eq!(response.status(), 200, "{name}");
            let answer: Value = response.json().await?;
            let token = answer["access_token"].as_str().context("no token")?;
            let listings = client
                .get(format!(
                    "{}/api/p2p/listings?exchange_type=FIAT2CRYPTO&asset=USDT",
                    server.url
                ))
                .bearer_auth(token)
                .send()
                .await?;
            let page: Value = listings.json().await?;
            assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
        }
        server.terminate()?;
        assert!(server.wait()?.success());
    }
    assert!(run(database.url(), &["audit"])?.status.success());
    database.drop_now().await
}

#[test]
fn a_demo_does_not_listen_in_public() -> Result<()> {
    let output = program("sqlite://never-made.db", &["demo"])
        .env("P2P_HTTP__BIND", "0.0.0.0:0")
        .output()?;
    let complaint = String::from_utf8(output.stderr)?;
    assert!(
        !output.status.success() && complaint.contains("http.bind"),
        "{complaint}"
    );
    Ok(())
}

#[test]
fn a_faucet_is_for_this_machine_only() -> Result<()> {
    let output = program("sqlite://never-made.db", &["serve"])
        .env("P2P_MARKET__FAUCET", "true")
        .env("P2P_HTTP__BIND", "0.0.0.0:0")
        .output()?;
    let complaint = String::from_utf8(output.stderr)?;
    assert!(
        !output.status.success() && complaint.contains("market.faucet"),
        "{complaint}"
    );
    Ok(())
}

#[test]
fn a_setting_in_disguise_is_not_passed_over() -> Result<()> {
    let output = program("sqlite://never-made.db", &["serve"])
        .env("P2P_AUTH_STAFF_SECOND_FACTOR", "true")
        .output()?;
    let complaint = String::from_utf8(output.stderr)?;
    assert!(
        !output.status.success() && complaint.contains("P2P_AUTH__STAFF_SECOND_FACTOR"),
        "{complaint}"
    );
    Ok(())
}

#[test]
fn an_administrator_is_called_something_in_one_line() -> Result<()> {
    let create = ["admin", "create", "--email", "root@test.example", "--name"];
    let long = "x".repeat(101);
    for name in ["", "Ada\nYou won", "\u{1b}[31mAda", &long] {
        let output = run(
            "sqlite://never-made.db",
            &[&create, [name].as_slice()].concat(),
        )?;
        let complaint = String::from_utf8(output.stderr)?;
        assert!(
            !output.status.success() && complaint.contains("--name"),
            "{complaint}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_administrator_is_created_once() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let create = [
        "admin",
        "create",
        "--email",
        "root@test.example",
        "--password-stdin",
    ];
    for expected in [true, false] {
        let mut child = program(database.url(), &create)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child
            .stdin
            .take()
            .context("no input")?
            .write_all(b"a long enough password\n")?;
        let output = child.wait_with_output()?;
        let complaint = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.success(), expected, "{complaint}");
        assert!(expected || complaint.contains("already"), "{complaint}");
        assert!(!String::from_utf8(output.stdout)?.contains("long enough"));
    }
    let server = Server::start(program(database.url(), &["serve"]))?;
    let login = json!({"email": "ROOT@test.example", "password": "a long enough password"});
    let client = reqwest::Client::new();
    let response = client
        .post(format!("{}/api/auth/login", server.url))
        .json(&login)
        .send()
        .await?;
    let answer: Value = response.json().await?;
    assert_eq!(answer["user"]["roles"], json!(["ADMIN"]));
    drop(server);
    database.drop_now().await
}

#[tokio::test]
async fn an_audit_that_finds_something_fails_and_names_the_row() -> Result<()> {
    use sea_orm::{ConnectionTrait, Database};
    let database = TestDatabase::sqlite().await?;
    let sound = run(database.url(), &["audit"])?;
    assert!(
        sound.status.success(),
        "{}",
        String::from_utf8_lossy(&sound.stdout)
    );
    let raw = Database::connect(database.url()).await?;
    raw.execute_unprepared("UPDATE accounts SET available = 5 WHERE asset = 'BTC'")
        .await?;
    raw.close().await?;
    let output = run(database.url(), &["audit"])?;
    let said = String::from_utf8(output.stdout)?;
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("VIOLATED") && said.contains("acct_"),
        "{said}"
    );
    database.drop_now().await
}

#[test]
fn a_wrong_setting_stops_the_server_and_is_named() -> Result<()> {
    for (key, value, name) in [
        ("P2P_AUTH__TOKEN_SECRET", "short", "auth.token_secret"),
        ("P2P_HTTP__BIND", "nowhere", "http.bind"),
        ("P2P_HTTP__COLOUR", "red", "colour"),
        (
            "P2P_MARKET__FEE_BASIS_POINTS",
            "5000",
            "market.fee_basis_points",
        ),
        ("DATABASE_URL", "mysql://localhost/x", "database.url"),
    ] {
        let output = program("sqlite://never-made.db", &["serve"])
            .env(key, value)
            .output()?;
        let complaint = String::from_utf8(output.stderr)?;
        assert!(
            !output.status.success() && complaint.to_lowercase().contains(name),
            "{key}: {complaint}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_schema_goes_up_down_and_up() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let said = |arguments: &[&str]| -> Result<String> {
        let output = run(database.url(), arguments)?;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    };
    assert!(said(&["migrate", "status"])?.contains("up to date"));
    said(&["migrate", "down", "--steps", "2"])?;
    assert_eq!(said(&["migrate", "status"])?.matches("pending").count(), 2);
    said(&["migrate"])?;
    assert!(said(&["migrate", "status"])?.contains("up to date"));
    database.drop_now().await
}
