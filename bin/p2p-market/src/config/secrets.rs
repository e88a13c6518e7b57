//! Secrets come from the environment, or from a file whose path is the setting of the same name with `_file` behind it. None can
//! be given on the command line, which every user of the machine can read.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::Config;
use super::sections::Database;

/// Secrets with one value.
const NAMES: [&str; 6] = [
    "auth.token_secret",
    "auth.seal_secret",
    "broker.url",
    "database.url",
    "mail.smtp_password",
    "redis.url",
];

/// Secrets with several named values.
const FAMILIES: [&str; 2] = ["auth.old_token_secrets", "callbacks.secrets"];

/// Whether a setting is a secret, or one of several.
pub(super) fn is_secret(setting: &str) -> bool {
    let of = |family: &&str| {
        let rest = setting.strip_prefix(*family);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    NAMES.contains(&setting) || FAMILIES.iter().any(of)
}

/// The secrets of the environment with their settings. Values are taken verbatim, as text, even if they look like a number
/// or a list.
pub(super) fn from_environment(
    variables: impl Iterator<Item = (String, String)>,
) -> impl Iterator<Item = (String, String)> {
    variables.filter_map(|(name, value)| {
        let setting = match name.as_str() {
            "DATABASE_URL" => "database.url".to_owned(),
            "AMQP_URL" => "broker.url".to_owned(),
            "REDIS_URL" => "redis.url".to_owned(),
            name => {
                let name = name.to_ascii_lowercase();
                name.strip_prefix("p2p_")?.replace("__", ".")
            }
        };
        is_secret(&setting).then_some((setting, value))
    })
}

impl Config {
    /// Reads the secrets that are in files into their settings.
    pub(super) fn fetch_secrets(&mut self) -> Result<()> {
        let (auth, mail) = (&mut self.auth, &mut self.mail);
        let (database, broker, redis) = (&mut self.database, &mut self.broker, &mut self.redis);
        if !database.url_file.is_empty() && database.url == Database::DEFAULT_URL {
            database.url.clear();
        }
        for (name, value, file) in [
            (
                "auth.token_secret",
                &mut auth.token_secret,
                &auth.token_secret_file,
            ),
            (
                "auth.seal_secret",
                &mut auth.seal_secret,
                &auth.seal_secret_file,
            ),
            ("broker.url", &mut broker.url, &broker.url_file),
            ("database.url", &mut database.url, &database.url_file),
            (
                "mail.smtp_password",
                &mut mail.smtp_password,
                &mail.smtp_password_file,
            ),
            ("redis.url", &mut redis.url, &redis.url_file),
        ] {
            if !file.is_empty() {
                ensure!(
                    value.is_empty(),
                    "{name} and {name}_file: one of them is enough"
                );
                *value = read(name, file)?;
            }
        }
        fetch_family(
            "auth.old_token_secrets",
            &mut auth.old_token_secrets,
            &auth.old_token_secrets_files,
        )?;
        let callbacks = &mut self.callbacks;
        fetch_family(
            "callbacks.secrets",
            &mut callbacks.secrets,
            &callbacks.secrets_files,
        )
    }
}

fn fetch_family(
    name: &str,
    values: &mut BTreeMap<String, String>,
    files: &BTreeMap<String, String>,
) -> Result<()> {
    for (member, file) in files {
        ensure!(
            !values.contains_key(member),
            "{name} and {name}_files both have {member:?}: one of them is enough"
        );
        let value = read(&format!("{name}.{member}"), file)?;
        values.insert(member.clone(), value);
    }
    Ok(())
}

/// A file's content without its last line break.
fn read(name: &str, file: &str) -> Result<String> {
    let content =
        fs::read_to_string(file).with_context(|| format!("{name}_file: {file} can't be read"))?;
    let secret = content.strip_suffix('\n').unwrap_or(&content);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    ensure!(!secret.is_empty(), "{name}_file: {file} is empty");
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Serialized, Toml};

    use super::*;

    fn from_toml(text: &str) -> Result<Config> {
        let figment = Figment::from(Serialized::defaults(Config::default()));
        Config::from_settings(figment.merge(Toml::string(text)))
    }

    /// A section with a file for each secret of it.
    const FILES: &str = "[auth]\ntoken_secret_file = \"PATH\"\nseal_secret_file = \"PATH\"\n\
        [auth.old_token_secrets_files]\nold = \"PATH\"\n\
        [broker]\nurl_file = \"PATH-amqp\"\n[database]\nurl_file = \"PATH-postgres\"\n\
        [mail]\nsmtp_password_file = \"PATH\"\n[redis]\nurl_file = \"PATH-redis\"\n[callbacks.secrets_files]\nbank = \"PATH\"";

    #[test]
    fn each_secret_may_be_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret").display().to_string();
        let secret = " spaces and more than thirty-two bytes ";
        for end in ["", "\n", "\r\n"] {
            for (suffix, content) in [
                ("", secret),
                ("-amqp", "amqp://who:what@broker.example"),
                ("-postgres", "postgres://who:what@database.example/market"),
                ("-redis", "rediss://who:what@redis.example/0"),
            ] {
                fs::write(format!("{path}{suffix}"), format!("{content}{end}")).unwrap();
            }
            let config = from_toml(&FILES.replace("PATH", &path)).unwrap();
            for found in [
                &config.auth.token_secret,
                &config.auth.seal_secret,
                &config.auth.old_token_secrets["old"],
                &config.mail.smtp_password,
                &config.callbacks.secrets["bank"],
            ] {
                assert_eq!(found, secret);
            }
            assert_eq!(config.broker.url, "amqp://who:what@broker.example");
            assert!(config.database.url.ends_with("database.example/market"));
            assert_eq!(config.redis.url, "rediss://who:what@redis.example/0");
        }
    }

    #[test]
    fn a_file_that_holds_no_secret_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret").display().to_string();
        let setting = |setting: &str| setting.replace("PATH", &path);
        let complaint = |text: &str| format!("{:#}", from_toml(&setting(text)).unwrap_err());
        let file = "[auth]\ntoken_secret_file = \"PATH\"";
        assert!(complaint(file).contains("auth.token_secret_file"));
        for empty in ["", "\n"] {
            fs::write(&path, empty).unwrap();
            assert!(complaint(file).contains("is empty"));
        }
        fs::write(&path, "t0p s3cret, and long enough to be one\n").unwrap();
        for both in [
            "[auth]\ntoken_secret = \"x\"\ntoken_secret_file = \"PATH\"",
            "[database]\nurl = \"sqlite://x\"\nurl_file = \"PATH\"",
            "[callbacks]\nsecrets = { bank = \"x\" }\nsecrets_files = { bank = \"PATH\" }",
        ] {
            let complaint = complaint(both);
            assert!(complaint.contains("one of them is enough"), "{complaint}");
        }
        let wrong = complaint("[broker]\nurl_file = \"PATH\"");
        assert!(
            wrong.contains("broker.url") && !wrong.contains("s3cret"),
            "{wrong}"
        );
    }

    #[test]
    fn secrets_of_the_environment_are_texts_whatever_they_look_like() {
        let variables = [
            ("P2P_AUTH__TOKEN_SECRET", "00123456789012345678901234567890"),
            ("p2p_mail__smtp_password", "[1, 2]"),
            ("DATABASE_URL", "postgres://host/database"),
            ("AMQP_URL", "amqp://host"),
            ("REDIS_URL", "redis://host"),
            ("P2P_AUTH__OLD_TOKEN_SECRETS__2024", "true"),
            ("P2P_CALLBACKS__SECRETS__BANK", "1e5"),
            ("P2P_AUTH__TOKEN_SECRET_FILE", "/run/secrets/token"),
            ("P2P_HTTP__BIND", "127.0.0.1:1"),
            ("AUTH__TOKEN_SECRET", "none of ours"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let found: Vec<_> = from_environment(variables.into_iter()).collect();
        let figment = Figment::from(Serialized::defaults(Config::default()));
        let config = found.iter().fold(figment, |figment, (setting, value)| {
            figment.merge(Serialized::default(setting, value))
        });
        let config: Config = config.extract().unwrap();
        assert_eq!(config.auth.token_secret, "00123456789012345678901234567890");
        assert_eq!(config.mail.smtp_password, "[1, 2]");
        assert_eq!(config.database.url, "postgres://host/database");
        assert_eq!(config.broker.url, "amqp://host");
        assert_eq!(config.auth.old_token_secrets["2024"], "true");
        assert_eq!(config.callbacks.secrets["bank"], "1e5");
        assert_eq!(config.redis.url, "redis://host");
        assert_eq!(found.len(), 7);
    }

    /// A secret that is added has a file too, and is taken from the environment as it is.
    #[test]
    fn every_secret_is_known_as_one() {
        let config = Serialized::defaults(Config::default());
        let all: figment::value::Dict = Figment::from(config).extract().unwrap();
        let mut files = Vec::new();
        for (section, settings) in &all {
            for setting in settings.as_dict().into_iter().flat_map(|dict| dict.keys()) {
                let file = setting
                    .strip_suffix("_file")
                    .or(setting.strip_suffix("_files"));
                files.extend(file.map(|secret| format!("{section}.{secret}")));
                let sounds_secret = setting.ends_with("secret") || setting.ends_with("password");
                assert!(
                    !sounds_secret || is_secret(&format!("{section}.{setting}")),
                    "{setting}"
                );
            }
        }
        // A list of breached passwords is in a file, and no secret.
        files.retain(|secret| secret != "passwords.breached");
        let mut known = [NAMES.as_slice(), &FAMILIES].concat();
        known.sort_unstable();
        assert_eq!(files, known);
    }
}
