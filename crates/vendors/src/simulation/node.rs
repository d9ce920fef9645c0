//! The node's part: running a transaction without sending it, and the facts that judging it needs.
//!
//! Three ways, the best that the node knows: `eth_simulateV1` and `debug_traceCall` tell the logs; plain `eth_call`
//! tells only whether it reverts, and effects are then read from calldata alone. A way that the node refuses as
//! unknown is not asked again. All calls are at the block `latest`, which may move between two of them.

use super::effects::{Effects, Log};
use crate::VendorError;
use crate::calldata::{Extent, Grant};
use crate::request::Candidate;
use alloy::eips::BlockId;
use alloy::network::Ethereum;
use alloy::primitives::{Address, Bytes, TxKind, U256};
use alloy::providers::ext::DebugApi;
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::simulate::{SimBlock, SimulatePayload};
use alloy::rpc::types::trace::geth::{
    CallConfig, CallFrame, GethDebugTracingCallOptions, GethDebugTracingOptions,
};
use alloy::sol;
use alloy::sol_types::{SolCall, decode_revert_reason};
use alloy::transports::{RpcError, TransportErrorKind};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;

sol! {
    #[allow(missing_docs)]
    interface Token {
        function balanceOf(address owner) returns (uint256 balance);
        function totalSupply() returns (uint256 supply);
        function allowance(address owner, address spender) returns (uint256 amount);
    }
}

/// Why the node could not answer.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The transaction is for another chain.
    #[error("the transaction is for chain {theirs}, the node is on chain {ours}")]
    OtherChain { ours: u64, theirs: u64 },
    /// The node knows no way to simulate.
    #[error("the node offers none of eth_simulateV1, debug_traceCall and eth_call")]
    Unsupported,
    /// A call failed for a reason that says nothing about the transaction.
    #[error("a call to the node failed")]
    Call(#[source] Box<RpcError<TransportErrorKind>>),
}

impl From<RpcError<TransportErrorKind>> for NodeError {
    fn from(error: RpcError<TransportErrorKind>) -> Self {
        Self::Call(Box::new(error))
    }
}

/// What the transaction would do.
#[derive(Debug)]
pub enum Outcome {
    /// It succeeds.
    Success { logs: Vec<Log> },
    /// It runs and reverts.
    Reverted { reason: String },
    /// It cannot be run, for instance for want of funds.
    Impossible { message: String },
}

impl Outcome {
    /// The logs of a success; none otherwise.
    pub fn logs(&self) -> &[Log] {
        match self {
            Self::Success { logs } => logs,
            Self::Reverted { .. } | Self::Impossible { .. } => &[],
        }
    }
}

/// The state that judging needs, as it is before the transaction.
#[derive(Debug, Default)]
pub struct Facts {
    /// The sender's native balance, wei.
    pub balance: U256,
    /// The most that the gas may cost, wei.
    pub gas_cost: U256,
    /// What is known of each token touched.
    pub tokens: BTreeMap<Address, TokenFacts>,
    /// In the order of [`Effects::grants`].
    pub grants: Vec<GrantFacts>,
}

/// A token, seen from the sender. `None`: the contract does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenFacts {
    pub balance: Option<U256>,
    pub supply: Option<U256>,
}

/// A grant's surroundings.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrantFacts {
    /// What the spender may take already.
    pub allowance: Option<U256>,
    /// Whether the spender is an account without code of its own.
    pub to_account: bool,
}

/// The node that simulates.
#[derive(Debug)]
pub struct Node {
    provider: RootProvider<Ethereum>,
    chain_id: OnceCell<u64>,
    way: AtomicU8,
}

const WAYS: u8 = 3;

impl Node {
    pub fn new(url: &str, timeout: Duration) -> Result<Self, VendorError> {
        let parsed: url::Url = url.parse().map_err(|_| VendorError::NodeUrl(redacted(url)))?;
        if parsed.scheme() != "http" {
            return Err(VendorError::NodeUrl(redacted(url)));
        }
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .build()
            .map_err(VendorError::NodeClient)?;
        Ok(Self {
            provider: RootProvider::new(RpcClient::new_http_with_client(client, parsed)),
            chain_id: OnceCell::new(),
            way: AtomicU8::new(0),
        })
    }

    pub async fn chain_id(&self) -> Result<u64, NodeError> {
        let ask = || async { Ok::<_, NodeError>(self.provider.get_chain_id().await?) };
        self.chain_id.get_or_try_init(ask).await.copied()
    }

    /// Runs the transaction on top of the latest block.
    pub async fn simulate(&self, candidate: &Candidate) -> Result<Outcome, NodeError> {
        for way in self.way.load(Ordering::Relaxed)..WAYS {
            let result = match way {
                0 => self.by_simulate(candidate).await,
                1 => self.by_trace(candidate).await,
                _ => self.by_call(candidate).await,
            };
            match result.map_err(refusal) {
                Ok(outcome) => return Ok(outcome),
                Err(Refusal::Outcome(outcome)) => return Ok(outcome),
                Err(Refusal::Error(error)) => return Err(error),
                Err(Refusal::Unknown) => self.way.fetch_max(way + 1, Ordering::Relaxed),
            };
        }
        Err(NodeError::Unsupported)
    }

