//! One-time codes by RFC 6238 as all authenticators make them (SHA-1, six digits, half a minute), and recovery codes.

mod recovery;
mod seal;

use p2p_application::ports::{Enrolment, SecondFactorError, SecondFactors};
use p2p_domain::second_factor::PresentedCode;
use p2p_domain::user::Email;
use p2p_domain::{SecondFactor, Timestamp, UserId};
use qrcode::QrCode;
use qrcode::render::svg;
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::random::random_bytes;
use seal::Sealer;

pub use seal::{SealSettings, ShortSecret};

const ISSUER: &str = "p2p-market";

/// As RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// In seconds.
const STEP: u64 = 30;

const DIGITS: usize = 6;

/// No code is longer, however it is written.
const MAX_LENGTH: usize = 64;

/// Makes and checks second factors.
#[derive(Clone)]
pub struct TotpSecondFactors {
    sealer: Sealer,
}

impl std::fmt::Debug for TotpSecondFactors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TotpSecondFactors").finish_non_exhaustive()
    }
}

impl TotpSecondFactors {
    /// Second factors whose secrets are sealed like this.
    pub fn new(settings: &SealSettings) -> Result<Self, ShortSecret> {
        let sealer = Sealer::new(settings)?;
        Ok(Self { sealer })
    }
}

impl SecondFactors for TotpSecondFactors {
    fn enrol(&self, user: UserId, email: &Email) -> Result<Enrolment, SecondFactorError> {
        let secret = random_bytes::<SECRET_BYTES>().map_err(|error| failed(&error))?;
        let secret = Zeroizing::new(secret);
        let totp = builder(secret.as_slice())
            .with_issuer(Some(ISSUER))
            // A colon would end the issuer's name.
            .with_account_name(email.as_str().replace(':', ""))
            .build()
            .map_err(|error| failed(&error))?;
        let uri = totp.to_url().map_err(|error| failed(&error))?;
        let code = QrCode::new(&uri).map_err(|error| failed(&error))?;
        let mut picture = code.render::<svg::Color<'_>>();
        Ok(Enrolment {
            sealed: self.sealer.seal(user, secret.as_slice())?,
            secret: totp.secret().to_base32(),
            qr_svg: picture.min_dimensions(240, 240).build(),
            uri,
        })
    }

    fn present(
        &self,
        factor: &SecondFactor,
        text: &str,
        now: Timestamp,
    ) -> Result<PresentedCode, SecondFactorError> {
        let secret = self.sealer.open(factor.user, &factor.secret)?;
        let totp = builder(secret.as_slice()).build();
        let totp = totp.map_err(|error| failed(&error))?;
        let between = |letter: &char| !letter.is_whitespace() && *letter != '-';
        let text: String = text.chars().take(MAX_LENGTH).filter(between).collect();
        // Runs in full for any text, so that timing reveals nothing.
        let step = matching_step(&totp, &text, now);
        let code = recovery::normalised(&text);
        let digest = recovery::digest(code.as_deref().unwrap_or_default());
        Ok(match (step, code) {
            (Some(step), _) => PresentedCode::Code { step },
            (None, Some(_)) => PresentedCode::Recovery { digest },
            (None, None) => PresentedCode::Wrong,
        })
    }

    fn recovery_codes(&self) -> Result<Vec<(String, u128)>, SecondFactorError> {
        (0..SecondFactor::RECOVERY_CODES)
            .map(|_| recovery::fresh().map_err(|error| failed(&error)))
            .collect()
    }
}

/// The last of the present time step and those beside it that has this code.
fn matching_step(totp: &Totp, text: &str, now: Timestamp) -> Option<u64> {
    let present = seconds(now) / STEP;
    let mut matching = None;
    for step in present.saturating_sub(1)..=present + 1 {
        let code = totp.generate(step * STEP).to_string();
        if bool::from(code.as_bytes().ct_eq(text.as_bytes())) {
            matching = Some(step);
        }
    }
    matching.filter(|_| text.len() == DIGITS)
}

fn builder(secret: &[u8]) -> Builder {
    Builder::new().with_secret(secret)
}

/// The code that an authenticator with this secret (in base 32) shows now; `None` where it is no secret. For demonstrations and
/// scripts, which have no telephone.
#[must_use]
pub fn present_code(secret: &str, now: Timestamp) -> Option<String> {
    let compact = secret.chars().filter(|letter| !letter.is_whitespace());
    let compact: String = compact.map(|letter| letter.to_ascii_uppercase()).collect();
    let secret = Secret::try_from_base32(compact.trim_end_matches('=')).ok()?;
    let totp = Builder::new().with_secret(secret).build().ok()?;
    Some(totp.generate(seconds(now)).to_string())
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros() / 1_000_000).unwrap_or(0)
}

