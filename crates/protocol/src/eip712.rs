//! EIP-712 typed data: how a message becomes the 32 bytes that a wallet signs, and how it reads there.

use crate::message::{self, Message};
use crate::units::PurchaseId;
use alloy_primitives::{Address, B256, FixedBytes, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain};

/// One deployment of Rampart: signatures for it are worth nothing elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Domain {
    /// Chain id of the L2 that holds the settlement contract.
    pub chain_id: u64,
    /// The settlement contract.
    pub settlement: Address,
}

impl Domain {
    /// The EIP-712 domain: name "Rampart", version "1".
    #[must_use]
    pub fn eip712(&self) -> Eip712Domain {
        eip712_domain! {
            name: "Rampart",
            version: "1",
            chain_id: self.chain_id,
            verifying_contract: self.settlement,
        }
    }

    /// The EIP-712 domain separator: the hash of [`Self::eip712`].
    #[must_use]
    pub fn separator(&self) -> B256 {
        self.eip712().separator()
    }
}

/// The Solidity view of each message; field order and names are what wallets show and hash.
pub(crate) mod sol_types {
    #![allow(missing_docs, reason = "documented in crate::message, which these mirror")]
    alloy_sol_types::sol! {
        struct RegisterProvider { string name; string endpoint; uint128 stake; uint64 nonce; }
        struct UpdateProvider { uint64 provider; string name; string endpoint; uint64 nonce; }
        struct AddStake { uint64 provider; uint128 amount; uint64 nonce; }
        struct Component { uint64 service; uint32 version; uint32 packages; uint32 uses; }
        struct RegisterService {
            uint64 provider; uint8 category; string description; string endpoint; bytes32 openapi; uint64 requests;
            uint128 fee; uint64 minDuration; uint64 maxDuration; Component[] components; bytes32 upstreamKey;
            uint64 nonce;
        }
        struct UpdateService {
            uint64 service; uint8 category; string description; string endpoint; bytes32 openapi; uint64 requests;
            uint128 fee; uint64 minDuration; uint64 maxDuration; Component[] components; bytes32 upstreamKey;
            bool active; uint64 nonce;
        }
        struct Purchase {
            address consumer; uint64 provider; uint64 service; uint32 version; uint128 fee;
            bytes32 accessKey; uint64 expiresAt; uint64 nonce;
        }
        struct ReportUsage { bytes32 purchase; uint64 used; bytes voucher; bytes signature; uint64 nonce; }
        struct Claim { uint64 provider; uint64 nonce; }
        struct Withdraw { address recipient; uint128 amount; uint64 nonce; }
        struct Transfer { address recipient; uint128 amount; uint64 nonce; }
        struct Unbond { uint64 provider; uint128 amount; uint64 nonce; }
        struct ReleaseStake { uint64 provider; uint64 nonce; }
        struct SetAutoStake { uint64 provider; uint32 share; uint64 nonce; }
        struct RotateAccessKey { bytes32 purchase; bytes32 accessKey; uint64 nonce; }
        struct Review { bytes32 purchase; uint128 fee; string comment; bytes32 evidence; uint64 nonce; }
        struct Challenge { bytes32 purchase; uint128 bond; bytes32 evidence; uint64 nonce; }
        struct CommitVerdict { bytes32 case; uint32 round; bytes32 commitment; uint64 nonce; }
        struct RevealVerdict { bytes32 case; uint32 round; bool upheld; bytes32 salt; uint64 nonce; }
        struct ReportAvailability { uint64 epoch; uint32 page; bytes32 down; uint64 nonce; }
        struct ClaimRewards { address operator; uint64 nonce; }
        struct ClaimRefund { bytes32 purchase; uint64 nonce; }
        struct Reinstate { uint64 provider; uint64 nonce; }
        struct DelegatePurchaser { bytes32 purchaser; uint128 limit; uint64 expiresAt; uint64 nonce; }
        struct RevokePurchaser { bytes32 purchaser; uint64 nonce; }
        struct OperatorKeys { address operator; bytes32 consensusKey; address checkpointKey; }
        struct Checkpoint {
            uint64 epoch; uint64 height; bytes32 stateRoot; bytes32 withdrawalsRoot; bytes32 exitRoot;
            uint64 inboxCount; bytes32 nextOperatorSet;
        }
    }
}

impl Message {
    /// The digest that the account signs: EIP-712 over this message in `domain`.
    #[must_use]
    pub fn signing_hash(&self, domain: &Domain) -> B256 {
        self.signing_hash_under(&domain.separator())
    }

