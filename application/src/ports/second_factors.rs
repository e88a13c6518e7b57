//! One-time codes of authenticators (TOTP, RFC 6238) and recovery codes.

use p2p_domain::second_factor::{PresentedCode, SealedSecret};
use p2p_domain::user::Email;
use p2p_domain::{SecondFactor, Timestamp};

/// A new secret, in the forms that its owner needs. Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// For storage.
    pub sealed: SealedSecret,
    /// In base 32, for typing.
    pub secret: String,
    /// `otpauth://…`, for authenticators.
    pub uri: String,
    /// The URI as a QR code.
    pub qr_svg: String,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

/// A stored secret can't be used: a defect, or a key that is no longer configured.
#[derive(Debug, thiserror::Error)]
#[error("second factors: {0}")]
pub struct SecondFactorError(pub String);

/// Creates and checks second factors. Pure computation, except for the randomness of new secrets.
pub trait SecondFactors: Send + Sync {
    /// A new secret for the owner of this address. The sealed form alone yields no codes and can't be used for another user.
    fn enrol(
        &self,
        user: p2p_domain::UserId,
        email: &Email,
    ) -> Result<Enrolment, SecondFactorError>;

    /// What this text is: a code of the present time step or of a neighbouring one, the digest of a possible recovery code, or
    /// neither. Takes constant time. Does not check whether the code was used before.
    fn present(
        &self,
        factor: &SecondFactor,
        text: &str,
        now: Timestamp,
    ) -> Result<PresentedCode, SecondFactorError>;

    /// A full set of new recovery codes, each with its digest. They can't be guessed.
    fn recovery_codes(&self) -> Result<Vec<(String, u128)>, SecondFactorError>;
}
