//! The chains, the contracts and the operators.

use super::children::Children;
use super::layout::{L1_CHAIN, L2_CHAIN, Layout, url};
use super::{Args, OPERATORS, progress, restaking};
use crate::{clock, keys};
use anyhow::{Context, bail};
use rampart_chain::deploy::{Deployer, Hatch, L2Contracts};
use rampart_chain::l1::L1Contracts;
use rampart_chain::{Finality, Settlement};
use rampart_client::NodeClient;
use rampart_node::{DutiesConfig, NetworkFile, Params};
use rampart_protocol::{Address, Amount, B256, Domain, Operator, OperatorSet, Seconds};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The password of the devnet's keystores, whose keys everyone knows anyway.
pub const PASSWORD: &str = "rampart-devnet";
/// Longest wait for a process to answer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Tokens that exist.
const SUPPLY: Amount = Amount(1_000_000_000 * Amount::TOKEN.0);
/// Tokens on the L2 of each account that uses the ledger.
const ALLOWANCE: Amount = Amount(1_000_000 * Amount::TOKEN.0);

/// The settlement's escape hatch: far more than a stop of this machine for a moment, short enough to be waited for.
/// Governance does not reach this L2.
pub const HATCH: Hatch = Hatch {
    exit_delay: Seconds(3_600),
    force_delay: Seconds(3_600),
    guardian: Address::ZERO,
};

/// What runs.
#[derive(Clone, Debug)]
pub struct Network {
    /// Contracts of the L2.
    pub contracts: L2Contracts,
    /// A token on the L1, to try transactions with; what investors restake.
    pub dev_token: Address,
    /// Contracts of the L1.
    pub l1: L1Contracts,
    /// The operators.
    pub operators: OperatorSet,
    /// The economic parameters at genesis.
    pub params: Params,
}

impl Network {
    /// The settlement contract, for reading.
    pub fn settlement(&self, layout: &Layout) -> anyhow::Result<Settlement> {
        Ok(Settlement::new(
            &url(layout.l2()),
            self.contracts.settlement,
            None,
        )?)
    }
}

/// Name of an operator's process.
pub fn operator_name(operator: usize) -> String {
    format!("operator-{}", operator + 1)
}

/// Starts chains and operators, and deploys.
pub async fn start(args: &Args, layout: &Layout, children: &mut Children) -> anyhow::Result<Network> {
    progress("starting two EVM nodes");
    start_anvil(args, children, "l1", layout.l1(), L1_CHAIN)?;
    start_anvil(args, children, "l2", layout.l2(), L2_CHAIN)?;
    wait_for_port(children, "l1", layout.l1()).await?;
    wait_for_port(children, "l2", layout.l2()).await?;

    progress("deploying UtilityToken and Settlement");
    let seeds: Vec<(B256, B256)> = (0..OPERATORS)
        .map(|_| {
            let (seed, public) = keys::new_access_key();
            (seed, public.0)
        })
        .collect();
    let operator = |(index, (_, public_key)): (usize, &(B256, B256))| Operator {
        public_key: *public_key,
        checkpoint_key: layout.accounts.operators[index].address(),
        weight: 100,
    };
    let undeployed = Domain {
        chain_id: L2_CHAIN,
        settlement: Address::ZERO,
    };
    let mut operators = OperatorSet {
        domain: undeployed,
        operators: seeds.iter().enumerate().map(operator).collect(),
    };
    let (contracts, dev_token) = deploy(layout, &operators).await?;
    operators.domain.settlement = contracts.settlement;
    progress("deploying EigenLayer's core and the contracts of the L1; operators join, investors restake");
    let private: Vec<B256> = seeds.iter().map(|(seed, _)| *seed).collect();
    let l1 = restaking::start(args, layout, dev_token, operators.domain, &private)
        .await
        .context("deployment on the L1 failed")?;

    progress("starting four operators");
    write_operators(layout, &operators, &seeds, contracts.deployed_at, &l1)?;
    for operator in 0..OPERATORS {
        let config = layout.path(&format!("{}/node.toml", operator_name(operator)));
        children.start_self(
            &operator_name(operator),
            [
                "node".into(),
                "run".into(),
                "--config".into(),
                config.into_os_string(),
            ],
        )?;
    }
    let network = Network {
        contracts,
        dev_token,
        l1,
        operators,
        params: params(),
    };
    for operator in 0..OPERATORS {
        wait_for_operator(layout, children, operator, 1).await?;
    }
    Ok(network)
}

fn start_anvil(
    args: &Args,
    children: &mut Children,
    name: &str,
    address: SocketAddr,
    chain_id: u64,
) -> anyhow::Result<()> {
    // Finality two blocks behind the head, so that it can be seen to matter; without pruning, anvil fills the disk.
    let (port, chain_id) = (address.port().to_string(), chain_id.to_string());
    let options = [
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--chain-id",
        &chain_id,
        "--block-time",
        "1",
    ];
    let more = ["--slots-in-an-epoch", "1", "--prune-history", "--accounts", "12"];
    children.start(name, &args.anvil, options.into_iter().chain(more), false)
}

