//! An operator with stake of two investors beside EigenLayer's real core, and governance that decides what a test wants.
#![allow(dead_code, reason = "not every test uses all of it")]

use super::node::funded;
use super::restaking::{ONE, Restaking, TIMELOCK_DELAY, VOTING_DELAY, VOTING_PERIOD};
use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use rampart_chain::ChainError;
use rampart_chain::l1::{Decision, Support};
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{Checkpoint, Domain, SignedCheckpoint};

pub const SETTLEMENT: Domain = Domain {
    chain_id: 59_144,
    settlement: Address::repeat_byte(0x5e),
};
/// Accounts: who operates, and who restakes.
pub const OPERATOR: usize = 1;
pub const ANN: usize = 2;
pub const BOB: usize = 3;

pub fn address(account: usize) -> Address {
    funded(account).address()
}

pub fn checkpoint_key() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0x11)).unwrap()
}

/// A checkpoint of a height and a state, signed with a key.
pub fn signed(key: &PrivateKeySigner, height: u64, state: u8) -> SignedCheckpoint {
    let checkpoint = Checkpoint {
        epoch: 0,
        height,
        state_root: B256::repeat_byte(state),
        withdrawals_root: B256::ZERO,
        exit_root: B256::ZERO,
        inbox_count: 0,
        next_operator_set: B256::repeat_byte(9),
    };
    let signature = key.sign_hash_sync(&checkpoint.signing_hash(&SETTLEMENT)).unwrap();
    SignedCheckpoint {
        checkpoint,
        signature: EcdsaSignature::new(signature.as_bytes()),
    }
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, ChainError>, with: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, ChainError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains(with), "{error}");
}

/// An operator in the set, to which Ann restaked 100 and Bob 50.
pub async fn restaked() -> Restaking {
    let world = Restaking::start(SETTLEMENT).await;
    world.join(OPERATOR, &checkpoint_key()).await;
    for (account, amount) in [(ANN, 100 * ONE), (BOB, 50 * ONE)] {
        world
            .vault(account)
            .restake(address(OPERATOR), amount)
            .await
            .unwrap();
    }
    world
}

/// Has governance decide something, with Ann's votes.
pub async fn decide(world: &Restaking, decisions: &[Decision]) {
    let ann = world.governance(ANN);
    ann.delegate(address(ANN)).await.unwrap();
    world.anvil.pass(1).await;
    let (proposal, _) = ann.propose(decisions, "so be it").await.unwrap();
    world.anvil.pass(VOTING_DELAY.0 + 1).await;
    ann.vote(proposal.id, Support::For, "").await.unwrap();
    world.anvil.pass(VOTING_PERIOD.0).await;
    ann.queue(&proposal).await.unwrap();
    world.anvil.pass(TIMELOCK_DELAY.0 + 1).await;
    ann.execute(&proposal).await.unwrap();
}
