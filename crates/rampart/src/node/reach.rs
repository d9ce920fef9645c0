//! What an operator needs from elsewhere: the RPCs of both chains with the contracts there, the other operators, the time.

use super::finding::Finding;
use alloy::eips::BlockNumberOrTag;
use futures::future::join_all;
use rampart_chain::ChainError;
use rampart_chain::examine::{Examination, Seen};
use rampart_node::{Keys, NetworkFile};
use rampart_protocol::{Address, Amount};
use std::time::Duration;

/// A head older than this is no head, seconds.
const STALE: u64 = 120;
/// Time ahead of ours that a block may have, seconds: the operators' clocks must be within 5 s of each other.
const SKEW: u64 = 5;
/// Wei below which an operator cannot submit many checkpoints: at 1 gwei some hundred.
const LITTLE_GAS: u128 = 10_000_000_000_000_000;
/// Longest wait for a peer to take a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// A chain as the network's file tells it.
pub struct Chain<'a> {
    pub name: &'a str,
    pub rpc: &'a str,
    pub id: u64,
    pub contract: Address,
}

/// What an endpoint shows; `now` is the time since the Unix epoch. Its URL may carry a key and is not shown.
pub async fn chain(chain: &Chain<'_>, now: Duration) -> Vec<Finding> {
    let check = chain.name;
    match examine(chain).await {
        Err(error) => vec![Finding::failed(check, format!("the RPC cannot be used: {error}"))],
        Ok(Answers { id, .. }) if id != chain.id => vec![Finding::failed(
            check,
            format!("the RPC serves chain {id}, the network is on {}", chain.id),
        )],
        Ok(answers) => judge(chain, &answers, now),
    }
}

struct Answers {
    id: u64,
    head: Option<Seen>,
    finalized: Option<Seen>,
    code: bool,
}

async fn examine(chain: &Chain<'_>) -> Result<Answers, ChainError> {
    let endpoint = Examination::new(chain.rpc)?;
    Ok(Answers {
        id: endpoint.chain_id().await?,
        head: endpoint.block(BlockNumberOrTag::Latest).await?,
        finalized: endpoint.block(BlockNumberOrTag::Finalized).await?,
        code: endpoint.has_code(chain.contract).await?,
    })
}

fn judge(chain: &Chain<'_>, answers: &Answers, now: Duration) -> Vec<Finding> {
    let check = chain.name;
    let (Some(head), Some(finalized)) = (answers.head, answers.finalized) else {
        return vec![Finding::failed(
            check,
            "the RPC has no final block: it does not know the tag, or the chain is new",
        )];
    };
    let code = if answers.code {
        Finding::ok(
            check,
            format!(
                "chain {}, head {}, final {}",
                chain.id, head.number, finalized.number
            ),
        )
    } else {
        Finding::failed(
            check,
            format!("there is no contract at {} on chain {}", chain.contract, chain.id),
        )
    };
    vec![code, clock(check, head, now)]
}

/// Our clock against the chain's: only a lag of ours can be told from a chain that makes no blocks.
fn clock(chain: &str, head: Seen, now: Duration) -> Finding {
    let now = now.as_secs();
    let check = "clock";
    match (head.time.0.checked_sub(now), now.checked_sub(head.time.0)) {
        (Some(ahead), _) if ahead > SKEW => Finding::failed(
            check,
            format!(
                "this machine's clock is {ahead} s behind the last block of the {chain}: synchronise it (NTP)"
            ),
        ),
        (_, Some(age)) if age > STALE => Finding::warning(
            check,
            format!("the last block of the {chain} is {age} s old: the RPC lags, or this clock is ahead"),
        ),
        _ => Finding::ok(
            check,
            format!("within {STALE} s of the last block of the {chain}"),
        ),
    }
}

/// What the checkpoint key can pay for gas with.
pub async fn gas(rpc: &str, account: Address) -> Finding {
    let check = "gas";
    let balance = async { Examination::new(rpc)?.balance(account).await }.await;
    match balance {
        Err(error) => Finding::failed(check, error),
        Ok(balance) => {
            let wei = u128::try_from(balance).unwrap_or(u128::MAX);
            let says = format!("{account} has {} ether on the L2", Amount(wei).to_tokens());
            if wei < LITTLE_GAS {
                Finding::warning(check, format!("{says}: it pays for checkpoints, send it some"))
            } else {
                Finding::ok(check, says)
            }
        }
    }
}

/// Whether the other operators take connections.
pub async fn peers(network: &NetworkFile, me: &Keys) -> Finding {
    let check = "peers";
    let others = network
        .addresses
        .iter()
        .filter(|(key, _)| **key != me.consensus_key());
    let tried = join_all(others.map(|(_, address)| async move {
        let connecting = tokio::net::TcpStream::connect(*address);
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(Ok(_)) => None,
            _ => Some(address.to_string()),
        }
    }))
    .await;
    let (all, silent): (usize, Vec<String>) = (tried.len(), tried.into_iter().flatten().collect());
    let says = format!("{} of {all} take connections", all - silent.len());
    match silent.len() {
        0 => Finding::ok(check, says),
        // Below a third nobody notices; above, there is no quorum to join.
        few if few * 3 <= all => Finding::warning(check, format!("{says}; not {}", silent.join(", "))),
        _ => Finding::failed(check, format!("{says}; not {}", silent.join(", "))),
    }
}

/// Whether the operator is registered with the service manager, with the keys that it has here.
pub async fn registration(rpc: &str, outbox: Address, keys: &Keys) -> Finding {
    let check = "registration";
    let found = async {
        Examination::new(rpc)?
            .registered(outbox, keys.checkpoint_key())
            .await
    }
    .await;
    match found {
        Err(error) => Finding::failed(check, format!("the service manager cannot be asked: {error}")),
        Ok(None) => Finding::warning(
            check,
            "nobody registered this checkpoint key: rampart operator register, allocate, join",
        ),
        Ok(Some(found)) if !found.member => Finding::warning(
            check,
            format!("{} has left Rampart's operator set", found.operator),
        ),
        Ok(Some(found))
            if found.consensus_key != keys.consensus_key()
                || found.checkpoint_key != keys.checkpoint_key() =>
        {
            Finding::warning(
                check,
                format!("{} has registered other keys than these since", found.operator),
            )
        }
        Ok(Some(found)) => {
            let stake = u128::try_from(found.stake).unwrap_or(u128::MAX);
            let says = format!(
                "{} is in the set with stake {}",
                found.operator,
                crate::l1::whole(stake)
            );
            if stake == 0 {
                Finding::warning(
                    check,
                    format!("{says}: nobody restakes to it, or nothing is allocated"),
                )
            } else {
                Finding::ok(check, says)
            }
        }
    }
}
