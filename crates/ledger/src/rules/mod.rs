//! The rules, one file for each thing that can be asked or that falls due.
//!
//! Here: what every transaction has in common (limits, account, nonce, in that order). Each rule checks everything
//! before it writes, in the order of the rejections' numbers.

mod availability;
mod begin;
mod bundle;
mod case;
mod claim;
mod committee;
mod deposit;
mod epoch;
mod expulsion;
mod forced;
mod funds;
mod governance;
mod operator;
mod provider;
mod purchase;
mod purchaser;
mod refund;
mod review;
mod rewards;
mod rotate;
mod service;
mod slash;
mod stake;
mod text;
mod transfer;
mod usage;
mod verdict;
mod withdraw;

pub(crate) use begin::begin;
pub(crate) use operator::unknown as unknown_operator;
pub use review::review_fee;
pub use rewards::accrued;

use crate::apply::Prepared;
use crate::draft::Draft;
use crate::fault::Fault;
use crate::record::{Account, Provider};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::purchaser::lane;
use rampart_protocol::{Address, DecodeError, Message, Nonce, Observation, ProviderId};

/// Takes in what was seen on a chain.
pub(crate) fn observe<V: View>(draft: &mut Draft<'_, V>, observation: &Observation) -> Result<(), Fault> {
    match observation {
        Observation::Deposit(o) => deposit::credit(draft, o),
        Observation::Forced(o) => forced::force(draft, o),
        Observation::OperatorStake(o) => operator::change_stake(draft, o),
        Observation::OperatorKeys(o) => operator::change_keys(draft, o),
        Observation::InvestorWeight(o) => operator::change_weight(draft, o),
        Observation::Governance(o) => governance::decide(draft, o),
    }
}

/// Executes a transaction whose signature was verified.
pub(crate) fn execute<V: View>(draft: &mut Draft<'_, V>, prepared: &Prepared) -> Result<(), Fault> {
    check_limits(prepared.message())?;
    if let Some(key) = prepared.purchaser() {
        return purchaser::buy(draft, prepared, key);
    }
    let account = funds::account(draft, prepared.signer())?;
    compare_nonces(account.nonce, prepared.message().nonce())?;
    count_nonce(account)?;
    dispatch(draft, prepared)
}

fn dispatch<V: View>(draft: &mut Draft<'_, V>, prepared: &Prepared) -> Result<(), Fault> {
    let signer = prepared.signer();
    match prepared.message() {
        Message::RegisterProvider(m) => provider::register(draft, signer, m),
        Message::UpdateProvider(m) => provider::update(draft, signer, m),
        Message::SetAutoStake(m) => provider::set_auto_stake(draft, signer, m),
        Message::AddStake(m) => stake::add(draft, signer, m),
        Message::Unbond(m) => stake::unbond(draft, signer, m),
        Message::ReleaseStake(m) => stake::release(draft, signer, m),
        Message::RegisterService(m) => service::register(draft, prepared, m),
        Message::UpdateService(m) => service::update(draft, prepared, m),
        Message::Purchase(m) => purchase::buy(draft, prepared, m),
        Message::RotateAccessKey(m) => rotate::rotate(draft, prepared, m),
        Message::ReportUsage(m) => usage::report(draft, signer, m),
        Message::Claim(m) => claim::claim(draft, signer, m),
        Message::Transfer(m) => transfer::transfer(draft, signer, m),
        Message::Withdraw(m) => withdraw::withdraw(draft, prepared, m),
        Message::Review(m) => review::file(draft, signer, m),
        Message::Challenge(m) => review::challenge(draft, signer, m),
        Message::CommitVerdict(m) => verdict::commit(draft, signer, m),
        Message::RevealVerdict(m) => verdict::reveal(draft, signer, m),
        Message::ReportAvailability(m) => availability::report(draft, signer, m),
        Message::ClaimRewards(m) => rewards::claim(draft, signer, m),
        Message::ClaimRefund(m) => refund::claim(draft, signer, m),
        Message::Reinstate(m) => expulsion::ask_reinstatement(draft, signer, m),
        Message::DelegatePurchaser(m) => purchaser::delegate(draft, prepared, m),
        Message::RevokePurchaser(m) => purchaser::revoke(draft, signer, m),
    }
}

fn check_limits(message: &Message) -> Result<(), Reject> {
    message.check_limits().map_err(|error| match error {
        DecodeError::TooLong { what, actual, limit } | DecodeError::TooMany { what, actual, limit } => {
            Reject::FieldTooLong { what, actual, limit }
        }
        // The other reasons are about bytes that do not decode; a message in hand has none of them.
        _ => Reject::FieldTooLong {
            what: "message",
            actual: 0,
            limit: 0,
        },
    })
}

fn compare_nonces(expected: Nonce, got: Nonce) -> Result<(), Reject> {
    if got < expected {
        return Err(Reject::StaleNonce { got, expected });
    }
    if got > expected {
        return Err(Reject::FutureNonce { got, expected });
    }
    Ok(())
}

fn count_nonce(account: &mut Account) -> Result<(), Reject> {
    let what = "the account's nonce";
    let next = Nonce(funds::next(account.nonce.0, what)?);
    // The other lanes are the purchasers'.
    if lane(next) != 0 {
        return Err(Reject::Overflow { what });
    }
    account.nonce = next;
    Ok(())
}

/// A provider that the signer owns.
fn own_provider<V: View>(draft: &Draft<'_, V>, signer: Address, id: ProviderId) -> Result<Provider, Fault> {
    let provider = draft.provider(id)?;
    check_owner(&provider, signer)?;
    Ok(provider)
}

fn check_owner(provider: &Provider, signer: Address) -> Result<(), Reject> {
    let (id, owner) = (provider.id, provider.owner);
    if owner == signer {
        return Ok(());
    }
    Err(Reject::NotOwner {
        provider: id,
        owner,
        signer,
    })
}
