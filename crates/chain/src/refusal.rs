//! Why contracts refuse, as sentences for people: ours on both layers, OpenZeppelin's under them, and EigenLayer's core.

mod eigenlayer;
mod restaking;
mod voting;

pub use eigenlayer::{EigenLayer, EigenLayerErrors};
pub use restaking::{Restaking, RestakingErrors};
pub use voting::{Voting, VotingErrors};

use crate::bindings::SettlementContract::SettlementContractErrors as Settlement;
use crate::bindings::UtilityTokenContract::UtilityTokenContractErrors as Token;
use alloy::primitives::{U256, utils::format_units};
use alloy::sol_types::SolInterface;
use std::fmt;

/// A contract's reason, decoded from the revert data.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Of `Settlement`.
    Settlement(Settlement),
    /// Of `UtilityToken`, or the same of another ERC-20.
    Token(Token),
    /// Of our contracts on the L1.
    Restaking(RestakingErrors),
    /// Of the governor, its timelock and its token.
    Voting(VotingErrors),
    /// Of EigenLayer's core.
    EigenLayer(EigenLayerErrors),
}

impl Refusal {
    /// Whether the operator was punished for these checkpoints before.
    #[must_use]
    pub const fn is_already_punished(&self) -> bool {
        matches!(self, Self::Restaking(RestakingErrors::AlreadyPunished(_)))
    }

    /// What the revert data of a call means; `None` when no contract that is known refuses so.
    #[must_use]
    pub fn decode(data: &[u8]) -> Option<Self> {
        fn decoded<E: SolInterface + Into<Refusal>>(data: &[u8]) -> Option<Refusal> {
            E::abi_decode_validate(data).ok().map(Into::into)
        }
        decoded::<Settlement>(data)
            .or_else(|| decoded::<Token>(data))
            .or_else(|| decoded::<RestakingErrors>(data))
            .or_else(|| decoded::<VotingErrors>(data))
            .or_else(|| decoded::<EigenLayerErrors>(data))
    }
}

impl From<Settlement> for Refusal {
    fn from(reason: Settlement) -> Self {
        Self::Settlement(reason)
    }
}

impl From<Token> for Refusal {
    fn from(reason: Token) -> Self {
        Self::Token(reason)
    }
}

impl From<RestakingErrors> for Refusal {
    fn from(reason: RestakingErrors) -> Self {
        Self::Restaking(reason)
    }
}

impl From<VotingErrors> for Refusal {
    fn from(reason: VotingErrors) -> Self {
        Self::Voting(reason)
    }
}

impl From<EigenLayerErrors> for Refusal {
    fn from(reason: EigenLayerErrors) -> Self {
        Self::EigenLayer(reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settlement(reason) => settlement(f, reason),
            Self::Token(reason) => token(f, reason),
            Self::Restaking(reason) => restaking::sentence(f, reason),
            Self::Voting(reason) => voting::sentence(f, reason),
            Self::EigenLayer(reason) => eigenlayer::sentence(f, reason),
        }
    }
}

