//! What decoders are tried with: operators, what they really signed, and nobody else.

use commonware_codec::Encode as _;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Finalization, Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use commonware_cryptography::keccak256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use rampart_client::verify::participants;
use rampart_protocol::message::Transfer;
use rampart_protocol::{
    Address, Amount, B256, Bytes, Checkpoint, Confirmation, Domain, FinalizedBlock, Handover, Header, Nonce,
    Operator, OperatorSet, PurchaseRecord, SignedCheckpoint, SignedTransaction, merkle,
};
use std::sync::LazyLock;

/// The deployment.
pub const DOMAIN: Domain = Domain {
    chain_id: 59_144,
    settlement: Address::repeat_byte(0xa1),
};

/// The epoch of what is certified here.
pub const EPOCH: u64 = 0;

fn keys(seed: u64) -> Vec<PrivateKey> {
    let mut keys: Vec<_> = (seed..seed + 4).map(PrivateKey::from_seed).collect();
    keys.sort_by_key(PrivateKey::public_key);
    keys
}

fn set(seed: u64) -> OperatorSet {
    let operator = |key: PrivateKey| {
        let public_key = B256::from_slice(&key.public_key().encode());
        Operator {
            public_key,
            checkpoint_key: Address::from_word(public_key),
            weight: 1,
        }
    };
    OperatorSet {
        domain: DOMAIN,
        operators: keys(seed).into_iter().map(operator).collect(),
    }
}

/// The operators that are trusted.
pub fn operators() -> &'static OperatorSet {
    static OPERATORS: LazyLock<OperatorSet> = LazyLock::new(|| set(1));
    &OPERATORS
}

/// Three of the four operators certify a header: a quorum, of which none can be left out.
pub fn certified(header: &Header) -> Finalization<Scheme, Digest> {
    let committee = participants(operators()).expect("keys are keys");
    let namespace = operators().consensus_namespace();
    let scheme = |key| Scheme::signer(&namespace, committee.clone(), key).expect("it is of the committee");
    let schemes: Vec<Scheme> = keys(1).into_iter().map(scheme).collect();
    let round = Round::new(Epoch::new(header.epoch), View::new(header.view));
    let proposal = Proposal::new(round, View::new(header.parent_view), Digest(header.digest().0));
    let vote = |scheme| Finalize::sign(scheme, proposal.clone()).expect("it can sign");
    let votes: Vec<_> = schemes[..3].iter().map(vote).collect();
    Finalization::from_finalizes(&schemes[0], non_empty![@&votes], &Sequential).expect("a quorum")
}

fn header() -> Header {
    Header {
        epoch: EPOCH,
        view: 3,
        parent_view: 2,
        height: 7,
        state_end: 9,
        leader: operators().operators[0].public_key,
        next_operators: set(2).commitment(),
        ..Header::default()
    }
}

fn finalization(header: &Header) -> Bytes {
    certified(header).encode().to_vec().into()
}

/// The one handover that the operators certified.
pub fn handover() -> &'static Handover {
    static HANDOVER: LazyLock<Handover> = LazyLock::new(|| Handover {
        header: header(),
        descendants: Vec::new(),
        finalization: finalization(&header()),
        next: set(2),
    });
    &HANDOVER
}

/// A purchase.
pub fn record() -> PurchaseRecord {
    PurchaseRecord {
        id: Default::default(),
        consumer: Address::repeat_byte(3),
        provider: Default::default(),
        service: Default::default(),
        version: 1,
        fee: Default::default(),
        requests: 100,
        access_key: Default::default(),
        purchased_at: Default::default(),
        expires_at: Default::default(),
    }
}

/// The one confirmation that the operators certified.
pub fn confirmation() -> &'static Confirmation {
    static CONFIRMATION: LazyLock<Confirmation> = LazyLock::new(|| {
        let header = Header {
            confirmations_root: merkle::root(&[record().leaf()]),
            ..header()
        };
        Confirmation {
            record: record(),
            proof: Vec::new(),
            finalization: finalization(&header),
            header,
            descendants: Vec::new(),
        }
    });
    &CONFIRMATION
}

/// The block of that confirmation, which has no body since nobody executes it.
pub fn block() -> &'static FinalizedBlock {
    static BLOCK: LazyLock<FinalizedBlock> = LazyLock::new(|| FinalizedBlock {
        header: confirmation().header.clone(),
        body: Default::default(),
        descendants: Vec::new(),
        finalization: confirmation().finalization.clone(),
    });
    &BLOCK
}

/// A checkpoint that somebody signed.
pub fn checkpoint(height: u64, root: u8) -> SignedCheckpoint {
    use alloy::signers::SignerSync as _;
    let key = alloy::signers::local::PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).expect("a key");
    let checkpoint = Checkpoint {
        epoch: EPOCH,
        height,
        state_root: B256::repeat_byte(root),
        withdrawals_root: B256::ZERO,
        exit_root: B256::ZERO,
        inbox_count: 0,
        next_operator_set: B256::ZERO,
    };
    let signature = key
        .sign_hash_sync(&checkpoint.signing_hash(&DOMAIN))
        .expect("it can sign");
    SignedCheckpoint {
        checkpoint,
        signature: signature.as_bytes().into(),
    }
}

/// A transaction; its signature is of something else.
pub fn transaction() -> SignedTransaction {
    let transfer = Transfer {
        recipient: record().consumer,
        amount: Amount::TOKEN,
        nonce: Nonce(3),
    };
    SignedTransaction {
        message: transfer.into(),
        signature: checkpoint(9, 1).signature.into(),
    }
}
