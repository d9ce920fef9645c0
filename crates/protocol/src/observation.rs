//! What operators saw on a chain, and agree to have seen. Each chain's contracts number what they emit for the ledger,
//! and it enters in that order, each once (X2).

use crate::error::{DecodeError, decode_exact};
use crate::units::{Amount, CaseId, Ppm, ProviderId};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

/// Longest forced message, bytes; the settlement contract refuses longer ones.
pub const MAX_FORCED: usize = 2048;
/// Most parameters that one governance action changes.
pub const MAX_CHANGES: usize = 64;
/// Longest name of a parameter, bytes.
pub const MAX_PARAMETER_NAME: usize = 32;

macro_rules! observed {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "camelCase")
        )]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)+ }
    };
}

observed! {
    /// A deposit of utility tokens in `Settlement` (C3), final on the L2.
    Deposit {
        /// Position in the contract's inbox, from 0.
        index: u64,
        /// The ledger account that is credited.
        account: Address,
        /// How much.
        amount: Amount,
        /// L2 block number that carries the event.
        block_number: u64,
        /// Hash of that block.
        block_hash: B256,
    }
}
observed! {
    /// A message that an account forced in through `Settlement` (X2), final on the L2. The contract knows its sender, so
    /// it needs no signature, and its place in the inbox stands for its nonce.
    Forced {
        /// Position in the contract's inbox, from 0.
        index: u64,
        /// Who sent it to the contract.
        account: Address,
        /// The encoded [`crate::Message`]; it may be anything, and is then consumed without effect.
        message: Bytes,
        /// L2 block number that carries the event.
        block_number: u64,
        /// Hash of that block.
        block_hash: B256,
    }
}
observed! {
    /// An operator's stake on EigenLayer, final on the L1 (O1).
    OperatorStake {
        /// Position in the L1 contracts' sequence, from 0.
        index: u64,
        /// The operator.
        operator: Address,
        /// What is restaked to it and allocated to this service; zero when it has left.
        #[cfg_attr(feature = "serde", serde(with = "crate::units::decimal"))]
        stake: u128,
        /// The share of its rewards that it keeps.
        commission: Ppm,
        /// L1 block number that carries the event.
        block_number: u64,
        /// Hash of that block.
        block_hash: B256,
    }
}
observed! {
    /// An operator's keys, final on the L1 (O1).
    OperatorKeys {
        /// Position in the L1 contracts' sequence, from 0.
        index: u64,
        /// The operator.
        operator: Address,
        /// Ed25519 key that is to vote in consensus.
        consensus_key: B256,
        /// Address of the secp256k1 key that is to sign checkpoints; the contract has verified that the operator has it.
        checkpoint_key: Address,
        /// Whether the consensus key signed for this operator, see [`crate::operator_keys`]. One that did not is told all the
        /// same, since every entry of the sequence is.
        proven: bool,
        /// L1 block number that carries the event.
        block_number: u64,
        /// Hash of that block.
        block_hash: B256,
    }
}
observed! {
    /// An investor's effective weight at an operator, `min(restaked position, governance tokens held)`, final on the
    /// L1 (G4).
    InvestorWeight {
        /// Position in the L1 contracts' sequence, from 0.
        index: u64,
        /// The operator.
        operator: Address,
        /// The investor.
        investor: Address,
        /// The weight.
        #[cfg_attr(feature = "serde", serde(with = "crate::units::decimal"))]
        weight: u128,
        /// L1 block number that carries the event.
        block_number: u64,
        /// Hash of that block.
        block_hash: B256,
    }
}
observed! {
    /// A decision of governance, executed by its timelock and final on the L1 (G1, G2).
    Governance {
        /// Position in the L1 contracts' sequence, from 0.
        index: u64,
        /// What was decided.
        action: GovernanceAction,
        /// L1 block number that carries the event.
        block_number: u64,
        /// Hash of that block.
        block_hash: B256,
    }
}
observed! {
    /// A new value of one parameter.
    ParameterChange {
        /// The parameter's name, in snake case.
        name: String,
        /// The value, in the parameter's own unit.
        #[cfg_attr(feature = "serde", serde(with = "crate::units::decimal"))]
        value: u128,
    }
}
observed! {
    /// Changes parameters, all or none (G1).
    SetParameters {
        /// At most [`MAX_CHANGES`] changes.
        changes: Vec<ParameterChange>,
    }
}
observed! {
    /// Suspends a provider until it is pardoned or expelled (G2).
    Suspend {
        /// The provider.
        provider: ProviderId,
    }
}
observed! {
    /// Expels a provider (G2).
    Expel {
        /// The provider.
        provider: ProviderId,
    }
}
observed! {
    /// Lets a suspended or expelled provider sell again, and forgets its negative evidence (G2).
    Pardon {
        /// The provider.
        provider: ProviderId,
    }
}
observed! {
    /// Slashes a provider's stake (G2); what it has less than that is all that is taken.
    Slash {
        /// The provider.
        provider: ProviderId,
        /// How much.
        amount: Amount,
    }
}
observed! {
    /// Decides a case that operators could not (V8).
    Judge {
        /// The case.
        case: CaseId,
        /// Whether the complaint against the provider is upheld.
        upheld: bool,
    }
}
observed! {
    /// Spends from the treasury.
    Spend {
        /// Whose account is credited.
        recipient: Address,
        /// How much.
        amount: Amount,
    }
}

macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident { $($byte:literal $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(tag = "type", rename_all = "camelCase")
        )]
        #[allow(missing_docs, reason = "each variant is documented at its struct")]
        pub enum $name { $($variant($variant),)+ }

        impl $name {
            /// The canonical encoding: a type byte, then RLP.
            #[must_use]
            pub fn to_bytes(&self) -> Vec<u8> {
                match self { $(Self::$variant(inner) => {
                    let mut out = Vec::with_capacity(1 + inner.length());
                    out.push($byte);
                    inner.encode(&mut out);
                    out
                })+ }
            }

            /// Decodes the canonical encoding.
            ///
            /// # Errors
            /// When the bytes are not exactly one canonical value within its limits.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
                let (byte, rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
                let value = match byte {
                    $($byte => Self::$variant(decode_exact(rest)?),)+
                    other => return Err(DecodeError::UnknownType(*other)),
                };
                value.check_limits()?;
                Ok(value)
            }
        }

        impl Encodable for $name {
            fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
                self.to_bytes().as_slice().encode(out);
            }
            fn length(&self) -> usize {
                self.to_bytes().as_slice().length()
            }
        }

        impl Decodable for $name {
            fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
                let bytes = alloy_rlp::Header::decode_bytes(buf, false)?;
                Self::from_bytes(bytes)
                    .map_err(|_| alloy_rlp::Error::Custom(concat!("malformed ", stringify!($name))))
            }
        }

        $(impl From<$variant> for $name { fn from(inner: $variant) -> Self { Self::$variant(inner) } })+
    };
}

one_of! {
    /// Anything that governance decides about the ledger.
    GovernanceAction {
        1 SetParameters,
        2 Suspend,
        3 Expel,
        4 Pardon,
        5 Slash,
        6 Judge,
        7 Spend,
    }
}
one_of! {
    /// Anything seen on a chain.
    Observation {
        1 Deposit,
        2 Forced,
        3 OperatorStake,
        4 InvestorWeight,
        5 Governance,
        6 OperatorKeys,
    }
}

/// Whose numbering an observation has its place in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum Source {
    /// The inbox of the settlement contract, on the L2.
    Inbox,
    /// The contracts of operators, investors and governance, on the L1.
    Restaking,
}

impl Observation {
    /// Whose numbering [`Self::index`] is of.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self {
            Self::Deposit(_) | Self::Forced(_) => Source::Inbox,
            Self::OperatorStake(_)
            | Self::OperatorKeys(_)
            | Self::InvestorWeight(_)
            | Self::Governance(_) => Source::Restaking,
        }
    }

    /// Position in the numbering of its source.
    #[must_use]
    pub const fn index(&self) -> u64 {
        match self {
            Self::Deposit(o) => o.index,
            Self::Forced(o) => o.index,
            Self::OperatorStake(o) => o.index,
            Self::OperatorKeys(o) => o.index,
            Self::InvestorWeight(o) => o.index,
            Self::Governance(o) => o.index,
        }
    }

    /// The block of its chain that carries it.
    #[must_use]
    pub const fn block_number(&self) -> u64 {
        match self {
            Self::Deposit(o) => o.block_number,
            Self::Forced(o) => o.block_number,
            Self::OperatorStake(o) => o.block_number,
            Self::OperatorKeys(o) => o.block_number,
            Self::InvestorWeight(o) => o.block_number,
            Self::Governance(o) => o.block_number,
        }
    }

    fn check_limits(&self) -> Result<(), DecodeError> {
        match self {
            Self::Forced(forced) if forced.message.len() > MAX_FORCED => Err(DecodeError::TooLong {
                what: "forced message",
                actual: forced.message.len(),
                limit: MAX_FORCED,
            }),
            _ => Ok(()),
        }
    }
}

impl GovernanceAction {
    fn check_limits(&self) -> Result<(), DecodeError> {
        let Self::SetParameters(set) = self else {
            return Ok(());
        };
        if set.changes.len() > MAX_CHANGES {
            return Err(DecodeError::TooMany {
                what: "parameter changes",
                actual: set.changes.len(),
                limit: MAX_CHANGES,
            });
        }
        match set.changes.iter().find(|c| c.name.len() > MAX_PARAMETER_NAME) {
            Some(change) => Err(DecodeError::TooLong {
                what: "parameter name",
                actual: change.name.len(),
                limit: MAX_PARAMETER_NAME,
            }),
            None => Ok(()),
        }
    }
}