    async fn by_simulate(&self, candidate: &Candidate) -> Result<Outcome, RpcError<TransportErrorKind>> {
        let block = SimBlock::default().call(request(candidate));
        let payload = SimulatePayload::default().extend(block);
        let blocks = self.provider.simulate(&payload).await?;
        let Some(call) = blocks
            .into_iter()
            .next()
            .and_then(|block| block.calls.into_iter().next())
        else {
            return Err(RpcError::NullResp);
        };
        if call.status {
            let logs = call.logs.into_iter().map(|log| Log {
                address: log.address(),
                topics: log.topics().to_vec(),
                data: log.inner.data.data,
            });
            return Ok(Outcome::Success { logs: logs.collect() });
        }
        let message = call
            .error
            .map_or_else(|| "execution reverted".to_owned(), |error| error.message);
        Ok(Outcome::Reverted {
            reason: decode_revert_reason(&call.return_data).unwrap_or(message),
        })
    }

    async fn by_trace(&self, candidate: &Candidate) -> Result<Outcome, RpcError<TransportErrorKind>> {
        let config = CallConfig::default().with_log();
        let options = GethDebugTracingCallOptions::new(GethDebugTracingOptions::call_tracer(config));
        let trace = self
            .provider
            .debug_trace_call(request(candidate), BlockId::latest(), options)
            .await?;
        let frame = trace.try_into_call_frame().map_err(|_| RpcError::NullResp)?;
        if let Some(error) = frame.error {
            let output = frame.output.unwrap_or_default();
            let reason = frame.revert_reason.or_else(|| decode_revert_reason(&output));
            return Ok(Outcome::Reverted {
                reason: reason.unwrap_or(error),
            });
        }
        let mut logs = Vec::new();
        collect_logs(&frame, &mut logs);
        Ok(Outcome::Success { logs })
    }

    async fn by_call(&self, candidate: &Candidate) -> Result<Outcome, RpcError<TransportErrorKind>> {
        self.provider.call(request(candidate)).await?;
        Ok(Outcome::Success { logs: Vec::new() })
    }

    /// The state around the effects. A contract that does not answer a view leaves its fact unknown.
    pub async fn facts(&self, candidate: &Candidate, effects: &Effects) -> Result<Facts, NodeError> {
        let native = async { Ok::<_, NodeError>(self.provider.get_balance(candidate.from).await?) };
        let gas_cost = self.gas_cost(candidate);
        let mut tokens: Vec<Address> = effects.outflows.keys().copied().collect();
        tokens.extend(effects.grants.iter().map(|grant| grant.token));
        tokens.sort_unstable();
        tokens.dedup();
        let tokens = join_all(
            tokens
                .into_iter()
                .map(|token| self.token_facts(token, candidate.from)),
        );
        let grants = join_all(
            effects
                .grants
                .iter()
                .map(|grant| self.grant_facts(grant, candidate.from)),
        );
        let (balance, gas_cost, tokens, grants) = tokio::join!(native, gas_cost, tokens, grants);
        Ok(Facts {
            balance: balance?,
            gas_cost: gas_cost?,
            tokens: tokens.into_iter().collect::<Result<_, _>>()?,
            grants: grants.into_iter().collect::<Result<_, _>>()?,
        })
    }

    async fn gas_cost(&self, candidate: &Candidate) -> Result<U256, NodeError> {
        let price = match candidate.max_fee_per_gas {
            Some(price) => price,
            None => self.provider.get_gas_price().await?,
        };
        Ok(U256::from(price).saturating_mul(U256::from(candidate.gas.unwrap_or(21_000))))
    }

    async fn token_facts(&self, token: Address, owner: Address) -> Result<(Address, TokenFacts), NodeError> {
        let (balance, supply) = tokio::join!(
            self.view(token, Token::balanceOfCall { owner }),
            self.view(token, Token::totalSupplyCall {})
        );
        let facts = TokenFacts {
            balance: balance?,
            supply: supply?,
        };
        Ok((token, facts))
    }

    async fn grant_facts(&self, grant: &Grant, owner: Address) -> Result<GrantFacts, NodeError> {
        let spender = grant.spender;
        let allowance = async {
            match grant.extent {
                Extent::Amount(_) => {
                    self.view(grant.token, Token::allowanceCall { owner, spender })
                        .await
                }
                Extent::Permit2(_) | Extent::All => Ok(None),
            }
        };
        let code = async { Ok::<_, NodeError>(self.provider.get_code_at(spender).await?) };
        let (allowance, code) = tokio::join!(allowance, code);
        Ok(GrantFacts {
            allowance: allowance?,
            to_account: is_account(&code?),
        })
    }

    /// The one word that a view returns; `None` when the contract refuses or returns something else.
    async fn view<C: SolCall<Return = U256>>(&self, to: Address, call: C) -> Result<Option<U256>, NodeError> {
        let request = TransactionRequest::default()
            .to(to)
            .input(call.abi_encode().into());
        match self.provider.call(request).await {
            Ok(output) => Ok(C::abi_decode_returns(&output).ok()),
            Err(error) => match refusal(error) {
                Refusal::Error(error) => Err(error),
                Refusal::Outcome(_) | Refusal::Unknown => Ok(None),
            },
        }
    }
}

