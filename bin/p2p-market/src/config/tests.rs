use super::*;

fn from_toml(text: &str) -> Result<Config> {
    let figment = Figment::from(Serialized::defaults(Config::default()));
    Config::from_settings(figment.merge(Toml::string(text)))
}

#[test]
fn the_example_file_shows_every_setting_at_its_default() {
    let example = include_str!("../../../../deploy/p2p-market.example.toml");
    // Without the defaults behind it: a setting that is missing from the example is missing here too.
    let shown: figment::value::Value = Figment::from(Toml::string(example)).extract().unwrap();
    let all: figment::value::Value = Figment::from(Serialized::defaults(Config::default()))
        .extract()
        .unwrap();
    assert_eq!(keys(&shown), keys(&all));
    assert_eq!(from_toml(example).unwrap(), Config::default());
}

#[test]
fn connections_and_requests_are_limited_as_the_settings_say() {
    let text = "
        [http]
        request_timeout_seconds = 1
        body_timeout_seconds = 2
        header_timeout_seconds = 3
        idle_timeout_seconds = 4
        max_connections = 5
        max_connections_per_address = 6
        trusted_proxies = [\"192.0.2.1\"]
        [streams]
        patience_seconds = 7";
    let config = from_toml(text).unwrap();
    let trusted_proxies = TrustedProxies::parse(&["192.0.2.1"]).unwrap();
    let server = ServerSettings {
        max_connections: 5,
        max_connections_per_address: 6,
        trusted_proxies: trusted_proxies.clone(),
        header_timeout: Duration::from_secs(3),
        idle_timeout: Duration::from_secs(4),
        write_timeout: Duration::from_secs(7),
    };
    assert_eq!(config.server().unwrap(), server);
    let http = config.http().unwrap();
    assert_eq!(http.request_timeout.as_secs(), 1);
    assert_eq!(http.body_timeout.as_secs(), 2);
    assert_eq!(http.trusted_proxies, trusted_proxies);
    let defaults = Config::default().server().unwrap();
    assert_eq!(defaults, ServerSettings::default());
}

#[test]
fn browsers_keep_to_tls_in_production_or_where_it_is_set() {
    for (text, seconds) in [
        ("", 0),
        ("mode = \"production\"", 31_536_000),
        ("[http]\nhsts_seconds = 60", 60),
        ("mode = \"production\"\n[http]\nhsts_seconds = 60", 60),
    ] {
        let http = from_toml(text).unwrap().http().unwrap();
        assert_eq!(http.hsts_seconds, seconds, "{text}");
    }
}

fn keys(value: &figment::value::Value) -> Vec<String> {
    let Some(dict) = value.as_dict() else {
        return Vec::new();
    };
    dict.iter()
        .flat_map(|(key, value)| {
            let inner = keys(value);
            let own = inner.is_empty().then(|| key.clone());
            own.into_iter()
                .chain(inner.into_iter().map(move |rest| format!("{key}.{rest}")))
        })
        .collect()
}

#[test]
fn a_wrong_setting_is_named() {
    for (text, name) in [
        ("[http]\nbind = \"nowhere\"", "http.bind"),
        ("[http]\nprot = 80", "prot"),
        (
            "[http]\ncors_origins = [\"example.com\"]",
            "http.cors_origins",
        ),
        (
            "[http]\ntrusted_proxies = [\"the proxy\"]",
            "http.trusted_proxies",
        ),
        ("[database]\nurl = \"mysql://localhost\"", "database.url"),
        (
            "[database]\nmax_connections = 0",
            "database.max_connections",
        ),
        (
            "[market]\nfee_basis_points = 101",
            "market.fee_basis_points",
        ),
        (
            "[market]\ndefault_payment_minutes = 5",
            "market.default_payment_minutes",
        ),
        ("[market]\nresponse_minutes = -1", "market.response_minutes"),
        (
            "[market]\nfaucet = true\n[http]\nbind = \"0.0.0.0:3000\"",
            "market.faucet",
        ),
        ("[limits]\nwrite_burst = 0", "limits.write_burst"),
        ("[grpc]\ntls_key = \"key.pem\"", "grpc.tls_certificate"),
        ("[market]\npayments_at_once = 0", "market.payments_at_once"),
        ("[pipeline]\nbatch = 0", "pipeline.batch"),
        ("[pipeline]\nlanes = 9", "pipeline.lanes"),
        (
            "[sweeper]\noutage_tolerance_seconds = 1",
            "sweeper.outage_tolerance_seconds",
        ),
        ("mode = \"prod\"", "mode"),
        ("[auth]\ntoken_minutes = 0", "auth.token_minutes"),
        ("[auth]\nsession_idle_days = 31", "auth.session_idle_days"),
        ("[auth]\nlock_after = 3", "auth.lock_after"),
        ("[auth]\nlock_hours = 721", "auth.lock_hours"),
        (
            "[auth]\nrequire_verified_email = \"perhaps\"",
            "auth.require_verified_email",
        ),
        ("[auth]\nseal_secret = \"short\"", "auth.seal_secret"),
        ("[passwords]\nat_once = 0", "passwords.at_once"),
        ("[mail]\nkind = \"pigeon\"", "mail.kind"),
        ("[mail]\nkind = \"smtp\"", "mail.smtp_url"),
        ("[mail]\nfrom = \"no-address\"", "mail.from"),
        ("[mail]\nlinks = \"javascript:alert(1)\"", "mail.links"),
        (
            "[gateway]\naddresses = [\"the gateway\"]",
            "gateway.addresses",
        ),
        ("[log]\nformat = \"xml\"", "log.format"),
        ("[log]\nfilter = \"a=b=c\"", "log.filter"),
    ] {
        let error = format!("{:#}", from_toml(text).unwrap_err());
        assert!(error.contains(name), "{text:?}: {error}");
    }
}

#[test]
fn money_for_nothing_is_off_and_for_this_machine_only() {
    assert!(!Config::default().policy().faucet);
    for bind in ["127.0.0.1:3000", "[::1]:3000"] {
        let text = format!("[market]\nfaucet = true\n[http]\nbind = \"{bind}\"");
        assert!(from_toml(&text).unwrap().policy().faucet, "{bind}");
    }
    for bind in ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000"] {
        let text = format!("[market]\nfaucet = true\n[http]\nbind = \"{bind}\"");
        assert!(from_toml(&text).is_err(), "{bind}");
    }
}

