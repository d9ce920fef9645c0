//! Steps 13 to 15: governance changes a parameter; an operator that signs two checkpoints of one height is slashed on
//! EigenLayer, and its investors with it; one of them takes out what is left (G1, G3 to G5, O1, X3).

use super::Stage;
use crate::devnet::layout::url;
use crate::devnet::market::WAIT;
use crate::devnet::restaking::{BOUNTY, STAKES};
use alloy::primitives::U256;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use rampart_chain::l1::{Decision, Governance, Operators, ProposalState, Support, Vault};
use rampart_client::NodeClient;
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::observation::{ParameterChange, SetParameters};
use rampart_protocol::{Address, B256, SignedCheckpoint};
use std::time::Duration;
use tokio::time::Instant;

/// The operator that signs twice.
const VICTIM: usize = 3;
/// What governance changes: the fee of an account's record, which no later step pays.
const PARAMETER: &str = "storage_fee";

/// Waits until something on a chain or in the ledger is so.
async fn until<T, F: Future<Output = anyhow::Result<Option<T>>>>(
    what: &str,
    ask: impl Fn() -> F,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + Duration::from_secs(2 * WAIT);
    loop {
        if let Some(seen) = ask().await? {
            return Ok(seen);
        }
        ensure!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

impl Stage<'_> {
    fn governance(&self, signer: &PrivateKeySigner) -> anyhow::Result<Governance> {
        let (rpc, contracts) = (url(self.layout.l1()), self.network.l1);
        Ok(Governance::new(&rpc, contracts, Some(signer.clone()))?)
    }

    fn vault(&self, signer: &PrivateKeySigner) -> anyhow::Result<Vault> {
        let (rpc, contracts) = (url(self.layout.l1()), self.network.l1);
        Ok(Vault::new(&rpc, contracts, Some(signer.clone()))?)
    }

    fn l1_operators(&self, signer: &PrivateKeySigner) -> anyhow::Result<Operators> {
        let (rpc, contracts) = (url(self.layout.l1()), self.network.l1);
        Ok(Operators::new(&rpc, contracts, Some(signer.clone()))?)
    }

    /// A parameter's value in the ledger of one operator.
    async fn parameter(&self, node: &str) -> anyhow::Result<String> {
        let params = NodeClient::new(vec![node.to_owned()]).params().await?.params;
        let found = params.into_iter().find(|param| param.name == PARAMETER);
        Ok(found.context("the parameter is not there")?.value.0.to_string())
    }
}

pub async fn govern(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        13,
        "Holders of governance tokens change a parameter: proposal, vote, timelock, and every operator's ledger follows",
    )?;
    let [first, second] = stage.layout.accounts.investors.clone();
    let governance = stage.governance(&first)?;
    let nodes = stage.layout.nodes();
    let before = stage.parameter(&nodes[0]).await?;
    let value = before.parse::<u128>()? + 1;
    let changes = vec![ParameterChange {
        name: PARAMETER.to_owned(),
        value,
    }];
    let decisions = [Decision::Ledger(SetParameters { changes }.into())];
    let (proposal, _) = governance.propose(&decisions, "storage costs more").await?;
    stage.saw(
        governance.state(proposal.id).await? == ProposalState::Pending,
        format!(
            "proposed by who restaked {}: {PARAMETER} = {value}",
            whole(STAKES[0])
        ),
    )?;
    reach(&governance, proposal.id, ProposalState::Active).await?;
    for voter in [&first, &second] {
        stage
            .governance(voter)?
            .vote(proposal.id, Support::For, "")
            .await?;
    }
    let tally = governance.tally(&proposal).await?;
    let quorum = tally.quorum.context("the vote has no quorum")?;
    stage.saw(
        tally.in_favour >= quorum && tally.against.is_zero(),
        format!(
            "voted for with a weight of {}, the quorum is {}",
            units(tally.in_favour),
            units(quorum)
        ),
    )?;
    reach(&governance, proposal.id, ProposalState::Succeeded).await?;
    governance.queue(&proposal).await?;
    let early = governance
        .execute(&proposal)
        .await
        .err()
        .context("the timelock did not wait")?;
    stage.saw(true, format!("queued; at once it is refused: {early}"))?;
    until("the timelock", || async {
        Ok(governance.execute(&proposal).await.ok())
    })
    .await?;
    for node in &nodes {
        let stage = &*stage;
        until("the ledger to follow", || async {
            Ok((stage.parameter(node).await? == value.to_string()).then_some(()))
        })
        .await?;
    }
    stage.saw(
        true,
        format!(
            "executed; {PARAMETER} went from {before} to {value} at all {} operators",
            nodes.len()
        ),
    )?;
    stage.conserved().await
}

async fn reach(governance: &Governance, id: U256, state: ProposalState) -> anyhow::Result<()> {
    until("the vote", || async {
        Ok((governance.state(id).await? == state).then_some(()))
    })
    .await
}

