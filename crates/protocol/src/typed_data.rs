//! Typed data as a wallet takes it: the JSON argument of `eth_signTypedData_v4` (EIP-712).
//!
//! The field lists come from the structs that [`crate::eip712`] hashes, so a wallet signs what this crate verifies.
//! Integers are decimal strings: most do not fit a double.

use crate::eip712::{Domain, sol_types};
use crate::message::Message;
use alloc::string::ToString;
use alloc::vec::Vec;
use alloy_sol_types::SolStruct;
use serde_json::{Value, json};

impl Message {
    /// What a wallet is asked to sign; its digest is [`Self::signing_hash`].
    #[must_use]
    pub fn typed_data(&self, domain: &Domain) -> Value {
        match self {
            Self::RegisterProvider(m) => typed_data::<sol_types::RegisterProvider>(
                domain,
                json!({"name": m.name, "endpoint": m.endpoint, "stake": m.stake, "nonce": m.nonce.to_string()}),
            ),
            Self::UpdateProvider(m) => typed_data::<sol_types::UpdateProvider>(
                domain,
                json!({
                    "provider": m.provider.to_string(),
                    "name": m.name,
                    "endpoint": m.endpoint,
                    "nonce": m.nonce.to_string(),
                }),
            ),
            Self::AddStake(m) => typed_data::<sol_types::AddStake>(
                domain,
                json!({"provider": m.provider.to_string(), "amount": m.amount, "nonce": m.nonce.to_string()}),
            ),
            Self::RegisterService(m) => typed_data::<sol_types::RegisterService>(
                domain,
                json!({
                    "provider": m.provider.to_string(),
                    "category": (m.category as u8).to_string(),
                    "description": m.description,
                    "requests": m.requests.to_string(),
                    "fee": m.fee,
                    "minDuration": m.min_duration.to_string(),
                    "maxDuration": m.max_duration.to_string(),
                    "nonce": m.nonce.to_string(),
                }),
            ),
            Self::UpdateService(m) => typed_data::<sol_types::UpdateService>(
                domain,
                json!({
                    "service": m.service.to_string(),
                    "category": (m.category as u8).to_string(),
                    "description": m.description,
                    "requests": m.requests.to_string(),
                    "fee": m.fee,
                    "minDuration": m.min_duration.to_string(),
                    "maxDuration": m.max_duration.to_string(),
                    "active": m.active,
                    "nonce": m.nonce.to_string(),
                }),
            ),
            Self::Purchase(m) => typed_data::<sol_types::Purchase>(
                domain,
                json!({
                    "consumer": m.consumer,
                    "provider": m.provider.to_string(),
                    "service": m.service.to_string(),
                    "version": m.version.to_string(),
                    "fee": m.fee,
                    "accessKey": m.access_key,
                    "expiresAt": m.expires_at.to_string(),
                    "nonce": m.nonce.to_string(),
                }),
            ),
            Self::ReportUsage(m) => typed_data::<sol_types::ReportUsage>(
                domain,
                json!({
                    "purchase": m.purchase,
                    "used": m.used.to_string(),
                    "voucher": m.voucher,
                    "signature": m.signature,
                    "nonce": m.nonce.to_string(),
                }),
            ),
            Self::Claim(m) => typed_data::<sol_types::Claim>(
                domain,
                json!({"provider": m.provider.to_string(), "nonce": m.nonce.to_string()}),
            ),
            Self::Withdraw(m) => typed_data::<sol_types::Withdraw>(
                domain,
                json!({"recipient": m.recipient, "amount": m.amount, "nonce": m.nonce.to_string()}),
            ),
        }
    }
}

impl crate::Checkpoint {
    /// What an operator's wallet or signing service is asked to sign; its digest is [`Self::signing_hash`].
    #[must_use]
    pub fn typed_data(&self, domain: &Domain) -> Value {
        typed_data::<sol_types::Checkpoint>(
            domain,
            json!({
                "epoch": self.epoch.to_string(),
                "height": self.height.to_string(),
                "stateRoot": self.state_root,
                "withdrawalsRoot": self.withdrawals_root,
                "exitRoot": self.exit_root,
                "inboxCount": self.inbox_count.to_string(),
                "nextOperatorSet": self.next_operator_set,
            }),
        )
    }
}

fn typed_data<T: SolStruct>(domain: &Domain, message: Value) -> Value {
    let domain_type = domain.eip712().encode_type();
    json!({
        "types": {"EIP712Domain": fields(&domain_type), T::NAME: fields(&T::eip712_root_type())},
        "primaryType": T::NAME,
        "domain": {
            "name": "Rampart",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": domain.settlement,
        },
        "message": message,
    })
}

/// The fields of an EIP-712 `encodeType` string such as `Claim(uint64 provider,uint64 nonce)`; ours have no nested types.
fn fields(encode_type: &str) -> Vec<Value> {
    let (_, list) = encode_type.split_once('(').unwrap_or_default();
    list.trim_end_matches(')')
        .split(',')
        .filter_map(|field| field.split_once(' '))
        .map(|(kind, name)| json!({"name": name, "type": kind}))
        .collect()
}