    /// The same for a domain whose separator is at hand, for those who hash many messages.
    #[must_use]
    pub fn signing_hash_under(&self, separator: &B256) -> B256 {
        let mut bytes = [0; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(separator.as_slice());
        bytes[34..].copy_from_slice(self.clone().into_struct_hash().as_slice());
        keccak256(bytes)
    }

    fn into_struct_hash(self) -> B256 {
        match self {
            Self::RegisterProvider(m) => sol_types::RegisterProvider {
                name: m.name,
                endpoint: m.endpoint,
                stake: m.stake.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::UpdateProvider(m) => sol_types::UpdateProvider {
                provider: m.provider.0,
                name: m.name,
                endpoint: m.endpoint,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::AddStake(m) => sol_types::AddStake {
                provider: m.provider.0,
                amount: m.amount.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::RegisterService(m) => sol_types::RegisterService {
                provider: m.provider.0,
                category: m.category as u8,
                description: m.description,
                endpoint: m.endpoint,
                openapi: m.openapi,
                requests: m.requests,
                fee: m.fee.0,
                minDuration: m.min_duration.0,
                maxDuration: m.max_duration.0,
                components: m.components.iter().map(message::Component::to_sol).collect(),
                upstreamKey: m.upstream_key.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::UpdateService(m) => sol_types::UpdateService {
                service: m.service.0,
                category: m.category as u8,
                description: m.description,
                endpoint: m.endpoint,
                openapi: m.openapi,
                requests: m.requests,
                fee: m.fee.0,
                minDuration: m.min_duration.0,
                maxDuration: m.max_duration.0,
                components: m.components.iter().map(message::Component::to_sol).collect(),
                upstreamKey: m.upstream_key.0,
                active: m.active,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Purchase(m) => m.to_sol().eip712_hash_struct(),
            Self::ReportUsage(m) => sol_types::ReportUsage {
                purchase: m.purchase.0,
                used: m.used.0,
                voucher: m.voucher,
                signature: m.signature,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Claim(m) => sol_types::Claim {
                provider: m.provider.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Withdraw(m) => sol_types::Withdraw {
                recipient: m.recipient,
                amount: m.amount.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Transfer(m) => sol_types::Transfer {
                recipient: m.recipient,
                amount: m.amount.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Unbond(m) => sol_types::Unbond {
                provider: m.provider.0,
                amount: m.amount.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::ReleaseStake(m) => sol_types::ReleaseStake {
                provider: m.provider.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::SetAutoStake(m) => sol_types::SetAutoStake {
                provider: m.provider.0,
                share: m.share.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::RotateAccessKey(m) => sol_types::RotateAccessKey {
                purchase: m.purchase.0,
                accessKey: m.access_key.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Review(m) => sol_types::Review {
                purchase: m.purchase.0,
                fee: m.fee.0,
                comment: m.comment,
                evidence: m.evidence,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Challenge(m) => sol_types::Challenge {
                purchase: m.purchase.0,
                bond: m.bond.0,
                evidence: m.evidence,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::CommitVerdict(m) => sol_types::CommitVerdict {
                case: m.case.0,
                round: m.round,
                commitment: m.commitment,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::RevealVerdict(m) => sol_types::RevealVerdict {
                case: m.case.0,
                round: m.round,
                upheld: m.upheld,
                salt: m.salt,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::ReportAvailability(m) => sol_types::ReportAvailability {
                epoch: m.epoch,
                page: m.page,
                down: m.down,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::ClaimRewards(m) => sol_types::ClaimRewards {
                operator: m.operator,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::ClaimRefund(m) => sol_types::ClaimRefund {
                purchase: m.purchase.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::Reinstate(m) => sol_types::Reinstate {
                provider: m.provider.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::DelegatePurchaser(m) => sol_types::DelegatePurchaser {
                purchaser: m.purchaser.0,
                limit: m.limit.0,
                expiresAt: m.expires_at.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
            Self::RevokePurchaser(m) => sol_types::RevokePurchaser {
                purchaser: m.purchaser.0,
                nonce: m.nonce.0,
            }
            .eip712_hash_struct(),
        }
    }
}

impl message::Component {
    const fn to_sol(&self) -> sol_types::Component {
        sol_types::Component {
            service: self.service.0,
            version: self.version,
            packages: self.packages,
            uses: self.uses,
        }
    }
}

impl message::Purchase {
    /// The purchase's identifier: its signing hash, so the buyer knows it before any operator does.
    #[must_use]
    pub fn id(&self, domain: &Domain) -> PurchaseId {
        PurchaseId(self.to_sol().eip712_signing_hash(&domain.eip712()))
    }

    const fn to_sol(&self) -> sol_types::Purchase {
        sol_types::Purchase {
            consumer: self.consumer,
            provider: self.provider.0,
            service: self.service.0,
            version: self.version,
            fee: self.fee.0,
            accessKey: self.access_key.0,
            expiresAt: self.expires_at.0,
            nonce: self.nonce.0,
        }
    }
}

impl crate::Checkpoint {
    /// The digest that operators sign and the settlement contract recomputes.
    #[must_use]
    pub fn signing_hash(&self, domain: &Domain) -> B256 {
        sol_types::Checkpoint {
            epoch: self.epoch,
            height: self.height,
            stateRoot: self.state_root,
            withdrawalsRoot: self.withdrawals_root,
            exitRoot: self.exit_root,
            inboxCount: self.inbox_count,
            nextOperatorSet: self.next_operator_set,
        }
        .eip712_signing_hash(&domain.eip712())
    }
}

/// A 65-byte secp256k1 signature, `r || s || v` with v = 27 or 28, as wallets and `ecrecover` have it.
pub type EcdsaSignature = FixedBytes<65>;

/// Recovers the signer of a digest, strictly: v is 27 or 28 and s is in the lower half of the order (EIP-2), so
/// that no second encoding of one signature is accepted.
#[must_use]
pub fn recover(signature: &EcdsaSignature, digest: &B256) -> Option<Address> {
    if !matches!(signature[64], 27 | 28) {
        return None;
    }
    let parsed = alloy_primitives::Signature::from_raw_array(&signature.0).ok()?;
    if parsed.normalize_s().is_some() {
        return None;
    }
    parsed
        .recover_address_from_prehash(digest)
        .ok()
        .filter(|address| !address.is_zero())
}
