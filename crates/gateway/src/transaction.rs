//! A signed transaction, as a client sent it: decoded, bound to the chain, its sender known.
//!
//! Only what is decoded here is screened, and exactly these bytes are relayed. Whether the node takes it (nonce, funds,
//! fees) is the node's to say.

use crate::form::Form;
use crate::rules::Called;
use crate::submission::Subject;
use alloy::consensus::{Transaction as _, TxEip4844Variant, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Eip2718Error, Encodable2718};
use alloy::eips::eip7702::SignedAuthorization;
use alloy::hex;
use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::{Value, json};

/// EIP-2718: a first byte from here to [`LAST_TYPE`] is a transaction type that is not decoded.
const FIRST_UNKNOWN_TYPE: u8 = 5;
const LAST_TYPE: u8 = 0x7f;

/// Why a transaction is not even screened.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// The parameter is not 0x-hex.
    #[error("the raw transaction is not 0x-prefixed hex")]
    Hex,
    /// The bytes are no signed transaction.
    #[error("the raw transaction cannot be decoded: {0}")]
    Malformed(Eip2718Error),
    /// It is of a type that is not decoded here, and no rule takes such.
    #[error("the raw transaction is of the unknown type {0:#x}, which no rule of this gateway takes")]
    UnknownType(u8),
    /// The bytes are not the canonical encoding.
    #[error("the raw transaction is not canonically encoded")]
    NotCanonical,
    /// It is for another chain.
    #[error("the transaction is for chain {theirs}, the node is on chain {ours}")]
    WrongChain {
        /// The node's chain.
        ours: u64,
        /// The transaction's.
        theirs: u64,
    },
    /// It is for any chain (from before EIP-155).
    #[error("the transaction names no chain (EIP-155) and could be replayed on any")]
    Unprotected,
    /// The signature recovers no sender, or has a high s (EIP-2).
    #[error("the transaction's signature is invalid")]
    Signature,
}

impl TransactionError {
    /// The stable reason in the error's data.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Hex | Self::Malformed(_) | Self::NotCanonical => "MALFORMED_TRANSACTION",
            Self::UnknownType(_) => "UNKNOWN_TRANSACTION_TYPE",
            Self::WrongChain { .. } => "WRONG_CHAIN_ID",
            Self::Unprotected => "UNPROTECTED_TRANSACTION",
            Self::Signature => "BAD_SIGNATURE",
        }
    }
}

/// A signed transaction of any type.
#[derive(Debug)]
pub enum Signed {
    /// It is decoded.
    Known(Box<Transaction>),
    /// Its type is not, so that nothing is known but its bytes.
    Unknown {
        /// The EIP-2718 type.
        kind: u8,
        /// Its exact bytes.
        raw: Vec<u8>,
    },
}

impl Signed {
    /// The exact bytes that were read, in 0x-hex.
    pub fn raw_hex(&self) -> String {
        match self {
            Self::Known(transaction) => transaction.raw_hex(),
            Self::Unknown { raw, .. } => hex::encode_prefixed(raw),
        }
    }
}

/// A transaction that can be screened.
#[derive(Debug)]
pub struct Transaction {
    envelope: TxEnvelope,
    /// Who signed it.
    pub sender: Address,
    chain_id: u64,
    raw: Vec<u8>,
}

impl Transaction {
    /// Reads the first parameter of `eth_sendRawTransaction`, of whatever type.
    pub fn read_any(text: &str, chain_id: u64, allow_unprotected: bool) -> Result<Signed, TransactionError> {
        let digits = text.strip_prefix("0x").ok_or(TransactionError::Hex)?;
        let raw = hex::decode(digits).map_err(|_| TransactionError::Hex)?;
        match raw.first() {
            Some(&kind @ FIRST_UNKNOWN_TYPE..=LAST_TYPE) => Ok(Signed::Unknown { kind, raw }),
            _ => Self::decode(raw, chain_id, allow_unprotected)
                .map(Box::new)
                .map(Signed::Known),
        }
    }

