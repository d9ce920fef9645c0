//! What an operator needs on its own machine, and the order of all checks: what cannot be known without something that
//! failed is left out.

use super::finding::Finding;
use super::{ConfigArgs, reach, unlock};
use rampart_chain::Endpoints;
use rampart_node::{Keys, NetworkFile, NodeConfig};
use rampart_protocol::Address;
use std::fs::{File, TryLockError};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

/// Free bytes below which an operator should not start, and below which it is a matter of days.
const LEAST_FREE: u64 = 2 << 30;
const LITTLE_FREE: u64 = 20 << 30;

/// Checks everything.
pub async fn all(args: &ConfigArgs) -> Vec<Finding> {
    let config = match args.load() {
        Ok(config) => config,
        Err(error) => return vec![Finding::failed("configuration", error)],
    };
    let network = match NetworkFile::load(&config.network_file) {
        Ok(network) => network,
        Err(error) => return vec![Finding::failed("network", error)],
    };
    let mut findings = vec![
        Finding::ok("configuration", "read"),
        Finding::ok(
            "network",
            format!(
                "{} operators at its start, settlement {} on chain {}",
                network.operator_set.operators.len(),
                network.operator_set.domain.settlement,
                network.operator_set.domain.chain_id
            ),
        ),
    ];
    findings.push(match config.retention(&network) {
        Ok(None) => Finding::ok("retention", "all blocks are kept"),
        Ok(Some(blocks)) => Finding::ok(
            "retention",
            format!(
                "{blocks} blocks are kept, {} epochs; what is older cannot be proved here",
                blocks.get() as u64 / network.epoch_blocks
            ),
        ),
        Err(error) => Finding::failed("retention", error),
    });
    if let Some(telemetry) = &config.telemetry {
        findings.push(match telemetry.traces_url() {
            Ok(_) => Finding::ok(
                "traces",
                format!("a share of {} is exported", telemetry.sample_ratio),
            ),
            Err(error) => Finding::failed("traces", error),
        });
    }
    let (state, running) = state(&config.state_dir);
    findings.extend(state);
    if !running {
        findings.extend([
            port("peers' port", config.listen),
            port("API's port", config.api_listen),
        ]);
    }
    let keys = unlock(&config);
    findings.push(match &keys {
        Ok(keys) => Finding::ok(
            "keys",
            format!(
                "consensus {}, checkpoints {}",
                keys.consensus_key(),
                keys.checkpoint_key()
            ),
        ),
        Err(error) => Finding::failed("keys", format!("{error:#}")),
    });
    findings.extend(elsewhere(&config, &network, keys.ok().as_ref()).await);
    findings
}

async fn elsewhere(config: &NodeConfig, network: &NetworkFile, keys: Option<&Keys>) -> Vec<Finding> {
    let domain = network.operator_set.domain;
    // Before 1970 every block is ahead, which is what is then told.
    let now = crate::clock::now().unwrap_or_default();
    let mut findings = Vec::new();
    match config.l2() {
        Err(error) => findings.push(Finding::failed("L2", error)),
        Ok(l2) => {
            findings.extend(endpoints("L2", &l2, domain.chain_id, domain.settlement, now).await);
            if let (Some(keys), Some(rpc)) = (keys, l2.urls().next()) {
                findings.push(reach::gas(rpc, keys.checkpoint_key()).await);
            }
        }
    }
    if let Some(keys) = keys {
        findings.push(reach::peers(network, keys).await);
    }
    match config.restaking(network) {
        Err(error) => findings.push(Finding::failed("L1", error)),
        Ok(None) => {}
        Ok(Some((l1, restaking))) => {
            findings.extend(endpoints("L1", &l1, restaking.chain_id, restaking.outbox, now).await);
            if let (Some(keys), Some(rpc)) = (keys, l1.urls().next()) {
                findings.push(reach::registration(rpc, restaking.outbox, keys).await);
            }
        }
    }
    findings
}

/// Every endpoint of a chain; the only one is called by the chain's name.
async fn endpoints(
    chain: &str,
    endpoints: &Endpoints,
    id: u64,
    contract: Address,
    now: Duration,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, rpc) in endpoints.urls().enumerate() {
        let name = match endpoints.count() {
            1 => chain.to_owned(),
            _ => format!("{chain} {}", endpoints.label(position)),
        };
        let chain = reach::Chain {
            name: &name,
            rpc,
            id,
            contract,
        };
        findings.extend(reach::chain(&chain, now).await);
    }
    findings
}

/// The folder of the state: that it can be written, who uses it, and what is free there. Also whether an operator runs on it.
fn state(folder: &Path) -> (Vec<Finding>, bool) {
    let check = "state";
    let unusable = |error: std::io::Error| {
        let says = format!("{} cannot be written: {error}", folder.display());
        (vec![Finding::failed(check, says)], false)
    };
    if let Err(error) = std::fs::create_dir_all(folder) {
        return unusable(error);
    }
    // The operator's own lock, which it holds while it runs.
    let running = match File::create(folder.join("lock")).map(|file| file.try_lock()) {
        Ok(Ok(())) => false,
        Ok(Err(TryLockError::WouldBlock)) => true,
        Ok(Err(TryLockError::Error(error))) | Err(error) => return unusable(error),
    };
    let state = if running {
        Finding::warning(check, "an operator runs on it: its ports are not checked")
    } else {
        Finding::ok(check, format!("{} can be written", folder.display()))
    };
    (vec![state, disk(folder)], running)
}

fn disk(folder: &Path) -> Finding {
    let check = "disk";
    match rampart_node::disk::free(folder) {
        Err(error) => Finding::failed(check, format!("the free space cannot be read: {error}")),
        Ok(free) => {
            let says = format!("{} GiB free", free >> 30);
            match free {
                LITTLE_FREE.. => Finding::ok(check, says),
                LEAST_FREE.. => Finding::warning(check, format!("{says}, {} advised", LITTLE_FREE >> 30)),
                _ => Finding::failed(check, format!("{says}, at least {} needed", LEAST_FREE >> 30)),
            }
        }
    }
}

fn port(check: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(check, address),
        Err(error) => Finding::failed(check, format!("cannot listen on {address}: {error}")),
    }
}
