//! The journal's cryptography: seal, commitments, authentication of states, signatures.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{QueueError, QueueKeys};
use crate::wire::Digest;
use crate::wire::signature::Signature;
use crate::world::Random;

/// What every header of this version names.
pub const ALGORITHMS: &str = "AES-256-GCM;SHA-256;HMAC-SHA-256;Ed25519";

/// The keys, made ready.
pub(super) struct Crypto {
    seal: LessSafeKey,
    commitment: hmac::Key,
    holder: hmac::Key,
    state: hmac::Key,
    signer: Ed25519KeyPair,
    pub(super) public_key: [u8; 32],
}

impl Crypto {
    pub(super) fn new(keys: &QueueKeys) -> Self {
        let hmac = |key: &[u8; 32]| hmac::Key::new(hmac::HMAC_SHA256, key);
        Self {
            // Invariant: AES-256 takes any 32 bytes.
            seal: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*keys.seal).expect("an AES-256 key is 32 bytes")),
            commitment: hmac(&keys.commitment),
            holder: hmac(&keys.holder),
            state: hmac(&keys.state),
            signer: keys.signer(),
            public_key: keys.public_key(),
        }
    }

    /// Nonce, ciphertext, tag; opens only with the same `about`.
    pub(super) fn seal(&self, plain: &[u8], about: &[u8], random: &dyn Random) -> Result<Vec<u8>, QueueError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let mut out = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        out.extend_from_slice(&nonce);
        let mut body = Zeroizing::new(plain.to_vec());
        let tag = self
            .seal
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut body)
            .map_err(|_| QueueError::Draft("the payload is too large to seal"))?;
        out.extend_from_slice(&body);
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    pub(super) fn open(&self, sealed: &[u8], about: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self.seal.open_in_place(nonce, Aad::from(about), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    /// What the header says of its payload. The id is in it, so that equal payloads do not show as equal.
    pub(super) fn commit_to(&self, id: Uuid, payload: &[u8]) -> Digest {
        keyed(&self.commitment, &[b"payload", id.as_bytes(), payload])
    }

    /// What a caller's key stands for.
    pub(super) fn content(&self, content: &[u8]) -> Digest {
        keyed(&self.commitment, &[b"content", content])
    }

    pub(super) fn idempotency(&self, key: &str) -> Digest {
        keyed(&self.holder, &[b"idempotency", key.as_bytes()])
    }

    /// The key by which a caller sends again what it asked for.
    pub(super) fn caller(&self, key: &str) -> Digest {
        keyed(&self.holder, &[b"caller", key.as_bytes()])
    }

    /// What a caller asked for.
    pub(super) fn asked(&self, asked: &[u8]) -> Digest {
        keyed(&self.commitment, &[b"asked", asked])
    }

    pub(super) fn holder(&self, holder: &[u8]) -> Digest {
        keyed(&self.holder, &[b"holder", holder])
    }

    pub(super) fn authenticate(&self, what: &[u8], fields: &[&[u8]]) -> Digest {
        let mut all = vec![what];
        all.extend_from_slice(fields);
        keyed(&self.state, &all)
    }

    /// Tells these keys from others without giving any of them away.
    pub(super) fn fingerprint(&self) -> [Digest; 3] {
        [&self.commitment, &self.holder, &self.state].map(|key| keyed(key, &[b"fingerprint"]))
    }

    /// The text says by itself what it is: no signature on a message is one on a head.
    pub(super) fn sign_message(&self, text: &[u8]) -> Signature {
        let mut out = [0; 64];
        out.copy_from_slice(self.signer.sign(text).as_ref());
        Signature(out)
    }

    pub(super) fn sign(&self, terminal: &str, sequence: u64, head: &Digest) -> Vec<u8> {
        self.sign_bytes(&signed(terminal, sequence, head))
    }

    /// Signs bytes that say by their first line what they are.
    pub(super) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.signer.sign(bytes).as_ref().to_vec()
    }
}

/// Whether `signature` is the terminal's over its chain's head.
pub fn head_is_signed(public_key: &[u8], terminal: &str, sequence: u64, head: &Digest, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(&signed(terminal, sequence, head), signature).is_ok()
}

fn signed(terminal: &str, sequence: u64, head: &Digest) -> Vec<u8> {
    format!("sbkd-group-1\n{terminal}\n{sequence}\n{head}\n").into_bytes()
}

/// HMAC over parts, each preceded by its length, so that no two lists of parts are the same bytes.
fn keyed(key: &hmac::Key, parts: &[&[u8]]) -> Digest {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    Digest(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::queue::tests::keys;
    use crate::world::SystemRandom;

    proptest! {
        #[test]
        fn sealed_is_opened_only_whole_and_in_its_place(
            plain in proptest::collection::vec(any::<u8>(), 0..200), flip in any::<prop::sample::Index>(), bit in 0..8u8,
        ) {
            let crypto = Crypto::new(&keys());
            let sealed = crypto.seal(&plain, b"here", &SystemRandom::default()).unwrap();
            let opened = crypto.open(&sealed, b"here").unwrap();
            prop_assert_eq!(&*opened, &plain);
            prop_assert!(crypto.open(&sealed, b"there").is_none());
            let mut broken = sealed.clone();
            let at = flip.index(broken.len());
            broken[at] ^= 1 << bit;
            prop_assert!(crypto.open(&broken, b"here").is_none());
            prop_assert!(crypto.open(&sealed[..sealed.len() - 1], b"here").is_none());
        }

        #[test]
        fn short_input_does_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(Crypto::new(&keys()).open(&bytes, b"").is_none());
        }
    }

    #[test]
    fn a_signature_holds_for_its_head_only() {
        let crypto = Crypto::new(&keys());
        let head = Digest([7; 32]);
        let signature = crypto.sign("T1", 9, &head);
        let public = crypto.public_key;
        assert!(head_is_signed(&public, "T1", 9, &head, &signature));
        assert!(!head_is_signed(&public, "T2", 9, &head, &signature));
        assert!(!head_is_signed(&public, "T1", 8, &head, &signature));
        assert!(!head_is_signed(&public, "T1", 9, &Digest([8; 32]), &signature));
    }

    #[test]
    fn lists_of_parts_do_not_run_together() {
        let crypto = Crypto::new(&keys());
        assert_ne!(crypto.authenticate(b"s", &[b"ab", b"c"]), crypto.authenticate(b"s", &[b"a", b"bc"]));
    }
}
