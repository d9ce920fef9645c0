//! Why EigenLayer's core refuses, as far as investors, operators and deployers meet it.

use std::fmt;

alloy::sol! {
    /// Errors of EigenLayer's core, v1.3; by name and so by selector the same in v1.9.
    #[derive(Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    interface EigenLayer {
        error ActivelyDelegated();
        error AdminAlreadyPending();
        error AdminAlreadySet();
        error AdminNotPending();
        error AlreadyMemberOfSet();
        error AppointeeAlreadySet();
        error CallerCannotUndelegate();
        error CurrentlyPaused();
        error FullySlashed();
        error InputAddressZero();
        error InputArrayLengthMismatch();
        error InputArrayLengthZero();
        error InsufficientMagnitude();
        error InvalidAVSRegistrar();
        error InvalidCaller();
        error InvalidOperator();
        error InvalidOperatorSet();
        error InvalidPermissions();
        error InvalidSignature();
        error InvalidWadToSlash();
        error MaxStrategiesExceeded();
        error ModificationAlreadyPending();
        error NewSharesZero();
        error NonexistentAVSMetadata();
        error NotActivelyDelegated();
        error NotAdmin();
        error NotMemberOfSet();
        error OnlyStrategyManager();
        error OnlyStrategyWhitelister();
        error OnlyUnderlyingToken();
        error OperatorNotRegistered();
        error OperatorNotSlashable();
        error OperatorsCannotUndelegate();
        error SaltSpent();
        error SameMagnitude();
        error SharesAmountTooHigh();
        error SharesAmountZero();
        error SignatureExpired();
        error StakerAddressZero();
        error StrategiesMustBeInAscendingOrder();
        error StrategyAlreadyInOperatorSet();
        error StrategyNotFound();
        error StrategyNotInOperatorSet();
        error StrategyNotWhitelisted();
        error TotalSharesExceedsMax();
        error UninitializedAllocationDelay();
        error WithdrawalAmountExceedsTotalDeposits();
        error WithdrawalDelayNotElapsed();
        error WithdrawalNotQueued();
        error WithdrawerNotCaller();
    }
}

pub use EigenLayer::EigenLayerErrors;

pub(super) fn sentence(f: &mut fmt::Formatter<'_>, reason: &EigenLayerErrors) -> fmt::Result {
    use EigenLayer::EigenLayerErrors as E;
    write!(f, "EigenLayer: ")?;
    f.write_str(match reason {
        E::ActivelyDelegated(_) => "the account is delegated to an operator, or is one",
        E::AdminAlreadyPending(_) => "that administrator is offered the account already",
        E::AdminAlreadySet(_) => "that administrator has the account already",
        E::AdminNotPending(_) => "the account is not offered to that administrator",
        E::AlreadyMemberOfSet(_) => "the operator is in the set, or left it and is still slashable",
        E::AppointeeAlreadySet(_) => "that appointee has this right already",
        E::CallerCannotUndelegate(_) => {
            "only the staker, its operator or the operator's approver can end a delegation"
        }
        E::CurrentlyPaused(_) => "this is paused now by those who guard it",
        E::FullySlashed(_) => "everything of this stake was slashed, nothing can be added to it",
        E::InputAddressZero(_) => "an address is zero where none may be",
        E::InputArrayLengthMismatch(_) => "two lists that belong together have different lengths",
        E::InputArrayLengthZero(_) => "a list is empty where none may be",
        E::InsufficientMagnitude(_) => {
            "so much of the operator's stake is not free: the rest is allocated elsewhere or was slashed"
        }
        E::InvalidAVSRegistrar(_) => "that contract is not the registrar of this service",
        E::InvalidCaller(_) => "the sender may not act for this account",
        E::InvalidOperator(_) => "the account is no operator of EigenLayer; it must register as one first",
        E::InvalidOperatorSet(_) => "there is no such operator set",
        E::InvalidPermissions(_) => "the sender has not the permission to act for this account",
        E::InvalidSignature(_) => "a signature is not of the account that it should be of",
        E::InvalidWadToSlash(_) => "a slashing takes more than nothing and at most all",
        E::MaxStrategiesExceeded(_) => "the staker is in as many strategies as it can be",
        E::ModificationAlreadyPending(_) => "an earlier change of this allocation waits to take effect",
        E::NewSharesZero(_) => "the deposit is too small to give a share",
        E::NonexistentAVSMetadata(_) => "the service has not announced itself",
        E::NotActivelyDelegated(_) => "the account is not delegated to an operator",
        E::NotAdmin(_) => "the sender does not administer this account",
        E::NotMemberOfSet(_) => "the operator is not in the set",
        E::OnlyStrategyManager(_) => "only the strategy manager may call a strategy",
        E::OnlyStrategyWhitelister(_) => "only who lists strategies may do this",
        E::OnlyUnderlyingToken(_) => "the strategy takes another token",
        E::OperatorNotRegistered(_) => "the account to delegate to is no operator",
        E::OperatorNotSlashable(_) => {
            "the operator is not in the set, and left it too long ago to be slashed"
        }
        E::OperatorsCannotUndelegate(_) => "an operator cannot end its delegation to itself",
        E::SaltSpent(_) => "this approval was used already",
        E::SameMagnitude(_) => "so much is allocated already",
        E::SharesAmountTooHigh(_) => "more shares than there are",
        E::SharesAmountZero(_) => "no shares were named",
        E::SignatureExpired(_) => "a signature has expired",
        E::StakerAddressZero(_) => "a staker's address is zero",
        E::StrategiesMustBeInAscendingOrder(_) => "strategies must be in ascending order",
        E::StrategyAlreadyInOperatorSet(_) => "the strategy is in the operator set already",
        E::StrategyNotFound(_) => "the staker has nothing in this strategy",
        E::StrategyNotInOperatorSet(_) => "the strategy is not in the operator set",
        E::StrategyNotWhitelisted(_) => "deposits into this strategy are not allowed",
        E::TotalSharesExceedsMax(_) => "the strategy is full",
        E::UninitializedAllocationDelay(_) => "the operator's allocation delay is not in effect yet",
        E::WithdrawalAmountExceedsTotalDeposits(_) => "the strategy holds less than this",
        E::WithdrawalDelayNotElapsed(_) => "the withdrawal's delay is not over yet",
        E::WithdrawalNotQueued(_) => "no such withdrawal is waiting",
        E::WithdrawerNotCaller(_) => "only who asked for the withdrawal can complete it",
    })
}