fn failed(error: &dyn std::fmt::Display) -> SecondFactorError {
    SecondFactorError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::TypedId;
    use std::time::Duration;

    const RFC: &[u8; 20] = b"12345678901234567890";
    const RFC_BASE_32: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn factors() -> TotpSecondFactors {
        let settings = SealSettings {
            secret: "long enough".repeat(3),
            old_secrets: vec![],
        };
        TotpSecondFactors::new(&settings).unwrap()
    }

    fn user() -> UserId {
        UserId::from_u128(1)
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0).after(Duration::from_secs(seconds))
    }

    /// With the secret of the RFC's examples.
    fn shown(text: &str, seconds: u64) -> PresentedCode {
        let sealed = factors().sealer.seal(user(), RFC).unwrap();
        let factor = SecondFactor::begin(user(), sealed);
        factors().present(&factor, text, at(seconds)).unwrap()
    }

    fn step_of(shown: PresentedCode) -> Option<u64> {
        match shown {
            PresentedCode::Code { step } => Some(step),
            PresentedCode::Recovery { .. } | PresentedCode::Wrong => None,
        }
    }

    /// RFC 6238, appendix B, of whose eight digits an authenticator shows the last six.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let code = &code[2..];
            assert_eq!(step_of(shown(code, seconds)), Some(seconds / 30));
            assert_eq!(present_code(RFC_BASE_32, at(seconds)).unwrap(), code);
        }
    }

    #[test]
    fn a_code_is_good_a_step_early_and_a_step_late() {
        let code = present_code(RFC_BASE_32, at(3_000)).unwrap();
        for (seconds, expected) in [
            (2_969, None),
            (2_970, Some(100)),
            (3_000, Some(100)),
            (3_029, Some(100)),
            (3_059, Some(100)),
            (3_060, None),
        ] {
            assert_eq!(step_of(shown(&code, seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_may_be_written_in_groups_and_nothing_else() {
        for code in ["287082", "287 082", " 287-082\n", "2 8 7 0 8 2"] {
            assert_eq!(step_of(shown(code, 59)), Some(1), "{code}");
        }
        for wrong in [
            "",
            "000000",
            "28708",
            "2870820",
            "+87082",
            "２８７０８２",
            "0x287082",
            "287082.0",
            "94287082",
        ] {
            assert_eq!(shown(wrong, 59), PresentedCode::Wrong, "{wrong}");
        }
        assert_eq!(shown(&"287082".repeat(100_000), 59), PresentedCode::Wrong);
    }

    #[test]
    fn recovery_codes_are_found_by_their_digest() {
        let codes = factors().recovery_codes().unwrap();
        assert_eq!(codes.len(), SecondFactor::RECOVERY_CODES);
        let mut digests: Vec<u128> = codes.iter().map(|(_, digest)| *digest).collect();
        for (code, digest) in &codes {
            let digest = *digest;
            for written in [code.clone(), code.to_uppercase(), code.replace('-', " ")] {
                assert_eq!(shown(&written, 59), PresentedCode::Recovery { digest });
            }
        }
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), codes.len());
    }

    #[test]
    fn an_enrolment_is_what_authenticators_read() {
        let email = Email::new("\"o:dd\" one+tag@example.com");
        let enrolment = factors().enrol(user(), &email).unwrap();
        let Enrolment {
            sealed,
            secret,
            uri,
            qr_svg,
        } = &enrolment;
        assert_eq!(secret.len(), 32);
        assert!(
            uri.starts_with("otpauth://totp/p2p-market:%22odd%22"),
            "{uri}"
        );
        assert!(uri.contains("issuer=p2p-market"), "{uri}");
        assert!(uri.contains(&format!("secret={secret}")), "{uri}");
        assert!(qr_svg.starts_with("<?xml") && qr_svg.ends_with("</svg>"));
        assert!(!qr_svg.contains("script"), "{qr_svg}");
        assert!(!sealed.expose().contains(secret.as_str()));
        assert!(!format!("{enrolment:?}").contains(secret.as_str()));
        let code = present_code(secret, at(3_000)).unwrap();
        let factor = SecondFactor::begin(user(), sealed.clone());
        let shown = factors().present(&factor, &code, at(3_000)).unwrap();
        assert_eq!(step_of(shown), Some(100));
        let again = factors().enrol(user(), &email).unwrap();
        assert_ne!(again.secret, *secret);
    }

    #[test]
    fn another_users_secret_is_an_error_and_no_answer() {
        let sealed = factors().sealer.seal(user(), RFC).unwrap();
        let stolen = SecondFactor::begin(UserId::from_u128(2), sealed);
        assert!(factors().present(&stolen, "287082", at(59)).is_err());
    }

    #[test]
    fn what_is_no_secret_has_no_code() {
        let written = "gezd gnbv gy3t qojq gezd gnbv gy3t qojq";
        assert!(present_code(written, at(59)).is_some());
        for none in ["", "GEZDGNBV", "0189", "не секрет"] {
            assert_eq!(present_code(none, at(59)), None, "{none}");
        }
    }
}