pub async fn equivocate(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        14,
        "An operator signs two checkpoints of one height; anyone proves it, and EigenLayer slashes it",
    )?;
    let key = stage.layout.accounts.operators[VICTIM].clone();
    let (operator, reporter) = (key.address(), stage.layout.accounts.fresh.clone());
    let [first, second] = evidence(stage, &key).await?;
    let operators = stage.l1_operators(&reporter)?;
    let before = operators.status(operator).await?.stake;
    let punished = operators
        .slash_equivocation(&first, &second, reporter.address())
        .await?;
    let after = operators.status(operator).await?.stake;
    stage.saw(
        punished.slashed == before - after && after == before / U256::from(2),
        format!(
            "two checkpoints of height {}: AllocationManager took {} of its {}",
            first.checkpoint.height,
            units(punished.slashed),
            units(before)
        ),
    )?;
    stage.saw(
        punished.bounty == U256::from(BOUNTY),
        format!("the reporter received {} ether", units(punished.bounty)),
    )?;
    let again = operators
        .slash_equivocation(&second, &first, reporter.address())
        .await;
    let again = again.err().context("the same proof counted twice")?;
    stage.saw(true, format!("the same proof again is refused: {again}"))?;
    for (investor, restaked) in stage.layout.accounts.investors.clone().iter().zip(STAKES) {
        shrink(stage, operator, investor, restaked).await?;
    }
    let stake = STAKES.iter().sum::<u128>() / 2;
    let client = stage.session.client.clone();
    until("the ledger to learn of the stake", || async {
        Ok((client.operator(operator).await?.stake.0 == stake).then_some(()))
    })
    .await?;
    stage.saw(
        true,
        format!("the ledger has the operator's stake of {} now", whole(stake)),
    )
}

/// What the operator signed last, as its own API shows it, and the same height signed again with another state.
async fn evidence(stage: &Stage<'_>, key: &PrivateKeySigner) -> anyhow::Result<[SignedCheckpoint; 2]> {
    let domain = stage.network.operators.domain;
    let client = NodeClient::new(vec![url(stage.layout.api(VICTIM))]);
    let signed = until("a signed checkpoint", || async {
        let newest = client.latest_checkpoint().await?;
        let mut signatures = newest.signatures.into_iter();
        Ok(signatures.find(|signed| signed.signer(&domain) == Some(key.address())))
    })
    .await?;
    let mut checkpoint = signed.checkpoint;
    checkpoint.state_root = B256::repeat_byte(0xbd);
    let signature = key.sign_hash_sync(&checkpoint.signing_hash(&domain))?;
    let forged = SignedCheckpoint {
        checkpoint,
        signature: EcdsaSignature::new(signature.as_bytes()),
    };
    Ok([signed, forged])
}

/// An investor's position, tokens and weight fall as its operator's stake did.
async fn shrink(
    stage: &mut Stage<'_>,
    operator: Address,
    investor: &PrivateKeySigner,
    restaked: u128,
) -> anyhow::Result<()> {
    let (account, vault) = (investor.address(), stage.vault(investor)?);
    let before = vault.stake(operator, account).await?;
    vault.poke(operator, account).await?;
    let after = vault.stake(operator, account).await?;
    let left = restaked / 2;
    stage.saw(
        after.position == left && before.tokens - after.tokens == left && after.debt == 0,
        format!(
            "its investor's position fell from {} to {}, and {} governance tokens were burned",
            whole(restaked),
            whole(after.position),
            whole(before.tokens - after.tokens)
        ),
    )?;
    let client = stage.session.client.clone();
    let weight = until("the ledger to learn of the weight", || async {
        let weight = client.investor(operator, account).await?.weight.0;
        Ok((weight == left).then_some(weight))
    })
    .await?;
    stage.saw(
        true,
        format!("the ledger has its weight of {} now", whole(weight)),
    )
}

pub async fn withdraw(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        15,
        "The investor takes out what is left, after EigenLayer's delay, during which it could still be slashed",
    )?;
    let operator = stage.layout.accounts.operators[VICTIM].address();
    let investor = stage.layout.accounts.investors[1].clone();
    let vault = stage.vault(&investor)?;
    let left = vault.stake(operator, investor.address()).await?.position;
    let (id, _) = vault.request_withdrawal(operator, left).await?;
    let early = vault
        .complete_withdrawal(id)
        .await
        .err()
        .context("EigenLayer did not wait")?;
    stage.saw(
        true,
        format!("withdrawal {id} requested; at once it is refused: {early}"),
    )?;
    let queued = vault
        .withdrawal(id)
        .await?
        .context("the withdrawal is not there")?;
    until("EigenLayer's delay", || async {
        Ok((vault.block().await? >= queued.ready_at).then_some(()))
    })
    .await?;
    let (paid, transaction) = vault.complete_withdrawal(id).await?;
    stage.saw(
        paid == U256::from(left) && left == STAKES[1] / 2,
        format!("paid {}, in transaction {transaction}", units(paid)),
    )?;
    let client = stage.session.client.clone();
    until("the ledger to forget the weight", || async {
        Ok((client.investor(operator, investor.address()).await?.weight.0 == 0).then_some(()))
    })
    .await?;
    stage.saw(true, "the ledger has no weight of it at that operator any more")?;
    stage.conserved().await
}

/// Base units of 18 decimals, for a person.
fn whole(units: u128) -> String {
    crate::l1::whole(units)
}

fn units(amount: U256) -> String {
    u128::try_from(amount).map_or_else(|_| amount.to_string(), whole)
}