fn settlement(f: &mut fmt::Formatter<'_>, reason: &Settlement) -> fmt::Result {
    match reason {
        Settlement::AlreadyConsumed(e) => write!(
            f,
            "the ledger has consumed entry {} of the inbox: it consumed {} entries",
            e.index, e.consumed
        ),
        Settlement::AlreadyExited(e) => write!(f, "the exit of {} was paid already", e.account),
        Settlement::AlreadyFrozen(_) => write!(
            f,
            "the settlement is frozen for ever; exits and certified withdrawals are all that it pays"
        ),
        Settlement::CheckpointNotOverdue(e) => write!(
            f,
            "the operators are not silent for long enough: without a checkpoint until then, anyone may freeze from Unix time {} on",
            e.freezableAt
        ),
        Settlement::DepositsPausedUntil(e) => {
            write!(f, "governance has paused deposits until Unix time {}", e.until)
        }
        Settlement::EpochTooLarge(e) => write!(
            f,
            "the checkpoint is of epoch {}, the contract keeps epochs up to {}",
            e.given, e.limit
        ),
        Settlement::InvalidDelay(e) => write!(
            f,
            "a delay of the escape hatch is {} seconds; it lasts from 1 to {}",
            e.given, e.limit
        ),
        Settlement::InvalidExitProof(e) => write!(
            f,
            "the proof does not lead from the exit of {} to the certified root {}; it must be of the last checkpoint accepted",
            e.account, e.root
        ),
        Settlement::InvalidPause(e) => write!(
            f,
            "a pause of {} seconds was asked for; it lasts from 1 to {}",
            e.given, e.limit
        ),
        Settlement::MessageNotOverdue(e) => write!(
            f,
            "forced message {} does not wait for long enough: if it is not consumed until then, anyone may freeze from Unix time {} on",
            e.index, e.freezableAt
        ),
        Settlement::MessageTooLong(e) => write!(
            f,
            "the message has {} bytes, at most {} can be forced",
            e.given, e.limit
        ),
        Settlement::NoExits(_) => write!(f, "the last checkpoint certifies no exit"),
        Settlement::NotForced(e) => write!(f, "entry {} of the inbox is no forced message", e.index),
        Settlement::NotFrozen(_) => write!(
            f,
            "the settlement is not frozen; exits are paid and deposits given back only when it is"
        ),
        Settlement::NotGuardian(e) => write!(f, "{} is not the guardian, who alone may pause", e.caller),
        Settlement::NotPaused(_) => write!(f, "there is no pause of deposits to end"),
        Settlement::PausedRecently(e) => write!(
            f,
            "deposits were paused lately; they cannot be paused again before Unix time {}",
            e.notBefore
        ),
        Settlement::StaleRoots(e) => write!(
            f,
            "the roots given hash to {}, those of the latest checkpoint to {}; a newer one was accepted, try again",
            e.givenHash, e.latestHash
        ),
        Settlement::UnknownDeposit(e) => write!(
            f,
            "entry {} of the inbox is no deposit of this account and amount, or it was given back already",
            e.index
        ),
        Settlement::AlreadyWithdrawn(e) => write!(f, "withdrawal {} was paid already", e.index),
        Settlement::EmptyOperatorSet(_) => write!(f, "the operator set has no seat"),
        Settlement::EpochDecreased(e) => write!(
            f,
            "the checkpoint is of epoch {}, the latest accepted one is of epoch {}",
            e.given, e.latest
        ),
        Settlement::HeightNotIncreasing(e) => write!(
            f,
            "the checkpoint is of height {}, one of height {} was accepted already",
            e.given, e.latest
        ),
        Settlement::InboxCountAhead(e) => write!(
            f,
            "the checkpoint consumes {} entries of the inbox, it received only {}",
            e.given, e.received
        ),
        Settlement::InboxCountDecreased(e) => write!(
            f,
            "the checkpoint consumes {} entries of the inbox, the latest accepted one consumed {}",
            e.given, e.latest
        ),
        Settlement::InvalidProof(e) => write!(
            f,
            "the proof does not lead from withdrawal {} to the certified root {}; fetch it again for the latest checkpoint",
            e.index, e.root
        ),
        Settlement::InvalidRecipient(e) => write!(f, "{} can receive no withdrawal", e.recipient),
        Settlement::InvalidSeat(e) => write!(
            f,
            "seat {} of the operator set has signer {} and weight {}; neither may be zero",
            e.position, e.signer, e.weight
        ),
        Settlement::InvalidSignature(e) => write!(
            f,
            "the signature of seat {} should be of {}, it is of {}",
            e.position, e.expected, e.recovered
        ),
        Settlement::NoWithdrawals(_) => write!(f, "the latest checkpoint certifies no withdrawal yet"),
        Settlement::OperatorSetMismatch(e) => write!(
            f,
            "the operator set given hashes to {}, the one that signs now to {}",
            e.given, e.current
        ),
        Settlement::QuorumNotReached(e) => write!(
            f,
            "the signers hold {} of {} weight, more than two thirds are needed",
            e.signedWeight, e.totalWeight
        ),
        Settlement::SafeERC20FailedOperation(e) => {
            write!(f, "the token {} did not move what was asked", e.token)
        }
        Settlement::SeatsNotAscending(e) => write!(
            f,
            "seat {} of the operator set, {}, does not follow {} in ascending order",
            e.position, e.signer, e.previous
        ),
        Settlement::SignaturesLengthMismatch(e) => write!(
            f,
            "{} bytes of signatures were given, the signers named need {}",
            e.given, e.expected
        ),
        Settlement::SignerBeyondSet(e) => write!(
            f,
            "the signers' bitmap {:#x} names a seat beyond the {} of the set",
            e.signers, e.seats
        ),
        Settlement::TokenWithoutCode(e) => write!(f, "there is no token contract at {}", e.token),
        Settlement::TooManySeats(e) => write!(
            f,
            "the operator set has {} seats, at most {} are possible",
            e.given, e.limit
        ),
        Settlement::TotalWeightTooLarge(e) => {
            write!(
                f,
                "the operators' weights sum to {}, at most {}",
                e.total, e.limit
            )
        }
        Settlement::ZeroAccount(_) => write!(f, "the zero address cannot have a ledger account"),
        Settlement::ZeroAmount(_) => write!(f, "the amount must be more than zero"),
        Settlement::ZeroNextOperatorSet(_) => {
            write!(
                f,
                "the checkpoint hands over to an operator set that cannot exist"
            )
        }
        Settlement::InvalidShortString(_) | Settlement::StringTooLong(_) => text(f),
    }
}

