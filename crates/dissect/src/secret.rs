//! Secrets seen on the wire: matched against default lists, then kept only as HMAC-SHA-256 under the site's key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashSet;

/// The site's key and the default credentials to match against.
pub struct Secrets {
    key: Hmac<Sha256>,
    defaults: HashSet<Vec<u8>>,
}

/// What is kept of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// First 16 bytes of HMAC-SHA-256(site key, secret).
    pub hmac: [u8; 16],
    /// True where the (user, secret) pair is on a default list.
    pub default: bool,
}

impl Secrets {
    /// `key`: the site's key, any length. `pairs`: (user, secret); an SNMP community has the user "".
    pub fn new(key: &[u8], pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Secrets {
            key: Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length"),
            defaults: pairs.into_iter().map(|(user, secret)| Self::joined(&user, &secret)).collect(),
        }
    }

    fn joined(user: &[u8], secret: &[u8]) -> Vec<u8> {
        let mut joined = Vec::with_capacity(user.len() + secret.len() + 1);
        joined.extend_from_slice(user);
        joined.push(0);
        joined.extend_from_slice(secret);
        joined
    }

    /// Seal `secret`; the clear text is not kept anywhere.
    pub fn seal(&self, user: &[u8], secret: &[u8]) -> Sealed {
        let mut mac = self.key.clone();
        mac.update(secret);
        let digest = mac.finalize().into_bytes();
        let mut hmac = [0; 16];
        hmac.copy_from_slice(&digest[..16]);
        Sealed { hmac, default: self.defaults.contains(&Self::joined(user, secret)) }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} default pairs)", self.defaults.len())
    }
}
