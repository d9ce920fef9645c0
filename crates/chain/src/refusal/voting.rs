//! Why the governor, its timelock and the governance token refuse, where it is OpenZeppelin's reason. What the token shares
//! with the utility token has its sentences there.

use super::tokens;
use alloy::primitives::B256;
use std::fmt;

alloy::sol! {
    /// Every error of OpenZeppelin's bases of the layer 1's contracts that the layer 2's have not.
    #[derive(Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    interface Voting {
        error GovernorAlreadyCastVote(address voter);
        error GovernorAlreadyQueuedProposal(uint256 proposalId);
        error GovernorDisabledDeposit();
        error GovernorInsufficientProposerVotes(address proposer, uint256 votes, uint256 threshold);
        error GovernorInvalidProposalLength(uint256 targets, uint256 calldatas, uint256 values);
        error GovernorInvalidQuorumFraction(uint256 quorumNumerator, uint256 quorumDenominator);
        error GovernorInvalidSignature(address voter);
        error GovernorInvalidVoteParams();
        error GovernorInvalidVoteType();
        error GovernorInvalidVotingPeriod(uint256 votingPeriod);
        error GovernorNonexistentProposal(uint256 proposalId);
        error GovernorOnlyExecutor(address account);
        error GovernorProposalQueueingFailed(uint256 proposalId);
        error GovernorProposalQueueingNotRequired(uint256 proposalId);
        error GovernorRestrictedProposer(address proposer);
        error GovernorUnableToCancel(uint256 proposalId, address account);
        error GovernorUnexpectedProposalState(uint256 proposalId, uint8 current, bytes32 expectedStates);
        error ERC6372InconsistentClock();
        error ERC5805FutureLookup(uint256 timepoint, uint48 clock);
        error ERC20ExceededSafeSupply(uint256 increasedSupply, uint256 cap);
        error VotesExpiredSignature(uint256 expiry);
        error TimelockInsufficientDelay(uint256 delay, uint256 minDelay);
        error TimelockInvalidOperationLength(uint256 targets, uint256 payloads, uint256 values);
        error TimelockUnauthorizedCaller(address caller);
        error TimelockUnexecutedPredecessor(bytes32 predecessorId);
        error TimelockUnexpectedOperationState(bytes32 operationId, bytes32 expectedStates);
        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error AddressEmptyCode(address target);
        error CheckpointUnorderedInsertion();
        error FailedCall();
        error FailedDeployment();
        error InsufficientBalance(uint256 balance, uint256 needed);
        error ReentrancyGuardReentrantCall();
        error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);
    }
}

pub use Voting::VotingErrors;

/// OpenZeppelin's names of a proposal's states, by their numbers.
const STATES: [&str; 8] = [
    "pending",
    "active",
    "canceled",
    "defeated",
    "succeeded",
    "queued",
    "expired",
    "executed",
];
/// The same of an operation in the timelock.
const OPERATIONS: [&str; 4] = ["unknown", "waiting", "ready", "done"];

pub(super) fn sentence(f: &mut fmt::Formatter<'_>, reason: &VotingErrors) -> fmt::Result {
    use Voting::VotingErrors as E;
    match reason {
        E::GovernorAlreadyCastVote(e) => write!(f, "{} has voted on this proposal already", e.voter),
        E::GovernorAlreadyQueuedProposal(e) => write!(f, "proposal {} is queued already", e.proposalId),
        E::GovernorDisabledDeposit(_) => write!(f, "the governor takes no ether and no tokens"),
        E::GovernorInsufficientProposerVotes(e) => write!(
            f,
            "{} has a voting weight of {}, {} are needed to propose; tokens count once they are delegated",
            e.proposer,
            tokens(e.votes),
            tokens(e.threshold)
        ),
        E::GovernorInvalidProposalLength(e) => write!(
            f,
            "the proposal has {} targets, {} calls and {} values; it needs as many of each, and one at least",
            e.targets, e.calldatas, e.values
        ),
        E::GovernorInvalidQuorumFraction(e) => write!(
            f,
            "a quorum of {} of {} cannot be",
            e.quorumNumerator, e.quorumDenominator
        ),
        E::GovernorInvalidSignature(e) => write!(f, "the vote was not signed by {}", e.voter),
        E::GovernorInvalidVoteParams(_) => write!(f, "a vote takes no further values"),
        E::GovernorInvalidVoteType(_) => write!(f, "a vote is for, against or abstaining"),
        E::GovernorInvalidVotingPeriod(e) => {
            write!(f, "a voting period of {} seconds cannot be", e.votingPeriod)
        }
        E::GovernorNonexistentProposal(e) => write!(f, "there is no proposal {}", e.proposalId),
        E::GovernorOnlyExecutor(e) => {
            write!(f, "{} may not do this, only an executed proposal may", e.account)
        }
        E::GovernorProposalQueueingFailed(e) => write!(f, "proposal {} could not be queued", e.proposalId),
        E::GovernorProposalQueueingNotRequired(e) => {
            write!(f, "proposal {} needs no queueing", e.proposalId)
        }
        E::GovernorRestrictedProposer(e) => {
            write!(f, "the description names another proposer than {}", e.proposer)
        }
        E::GovernorUnableToCancel(e) => {
            write!(f, "{} may not cancel proposal {} now", e.account, e.proposalId)
        }
        E::GovernorUnexpectedProposalState(e) => write!(
            f,
            "proposal {} is {}; it must be {} for this",
            e.proposalId,
            STATES
                .get(usize::from(e.current))
                .unwrap_or(&"in an unknown state"),
            named(e.expectedStates, &STATES)
        ),
        rest => others(f, rest),
    }
}

