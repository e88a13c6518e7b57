//! Rejects environment variables that resemble a setting but don't name it: ignoring them would leave the market
//! without a protection that its operator believes to be on.

use anyhow::{Result, ensure};
use figment::Figment;
use figment::providers::Serialized;
use figment::value::{Dict, Value};

use super::Config;

const PREFIX: &str = "P2P_";

/// A setting's name in the environment.
struct Setting {
    name: String,
    /// The setting is a table, whose members' names follow this one.
    is_family: bool,
}

impl Setting {
    fn is(&self, variable: &str) -> bool {
        match variable.strip_prefix(&self.name) {
            Some("") => true,
            Some(member) => self.is_family && member.starts_with("__"),
            None => false,
        }
    }

    fn is_meant(&self, variable: &str) -> bool {
        let (meant, name) = (letters(variable), letters(&self.name));
        meant == name || (self.is_family && meant.starts_with(&name))
    }
}

/// Rejects variables that match a setting except for their underscores.
pub(super) fn check(variables: impl Iterator<Item = String>) -> Result<()> {
    let settings = settings();
    for variable in variables {
        let name = variable.to_ascii_uppercase();
        if !name.starts_with(PREFIX) || settings.iter().any(|setting| setting.is(&name)) {
            continue;
        }
        let meant = settings.iter().find(|setting| setting.is_meant(&name));
        ensure!(
            meant.is_none(),
            "{variable} is no setting; {} is one",
            meant.map_or("", |setting| &setting.name)
        );
    }
    Ok(())
}

fn letters(name: &str) -> String {
    name.replace('_', "")
}

fn settings() -> Vec<Setting> {
    let defaults = Figment::from(Serialized::defaults(Config::default()));
    let sections: Dict = defaults.extract().unwrap_or_default();
    let mut settings = Vec::new();
    for (section, value) in &sections {
        match value {
            Value::Dict(_, members) => settings.extend(members.iter().map(|(member, value)| {
                let name = format!("{section}__{member}");
                (name, value.as_dict().is_some())
            })),
            _ => settings.push((section.clone(), false)),
        }
    }
    let spelled = settings.into_iter().map(|(name, is_family)| Setting {
        name: format!("{PREFIX}{}", name.to_ascii_uppercase()),
        is_family,
    });
    spelled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(variable: &str) -> Result<()> {
        check(std::iter::once(variable.to_owned()))
    }

    #[test]
    fn a_misspelt_setting_is_rejected_with_its_right_name() {
        for (wrong, right) in [
            ("P2P_HTTP_BIND", "P2P_HTTP__BIND"),
            ("p2p_http_bind", "P2P_HTTP__BIND"),
            ("P2P__MODE", "P2P_MODE"),
            (
                "P2P_AUTH_STAFF_SECOND_FACTOR",
                "P2P_AUTH__STAFF_SECOND_FACTOR",
            ),
            (
                "P2P_AUTH__STAFF__SECOND__FACTOR",
                "P2P_AUTH__STAFF_SECOND_FACTOR",
            ),
            ("P2P_CALLBACKS_SECRETS_BANK", "P2P_CALLBACKS__SECRETS"),
            (
                "P2P_AUTH__OLD_TOKEN_SECRETS_2024",
                "P2P_AUTH__OLD_TOKEN_SECRETS",
            ),
        ] {
            let error = checked(wrong).unwrap_err().to_string();
            assert_eq!(error, format!("{wrong} is no setting; {right} is one"));
        }
    }

    #[test]
    fn settings_and_what_is_none_of_ours_pass() {
        for fine in [
            "P2P_HTTP__BIND",
            "p2p_http__bind",
            "P2P_MODE",
            "P2P_CONFIG",
            "P2P_CALLBACKS__SECRETS__BANK",
            "P2P_CALLBACKS__SECRETS_FILES__BANK",
            "P2P_AUTH__OLD_TOKEN_SECRETS__2024",
            "P2P_MARKET_BIN",
            "P2P_BENCH_JSON",
            "P2PMODE",
            "HTTP_BIND",
            "PATH",
        ] {
            assert!(checked(fine).is_ok(), "{fine}");
        }
    }

    /// Whatever has a default is known, so that a new setting is too.
    #[test]
    fn every_setting_is_known() {
        let names: Vec<_> = settings().into_iter().map(|one| one.name).collect();
        for expected in ["P2P_MODE", "P2P_LIMITS__READ_BURST", "P2P_MAIL__KIND"] {
            assert!(names.iter().any(|name| name == expected), "{names:?}");
        }
    }
}
