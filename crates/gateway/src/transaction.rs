//! A signed transaction, as a client sent it: decoded, bound to the chain, its sender known.
//!
//! Only what is decoded here is screened, and exactly these bytes are relayed. Whether the node takes it (nonce, funds,
//! fees) is the node's to say.

use crate::rules::Facts;
use alloy::consensus::{Transaction as _, TxEip4844Variant, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Eip2718Error, Encodable2718};
use alloy::hex;
use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::{Value, json};

/// Why a transaction is not even screened.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// The parameter is not 0x-hex.
    #[error("the raw transaction is not 0x-prefixed hex")]
    Hex,
    /// The bytes are no signed transaction of a known type.
    #[error("the raw transaction cannot be decoded: {0}")]
    Malformed(Eip2718Error),
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
            Self::WrongChain { .. } => "WRONG_CHAIN_ID",
            Self::Unprotected => "UNPROTECTED_TRANSACTION",
            Self::Signature => "BAD_SIGNATURE",
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
    /// Reads the first parameter of `eth_sendRawTransaction`.
    pub fn read(text: &str, chain_id: u64, allow_unprotected: bool) -> Result<Self, TransactionError> {
        let digits = text.strip_prefix("0x").ok_or(TransactionError::Hex)?;
        let raw = hex::decode(digits).map_err(|_| TransactionError::Hex)?;
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

    /// What rules look at.
    pub fn facts<'a>(&'a self, method: &'a str) -> Facts<'a> {
        Facts {
            method,
            chain_id: self.chain_id,
            kind: self.envelope.tx_type().into(),
            sender: self.sender,
            recipient: self.recipient(),
            value: self.envelope.value(),
            input: self.envelope.input(),
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
                "raw": raw,
            },
        });
        if let Some(origin) = origin {
            request["origin"] = Value::from(origin);
        }
        request
    }
}

#[cfg(test)]
mod tests;
