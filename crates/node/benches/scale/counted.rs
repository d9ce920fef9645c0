//! Channels that count what is sent over them.

use bytes::Bytes;
use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{CheckedSender, LimitedSender, Recipients, simulated::Sender};
use commonware_runtime::{IoBufs, deterministic::Context};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

type Inner = Sender<PublicKey, Context>;

/// Bytes sent by all operators, once for each recipient.
pub type Count = Arc<AtomicU64>;

/// A channel's sending half.
#[derive(Clone)]
pub struct Counted {
    pub inner: Inner,
    pub count: Count,
}

impl LimitedSender for Counted {
    type PublicKey = PublicKey;
    type Checked<'a> = Checked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Checked<'_>, SystemTime> {
        Ok(Checked {
            checked: self.inner.check(recipients)?,
            count: &self.count,
        })
    }
}

/// A message that may be sent.
pub struct Checked<'a> {
    checked: <Inner as LimitedSender>::Checked<'a>,
    count: &'a Count,
}

impl CheckedSender for Checked<'_> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.checked.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let message: Bytes = message.into().coalesce().into();
        let bytes = message.len() * self.checked.recipients().len();
        self.count.fetch_add(bytes as u64, Ordering::Relaxed);
        self.checked.send(message, priority)
    }
}
