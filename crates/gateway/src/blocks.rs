//! Blocks of sequence numbers at a sidecar (`rampart_protocol::request_block`): opened by one signature, used by MACs.
//!
//! A block covers what [`crate::sequence`] has reserved on disk, so it is this gateway's alone. While one is being opened the
//! other requests of the purchase wait, for a number that the access key signs meanwhile would spoil the block. What a
//! sidecar does not open is signed by the access key, request by request.

use crate::asking::refusal;
use crate::client::HttpClient;
use crate::purchase::Purchase;
use rampart_protocol::Sequence;
use rampart_protocol::mac::{AgreementSecret, MacKey, Side};
use rampart_protocol::request_block::{BlockOpened, MAX_BODY, OpenBlock};
use tokio::sync::Mutex;

/// Seconds for which a sidecar that opened no block is not asked for another.
const PAUSE: u64 = 60;
/// Blocks whose keys are kept.
const KEPT: usize = 8;

/// The blocks of one purchase.
#[derive(Debug)]
pub struct Blocks {
    secret: AgreementSecret,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest last; a request may still come with a number of one before.
    open: Vec<Block>,
    /// Unix seconds before which no block is asked for.
    not_before: u64,
}

#[derive(Debug)]
struct Block {
    from: Sequence,
    to: Sequence,
    key: MacKey,
}

impl Blocks {
    pub fn new() -> Self {
        Self {
            secret: AgreementSecret::new(rand::random()),
            state: Mutex::default(),
        }
    }

    /// The key for `sequence`, of the open block or of a new one; nothing when there is none with that number.
    pub async fn key(
        &self,
        purchase: &Purchase,
        client: &HttpClient,
        sequence: Sequence,
        now: u64,
    ) -> Option<MacKey> {
        let mut state = self.state.lock().await;
        let with = |block: &&Block| block.from <= sequence && sequence <= block.to;
        if let Some(block) = state.open.iter().find(with) {
            return Some(block.key.clone());
        }
        if state.open.last().is_some_and(|newest| sequence < newest.from) {
            return None;
        }
        let to = purchase.reserved().await;
        if now < state.not_before || to <= sequence {
            return None;
        }
        let Some(block) = self.open(purchase, client, sequence, to, now).await else {
            state.not_before = now.saturating_add(PAUSE);
            return None;
        };
        let key = block.key.clone();
        if state.open.len() >= KEPT {
            state.open.remove(0);
        }
        state.open.push(block);
        Some(key)
    }

    /// Gives the open blocks up.
    pub async fn forget(&self) {
        self.state.lock().await.open.clear();
    }

    async fn open(
        &self,
        purchase: &Purchase,
        client: &HttpClient,
        from: Sequence,
        to: Sequence,
        now: u64,
    ) -> Option<Block> {
        let asked = OpenBlock {
            from,
            key: self.secret.public(),
        };
        let log = |reason: &dyn std::fmt::Display| {
            tracing::warn!(purchase = %purchase.record.id, %reason, "the sidecar opens no block of requests");
        };
        let body = serde_json::to_vec(&asked).ok()?;
        let request = purchase
            .block_request(to, body.into(), now)
            .inspect_err(|error| log(error))
            .ok()?;
        let response = client
            .send_and_read(request, MAX_BODY)
            .await
            .inspect_err(|error| log(error))
            .ok()?;
        if let Some(code) = refusal(&response) {
            log(&code);
            return None;
        }
        let opened: BlockOpened = serde_json::from_slice(response.body())
            .inspect_err(|error| log(error))
            .ok()?;
        if (opened.from, opened.to) != (from, to) {
            log(&"it answered with other numbers");
            return None;
        }
        purchase.set_known(true);
        let key = self
            .secret
            .agree(Side::Consumer, &opened.key, purchase.record.id)?;
        Some(Block { from, to, key })
    }
}
