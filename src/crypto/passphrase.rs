//! Passphrases: argon2id with a secret pepper, a bounded number at a time.
//!
//! One hash takes about 19 MiB and 20 ms. So no more than a fixed number run at once, and when too
//! many wait already the next is turned away: otherwise whoever sends passphrases could take all
//! memory and all threads. What becomes a passphrase is judged there too, in `strength`.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::domain::proof::{Factor, Proof};

mod strength;

pub use strength::{Unsuitable, presentable};

/// OWASP's second set of parameters for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;

/// How many may wait for each that runs.
const WAITING_PER_RUNNING: usize = 8;

/// Makes and checks passphrase hashes.
pub struct Hasher {
    pepper: Arc<Zeroizing<[u8; 32]>>,
    running: Arc<Semaphore>,
    // One permit for each that runs or waits; without one a caller is turned away.
    admitted: Arc<Semaphore>,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The passphrase is the one that was hashed.
    pub matched: bool,
    /// It matched, and the hash was made with other parameters than today's: hash it again.
    pub rehash: bool,
}

/// What was found, for the decision to judge. `document_version` is the version of the row that the hash came
/// from.
pub fn proof(verified: Verified, document_version: i64) -> Proof {
    Proof::new(Factor::Passphrase, document_version, verified.matched.then_some(0))
}

impl Hasher {
    /// At most `parallel` hashes (at least one) are computed at once. The pepper is kept apart from
    /// the database, so that a copy of that alone lets nobody guess.
    pub fn new(pepper: [u8; 32], parallel: usize) -> Self {
        let parallel = parallel.clamp(1, 1_024);
        Self {
            pepper: Arc::new(Zeroizing::new(pepper)),
            running: Arc::new(Semaphore::new(parallel)),
            admitted: Arc::new(Semaphore::new(parallel * (1 + WAITING_PER_RUNNING))),
        }
    }

    /// The hash of a new passphrase, if it may become one. `known` is what everybody who knows the person
    /// tries first, such as their address.
    pub async fn accept(
        &self,
        passphrase: Zeroizing<String>,
        salt: [u8; 16],
        known: Vec<Zeroizing<String>>,
    ) -> Result<String, NotAccepted> {
        // Nobody waits in line for what is too long or too short.
        strength::length(&passphrase).map_err(NotAccepted::Unsuitable)?;
        let hashed = self.compute(move |argon2| {
            strength::suitable(&passphrase, &known)?;
            Ok(hash(argon2, &passphrase, salt))
        });
        match hashed.await {
            Ok(hashed) => hashed.map_err(NotAccepted::Unsuitable),
            Err(Busy) => Err(NotAccepted::Busy),
        }
    }

    /// The hash of a passphrase, as a PHC string.
    #[cfg(test)]
    async fn hash(&self, passphrase: Zeroizing<String>, salt: [u8; 16]) -> Result<String, Busy> {
        self.compute(move |argon2| hash(argon2, &passphrase, salt)).await
    }

    /// Compares a passphrase with a hash, using the parameters that the hash was made with. A text
    /// that is not an argon2id hash matches nothing.
    pub async fn verify(&self, passphrase: Zeroizing<String>, phc: String) -> Result<Verified, Busy> {
        self.compute(move |argon2| compare(argon2, &passphrase, &phc)).await
    }

    async fn compute<T, F>(&self, work: F) -> Result<T, Busy>
    where
        T: Send + 'static,
        F: FnOnce(&Argon2<'_>) -> T + Send + 'static,
    {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_full| Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_closed| Busy)?;
        let pepper = Arc::clone(&self.pepper);
        let computed = tokio::task::spawn_blocking(move || {
            // The permits go along: a caller that gives up doesn't free memory that is still in use.
            let _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (admitted, running);
            work(&argon2_with(&pepper))
        });
        match computed.await {
            Ok(value) => Ok(value),
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            // The runtime is going down; the caller may ask another server.
            Err(_cancelled) => Err(Busy),
        }
    }
}

fn argon2_with(pepper: &[u8; 32]) -> Argon2<'_> {
    Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, today())
        .expect("a pepper of 32 bytes is not too long")
}

fn today() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))
        .expect("the constants are within the limits of argon2")
}

fn hash(argon2: &Argon2<'_>, passphrase: &str, salt: [u8; 16]) -> String {
    argon2
        .hash_password_with_salt(passphrase.as_bytes(), &salt)
        .expect("the parameters are constants and the salt has 16 bytes")
        .to_string()
}

fn compare(argon2: &Argon2<'_>, passphrase: &str, phc: &str) -> Verified {
    const NOTHING: Verified = Verified { matched: false, rehash: false };
    let Ok(hash) = PasswordHash::new(phc) else { return NOTHING };
    if Algorithm::try_from(hash.algorithm.as_str()) != Ok(Algorithm::Argon2id) {
        return NOTHING;
    }
    let Ok(params) = Params::try_from(&hash) else { return NOTHING };
    let matched = argon2.verify_password(passphrase.as_bytes(), &hash).is_ok();
    let current = params.m_cost() == MEMORY_KIB
        && params.t_cost() == PASSES
        && params.p_cost() == LANES
        && params.output_len() == Some(OUTPUT_BYTES)
        && hash.version == Some(Version::V0x13.into());
    Verified { matched, rehash: matched && !current }
}