#[test]
fn a_server_needs_a_secret_and_never_shows_it() {
    assert!(format!("{:#}", Config::default().jwt().unwrap_err()).contains("auth.token_secret"));
    let config = from_toml(&format!(
        "[auth]\ntoken_secret = \"{0}\"\nseal_secret = \"{0}\"\n[auth.old_token_secrets]\n0 = \"{0}\"\n\
         [mail]\nsmtp_password = \"{0}\"",
        "s3cret".repeat(8)
    ))
    .unwrap();
    assert!(config.jwt().is_ok());
    assert!(!format!("{config:?}").contains("s3cret"));
    assert!(!config.record().to_string().contains("s3cret"));
    let unclosed = Figment::from(Toml::string("[auth]\ntoken_secret = \"s3cret\n"));
    let complaint = describe(&unclosed.extract::<Config>().unwrap_err()).to_string();
    assert!(complaint.contains("line 2"), "{complaint}");
    assert!(!complaint.contains("s3cret"), "{complaint}");
    // Nor where it is taken for something else.
    for text in [
        "[auth]\ntoken_secret = 5432154321",
        "[callbacks.secrets]\nbank = 5432154321",
        "[database]\nurl = [\"5432154321\"]",
    ] {
        let complaint = format!("{:#}", from_toml(text).unwrap_err());
        assert!(complaint.contains("must be a text"), "{complaint}");
        assert!(!complaint.contains("54321"), "{complaint}");
    }
}

#[test]
fn keys_of_tokens_and_of_second_factors() {
    let (first, second, third) = ("1".repeat(32), "2".repeat(32), "3".repeat(32));
    let text = format!(
        "[auth]\ntoken_secret = \"{second}\"\ntoken_secret_id = \"b\"\n[auth.old_token_secrets]\na = \"{first}\""
    );
    let jwt = from_toml(&text).unwrap().jwt().unwrap();
    let key = |id: &str, secret: &String| TokenKey {
        id: id.to_owned(),
        secret: secret.clone(),
    };
    assert_eq!(jwt.key, key("b", &second));
    assert_eq!(jwt.old_keys, [key("a", &first)]);
    assert_eq!(jwt.lifetime, Duration::from_secs(600));
    let seal = from_toml(&text).unwrap().seal();
    assert_eq!(
        (seal.secret, seal.old_secrets),
        (second.clone(), vec![first.clone()])
    );
    let own = text.replace("[auth]", &format!("[auth]\nseal_secret = \"{third}\""));
    let seal = from_toml(&own).unwrap().seal();
    assert_eq!(
        (seal.secret, seal.old_secrets),
        (third, vec![second, first])
    );
}

