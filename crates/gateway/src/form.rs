//! In which form something is to be sent: the methods that carry it, and what they carry. A form beyond the single signed
//! transaction is refused unless a rule of the administrator names it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A signed transaction of a type that is decoded: legacy, EIP-2930, EIP-1559, EIP-4844, EIP-7702.
    #[default]
    Transaction,
    /// A signed transaction within a bundle.
    Bundle,
    /// A call that a smart account makes: ERC-4337, entry points v0.6 and v0.7.
    UserOperation,
    /// A transaction that the node is to sign with a key that it holds.
    NodeSigned,
    /// A typed transaction (EIP-2718) of a type that is not decoded: nobody can say what it does.
    UnknownType,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transaction => "transaction",
            Self::Bundle => "bundle",
            Self::UserOperation => "user-operation",
            Self::NodeSigned => "node-signed",
            Self::UnknownType => "unknown-type",
        })
    }
}

/// How a method's parameters carry what is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The first parameter is a signed transaction in hex.
    Raw,
    /// The first parameter is an object with a signed transaction as `tx`.
    PrivateObject,
    /// The first parameter is an object with signed transactions as `txs` (Flashbots' `eth_sendBundle`).
    Bundle,
    /// The first parameter is an object whose `body` holds transactions and bundles (MEV-Share's `mev_sendBundle`).
    SharedBundle,
    /// A user operation and its entry point (ERC-7769).
    UserOperation,
    /// The first parameter is a transaction object without a signature.
    NodeSigned,
}

impl Carrier {
    /// What a method carries; none if it is not known to send anything.
    pub fn of(method: &str) -> Option<Self> {
        Some(match method {
            "eth_sendRawTransaction"
            | "eth_sendRawTransactionSync"
            | "eth_sendRawTransactionConditional"
            | "eth_sendPrivateRawTransaction" => Self::Raw,
            "eth_sendPrivateTransaction" => Self::PrivateObject,
            "eth_sendBundle" => Self::Bundle,
            "mev_sendBundle" => Self::SharedBundle,
            "eth_sendUserOperation" => Self::UserOperation,
            "eth_sendTransaction" => Self::NodeSigned,
            _ => return None,
        })
    }

    /// The form that a rule must name for the method to be relayed at all.
    pub const fn form(self) -> Form {
        match self {
            Self::Raw | Self::PrivateObject => Form::Transaction,
            Self::Bundle | Self::SharedBundle => Form::Bundle,
            Self::UserOperation => Form::UserOperation,
            Self::NodeSigned => Form::NodeSigned,
        }
    }
}

/// Whether a method sends something by its name: `eth_sendTransaction`, `mev_sendBundle`, `personal_send…`, and the few
/// that are named otherwise.
pub fn sends(method: &str) -> bool {
    let name = method.split_once('_').map_or(method, |(_, name)| name);
    let name = name.to_ascii_lowercase();
    name.starts_with("send") || ["resend", "submittransaction", "posttransaction"].contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_method_that_sends_by_its_name() {
        for method in [
            "eth_sendTransaction",
            "mev_sendBundle",
            "personal_sendTransaction",
            "eth_SendUserOperation",
            "eth_resend",
            "eth_submitTransaction",
            "parity_postTransaction",
        ] {
            assert!(sends(method), "{method}");
        }
        for method in ["eth_call", "eth_getBalance", "web3_sha3", "", "_", "net_version"] {
            assert!(!sends(method), "{method}");
        }
    }

    #[test]
    fn every_form_is_written_as_it_is_read() {
        for form in [
            Form::Transaction,
            Form::Bundle,
            Form::UserOperation,
            Form::NodeSigned,
            Form::UnknownType,
        ] {
            assert_eq!(serde_json::to_value(form).ok(), Some(form.to_string().into()));
        }
    }
}
