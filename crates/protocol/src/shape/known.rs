//! The shapes of units and of what is declared without a macro.

use super::{Field, Shape, Shapes};
use crate::eip712::EcdsaSignature;
use crate::handover::Handover;
use crate::units::Category;
use crate::{
    Amount, Checkpoint, Confirmation, Domain, Header, Message, Operator, OperatorSet, PurchaseRecord,
    Signature, SignedCheckpoint, SignedTransaction,
};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes};
use serde_json::{Value, json};

macro_rules! plain {
    ($($ty:ty: $schema:tt,)+) => {
        $(impl Shape for $ty {
            fn shape(_: &mut Shapes) -> Value { json!($schema) }
        })+
    };
}

plain! {
    bool: { "type": "boolean" },
    u16: { "type": "integer", "minimum": 0, "maximum": u16::MAX },
    u32: { "type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX },
    u64: { "type": "integer", "format": "uint64", "minimum": 0 },
    usize: { "type": "integer", "format": "uint64", "minimum": 0 },
    String: { "type": "string" },
    Bytes: { "type": "string", "pattern": "^0x([0-9a-f]{2})*$" },
}

/// A text with a name of its own, so that the document says what it is once.
macro_rules! text {
    ($($ty:ty, $name:literal, $doc:literal, $pattern:literal;)+) => {
        $(impl Shape for $ty {
            fn shape(shapes: &mut Shapes) -> Value {
                shapes.named($name, |_| json!({ "type": "string", "description": $doc, "pattern": $pattern }))
            }
        })+
    };
}

text! {
    Amount, "Amount", "Base units of the utility token (18 decimals), in decimal.", "^[0-9]{1,39}$";
    crate::api::Quantity, "Quantity", "A number that may exceed a double, in decimal; its unit is the field's.",
        "^[0-9]{1,39}$";
    Address, "Address", "An account of the L2, in hexadecimal.", "^0x[0-9a-fA-F]{40}$";
    B256, "Hash", "32 bytes in hexadecimal.", "^0x[0-9a-fA-F]{64}$";
    Signature, "Signature", "`r || s || v` by a wallet, v = 27 or 28, low s; or `key || R || s` by a delegated Ed25519 key.",
        "^0x([0-9a-f]{130}|[0-9a-f]{192})$";
    EcdsaSignature, "EcdsaSignature", "`r || s || v`, v = 27 or 28, low s.", "^0x[0-9a-f]{130}$";
}

impl Shape for Category {
    fn shape(shapes: &mut Shapes) -> Value {
        shapes.names(
            "Category",
            "The kind of a service, after the kill chain (V1).",
            &Self::ALL.map(Self::name),
        )
    }
}

impl Shape for crate::api::EventView {
    fn shape(shapes: &mut Shapes) -> Value {
        use crate::api::{BlockEvent, ProviderEvent, PurchaseEvent, ReviewEvent, ServiceEvent};
        let variants = [
            BlockEvent::shape(shapes),
            PurchaseEvent::shape(shapes),
            ReviewEvent::shape(shapes),
            ServiceEvent::shape(shapes),
            ProviderEvent::shape(shapes),
        ];
        shapes.named("Event", |_| {
            json!({ "description": "What `data` holds; which one, the field `event` tells.", "anyOf": variants })
        })
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn shape(shapes: &mut Shapes) -> Value {
        json!({ "type": "array", "items": T::shape(shapes) })
    }
}

impl<T: Shape> Shape for Option<T> {
    fn shape(shapes: &mut Shapes) -> Value {
        T::shape(shapes)
    }
}

impl<T: Shape> Shape for Box<T> {
    fn shape(shapes: &mut Shapes) -> Value {
        T::shape(shapes)
    }
}

/// The shape of a struct that another file declares; it does not compile unless all fields are here, with their types.
macro_rules! object {
    ($($name:ident $doc:literal { $($field:ident: $ty:ty, $field_doc:literal $(, $serde:literal)?;)+ })+) => {
        $(impl Shape for $name {
            fn shape(shapes: &mut Shapes) -> Value {
                let _ = |value: Self| {
                    let Self { $($field),+ } = value;
                    $(let _: $ty = $field;)+
                };
                shapes.object(stringify!($name), $doc, |shapes| vec![$(Field {
                    name: stringify!($field),
                    doc: $field_doc,
                    serde: concat!($($serde)?),
                    schema: <$ty as Shape>::shape(shapes),
                }),+])
            }
        })+
    };
}

object! {
    Domain "One deployment of Rampart." {
        chain_id: u64, "Chain id of the L2 that holds the settlement contract.";
        settlement: Address, "The settlement contract.";
    }
    Operator "One operator." {
        public_key: B256, "Ed25519 key that votes in consensus.";
        checkpoint_key: Address, "Address of the secp256k1 key that signs checkpoints.";
        weight: u64, "Stake weight on chain.";
    }
    OperatorSet "The operators of an epoch and the deployment that they serve." {
        domain: Domain, "The deployment.", "flatten";
        operators: Vec<Operator>, "Its operators.";
    }
    PurchaseRecord "What was bought, on which terms (C5)." {
        id: crate::PurchaseId, "The purchase.";
        consumer: Address, "Who bought.";
        provider: crate::ProviderId, "From whom.";
        service: crate::ServiceId, "What.";
        version: u32, "Version of the service's terms.";
        fee: Amount, "Funds taken from the consumer's balance.";
        requests: u64, "Requests in the package.";
        access_key: crate::AccessKey, "Ed25519 key that signs the requests.";
        purchased_at: crate::Timestamp, "Block time of the purchase.";
        expires_at: crate::Timestamp, "When the right to consume ends.";
    }
    Header "What operators certify. Its digest is keccak-256 of its RLP." {
        epoch: u64, "Consensus epoch.";
        view: u64, "Consensus view within the epoch.";
        leader: B256, "Ed25519 consensus key of the proposer.";
        parent_view: u64, "View of the parent.";
        parent: B256, "Digest of the parent's header.";
        height: u64, "Number of blocks since genesis.";
        timestamp_ms: u64, "Unix time in milliseconds.";
        transactions_root: B256, "Commitment to the body.";
        confirmations_root: B256, "Merkle root over the block's purchase confirmations; zero for none.";
        state_root: B256, "Root of the state after this block.";
        state_start: u64, "First operation of the state log that the root needs.";
        state_end: u64, "End of the state log.";
        withdrawals_root: B256, "Merkle root over every withdrawal so far; zero for none.";
        inbox_count: u64, "Inbox messages of the settlement contract consumed so far.";
        next_operators: B256, "Commitment to the operators of the epoch after this one.";
    }
    Confirmation "A purchase and everything that proves it final (X1)." {
        record: PurchaseRecord, "What was bought.";
        proof: Vec<B256>, "Siblings from the record's leaf up to the header's confirmationsRoot.";
        header: Header, "Header of the block that executed the purchase.";
        descendants: Vec<Header>, "Headers from its child to the block that was certified.";
        finalization: Bytes, "The consensus certificate over the last header's digest.";
    }
    Handover "Proof of the operators of the epoch after the header's (X1)." {
        header: Header, "A block of the epoch.";
        descendants: Vec<Header>, "Headers from its child to the block that was certified.";
        finalization: Bytes, "The consensus certificate over the last header's digest.";
        next: OperatorSet, "The operators of the next epoch.";
    }
    Checkpoint "The certified state." {
        epoch: u64, "Consensus epoch.";
        height: u64, "Block height.";
        state_root: B256, "State root after that block.";
        withdrawals_root: B256, "Root over every withdrawal so far.";
        exit_root: B256, "Root over what each account could take if all stopped now (X2).";
        inbox_count: u64, "Inbox messages consumed.";
        next_operator_set: B256, "Hash of the operator set that signs the next checkpoint.";
    }
    SignedCheckpoint "One operator's signature over a checkpoint." {
        checkpoint: Checkpoint, "What is certified.";
        signature: EcdsaSignature, "The signature over its EIP-712 digest.";
    }
    SignedTransaction "A message with its account's signature." {
        message: Message, "What is asked.", "flatten";
        signature: Signature, "Over the EIP-712 digest of the message.";
    }
}