#[test]
fn whether_an_address_must_be_verified_follows_the_mode_unless_it_is_said() {
    let required = |text| from_toml(text).unwrap().policy().access.verified_email;
    assert!(!required(""));
    assert!(required("mode = \"production\""));
    assert!(required("[auth]\nrequire_verified_email = true"));
    let not = "mode = \"production\"\n[auth]\nrequire_verified_email = false";
    assert!(!required(not));
}

#[test]
fn the_defaults_are_those_of_the_policy() {
    assert_eq!(Config::default().policy(), Policy::default());
}

#[test]
fn a_gateway_in_public_is_known_by_its_address() {
    for (text, accepted) in [
        ("[gateway]\nenabled = true", true),
        (
            "[gateway]\nenabled = true\n[http]\nbind = \"[::1]:3000\"",
            true,
        ),
        (
            "[gateway]\nenabled = true\n[http]\nbind = \"0.0.0.0:3000\"",
            false,
        ),
        (
            "[gateway]\nenabled = true\n[http]\nbind = \"192.0.2.1:3000\"",
            false,
        ),
        (
            "[gateway]\nenabled = true\naddresses = [\"192.0.2.7\"]\n[http]\nbind = \"0.0.0.0:3000\"",
            true,
        ),
        ("[http]\nbind = \"0.0.0.0:3000\"", true),
        // A proxy on this machine would make every client a gateway.
        (
            "[gateway]\nenabled = true\n[http]\ntrusted_proxies = [\"127.0.0.1\"]",
            false,
        ),
        (
            "[gateway]\nenabled = true\n[http]\ntrusted_proxies = [\"10.0.0.1\", \"::1/128\"]",
            false,
        ),
        (
            "[gateway]\nenabled = true\naddresses = [\"192.0.2.7\"]\n[http]\ntrusted_proxies = [\"127.0.0.1\"]",
            true,
        ),
        (
            "[gateway]\nenabled = true\n[http]\ntrusted_proxies = [\"10.0.0.1\"]",
            true,
        ),
        ("[http]\ntrusted_proxies = [\"127.0.0.1\"]", true),
    ] {
        let config = from_toml(text);
        let complaint = config.as_ref().err().map(|error| format!("{error:#}"));
        assert_eq!(config.is_ok(), accepted, "{text}: {complaint:?}");
        assert!(
            accepted || complaint.is_some_and(|complaint| complaint.contains("gateway.addresses"))
        );
    }
    assert_eq!(Config::default().http().unwrap().gateway, None);
    let listed = from_toml("[gateway]\nenabled = true\naddresses = [\"192.0.2.7\"]").unwrap();
    let gateway = listed.http().unwrap().gateway.unwrap();
    assert_eq!(
        gateway.addresses,
        ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()]
    );
}

#[test]
fn what_protects_the_market_is_on_record() {
    let before = Config::default().record();
    for (text, name) in [
        ("[limits]\nread_burst = 7", "quotas"),
        ("[limits]\nwrite_per_second = 0", "quotas"),
        ("[limits]\nstream_burst = 7", "quotas"),
        ("[limits]\nlogin_per_minute = 7", "quotas"),
        ("[limits]\ncallback_burst = 7", "quotas"),
        ("[limits]\naddress_per_second = 7", "quotas"),
        (
            "[http]\ntrusted_proxies = [\"10.0.0.1\"]",
            "trusted_proxies",
        ),
        (
            "[gateway]\naddresses = [\"192.0.2.7\"]",
            "gateway_addresses",
        ),
        ("[passwords]\npasses = 3", "passwords"),
        ("[redis]\nurl = \"redis://:s3cret@localhost\"", "redis"),
    ] {
        let after = from_toml(text).unwrap().record();
        let of = |record: &serde_json::Value| [record[name].clone(), record["edge"][name].clone()];
        assert_ne!(of(&after), of(&before), "{text}");
        assert!(!after.to_string().contains("s3cret"), "{after}");
    }
    let secret = "s3cret".repeat(8);
    let text = format!("[callbacks.secrets]\nbank = \"{secret}\"");
    let record = from_toml(&text).unwrap().record();
    assert_eq!(
        record["edge"]["callback_providers"],
        serde_json::json!(["bank"])
    );
    assert!(!record.to_string().contains("s3cret"), "{record}");
}

#[test]
fn a_limit_of_zero_is_off() {
    let quotas = from_toml("[limits]\nread_per_second = 0").unwrap().quotas();
    assert_eq!(quotas.read, None);
    let others = Quotas {
        read: Config::default().quotas().read,
        ..quotas
    };
    assert_eq!(others, Config::default().quotas());
    assert_eq!(others.write.map(Quota::burst), Some(100));
}