    /// Reads the first parameter of `eth_sendRawTransaction`, of a type that is decoded.
    pub fn read(text: &str, chain_id: u64, allow_unprotected: bool) -> Result<Self, TransactionError> {
        match Self::read_any(text, chain_id, allow_unprotected)? {
            Signed::Known(transaction) => Ok(*transaction),
            Signed::Unknown { kind, .. } => Err(TransactionError::UnknownType(kind)),
        }
    }

    fn decode(raw: Vec<u8>, chain_id: u64, allow_unprotected: bool) -> Result<Self, TransactionError> {
        let mut rest = raw.as_slice();
        let envelope = TxEnvelope::decode_2718(&mut rest).map_err(TransactionError::Malformed)?;
        if !rest.is_empty() || envelope.encoded_2718() != raw {
            return Err(TransactionError::NotCanonical);
        }
        match envelope.chain_id() {
            Some(theirs) if theirs != chain_id => {
                return Err(TransactionError::WrongChain {
                    ours: chain_id,
                    theirs,
                });
            }
            None if !allow_unprotected => return Err(TransactionError::Unprotected),
            _ => {}
        }
        let signature = envelope.signature();
        if signature.normalize_s().is_some() {
            return Err(TransactionError::Signature);
        }
        let sender = signature
            .recover_address_from_prehash(&envelope.signature_hash())
            .map_err(|_| TransactionError::Signature)?;
        Ok(Self {
            envelope,
            sender,
            chain_id,
            raw,
        })
    }

    /// The hash that the chain knows it by.
    pub fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }

    /// The recipient; none creates a contract.
    pub fn recipient(&self) -> Option<Address> {
        self.envelope.to()
    }

    /// What is put before the vendors, in a form.
    pub fn subject(&self, form: Form) -> Subject {
        Subject {
            form,
            hash: self.hash(),
            kind: Some(self.envelope.tx_type().into()),
            called: Some(Called {
                sender: self.sender,
                recipient: self.recipient(),
                value: self.envelope.value(),
                input: self.envelope.input().clone(),
            }),
            request: self.screening_request(None),
        }
    }

    /// The exact bytes that were read, in 0x-hex.
    pub fn raw_hex(&self) -> String {
        hex::encode_prefixed(&self.raw)
    }

    /// The body of a screening request. Blobs are left out: they are data for layer 2s, and vendors judge what a
    /// transaction does.
    pub fn screening_request(&self, origin: Option<&str>) -> Value {
        let envelope = &self.envelope;
        let raw: Bytes = match envelope {
            TxEnvelope::Eip4844(signed) => {
                let plain = signed.clone().map(|tx| TxEip4844Variant::TxEip4844(tx.into()));
                TxEnvelope::Eip4844(plain).encoded_2718().into()
            }
            _ => self.raw.clone().into(),
        };
        let mut request = json!({
            "chainId": format!("{:#x}", self.chain_id),
            "transaction": {
                "from": self.sender,
                "to": envelope.to(),
                "value": format!("{:#x}", U256::from(envelope.value())),
                "data": envelope.input(),
                "gas": format!("{:#x}", envelope.gas_limit()),
                "type": format!("{:#x}", u8::from(envelope.tx_type())),
                "raw": raw,
            },
        });
        if let Some(authorizations) = envelope.authorization_list() {
            request["transaction"]["authorizationList"] = describe_authorizations(authorizations);
        }
        if let Some(origin) = origin {
            request["origin"] = Value::from(origin);
        }
        request
    }
}

/// EIP-7702 authorizations, each with the account that signed it: it hands itself over to the code at `address`, on the
/// chain of that id or, with 0, on every chain. One without `authority` is not validly signed and has no effect.
pub fn describe_authorizations(authorizations: &[SignedAuthorization]) -> Value {
    let described = authorizations.iter().map(|authorization| {
        let mut described = serde_json::to_value(authorization).unwrap_or_default();
        if let Some(authority) = authority(authorization) {
            described["authority"] = json!(authority);
        }
        described
    });
    described.collect()
}

/// Who signed an authorization; a signature with a high s is none.
fn authority(authorization: &SignedAuthorization) -> Option<Address> {
    let signature = authorization.signature().ok()?;
    if signature.normalize_s().is_some() {
        return None;
    }
    signature
        .recover_address_from_prehash(&authorization.signature_hash())
        .ok()
}

#[cfg(test)]
mod tests;
