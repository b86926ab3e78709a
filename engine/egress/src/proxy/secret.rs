//! Who may use a proxy that every local process can reach.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::header::{HeaderMap, PROXY_AUTHORIZATION};
use subtle::ConstantTimeEq;

use crate::error::{EgressError, ErrorKind};

/// Random bytes of a password: more than can be guessed.
const SECRET_BYTES: usize = 24;

/// What a client of a proxy sends as `Proxy-Authorization: Basic …` (RFC 7617); random, and gone with the proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user, which is no secret.
    pub user: String,
    /// The password, of letters, digits, `-` and `_`.
    pub password: String,
}

impl Credentials {
    pub(super) fn random() -> Result<Self, EgressError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            EgressError::new(ErrorKind::Setup, format!("no random numbers for a password: {error}"))
        })?;
        Ok(Credentials { user: "zo".to_string(), password: URL_SAFE_NO_PAD.encode(bytes) })
    }

    /// The header's value: `Basic …`.
    pub fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }

    /// Whether a request has them.
    pub(super) fn are_in(&self, headers: &HeaderMap) -> bool {
        let Some(said) = headers.get(PROXY_AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return false };
        let Some((scheme, said)) = said.split_once(' ') else { return false };
        let own = STANDARD.encode(format!("{}:{}", self.user, self.password));
        // In constant time, so that nobody finds the password out piece by piece.
        scheme.eq_ignore_ascii_case("basic") && bool::from(said.trim().as_bytes().ct_eq(own.as_bytes()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}
