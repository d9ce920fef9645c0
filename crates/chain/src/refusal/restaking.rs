//! Why our contracts on the L1 refuse: the errors of `contracts/src/l1/libraries/ErrorsLib.sol`.

use super::tokens;
use std::fmt;

alloy::sol! {
    /// Every error of the layer 1's contracts that is our own.
    #[derive(Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    interface Restaking {
        error Unauthorized(address caller, address expected);
        error InvalidDependency(address given);
        error InvalidSetting(uint256 given, uint256 limit);
        error StrategiesNotAscending(uint256 position);
        error InvalidChangeCount(uint256 given, uint256 limit);
        error InvalidParameterName(string name);
        error BelowMinimum(uint256 given, uint256 minimum);
        error NotAnOperator(address operator);
        error NotDelegated(address operator);
        error AwaitsReclaim(address operator);
        error NothingToReclaim(address operator, bytes32 root);
        error OperatorTooSlashed(address operator, uint256 deposited, uint256 credited);
        error AssetIsNotEther();
        error PositionTooSmall(uint256 position, uint256 given);
        error DebtOutstanding(uint256 debt);
        error UnknownWithdrawal(uint256 id);
        error UnknownOperatorSet();
        error CommissionTooHigh(uint256 given, uint256 limit);
        error ZeroConsensusKey();
        error KeyTaken(address key, address owner);
        error InvalidKeyProof(address expected, address recovered);
        error InvalidSignatureLength(uint256 given);
        error FutureLookup(uint256 given, uint256 current);
        error NoConflict();
        error DifferentSigners(address first, address second);
        error UnknownCheckpointKey(address key);
        error AlreadyPunished(address operator, uint64 height);
        error NothingToSlash(address operator);
    }
}

pub use Restaking::RestakingErrors;

pub(super) fn sentence(f: &mut fmt::Formatter<'_>, reason: &RestakingErrors) -> fmt::Result {
    use Restaking::RestakingErrors as E;
    match reason {
        E::BelowMinimum(e) => write!(
            f,
            "{} tokens are less than the smallest position, {}: so much must move, and so much or nothing must be left",
            tokens(e.given),
            tokens(e.minimum)
        ),
        E::NotAnOperator(e) => write!(f, "{} is not in the service's operator set", e.operator),
        E::NotDelegated(e) => write!(
            f,
            "{} turned the vault's stake away; investors can only leave, before it can take stake again",
            e.operator
        ),
        E::AwaitsReclaim(e) => write!(
            f,
            "{} turned the vault's stake away; it must be reclaimed before anybody withdraws",
            e.operator
        ),
        E::NothingToReclaim(e) => write!(
            f,
            "{} is no stake that {} turned away and nobody reclaimed",
            e.root, e.operator
        ),
        E::OperatorTooSlashed(e) => write!(
            f,
            "{} was slashed so often that EigenLayer would round away too much: {} of {} tokens would be credited",
            e.operator,
            tokens(e.credited),
            tokens(e.deposited)
        ),
        E::AssetIsNotEther(_) => write!(f, "this vault takes a token, not ether"),
        E::PositionTooSmall(e) => write!(
            f,
            "the position is {} tokens, {} were asked for",
            tokens(e.position),
            tokens(e.given)
        ),
        E::DebtOutstanding(e) => write!(
            f,
            "{} governance tokens are owed for a slashing; they must be returned before a withdrawal",
            tokens(e.debt)
        ),
        E::UnknownWithdrawal(e) => write!(f, "there is no withdrawal {}, or it was paid", e.id),
        about_operators => operators(f, about_operators),
    }
}

fn operators(f: &mut fmt::Formatter<'_>, reason: &RestakingErrors) -> fmt::Result {
    use Restaking::RestakingErrors as E;
    match reason {
        E::UnknownOperatorSet(_) => write!(f, "the service has one operator set, and another was meant"),
        E::CommissionTooHigh(e) => write!(
            f,
            "a commission of {} parts per million was asked for, at most {} are allowed",
            e.given, e.limit
        ),
        E::ZeroConsensusKey(_) => write!(f, "the consensus key is zero, which is no Ed25519 key"),
        E::KeyTaken(e) => write!(
            f,
            "the checkpoint key {} is or was that of operator {}",
            e.key, e.owner
        ),
        E::InvalidKeyProof(e) => write!(
            f,
            "the proof of the checkpoint key should be signed by {}, it is signed by {}",
            e.expected, e.recovered
        ),
        E::InvalidSignatureLength(e) => write!(
            f,
            "the proof of the consensus key has {} bytes; an Ed25519 signature has 64",
            e.given
        ),
        E::FutureLookup(e) => write!(
            f,
            "the stake of block {} is not settled yet at block {}",
            e.given, e.current
        ),
        E::NoConflict(_) => write!(
            f,
            "the two checkpoints do not conflict: they are of different heights, or the same"
        ),
        E::DifferentSigners(e) => write!(
            f,
            "the checkpoints were signed by two keys, {} and {}",
            e.first, e.second
        ),
        E::UnknownCheckpointKey(e) => write!(f, "no operator ever had the checkpoint key {}", e.key),
        E::AlreadyPunished(e) => write!(
            f,
            "{} was slashed for two checkpoints of height {} already",
            e.operator, e.height
        ),
        E::NothingToSlash(e) => write!(
            f,
            "{} has nothing allocated that could be slashed now; the proof keeps its value",
            e.operator
        ),
        rest => others(f, rest),
    }
}

fn others(f: &mut fmt::Formatter<'_>, reason: &RestakingErrors) -> fmt::Result {
    use Restaking::RestakingErrors as E;
    match reason {
        E::Unauthorized(e) => write!(f, "{} may not do this, only {} may", e.caller, e.expected),
        E::InvalidDependency(e) => write!(f, "there is no contract at {}, and one is needed there", e.given),
        E::InvalidSetting(e) => write!(
            f,
            "a setting is {}; it must be more than zero and at most {}",
            e.given, e.limit
        ),
        E::StrategiesNotAscending(e) => write!(
            f,
            "the strategies must be in ascending order and at least one; number {} is not",
            e.position
        ),
        E::InvalidChangeCount(e) => write!(
            f,
            "the decision changes {} parameters; from 1 to {} can be changed at once",
            e.given, e.limit
        ),
        E::InvalidParameterName(e) => write!(
            f,
            "`{}` cannot be a parameter's name: it has 1 to 32 lower-case letters, digits and underscores",
            e.name.escape_default()
        ),
        // The others have their sentences above.
        _ => Ok(()),
    }
}
