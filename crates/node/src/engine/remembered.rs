//! The committees of past epochs, on disk.
//!
//! The state knows the last two only. Those before are needed longer: the checkpoint at an epoch's end may have to wait for
//! the chain, and operators that join ask for one handover after the other. A restart must not forget them.

use super::committees::{Committees, REMEMBERED};
use super::runtime::Runtime;
use alloy_rlp::Decodable as _;
use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_storage::metadata::{self, Metadata};
use rampart_protocol::{Domain, Operator, OperatorSet};

/// Largest committee, bytes: 256 seats of less than a hundred.
const MAX_COMMITTEE: usize = 32 * 1024;

/// Why committees cannot be remembered.
pub type RememberedError = metadata::Error;

/// The committees of past epochs.
pub(super) struct Remembered<E: Runtime> {
    committees: Committees,
    stored: Metadata<E, u64, Bytes>,
}

impl<E: Runtime> Remembered<E> {
    /// Opens the store and tells what is in it.
    pub(super) async fn open(
        context: E,
        partition: String,
        committees: Committees,
        domain: Domain,
    ) -> Result<Self, RememberedError> {
        let config = metadata::Config {
            partition,
            codec_config: RangeCfg::from(..=MAX_COMMITTEE),
        };
        let stored: Metadata<E, u64, Bytes> = Metadata::init(context, config).await?;
        for epoch in stored.keys() {
            let bytes = stored.get(epoch).map(Bytes::as_ref).unwrap_or_default();
            let learnt = Vec::<Operator>::decode(&mut &bytes[..])
                .map(|operators| committees.learn(*epoch, OperatorSet { domain, operators }));
            if !matches!(learnt, Ok(Ok(()))) {
                tracing::warn!(epoch, "a committee of the past is damaged; it is learnt anew");
            }
        }
        Ok(Self { committees, stored })
    }

    /// Stores each committee that becomes known. Returning means that the disk failed.
    pub(super) async fn run(mut self) {
        let mut newest = self.committees.watch();
        loop {
            let epoch = *newest.borrow_and_update();
            for epoch in epoch.saturating_sub(REMEMBERED)..=epoch {
                let set = self
                    .committees
                    .get(epoch)
                    .filter(|_| self.stored.get(&epoch).is_none());
                if let Some(set) = set {
                    self.stored.put(epoch, alloy_rlp::encode(&set.operators).into());
                }
            }
            self.stored
                .retain(|stored, _| *stored >= epoch.saturating_sub(REMEMBERED));
            self.stored = match self.stored.sync().await {
                Ok(stored) => stored,
                Err(error) => {
                    tracing::error!(%error, "the committees cannot be stored");
                    return;
                }
            };
            if newest.changed().await.is_err() {
                return;
            }
        }
    }
}