fn others(f: &mut fmt::Formatter<'_>, reason: &VotingErrors) -> fmt::Result {
    use Voting::VotingErrors as E;
    match reason {
        E::ERC6372InconsistentClock(_) => write!(f, "the token's clock is not the one that it names"),
        E::ERC5805FutureLookup(e) => {
            write!(
                f,
                "the weight of time {} is not settled yet at {}",
                e.timepoint, e.clock
            )
        }
        E::ERC20ExceededSafeSupply(e) => write!(
            f,
            "{} governance tokens would exceed the most that there can be, {}",
            tokens(e.increasedSupply),
            tokens(e.cap)
        ),
        E::VotesExpiredSignature(e) => write!(f, "the signed delegation expired at {}", e.expiry),
        E::TimelockInsufficientDelay(e) => write!(
            f,
            "a delay of {} seconds was asked for, the timelock wants {} at least",
            e.delay, e.minDelay
        ),
        E::TimelockInvalidOperationLength(e) => write!(
            f,
            "the timelock was given {} targets, {} payloads and {} values; it needs as many of each",
            e.targets, e.payloads, e.values
        ),
        E::TimelockUnauthorizedCaller(e) => {
            write!(f, "{} may not change the timelock, only itself may", e.caller)
        }
        E::TimelockUnexecutedPredecessor(e) => {
            write!(f, "operation {} must be executed before", e.predecessorId)
        }
        E::TimelockUnexpectedOperationState(e) => write!(
            f,
            "operation {} of the timelock is not {} yet, or not any more",
            e.operationId,
            named(e.expectedStates, &OPERATIONS)
        ),
        E::AccessControlBadConfirmation(_) => write!(f, "a role can be renounced for oneself only"),
        E::AccessControlUnauthorizedAccount(e) => {
            write!(
                f,
                "{} has not the role {} of the timelock",
                e.account, e.neededRole
            )
        }
        E::AddressEmptyCode(e) => write!(f, "there is no contract at {} to call", e.target),
        E::CheckpointUnorderedInsertion(_) => write!(f, "the chain's clock ran backwards"),
        E::FailedCall(_) => write!(f, "a call that the contract made failed without a reason"),
        E::FailedDeployment(_) => write!(f, "the account for the operator's stake could not be made"),
        E::InsufficientBalance(e) => write!(f, "the contract has {} wei, {} are needed", e.balance, e.needed),
        E::ReentrancyGuardReentrantCall(_) => write!(f, "a contract that was called tried to call back"),
        E::SafeCastOverflowedUintDowncast(e) => write!(f, "{} does not fit {} bits", e.value, e.bits),
        // The others have their sentences above.
        _ => Ok(()),
    }
}

/// The states that a bitmap of OpenZeppelin's names.
fn named(bitmap: B256, names: &[&str]) -> String {
    let bits = bitmap.0[B256::len_bytes() - 1];
    let set: Vec<&str> = names
        .iter()
        .enumerate()
        .filter(|(position, _)| (bits >> position) & 1 == 1)
        .map(|(_, name)| *name)
        .collect();
    match set.is_empty() {
        true => "in another state".to_owned(),
        false => set.join(" or "),
    }
}
