//! A screening request, read and checked.
//!
//! Where the signed transaction (`raw`) is given it is the authority: the stated members must agree with it, so that
//! no caller has one transaction judged and another sent.

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::eips::eip2930::AccessList;
use alloy::eips::eip7702::SignedAuthorization;
use alloy::primitives::{Address, Bytes, U64, U256};
use serde::Deserialize;

/// Body of `POST /v1/screen`. Members beyond these are ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenRequest {
    /// Chain that the transaction is for.
    pub chain_id: U64,
    /// The transaction.
    pub transaction: StatedTransaction,
    /// Origin of the application that asked for it.
    #[serde(default)]
    pub origin: Option<String>,
}

/// The transaction as the caller states it.
#[derive(Clone, Debug, Deserialize)]
pub struct StatedTransaction {
    /// Sender.
    pub from: Address,
    /// Recipient; none creates a contract.
    #[serde(default)]
    pub to: Option<Address>,
    /// Wei.
    #[serde(default)]
    pub value: U256,
    /// Calldata or init code.
    #[serde(default, alias = "input")]
    pub data: Bytes,
    /// Gas limit.
    #[serde(default)]
    pub gas: Option<U64>,
    /// EIP-7702 authorizations; where `raw` is given it has them.
    #[serde(default, rename = "authorizationList")]
    pub authorization_list: Vec<SignedAuthorization>,
    /// The signed transaction, EIP-2718 encoded.
    #[serde(default)]
    pub raw: Option<Bytes>,
}

/// A transaction to judge.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Chain that it is for.
    pub chain_id: u64,
    /// Sender.
    pub from: Address,
    /// Recipient; none creates a contract.
    pub to: Option<Address>,
    /// Wei.
    pub value: U256,
    /// Calldata or init code.
    pub data: Bytes,
    /// Gas limit, when known.
    pub gas: Option<u64>,
    /// Most that a unit of gas may cost, wei, when known.
    pub max_fee_per_gas: Option<u128>,
    /// EIP-2930 access list.
    pub access_list: AccessList,
    /// EIP-7702 authorizations.
    pub authorizations: Vec<SignedAuthorization>,
}

/// Why a request makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// `raw` is no signed transaction.
    #[error("raw is not a signed transaction: {0}")]
    Raw(alloy::eips::eip2718::Eip2718Error),
    /// Bytes follow the transaction in `raw`.
    #[error("{0} bytes follow the transaction in raw")]
    Trailing(usize),
    /// The signature recovers no sender.
    #[error("the signature of raw recovers no sender")]
    Signature,
    /// A stated member differs from `raw`.
    #[error("{0} differs from the signed transaction in raw")]
    Differs(&'static str),
}

impl RequestError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Raw(_) | Self::Trailing(_) => "malformed_transaction",
            Self::Signature => "bad_signature",
            Self::Differs(_) => "inconsistent_transaction",
        }
    }
}

impl ScreenRequest {
    /// Checks the request and takes what the signed transaction adds.
    ///
    /// # Errors
    /// When `raw` cannot be read or says something else than the rest.
    pub fn candidate(&self) -> Result<Candidate, RequestError> {
        let stated = &self.transaction;
        let mut candidate = Candidate {
            chain_id: self.chain_id.to(),
            from: stated.from,
            to: stated.to,
            value: stated.value,
            data: stated.data.clone(),
            gas: stated.gas.map(|gas| gas.to()),
            max_fee_per_gas: None,
            access_list: AccessList::default(),
            authorizations: stated.authorization_list.clone(),
        };
        if let Some(raw) = &stated.raw {
            candidate.take_signed(raw)?;
        }
        Ok(candidate)
    }
}

impl Candidate {
    fn take_signed(&mut self, raw: &[u8]) -> Result<(), RequestError> {
        let mut rest = raw;
        let signed = TxEnvelope::decode_2718(&mut rest).map_err(RequestError::Raw)?;
        if !rest.is_empty() {
            return Err(RequestError::Trailing(rest.len()));
        }
        let from = sender(&signed).ok_or(RequestError::Signature)?;
        let agrees = [
            ("from", from == self.from),
            ("to", signed.to() == self.to),
            ("value", signed.value() == self.value),
            ("data", *signed.input() == self.data),
            (
                "authorizationList",
                self.authorizations.is_empty()
                    || signed.authorization_list() == Some(self.authorizations.as_slice()),
            ),
            ("gas", self.gas.is_none_or(|gas| gas == signed.gas_limit())),
            // A transaction from before EIP-155 names no chain and is valid on any.
            ("chainId", signed.chain_id().is_none_or(|id| id == self.chain_id)),
        ];
        if let Some((member, _)) = agrees.iter().find(|(_, agrees)| !agrees) {
            return Err(RequestError::Differs(member));
        }
        self.gas = Some(signed.gas_limit());
        self.max_fee_per_gas = Some(signed.max_fee_per_gas());
        self.access_list = signed.access_list().cloned().unwrap_or_default();
        self.authorizations = signed.authorization_list().unwrap_or_default().to_vec();
        Ok(())
    }
}

/// The account that signed; a signature with a high s is none (EIP-2).
fn sender(signed: &TxEnvelope) -> Option<Address> {
    let signature = signed.signature();
    if signature.normalize_s().is_some() {
        return None;
    }
    signature
        .recover_address_from_prehash(&signed.signature_hash())
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloy::consensus::{SignableTransaction, TxEip1559};
    use alloy::eips::eip2718::Encodable2718;
    use alloy::primitives::{TxKind, hex};
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;

    fn signed(value: u64) -> (Address, String) {
        let signer = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
        let tx = TxEip1559 {
            chain_id: 31337,
            gas_limit: 21_000,
            max_fee_per_gas: 5,
            to: TxKind::Call(Address::repeat_byte(1)),
            value: U256::from(value),
            ..Default::default()
        };
        let signature = signer.sign_hash_sync(&tx.signature_hash()).unwrap();
        let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718();
        (signer.address(), hex::encode_prefixed(raw))
    }

    fn request(from: Address, value: &str, chain: &str, raw: &str) -> ScreenRequest {
        let to = Address::repeat_byte(1);
        let text = format!(
            r#"{{"chainId":"{chain}","transaction":{{"from":"{from}","to":"{to}","value":"{value}","data":"0x","gas":"0x5208","raw":"{raw}"}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn takes_the_fee_from_the_signed_transaction() {
        let (from, raw) = signed(9);
        let candidate = request(from, "0x9", "0x7a69", &raw).candidate().unwrap();
        assert_eq!(candidate.max_fee_per_gas, Some(5));
        assert_eq!(candidate.gas, Some(21_000));
    }

    #[test]
    fn refuses_members_that_differ_from_the_signed_transaction() {
        let (from, raw) = signed(9);
        for (request, member) in [
            (request(from, "0x8", "0x7a69", &raw), "value"),
            (request(from, "0x9", "0x1", &raw), "chainId"),
            (request(Address::ZERO, "0x9", "0x7a69", &raw), "from"),
        ] {
            let error = request.candidate().unwrap_err();
            assert!(
                matches!(error, RequestError::Differs(m) if m == member),
                "{error}"
            );
        }
    }

    #[test]
    fn refuses_a_raw_transaction_with_bytes_after_it() {
        let (from, raw) = signed(9);
        let error = request(from, "0x9", "0x7a69", &format!("{raw}00"))
            .candidate()
            .unwrap_err();
        assert!(matches!(error, RequestError::Trailing(1)), "{error}");
    }
}
