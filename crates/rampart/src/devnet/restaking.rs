//! EigenLayer's real core on the L1, our contracts beside it, and the stakes that make the four operators.

use super::layout::{L1_CHAIN, Layout, url};
use super::{Args, OPERATORS};
use crate::operator::prove;
use alloy::primitives::U256;
use alloy::providers::{Provider as _, ProviderBuilder};
use anyhow::Context;
use rampart_chain::deploy::Deployer;
use rampart_chain::l1::eigenlayer::CoreDelays;
use rampart_chain::l1::{
    CoreBytecode, CoreVersion, Governance, L1Contracts, L1Settings, Operators, Vault, WAD,
};
use rampart_node::GenesisOperator;
use rampart_protocol::{Address, Amount, B256, Domain, Ppm, Seconds};

/// What each of the two investors restakes to every operator, so that all operators weigh the same.
pub const STAKES: [u128; 2] = [100 * Amount::TOKEN.0, 20 * Amount::TOKEN.0];
/// Of the asset, held by each investor.
const ASSETS: Amount = Amount(1_000 * Amount::TOKEN.0);
/// Part of the rewards that each operator keeps.
const COMMISSION: Ppm = Ppm(100_000);
/// Wei, for who proves an equivocation.
pub const BOUNTY: u128 = Amount::TOKEN.0;

/// Blocks of a second each: what takes weeks on Ethereum.
const DELAYS: CoreDelays = CoreDelays {
    withdrawal: 6,
    deallocation: 6,
    configuration: 1,
};

/// Deploys EigenLayer's core and our contracts, and lets the operators join with their investors' stakes.
///
/// The L1 mines each transaction at once meanwhile: some eighty would take as many seconds.
pub async fn start(
    args: &Args,
    layout: &Layout,
    asset: Address,
    settlement: Domain,
    seeds: &[B256],
) -> anyhow::Result<L1Contracts> {
    set_block_time(layout, None).await?;
    let contracts = deploy(args, layout, asset, settlement).await?;
    std::fs::write(layout.path("l1.json"), serde_json::to_string_pretty(&contracts)?)?;
    for (operator, seed) in seeds.iter().enumerate() {
        join(layout, contracts, operator, seed).await?;
    }
    for (investor, amount) in layout.accounts.investors.iter().zip(STAKES) {
        let vault = Vault::new(&url(layout.l1()), contracts, Some(investor.clone()))?;
        for operator in &layout.accounts.operators {
            vault.restake(operator.address(), amount).await?;
        }
        let governance = Governance::new(&url(layout.l1()), contracts, Some(investor.clone()))?;
        governance.delegate(investor.address()).await?;
    }
    for operator in &layout.accounts.operators {
        let operators = Operators::new(&url(layout.l1()), contracts, Some(operator.clone()))?;
        operators.sync(operator.address()).await?;
    }
    set_block_time(layout, Some(1)).await?;
    Ok(contracts)
}

/// The operators as the L1 has them, for the ledger's genesis.
pub fn genesis_operators(layout: &Layout) -> Vec<GenesisOperator> {
    let operators = layout.accounts.operators.iter();
    let genesis = operators.map(|operator| GenesisOperator {
        address: operator.address(),
        stake: STAKES.iter().sum(),
        commission: COMMISSION,
        seat: None,
    });
    genesis.collect()
}

async fn deploy(
    args: &Args,
    layout: &Layout,
    asset: Address,
    settlement: Domain,
) -> anyhow::Result<L1Contracts> {
    let code = CoreBytecode::load(&args.eigenlayer_core)?;
    let deployer = Deployer::new(&url(layout.l1()), layout.accounts.deployer.clone())?;
    let core = deployer
        .deploy_core(&code, DELAYS)
        .await
        .context("EigenLayer's core")?;
    let strategy = deployer.deploy_strategy(&code, &core, asset).await?;
    let contracts = deployer.deploy_l1(&core, strategy, &settings(settlement)).await?;
    deployer
        .transfer_coin(contracts.service_manager, U256::from(BOUNTY))
        .await?;
    for investor in &layout.accounts.investors {
        deployer.transfer_token(asset, investor.address(), ASSETS).await?;
    }
    Ok(contracts)
}

/// Seconds for what takes days on a public network.
fn settings(settlement: Domain) -> L1Settings {
    L1Settings {
        core_version: CoreVersion::V13,
        settlement,
        wraps_ether: false,
        timelock_delay: Seconds(2),
        voting_delay: Seconds(1),
        voting_period: Seconds(6),
        proposal_threshold: Amount::TOKEN.0,
        quorum_percent: 10,
        age_boost: Ppm(1_000_000),
        age_half: Seconds(180 * 86_400),
        allocations: Vec::new(),
        equivocation_wad: WAD / 2,
        bounty: BOUNTY,
        metadata_uri: "https://rampart.example/devnet.json".to_owned(),
    }
}

async fn join(layout: &Layout, contracts: L1Contracts, operator: usize, seed: &B256) -> anyhow::Result<()> {
    let signer = layout.accounts.operators[operator].clone();
    let account = signer.address();
    let operators = Operators::new(&url(layout.l1()), contracts, Some(signer.clone()))?;
    operators.register_on_core(0, "").await?;
    mine(layout, u64::from(DELAYS.configuration) + 1).await?;
    operators.allocate(account, WAD).await?;
    let consensus = ed25519_dalek::SigningKey::from_bytes(&seed.0);
    let proofs = prove(&operators, account, &consensus, &signer).await?;
    operators
        .join(account, &proofs, COMMISSION)
        .await
        .with_context(|| format!("operator {} of {OPERATORS} cannot join", operator + 1))?;
    Ok(())
}

async fn mine(layout: &Layout, blocks: u64) -> anyhow::Result<()> {
    let node = ProviderBuilder::new().connect_http(url(layout.l1()).parse()?);
    node.raw_request::<_, serde_json::Value>("anvil_mine".into(), [format!("{blocks:#x}")])
        .await?;
    Ok(())
}

/// A block so often, or one for each transaction.
async fn set_block_time(layout: &Layout, seconds: Option<u64>) -> anyhow::Result<()> {
    let node = ProviderBuilder::new().connect_http(url(layout.l1()).parse()?);
    let interval = [seconds.unwrap_or(0)];
    node.raw_request::<_, serde_json::Value>("evm_setIntervalMining".into(), interval)
        .await?;
    node.raw_request::<_, serde_json::Value>("evm_setAutomine".into(), [seconds.is_none()])
        .await?;
    Ok(())
}

/// The L1 as the operators' network file names it.
pub const fn network(contracts: &L1Contracts) -> rampart_node::Restaking {
    rampart_node::Restaking {
        chain_id: L1_CHAIN,
        outbox: contracts.outbox,
        service_manager: contracts.service_manager,
        deployed_at: contracts.deployed_at,
    }
}
