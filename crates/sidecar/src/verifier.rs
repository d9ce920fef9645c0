//! Signatures by Ed25519, checked together when they arrive together.
//!
//! Whoever finds the queue empty leads: it lets everything else that is ready in this turn of the event loop run first, then
//! verifies all that have joined as one batch. No timer: alone, a signature waits for nothing, and the busier the sidecar
//! is, the larger its batches (50 us for one, 26 us each in a batch of sixteen keys, 15 us of one key). A batch and a
//! single verification give the same answer ([`rampart_protocol::ed25519`]), so what is served can be proven to the ledger.
//!
//! A batch with a bad signature in it is verified again one by one. So that a stranger cannot spoil batches with
//! signatures that he makes up under somebody's purchase, a key under which one failed is left out of them for a while.

use rampart_protocol::ed25519::{self, Signed};
use rampart_protocol::{AccessKey, Bytes};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Signatures verified in one go: some 1.5 ms of a core.
const MAX_BATCH: usize = 64;
/// How long a key under which a signature failed is verified by itself.
const SUSPECT_FOR: Duration = Duration::from_secs(60);
/// Keys so remembered.
const MAX_SUSPECTS: usize = 4096;

/// Verifies the signatures of one sidecar.
#[derive(Debug, Default)]
pub struct Verifier {
    alone: bool,
    waiting: Mutex<Vec<Waiting>>,
    suspects: Mutex<BTreeMap<AccessKey, Instant>>,
}

#[derive(Debug)]
struct Waiting {
    key: AccessKey,
    message: Bytes,
    signature: [u8; 64],
    answer: oneshot::Sender<bool>,
}

impl Waiting {
    fn signed(&self) -> Signed<'_> {
        Signed {
            key: &self.key,
            message: &self.message,
            signature: &self.signature,
        }
    }
}

/// Verifies what waits when it is dropped, so that those who joined get their answer even if the leader goes away.
struct Leader<'a>(&'a Verifier);

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let waiting = core::mem::take(&mut *self.0.waiting());
        let mut rest = waiting.as_slice();
        let mut outcomes = Vec::with_capacity(waiting.len());
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(rest.len().min(MAX_BATCH));
            outcomes.extend(verify_all(batch));
            rest = after;
        }
        for (waiting, holds) in waiting.into_iter().zip(outcomes) {
            if !holds {
                self.0.suspect(waiting.key);
            }
            // Whoever hung up needs no answer.
            let _ = waiting.answer.send(holds);
        }
    }
}

impl Verifier {
    /// One that makes no batches, for comparison.
    #[must_use]
    pub fn singly() -> Self {
        Self {
            alone: true,
            ..Self::default()
        }
    }

    /// Whether a signature holds.
    pub async fn verify(&self, key: &AccessKey, message: &Bytes, signature: &[u8; 64]) -> bool {
        if self.alone || self.is_suspect(key) {
            let holds = ed25519::verify(&Signed {
                key,
                message,
                signature,
            });
            if !holds {
                self.suspect(*key);
            }
            return holds;
        }
        let (answer, answered) = oneshot::channel();
        let leads = {
            let mut waiting = self.waiting();
            waiting.push(Waiting {
                key: *key,
                message: message.clone(),
                signature: *signature,
                answer,
            });
            waiting.len() == 1
        };
        if leads {
            let leader = Leader(self);
            tokio::task::yield_now().await;
            drop(leader);
        }
        // The leader answers all.
        answered.await.unwrap_or(false)
    }

    fn is_suspect(&self, key: &AccessKey) -> bool {
        let suspects = self.suspects();
        suspects.get(key).is_some_and(|at| at.elapsed() < SUSPECT_FOR)
    }

    fn suspect(&self, key: AccessKey) {
        let mut suspects = self.suspects();
        if suspects.len() >= MAX_SUSPECTS {
            suspects.retain(|_, at| at.elapsed() < SUSPECT_FOR);
        }
        if suspects.len() < MAX_SUSPECTS {
            suspects.insert(key, Instant::now());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting
            .lock()
            .expect("nothing panics while it holds this lock")
    }

    fn suspects(&self) -> MutexGuard<'_, BTreeMap<AccessKey, Instant>> {
        self.suspects
            .lock()
            .expect("nothing panics while it holds this lock")
    }
}

/// Whether each signature holds.
fn verify_all(batch: &[Waiting]) -> Vec<bool> {
    let signed: Vec<Signed<'_>> = batch.iter().map(Waiting::signed).collect();
    let singly = |signed: &[Signed<'_>]| signed.iter().map(ed25519::verify).collect();
    if signed.len() < 2 {
        return singly(&signed);
    }
    // 128 bits each from a generator that is reseeded from the system's: no signer can foresee them.
    let coefficients: Vec<u128> = signed.iter().map(|_| rand::random()).collect();
    if ed25519::verify_batch(&signed, &coefficients) {
        vec![true; signed.len()]
    } else {
        singly(&signed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use futures::future::join_all;
    use rampart_protocol::B256;
    use std::sync::Arc;

    fn sign(seed: u8, message: &str) -> (AccessKey, Bytes, [u8; 64]) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let message = Bytes::copy_from_slice(message.as_bytes());
        let signature = key.sign(&message).to_bytes();
        (
            AccessKey(B256::from(key.verifying_key().to_bytes())),
            message,
            signature,
        )
    }

    #[tokio::test]
    async fn each_of_a_batch_gets_its_own_answer() {
        let verifier = Verifier::default();
        let mut all: Vec<_> = (0..200_u8)
            .map(|n| sign(n % 7, &format!("message {n}")))
            .collect();
        for bad in [0, 13, 199] {
            all[bad].2[3] ^= 1;
        }
        for _ in 0..2 {
            let answers = join_all(
                all.iter()
                    .map(|(key, message, signature)| verifier.verify(key, message, signature)),
            )
            .await;
            for (n, holds) in answers.into_iter().enumerate() {
                assert_eq!(holds, ![0, 13, 199].contains(&n), "{n}");
            }
            assert!(verifier.waiting().is_empty());
        }
        assert_eq!(verifier.suspects().len(), 3, "keys 0, 6 and 3");
    }

    #[tokio::test]
    async fn those_who_joined_are_answered_though_their_leader_went_away() {
        let verifier = Arc::new(Verifier::default());
        let (key, message, signature) = sign(1, "one");
        let mut leader = Box::pin(verifier.verify(&key, &message, &signature));
        assert!(futures::poll!(leader.as_mut()).is_pending());
        let (other, text, its) = sign(2, "two");
        let mut joined = Box::pin(verifier.verify(&other, &text, &its));
        assert!(futures::poll!(joined.as_mut()).is_pending());
        drop(leader);
        assert!(joined.await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_is_forgotten_on_several_threads() {
        let verifier = Arc::new(Verifier::default());
        let tasks: Vec<_> = (0..500_u32)
            .map(|n| {
                let verifier = Arc::clone(&verifier);
                tokio::spawn(async move {
                    let (key, message, mut signature) = sign((n % 5) as u8, &n.to_string());
                    signature[40] ^= u8::from(n % 50 == 0);
                    (n % 50 != 0) == verifier.verify(&key, &message, &signature).await
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
    }
}