fn token(f: &mut fmt::Formatter<'_>, reason: &Token) -> fmt::Result {
    match reason {
        Token::ERC20InsufficientAllowance(e) => write!(
            f,
            "{} may move {} tokens, {} are needed; approve more",
            e.spender,
            tokens(e.allowance),
            tokens(e.needed)
        ),
        Token::ERC20InsufficientBalance(e) => write!(
            f,
            "{} holds {} tokens on this chain, {} are needed",
            e.sender,
            tokens(e.balance),
            tokens(e.needed)
        ),
        Token::ERC20InvalidApprover(e) => write!(f, "{} can approve nothing", e.approver),
        Token::ERC20InvalidReceiver(e) => write!(f, "{} can receive no tokens", e.receiver),
        Token::ERC20InvalidSender(e) => write!(f, "{} can send no tokens", e.sender),
        Token::ERC20InvalidSpender(e) => write!(f, "{} can be approved nothing", e.spender),
        Token::ERC2612ExpiredSignature(e) => write!(f, "the permit expired at {}", e.deadline),
        Token::ERC2612InvalidSigner(e) => {
            write!(f, "the permit of {} was signed by {}", e.owner, e.signer)
        }
        Token::InvalidAccountNonce(e) => write!(
            f,
            "the permit's nonce is not the next one of {}, {}",
            e.account, e.currentNonce
        ),
        Token::ECDSAInvalidSignature(_)
        | Token::ECDSAInvalidSignatureLength(_)
        | Token::ECDSAInvalidSignatureS(_) => write!(f, "the permit's signature is malformed"),
        Token::SupplyTooLarge(e) => write!(
            f,
            "a supply of {} base units exceeds the most that the ledger can hold, {}",
            e.supply, e.limit
        ),
        Token::ZeroAmount(_) => write!(f, "the amount must be more than zero"),
        Token::InvalidShortString(_) | Token::StringTooLong(_) => text(f),
    }
}

/// The contracts' names and versions are constants, so no call should meet these.
fn text(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "a text in the contract's domain is malformed")
}

/// Base units as whole tokens, as a person reads them.
fn tokens(amount: U256) -> String {
    let text = format_units(amount, 18).unwrap_or_else(|_| amount.to_string());
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|c| c == '0') => whole.to_owned(),
        Some(_) => text.trim_end_matches('0').to_owned(),
        None => text,
    }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