/// Too many passphrases wait already. Nothing was compared; ask again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many passphrases are being hashed")
    }
}

impl std::error::Error for Busy {}

/// Why a new passphrase was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAccepted {
    /// Too many wait already.
    Busy,
    /// It may not become one.
    Unsuitable(Unsuitable),
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn text(passphrase: &str) -> Zeroizing<String> {
        Zeroizing::new(passphrase.to_owned())
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_salt_pepper_and_today_s_parameters() {
        let phc = Hasher::new([1; 32], 1).hash(text("a fine passphrase"), [2; 16]).await.unwrap();
        // Computed with another implementation (OpenSSL's): secret 01…01, salt 02…02.
        assert_eq!(phc, REFERENCE);
    }

    #[tokio::test]
    async fn only_the_same_passphrase_and_pepper_match() {
        let hasher = Hasher::new([1; 32], 2);
        let verify = |hasher: Hasher, passphrase: &str| {
            let passphrase = text(passphrase);
            async move { hasher.verify(passphrase, REFERENCE.to_owned()).await.unwrap() }
        };
        assert_eq!(verify(hasher, "a fine passphrase").await, Verified { matched: true, rehash: false });
        for (pepper, passphrase) in [(1, "a fine passphrasf"), (1, ""), (2, "a fine passphrase")] {
            let found = verify(Hasher::new([pepper; 32], 1), passphrase).await;
            assert_eq!(found, Verified { matched: false, rehash: false }, "{pepper} {passphrase}");
        }
    }

    #[tokio::test]
    async fn a_hash_with_older_parameters_matches_and_asks_to_be_made_again() {
        let weak = Argon2::new_with_secret(
            &[1; 32],
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8 * 1_024, 1, 1, None).unwrap(),
        )
        .unwrap();
        let phc = weak.hash_password_with_salt(b"a fine passphrase", &[2; 16]).unwrap().to_string();
        let hasher = Hasher::new([1; 32], 1);
        let found = hasher.verify(text("a fine passphrase"), phc.clone()).await.unwrap();
        assert_eq!(found, Verified { matched: true, rehash: true });
        let found = hasher.verify(text("another passphrase"), phc).await.unwrap();
        assert_eq!(found, Verified { matched: false, rehash: false });
    }

    #[tokio::test]
    async fn what_is_no_argon2id_hash_matches_nothing() {
        let hasher = Hasher::new([1; 32], 1);
        let argon2i = REFERENCE.replacen("argon2id", "argon2i", 1);
        let (head, _hash) = REFERENCE.rsplit_once('$').unwrap();
        for phc in ["", "plain", "$2b$10$abcdefghijklmnopqrstuv", &argon2i, head] {
            let found = hasher.verify(text("a fine passphrase"), phc.to_owned()).await.unwrap();
            assert_eq!(found, Verified { matched: false, rehash: false }, "{phc}");
        }
    }

    #[tokio::test]
    async fn when_enough_wait_the_next_is_turned_away() {
        let hasher = Hasher::new([1; 32], 1);
        let running = Arc::clone(&hasher.running).acquire_owned().await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..=WAITING_PER_RUNNING {
            waiting.push(Box::pin(hasher.hash(text("a fine passphrase"), [2; 16])));
            let first_poll = waiting.last_mut().unwrap().as_mut().now_or_never();
            assert_eq!(first_poll, None, "it waits");
        }
        assert_eq!(hasher.hash(text("a fine passphrase"), [2; 16]).await, Err(Busy));
        // Whoever gives up makes room for another.
        waiting.truncate(1);
        drop(running);
        assert!(waiting.pop().unwrap().await.is_ok());
        assert!(hasher.hash(text("a fine passphrase"), [2; 16]).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_unsuitable_is_not_hashed_and_what_is_too_long_does_not_wait() {
        let hasher = Hasher::new([1; 32], 1);
        let accept = |passphrase: &str| hasher.accept(text(passphrase), [2; 16], Vec::new());
        assert_eq!(accept("a fine passphrase").await.as_deref(), Ok(REFERENCE));
        let guessable = Err(NotAccepted::Unsuitable(Unsuitable::Guessable));
        assert_eq!(accept("Password1!").await, guessable);
        let _running = Arc::clone(&hasher.running).acquire_owned().await.unwrap();
        let too_long = accept(&"x".repeat(1_000_000)).now_or_never();
        assert_eq!(too_long, Some(Err(NotAccepted::Unsuitable(Unsuitable::TooLong))));
        assert_eq!(accept("Password1!").now_or_never(), None, "it is judged among those that are hashed");
    }

    const REFERENCE: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AgICAgICAgICAgICAgICAg$HGeJ25eRp6pDJY5JgJyO3MawVTKGKnzAZxFIZglPwQU";
}