async fn deploy(layout: &Layout, operators: &OperatorSet) -> anyhow::Result<(L2Contracts, Address)> {
    let accounts = &layout.accounts;
    let l2 = Deployer::new(&url(layout.l2()), accounts.deployer.clone())?;
    let contracts = l2
        .deploy_l2(SUPPLY, operators.seats(), HATCH)
        .await
        .context("deployment on the L2 failed")?;
    for account in [
        &accounts.consumer,
        &accounts.providers[0],
        &accounts.providers[1],
        &accounts.fresh,
    ] {
        l2.transfer_token(contracts.utility_token, account.address(), ALLOWANCE)
            .await?;
    }
    let l1 = Deployer::new(&url(layout.l1()), accounts.deployer.clone())?;
    let dev_token = l1
        .deploy_dev_token(SUPPLY)
        .await
        .context("deployment on the L1 failed")?;
    l1.transfer_token(dev_token, accounts.consumer.address(), ALLOWANCE)
        .await?;
    Ok((contracts, dev_token))
}

/// Parameters that let a person see in seconds what takes days in earnest. Stake unbonds no faster than the longest wait,
/// a challenge and two rounds of judging, which the ledger insists on.
fn params() -> Params {
    Params {
        wait_min: Seconds(2),
        wait_max: Seconds(10),
        escrow_bucket: Seconds(1),
        duration_min: Seconds(1),
        challenge_window: Seconds(6),
        commit_window: Seconds(6),
        reveal_window: Seconds(6),
        escalation_window: Seconds(60),
        compensation_window: Seconds(60),
        unbond_period: Seconds(40),
        epoch_length: Seconds(20),
        ..Default::default()
    }
}

/// Duties at the pace of the epochs above: ten probes of each service in one.
fn duties() -> DutiesConfig {
    DutiesConfig {
        probe_interval_ms: 2_000,
        probe_timeout_ms: 3_000,
        retry_after_ms: 500,
        min_probes: 4,
        grace_s: 10,
        ..DutiesConfig::default()
    }
}

fn write_operators(
    layout: &Layout,
    operators: &OperatorSet,
    seeds: &[(B256, B256)],
    deployed_at: u64,
    l1: &L1Contracts,
) -> anyhow::Result<()> {
    let now = clock::now()?.as_millis();
    let network = NetworkFile {
        operator_set: operators.clone(),
        addresses: seeds
            .iter()
            .enumerate()
            .map(|(i, (_, public))| (*public, layout.peer(i)))
            .collect(),
        genesis_timestamp_ms: u64::try_from(now)?,
        settlement_deployed_at: deployed_at,
        checkpoint_interval: 10,
        epoch_blocks: 300,
        params: params(),
        operators: restaking::genesis_operators(layout),
        restaking: Some(restaking::network(l1)),
        min_interval_ms: 100,
        idle_interval_ms: 1000,
    };
    std::fs::write(
        layout.path("network.json"),
        serde_json::to_string_pretty(&network)?,
    )?;
    std::fs::write(
        layout.path("operators.json"),
        serde_json::to_string_pretty(operators)?,
    )?;
    for (operator, (seed, _)) in seeds.iter().enumerate() {
        let folder = layout.path(&operator_name(operator));
        std::fs::create_dir_all(&folder)?;
        keys::write_secret(&folder.join("consensus.key"), &format!("{seed:x}"))?;
        keys::write_secret(&folder.join("password"), PASSWORD)?;
        keys::store(
            &layout.accounts.operators[operator],
            &folder.join("checkpoint.json"),
            PASSWORD,
        )?;
        let config = rampart_node::NodeConfig {
            state_dir: PathBuf::from("state"),
            network_file: PathBuf::from("../network.json"),
            consensus_key_file: PathBuf::from("consensus.key"),
            checkpoint_keystore: PathBuf::from("checkpoint.json"),
            checkpoint_password_file: Some(PathBuf::from("password")),
            listen: layout.peer(operator),
            reachable_at: None,
            bootstrappers: std::collections::BTreeMap::new(),
            state_sync: false,
            api_listen: layout.api(operator),
            metrics_listen: None,
            l2_rpc: url(layout.l2()).into(),
            l2_quorum: None,
            l2_finality: Finality::Finalized,
            l1_rpc: Some(url(layout.l1()).into()),
            l1_quorum: None,
            l1_finality: Finality::Finalized,
            l2_max_fee_gwei: 200,
            l1_max_fee_gwei: 200,
            stuck_after_s: 30,
            allow_private_addresses: true,
            poll_ms: 250,
            min_free_mib: 64,
            retain_blocks: None,
            telemetry: None,
            threads: 2,
            cache_pages: 1 << 12,
            index_cache: 1 << 16,
            duties: Some(duties()),
        };
        std::fs::write(folder.join("node.toml"), toml::to_string_pretty(&config)?)?;
    }
    Ok(())
}

/// Waits until an operator's API answers and its chain has reached a height.
pub async fn wait_for_operator(
    layout: &Layout,
    children: &mut Children,
    operator: usize,
    height: u64,
) -> anyhow::Result<()> {
    let client = NodeClient::new(vec![url(layout.api(operator))]);
    let deadline = tokio::time::Instant::now() + START_TIMEOUT;
    loop {
        children.check(&operator_name(operator))?;
        if client.status().await.is_ok_and(|status| status.height >= height) {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            bail!(
                "{} did not reach height {height} in time; see its log",
                operator_name(operator)
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until something listens.
pub async fn wait_for_port(children: &mut Children, name: &str, address: SocketAddr) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + START_TIMEOUT;
    loop {
        children.check(name)?;
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            bail!("{name} does not listen on {address}; see its log");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_devnets_parameters_are_possible() {
        assert_eq!(params().validate(), Ok(()));
    }
}
