//! Mail that is laid into a folder.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use p2p_application::ports::{MailError, Mailer};
use p2p_mail::{FolderMailer, InvalidSender, LogMailer, MessageBuilder};
use support::{mail, message_builder};

#[tokio::test]
async fn each_mail_is_a_file_of_its_owner_and_reads_as_it_was_written() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/there/yet");
    let mailer = FolderMailer::open(&folder, message_builder()).unwrap();
    let token = "x".repeat(400);
    let texts = [
        format!("https://market.example.com/verify-email?token={token}\n"),
        format!("Здравствуйте!\n\nhttps://market.example.com/?token={token}\n"),
    ];
    for text in &texts {
        mailer
            .send(&mail("alice@example.com", "Тема", text))
            .await
            .unwrap();
    }
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 2, "{files:?}");
    for (file, text) in files.iter().zip(&texts) {
        assert!(file.extension().is_some_and(|end| end == "eml"), "{file:?}");
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let laid = fs::read_to_string(file).unwrap();
        assert!(laid.contains("To: alice@example.com\r\n"), "{laid}");
        let body = laid.trim_end();
        assert!(
            body.ends_with(&text.trim_end().replace('\n', "\r\n")),
            "{laid}"
        );
    }
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    // Opened again, what is there stays.
    let again = FolderMailer::open(&folder, message_builder()).unwrap();
    assert!(
        again
            .send(&mail("receiver", "Subject", "Text"))
            .await
            .is_err()
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}

#[tokio::test]
async fn a_folder_that_is_gone_may_come_back() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("mail");
    let mailer = FolderMailer::open(&folder, message_builder()).unwrap();
    fs::remove_dir(&folder).unwrap();
    let mail = mail("alice@example.com", "Subject", "Text");
    let sent = mailer.send(&mail).await;
    assert!(matches!(sent, Err(MailError::Unavailable(_))), "{sent:?}");
    fs::create_dir(&folder).unwrap();
    mailer.send(&mail).await.unwrap();
}

#[tokio::test]
async fn the_log_takes_everything() {
    LogMailer
        .send(&mail("receiver", "Subject", "Text"))
        .await
        .unwrap();
}

#[test]
fn a_sender_has_an_address() {
    struct Never;
    impl p2p_application::ports::Clock for Never {
        fn now(&self) -> p2p_domain::Timestamp {
            unreachable!()
        }
    }
    impl p2p_application::ports::Ids for Never {
        fn next(&self) -> u128 {
            unreachable!()
        }
    }
    let new = |from: &str| {
        MessageBuilder::new(from, std::sync::Arc::new(Never), std::sync::Arc::new(Never))
            .map(|_| ())
    };
    for good in [
        "no-reply@example.com",
        "P2P <no-reply@example.com>",
        "\"П, 2П\" <a@example.com>",
    ] {
        assert_eq!(new(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "P2P",
        "P2P <>",
        "a@b\r\nBcc: c@d",
        "P2P\r\nBcc: c <a@example.com>",
        "почта@example.com",
    ] {
        assert_eq!(new(bad), Err(InvalidSender), "{bad}");
    }
}