/// An account without code, or with an EIP-7702 delegation in its place.
fn is_account(code: &Bytes) -> bool {
    code.is_empty() || (code.len() == 23 && code.starts_with(&[0xef, 0x01, 0x00]))
}

fn request(candidate: &Candidate) -> TransactionRequest {
    let mut request = TransactionRequest::default()
        .from(candidate.from)
        .value(candidate.value)
        .input(candidate.data.clone().into());
    request.to = Some(candidate.to.map_or(TxKind::Create, TxKind::Call));
    request.gas = candidate.gas;
    request.access_list = (!candidate.access_list.is_empty()).then(|| candidate.access_list.clone());
    request.authorization_list =
        (!candidate.authorizations.is_empty()).then(|| candidate.authorizations.clone());
    request
}

fn collect_logs(frame: &CallFrame, logs: &mut Vec<Log>) {
    if frame.error.is_some() {
        return;
    }
    logs.extend(frame.logs.iter().filter_map(|log| {
        Some(Log {
            address: log.address?,
            topics: log.topics.clone().unwrap_or_default(),
            data: log.data.clone().unwrap_or_default(),
        })
    }));
    for call in &frame.calls {
        collect_logs(call, logs);
    }
}

/// What a node's refusal means.
enum Refusal {
    /// It does not know the method.
    Unknown,
    /// It says something about the transaction.
    Outcome(Outcome),
    /// It says nothing about the transaction.
    Error(NodeError),
}

fn refusal(error: RpcError<TransportErrorKind>) -> Refusal {
    let told = error.as_error_resp().and_then(|payload| {
        let data = payload.as_revert_data().unwrap_or_default();
        classify(payload.code, &payload.message, &data)
    });
    told.unwrap_or_else(|| Refusal::Error(error.into()))
}

/// Codes: -32601 of JSON-RPC; 3 of `eth_call`; -38010 to -38026 and -32015 of `eth_simulateV1`; texts where nodes share
/// the general -32000.
fn classify(code: i64, text: &str, data: &[u8]) -> Option<Refusal> {
    let message = text.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    let unknown = code == -32000
        && has(&[
            "method not found",
            "does not exist",
            "not supported",
            "not available",
        ]);
    if code == -32601 || unknown {
        return Some(Refusal::Unknown);
    }
    if code == 3 || message.contains("revert") {
        let reason = decode_revert_reason(data).unwrap_or_else(|| text.to_owned());
        return Some(Refusal::Outcome(Outcome::Reverted { reason }));
    }
    let coded = (-38_026..=-38_010).contains(&code) || matches!(code, -32015 | -32003);
    if coded
        || has(&[
            "insufficient funds",
            "intrinsic gas",
            "gas required exceeds",
            "out of gas",
            "outofgas",
        ])
    {
        let message = text.to_owned();
        return Some(Refusal::Outcome(Outcome::Impossible { message }));
    }
    None
}

/// A URL without what may be secret: only its start up to the host.
fn redacted(url: &str) -> String {
    url.split_once("://")
        .map_or_else(|| "…".to_owned(), |(scheme, _)| format!("{scheme}://…"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tells_a_refusal_of_the_transaction_from_a_failure_of_the_node() {
        let kind = |code, text| match classify(code, text, &[]) {
            Some(Refusal::Unknown) => "unknown",
            Some(Refusal::Outcome(Outcome::Impossible { .. })) => "impossible",
            Some(Refusal::Outcome(Outcome::Reverted { .. })) => "reverted",
            Some(_) => "other",
            None => "node",
        };
        for (code, text, expected) in [
            (-32601, "x", "unknown"),
            (
                -32000,
                "the method debug_traceCall does not exist/is not available",
                "unknown",
            ),
            (-38014, "x", "impossible"),
            (-32003, "x", "impossible"),
            (-32000, "insufficient funds for gas * price + value", "impossible"),
            (3, "execution reverted: no", "reverted"),
            (-32000, "VM Exception: revert", "reverted"),
            (-32005, "limit exceeded", "node"),
            (-32603, "internal", "node"),
            (-32000, "header not found", "node"),
        ] {
            assert_eq!(kind(code, text), expected, "{code} {text}");
        }
    }

    #[test]
    fn refuses_a_node_url_that_is_not_http_without_showing_it() {
        for url in ["https://key@host", "ftp://x", "no url"] {
            let error = Node::new(url, Duration::from_secs(1)).unwrap_err();
            assert!(!error.to_string().contains("key"), "{error}");
        }
    }

    #[test]
    fn an_eip_7702_delegation_is_still_an_account() {
        let mut code = vec![0xef, 0x01, 0x00];
        code.extend([7; 20]);
        assert!(is_account(&code.into()) && is_account(&Bytes::new()));
        assert!(!is_account(&Bytes::from_static(&[0x60, 0x80])));
    }
}
