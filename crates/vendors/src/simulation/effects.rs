//! What a simulated transaction would move and grant, read from its logs and its calldata.
//!
//! Logs say what really happened inside every call; calldata says what was asked for, which counts too, since a
//! contract may behave differently when it runs for real. Only the sender's own assets are of interest.

use crate::calldata::{Calls, Extent, Grant};
use crate::request::Candidate;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolEvent;
use std::collections::BTreeMap;

/// Most grants, and most tokens, that are looked into.
pub const MAX_EFFECTS: usize = 16;

sol! {
    #[allow(missing_docs)]
    interface Events {
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);
        event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
    }
    #[allow(missing_docs)]
    interface Permit2Events {
        event Approval(address indexed owner, address indexed token, address indexed spender, uint160 amount, uint48 expiration);
        event Permit(address indexed owner, address indexed token, address indexed spender, uint160 amount, uint48 expiration, uint48 nonce);
    }
}

/// An event's log, whichever way the node told it.
#[derive(Clone, Debug)]
pub struct Log {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Bytes,
}

/// What the transaction does to its sender.
#[derive(Debug, Default)]
pub struct Effects {
    /// Allowances out of the sender's assets, each once.
    pub grants: Vec<Grant>,
    /// Tokens of which the sender ends with less, and how much less.
    pub outflows: BTreeMap<Address, U256>,
    /// Whether there was more than is looked into.
    pub truncated: bool,
}

impl Effects {
    pub fn of(candidate: &Candidate, logs: &[Log]) -> Self {
        let mut effects = Self::default();
        if let Some(to) = candidate.to {
            let calls = Calls::of(to, &candidate.data);
            effects.truncated = calls.truncated;
            effects.add_grants(calls.grants(candidate.from));
        }
        effects.add_grants(logs.iter().filter_map(|log| granted(log, candidate.from)));
        effects.add_outflows(logs, candidate.from);
        effects
    }

    fn add_grants(&mut self, grants: impl IntoIterator<Item = Grant>) {
        for grant in grants {
            if self.grants.contains(&grant) {
                continue;
            }
            if self.grants.len() == MAX_EFFECTS {
                self.truncated = true;
                return;
            }
            self.grants.push(grant);
        }
    }

    fn add_outflows(&mut self, logs: &[Log], sender: Address) {
        let mut flows: BTreeMap<Address, (U256, U256)> = BTreeMap::new();
        for log in logs {
            let Ok(transfer) = Events::Transfer::decode_raw_log(log.topics.iter().copied(), &log.data) else {
                continue;
            };
            let (sent, received) = flows.entry(log.address).or_default();
            if transfer.from == sender {
                *sent = sent.saturating_add(transfer.value);
            }
            if transfer.to == sender {
                *received = received.saturating_add(transfer.value);
            }
        }
        for (token, (sent, received)) in flows {
            if sent <= received {
                continue;
            }
            if self.outflows.len() == MAX_EFFECTS {
                self.truncated = true;
                return;
            }
            self.outflows.insert(token, sent - received);
        }
    }
}

fn granted(log: &Log, sender: Address) -> Option<Grant> {
    let topics = || log.topics.iter().copied();
    let grant = |owner, token, spender, extent| {
        (owner == sender).then_some(Grant {
            token,
            spender,
            extent,
        })
    };
    if let Ok(event) = Events::Approval::decode_raw_log(topics(), &log.data) {
        return grant(
            event.owner,
            log.address,
            event.spender,
            Extent::Amount(event.value),
        );
    }
    if let Ok(event) = Events::ApprovalForAll::decode_raw_log(topics(), &log.data) {
        let grant = grant(event.owner, log.address, event.operator, Extent::All);
        return grant.filter(|_| event.approved);
    }
    if let Ok(event) = Permit2Events::Approval::decode_raw_log(topics(), &log.data) {
        let extent = Extent::Permit2(U256::from(event.amount));
        return grant(event.owner, event.token, event.spender, extent);
    }
    if let Ok(event) = Permit2Events::Permit::decode_raw_log(topics(), &log.data) {
        let extent = Extent::Permit2(U256::from(event.amount));
        return grant(event.owner, event.token, event.spender, extent);
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::request::ScreenRequest;

    const SENDER: Address = Address::repeat_byte(1);
    const OTHER: Address = Address::repeat_byte(2);
    const TOKEN: Address = Address::repeat_byte(3);

    fn candidate() -> Candidate {
        let text = format!(r#"{{"chainId":"0x1","transaction":{{"from":"{SENDER}","to":"{TOKEN}"}}}}"#);
        let request: ScreenRequest = serde_json::from_str(&text).unwrap();
        request.candidate().unwrap()
    }

    fn log(data: alloy::primitives::LogData) -> Log {
        Log {
            address: TOKEN,
            topics: data.topics().to_vec(),
            data: data.data,
        }
    }

    fn transfer(from: Address, to: Address, value: u64) -> Log {
        let value = U256::from(value);
        log(Events::Transfer { from, to, value }.encode_log_data())
    }

    #[test]
    fn outflow_is_what_leaves_minus_what_returns() {
        let logs = [transfer(SENDER, OTHER, 10), transfer(OTHER, SENDER, 4)];
        let effects = Effects::of(&candidate(), &logs);
        assert_eq!(effects.outflows, BTreeMap::from([(TOKEN, U256::from(6))]));
        let even = Effects::of(
            &candidate(),
            &[transfer(SENDER, OTHER, 4), transfer(OTHER, SENDER, 4)],
        );
        assert!(even.outflows.is_empty());
    }

    #[test]
    fn reads_every_kind_of_grant_and_only_the_senders() {
        let value = U256::from(7);
        let amount = alloy::primitives::aliases::U160::from(7);
        let logs = [
            log(Events::Approval {
                owner: SENDER,
                spender: OTHER,
                value,
            }
            .encode_log_data()),
            log(Events::Approval {
                owner: OTHER,
                spender: SENDER,
                value,
            }
            .encode_log_data()),
            log(Events::ApprovalForAll {
                owner: SENDER,
                operator: OTHER,
                approved: true,
            }
            .encode_log_data()),
            log(Events::ApprovalForAll {
                owner: SENDER,
                operator: TOKEN,
                approved: false,
            }
            .encode_log_data()),
            log(Permit2Events::Approval {
                owner: SENDER,
                token: OTHER,
                spender: OTHER,
                amount,
                expiration: Default::default(),
            }
            .encode_log_data()),
        ];
        let extents: Vec<_> = Effects::of(&candidate(), &logs)
            .grants
            .iter()
            .map(|g| g.extent)
            .collect();
        assert_eq!(
            extents,
            [Extent::Amount(value), Extent::All, Extent::Permit2(value)]
        );
    }

    #[test]
    fn an_nft_transfer_is_no_token_amount() {
        let mut nft = transfer(SENDER, OTHER, 5);
        nft.topics.push(B256::with_last_byte(5));
        nft.data = Bytes::new();
        assert!(Effects::of(&candidate(), &[nft]).outflows.is_empty());
    }

    #[test]
    fn says_when_there_are_more_effects_than_are_looked_into() {
        let logs: Vec<_> = (0..=MAX_EFFECTS)
            .map(|n| {
                let mut log = transfer(SENDER, OTHER, 5);
                log.address = Address::with_last_byte(u8::try_from(n).unwrap());
                log
            })
            .collect();
        let effects = Effects::of(&candidate(), &logs);
        assert!(effects.truncated && effects.outflows.len() == MAX_EFFECTS);
    }
}
