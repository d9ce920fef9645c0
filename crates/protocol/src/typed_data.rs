//! Typed data as a wallet takes it: the JSON argument of `eth_signTypedData_v4` (EIP-712).
//!
//! The field lists come from the structs that [`crate::eip712`] hashes, so a wallet signs what this crate verifies.
//! Integers are decimal strings: most do not fit a double.

use crate::eip712::{Domain, sol_types};
use crate::message::{Component, Message};
use alloc::string::ToString;
use alloy_sol_types::SolStruct;
use serde_json::{Map, Value, json};

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
                    "endpoint": m.endpoint,
                    "openapi": m.openapi,
                    "requests": m.requests.to_string(),
                    "fee": m.fee,
                    "minDuration": m.min_duration.to_string(),
                    "maxDuration": m.max_duration.to_string(),
                    "components": components(&m.components),
                    "upstreamKey": m.upstream_key,
                    "nonce": m.nonce.to_string(),
                }),
            ),
            Self::UpdateService(m) => typed_data::<sol_types::UpdateService>(
                domain,
                json!({
                    "service": m.service.to_string(),
                    "category": (m.category as u8).to_string(),
                    "description": m.description,
                    "endpoint": m.endpoint,
                    "openapi": m.openapi,
                    "requests": m.requests.to_string(),
                    "fee": m.fee,
                    "minDuration": m.min_duration.to_string(),
                    "maxDuration": m.max_duration.to_string(),
                    "components": components(&m.components),
                    "upstreamKey": m.upstream_key,
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
            Self::Transfer(m) => typed_data::<sol_types::Transfer>(
                domain,
                json!({"recipient": m.recipient, "amount": m.amount, "nonce": m.nonce.to_string()}),
            ),
            Self::Unbond(m) => typed_data::<sol_types::Unbond>(
                domain,
                json!({"provider": m.provider.to_string(), "amount": m.amount, "nonce": m.nonce.to_string()}),
            ),
            Self::ReleaseStake(m) => typed_data::<sol_types::ReleaseStake>(
                domain,
                json!({"provider": m.provider.to_string(), "nonce": m.nonce.to_string()}),
            ),
            Self::SetAutoStake(m) => typed_data::<sol_types::SetAutoStake>(
                domain,
                json!({"provider": m.provider.to_string(), "share": m.share.to_string(), "nonce": m.nonce.to_string()}),
            ),
            Self::RotateAccessKey(m) => typed_data::<sol_types::RotateAccessKey>(
                domain,
                json!({"purchase": m.purchase, "accessKey": m.access_key, "nonce": m.nonce.to_string()}),
            ),
            Self::Review(m) => typed_data::<sol_types::Review>(
                domain,
                json!({"purchase": m.purchase, "fee": m.fee, "comment": m.comment, "evidence": m.evidence, "nonce": m.nonce.to_string()}),
            ),
            Self::Challenge(m) => typed_data::<sol_types::Challenge>(
                domain,
                json!({"purchase": m.purchase, "bond": m.bond, "evidence": m.evidence, "nonce": m.nonce.to_string()}),
            ),
            Self::CommitVerdict(m) => typed_data::<sol_types::CommitVerdict>(
                domain,
                json!({"case": m.case, "round": m.round.to_string(), "commitment": m.commitment, "nonce": m.nonce.to_string()}),
            ),
            Self::RevealVerdict(m) => typed_data::<sol_types::RevealVerdict>(
                domain,
                json!({"case": m.case, "round": m.round.to_string(), "upheld": m.upheld, "salt": m.salt, "nonce": m.nonce.to_string()}),
            ),
            Self::ReportAvailability(m) => typed_data::<sol_types::ReportAvailability>(
                domain,
                json!({"epoch": m.epoch.to_string(), "page": m.page.to_string(), "down": m.down, "nonce": m.nonce.to_string()}),
            ),
            Self::ClaimRewards(m) => typed_data::<sol_types::ClaimRewards>(
                domain,
                json!({"operator": m.operator, "nonce": m.nonce.to_string()}),
            ),
            Self::ClaimRefund(m) => typed_data::<sol_types::ClaimRefund>(
                domain,
                json!({"purchase": m.purchase, "nonce": m.nonce.to_string()}),
            ),
            Self::Reinstate(m) => typed_data::<sol_types::Reinstate>(
                domain,
                json!({"provider": m.provider.to_string(), "nonce": m.nonce.to_string()}),
            ),
            Self::DelegatePurchaser(m) => typed_data::<sol_types::DelegatePurchaser>(
                domain,
                json!({"purchaser": m.purchaser, "limit": m.limit, "expiresAt": m.expires_at.to_string(), "nonce": m.nonce.to_string()}),
            ),
            Self::RevokePurchaser(m) => typed_data::<sol_types::RevokePurchaser>(
                domain,
                json!({"purchaser": m.purchaser, "nonce": m.nonce.to_string()}),
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

fn components(components: &[Component]) -> Value {
    let one = |c: &Component| {
        json!({
            "service": c.service.to_string(),
            "version": c.version.to_string(),
            "packages": c.packages.to_string(),
            "uses": c.uses.to_string(),
        })
    };
    components.iter().map(one).collect()
}

fn typed_data<T: SolStruct>(domain: &Domain, message: Value) -> Value {
    let mut types = Map::new();
    types.insert("EIP712Domain".into(), fields(&domain.eip712().encode_type()));
    // `encodeType` is the struct and then each struct that it refers to: `A(B[] list,uint64 nonce)B(uint64 id)`.
    for one in T::eip712_encode_type().split_inclusive(')') {
        let name = one.split('(').next().unwrap_or_default();
        types.insert(name.into(), fields(one));
    }
    json!({
        "types": types,
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

/// The fields of one struct of an EIP-712 `encodeType` string, such as `Claim(uint64 provider,uint64 nonce)`.
fn fields(encode_type: &str) -> Value {
    let (_, list) = encode_type.split_once('(').unwrap_or_default();
    list.trim_end_matches(')')
        .split(',')
        .filter_map(|field| field.split_once(' '))
        .map(|(kind, name)| json!({"name": name, "type": kind}))
        .collect()
}
