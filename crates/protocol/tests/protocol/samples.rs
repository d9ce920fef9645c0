//! One value of every type, with every field different, so that no two can be mixed up unseen.

pub use crate::message_samples::{messages, purchase};
pub use crate::observation_samples::{actions, observations};
use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use k256::ecdsa::SigningKey;
use rampart_protocol::{
    AccessKey, Amount, Body, Checkpoint, Confirmation, Domain, FinalizedBlock, Header, Message, ProviderId,
    PurchaseId, PurchaseRecord, ServiceId, SignedCheckpoint, SignedTransaction, Timestamp, merkle,
};

/// keccak-256 of a phrase, as the scripts of `contracts/` do it.
pub fn phrase(text: &str) -> B256 {
    keccak256(format!("rampart vector {text}"))
}

/// Linea's chain id and an address that nobody owns.
pub const fn domain() -> Domain {
    Domain {
        chain_id: 59144,
        settlement: alloy_primitives::address!("5e771e00000000000000000000000000000000a1"),
    }
}

/// A secp256k1 key for tests and for nothing else.
pub struct Account(pub SigningKey);

impl Account {
    pub fn new(name: &str) -> Self {
        Self(SigningKey::from_slice(phrase(name).as_slice()).unwrap())
    }

    pub fn address(&self) -> Address {
        Address::from_public_key(self.0.verifying_key())
    }

    /// `r || s || v` with low s.
    pub fn sign(&self, digest: &B256) -> FixedBytes<65> {
        let (signature, recovery) = self.0.sign_prehash_recoverable(digest.as_slice()).unwrap();
        assert!(signature.normalize_s().is_none(), "the signer makes low s");
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + recovery.to_byte();
        FixedBytes(bytes)
    }
}

/// The order of secp256k1.
pub fn secp256k1_order() -> U256 {
    U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    )
    .unwrap()
}

/// The message, signed by the account that the purchase names.
pub fn signed(message: Message) -> SignedTransaction {
    let signature = Account::new("account").sign(&message.signing_hash(&domain()));
    SignedTransaction {
        message,
        signature: signature.into(),
    }
}

pub fn checkpoint() -> Checkpoint {
    Checkpoint {
        epoch: 3,
        height: 4_294_967_296,
        state_root: phrase("state"),
        withdrawals_root: phrase("withdrawals"),
        exit_root: phrase("exits"),
        inbox_count: 129,
        next_operator_set: phrase("operators"),
    }
}

pub fn signed_checkpoint() -> SignedCheckpoint {
    let checkpoint = checkpoint();
    SignedCheckpoint {
        checkpoint,
        signature: Account::new("operator").sign(&checkpoint.signing_hash(&domain())),
    }
}

pub fn record(number: u64) -> PurchaseRecord {
    PurchaseRecord {
        id: PurchaseId(phrase(&format!("purchase {number}"))),
        consumer: Address::from_word(phrase(&format!("consumer {number}"))),
        provider: ProviderId(1 + number % 3),
        service: ServiceId(1 + number),
        version: 7,
        fee: Amount(12_500_000_000_000_000_000),
        requests: 10_000,
        access_key: AccessKey(phrase(&format!("access key {number}"))),
        purchased_at: Timestamp(1_700_000_000 + number),
        expires_at: Timestamp(1_800_000_000 + number),
    }
}

pub fn header() -> Header {
    Header {
        epoch: 3,
        view: 300,
        leader: phrase("leader"),
        parent_view: 299,
        parent: phrase("parent"),
        height: 70_000,
        timestamp_ms: 1_700_000_000_123,
        transactions_root: phrase("transactions"),
        confirmations_root: B256::ZERO,
        state_root: phrase("state"),
        state_start: 0,
        state_end: 255,
        withdrawals_root: phrase("withdrawals"),
        inbox_count: 129,
        next_operators: phrase("operators"),
    }
}

/// The block after `parent`.
pub fn child(parent: &Header) -> Header {
    Header {
        view: parent.view + 2,
        parent_view: parent.view,
        parent: parent.digest(),
        height: parent.height + 1,
        timestamp_ms: parent.timestamp_ms + 500,
        confirmations_root: B256::ZERO,
        ..parent.clone()
    }
}

/// The confirmation of record `index` of `count` in one block, certified `depth` blocks later by bytes that are no certificate.
pub fn confirmation(index: usize, count: u64, depth: usize) -> Confirmation {
    let records: Vec<PurchaseRecord> = (0..count).map(record).collect();
    let leaves: Vec<B256> = records.iter().map(PurchaseRecord::leaf).collect();
    let header = Header {
        confirmations_root: merkle::root(&leaves),
        ..header()
    };
    let mut descendants = Vec::new();
    for _ in 0..depth {
        descendants.push(child(descendants.last().unwrap_or(&header)));
    }
    Confirmation {
        record: records[index],
        proof: merkle::proof(&leaves, index).unwrap(),
        header,
        descendants,
        finalization: Bytes::from_static(b"certificate"),
    }
}

/// A block with a body, certified two blocks later by bytes that are no certificate.
pub fn finalized_block() -> FinalizedBlock {
    let header = Header {
        transactions_root: body().root(),
        ..header()
    };
    let first = child(&header);
    FinalizedBlock {
        descendants: vec![first.clone(), child(&first)],
        header,
        body: body(),
        finalization: Bytes::from_static(b"certificate"),
    }
}

pub fn body() -> Body {
    Body {
        observations: observations(),
        transactions: messages().into_iter().map(signed).collect(),
    }
}
