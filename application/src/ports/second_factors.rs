//! One-time codes of authenticators (TOTP, RFC 6238) and recovery codes.

use p2p_domain::second_factor::{PresentedCode, SealedSecret};
use p2p_domain::user::Email;
use p2p_domain::{SecondFactor, Timestamp};

/// A new secret, as its owner needs it. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// For storage.
    pub sealed: SealedSecret,
    /// In base 32, to be typed in.
    pub secret: String,
    /// `otpauth://…`, which authenticators read.
    pub uri: String,
    /// The same as a picture: SVG.
    pub qr_svg: String,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

/// Something is wrong with the secrets: a defect, or a key that is not configured any more.
#[derive(Debug, thiserror::Error)]
#[error("second factors: {0}")]
pub struct SecondFactorError(pub String);

/// Makes and checks second factors. Pure computation, but for the randomness of new secrets.
pub trait SecondFactors: Send + Sync {
    /// A fresh secret for the owner of this address. Whoever reads storage alone can't make codes from what is sealed, nor use
    /// it for another user.
    fn enrol(
        &self,
        user: p2p_domain::UserId,
        email: &Email,
    ) -> Result<Enrolment, SecondFactorError>;

    /// What this text is worth: a code of the present time step or of one beside it, the digest of what may be a recovery
    /// code, or nothing. Takes the same time whatever it is. Whether it was shown before is not asked here.
    fn shown(
        &self,
        factor: &SecondFactor,
        text: &str,
        now: Timestamp,
    ) -> Result<PresentedCode, SecondFactorError>;

    /// Fresh recovery codes, each with its digest: as many as somebody gets, none of which can be guessed.
    fn recovery_codes(&self) -> Result<Vec<(String, u128)>, SecondFactorError>;
}
