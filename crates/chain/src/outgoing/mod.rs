//! Transactions of an account that must arrive although fees rise, pools forget and chains are reorganised: one at a time,
//! outbid when it is stuck, remembered over restarts. What to do is decided in [`plan`]; here it is done.
//!
//! Whoever calls [`Outgoing::drive`] decides what is wanted, and whether it has happened: a transaction that was mined may have
//! failed, and may be taken back.

pub mod fees;
mod file;
pub mod plan;

use crate::connection::{self, with_headroom};
use crate::endpoints::Endpoints;
use crate::error::ChainError;
use alloy::consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy::eips::{BlockId, Encodable2718 as _};
use alloy::network::{Ethereum, TransactionBuilder as _};
use alloy::primitives::{Address, B256, TxKind, U256};
use alloy::providers::{DynProvider, Provider as _};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportError;
use fees::Fees;
use file::FlightFile;
use plan::{Call, Flight, Rules, Step, View, Wish};
use serde::Serialize;
use std::path::Path;

/// Wei for a unit of gas that are offered as a tip where the endpoint names none.
const TIP: u128 = 1_000_000;
/// Gas of one submission, for what a balance is good for.
const TYPICAL_GAS: u128 = 150_000;
/// Submissions that a balance should be good for; less is low.
const RESERVE: u128 = 50;
/// Versions of a transaction whose hashes are remembered.
const VERSIONS: usize = 64;

/// What [`Outgoing::drive`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is on its way.
    Idle,
    /// It waits to be mined.
    Waiting,
    /// It waits, and may not be outbid any more.
    AtLimit,
    /// A transaction was sent for the first time.
    Sent(B256),
    /// The one on its way was outbid.
    Replaced(B256),
    /// It was sent again as it was.
    Repeated(B256),
    /// It was mined.
    Mined {
        /// What it was about.
        subject: B256,
        /// The version that was, and whether the contract took it; `None` when another transaction has its nonce, or no
        /// endpoint has the receipt yet.
        outcome: Option<(B256, bool)>,
    },
}

/// What is told of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutgoingStatus {
    /// The account.
    pub account: Address,
    /// Wei that it has; `None` before it was asked.
    pub balance: Option<U256>,
    /// Whether that pays for less than fifty submissions at the fees of now.
    pub low: bool,
    /// The nonce of the transaction on its way.
    pub pending_nonce: Option<u64>,
    /// How often it was outbid.
    pub replaced: usize,
    /// Wei for a unit of gas that it offers.
    pub max_fee: Option<u128>,
    /// Whether it is stuck at the most that may be offered.
    pub at_limit: bool,
}

/// An account's transactions on one chain.
#[derive(Debug)]
pub struct Outgoing {
    provider: DynProvider<Ethereum>,
    signer: PrivateKeySigner,
    chain: u64,
    rules: Rules,
    file: FlightFile,
    flight: Option<Flight>,
    /// When its newest version was sent.
    sent_ms: Option<u64>,
    balance: Option<U256>,
    low: bool,
    at_limit: bool,
}

impl Outgoing {
    /// Takes up what the file says is on its way; nothing is asked yet. The chain's id is part of what is signed.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(
        endpoints: &Endpoints,
        chain: u64,
        signer: PrivateKeySigner,
        rules: Rules,
        path: &Path,
    ) -> Result<Self, ChainError> {
        let file = FlightFile::new(path, signer.address(), chain);
        Ok(Self {
            provider: connection::several(endpoints, None)?,
            signer,
            chain,
            rules,
            flight: file.load(),
            file,
            sent_ms: None,
            balance: None,
            low: false,
            at_limit: false,
        })
    }

    /// What it is about that is on its way.
    #[must_use]
    pub fn subject(&self) -> Option<B256> {
        self.flight.as_ref().map(|flight| flight.call.subject)
    }

    /// What is told of the account.
    #[must_use]
    pub fn status(&self) -> OutgoingStatus {
        let flight = self.flight.as_ref();
        OutgoingStatus {
            account: self.signer.address(),
            balance: self.balance,
            low: self.low,
            pending_nonce: flight.map(|flight| flight.nonce),
            replaced: flight.map_or(0, |flight| flight.hashes.len().saturating_sub(1)),
            max_fee: flight.map(|flight| flight.fees.max),
            at_limit: self.at_limit,
        }
    }

    /// Does what is due about what is wanted. Call it often; time in milliseconds from any start.
    ///
    /// # Errors
    /// When the RPC fails, the contract would refuse the call ([`ChainError::Refused`]; nothing was sent), or the transaction
    /// cannot be kept on the disk, in which case it is not sent.
    pub async fn drive(&mut self, wish: &Wish, now_ms: u64) -> Result<Progress, ChainError> {
        if self.flight.is_none() && !matches!(wish, Wish::Do(_)) {
            return Ok(Progress::Idle);
        }
        let view = self.view().await?;
        let sent_ms = *self.sent_ms.get_or_insert(now_ms);
        let age_ms = now_ms.saturating_sub(sent_ms);
        self.at_limit = false;
        match plan::step(self.flight.as_ref(), age_ms, wish, &view, &self.rules) {
            Step::Idle => Ok(Progress::Idle),
            Step::Wait => Ok(Progress::Waiting),
            Step::AtLimit => {
                self.at_limit = true;
                Ok(Progress::AtLimit)
            }
            Step::Repeat => self.repeat(now_ms).await,
            Step::Mined => self.mined().await,
            Step::Forget => {
                self.keep(None)?;
                Ok(Progress::Idle)
            }
            Step::Send { nonce, fees } => match wish {
                Wish::Do(call) => {
                    let gas = self.estimate(call).await?;
                    self.send(call.clone(), nonce, gas, fees, now_ms).await
                }
                Wish::Nothing | Wish::Keep => Ok(Progress::Idle),
            },
            Step::Replace { fees } => self.replace(wish, fees, now_ms).await,
        }
    }

    async fn view(&mut self) -> Result<View, ChainError> {
        let account = self.signer.address();
        let nonce = self.provider.get_transaction_count(account).await?;
        let newest = self.flight.as_ref().filter(|flight| flight.nonce == nonce);
        let known = match newest.and_then(|flight| flight.hashes.last()) {
            Some(hash) => self.provider.get_transaction_by_hash(*hash).await?.is_some(),
            None => false,
        };
        let head = self.provider.get_block_by_number(Default::default()).await?;
        let base = head
            .and_then(|head| head.header.base_fee_per_gas)
            .unwrap_or_default();
        let tip = self.provider.get_max_priority_fee_per_gas().await.unwrap_or(TIP);
        let market = Fees::market(base.into(), tip);
        let balance = self.provider.get_balance(account).await?;
        let needed = market
            .at_most(self.rules.max_fee)
            .max
            .saturating_mul(TYPICAL_GAS * RESERVE);
        let low = balance < U256::from(needed);
        if low && !self.low {
            tracing::warn!(%account, %balance, chain = self.chain,
                "the account pays for less than {RESERVE} more transactions at the fees of now: send it ether");
        }
        (self.balance, self.low) = (Some(balance), low);
        Ok(View { nonce, known, market })
    }

    /// On the latest block and not the pending one, in which a version of this call may be.
    async fn estimate(&self, call: &Call) -> Result<u64, ChainError> {
        let request = TransactionRequest::default()
            .with_from(self.signer.address())
            .with_to(call.to)
            .with_input(call.data.clone());
        let estimate = self.provider.estimate_gas(request).block(BlockId::latest()).await;
        Ok(with_headroom(estimate.map_err(|error| {
            ChainError::from(alloy::contract::Error::TransportError(error))
        })?))
    }

    async fn replace(&mut self, wish: &Wish, fees: Fees, now_ms: u64) -> Result<Progress, ChainError> {
        let Some(flight) = self.flight.clone() else {
            return Ok(Progress::Idle);
        };
        let (call, gas) = match wish {
            Wish::Do(call) if call.subject != flight.call.subject => {
                (call.clone(), self.estimate(call).await?)
            }
            _ => (flight.call, flight.gas),
        };
        self.send(call, flight.nonce, gas, fees, now_ms).await
    }

    async fn send(
        &mut self,
        call: Call,
        nonce: u64,
        gas: u64,
        fees: Fees,
        now_ms: u64,
    ) -> Result<Progress, ChainError> {
        let (hash, raw) = self.sign(&call, nonce, gas, fees)?;
        let earlier = self.flight.take().filter(|flight| flight.nonce == nonce);
        let replaces = earlier.is_some();
        let mut hashes = earlier.map(|flight| flight.hashes).unwrap_or_default();
        hashes.push(hash);
        let surplus = hashes.len().saturating_sub(VERSIONS);
        hashes.drain(..surplus);
        let flight = Flight {
            call,
            nonce,
            gas,
            fees,
            hashes,
            raw,
        };
        self.keep(Some(flight))?;
        self.sent_ms = Some(now_ms);
        self.broadcast(hash).await?;
        Ok(if replaces {
            Progress::Replaced(hash)
        } else {
            Progress::Sent(hash)
        })
    }

    fn sign(
        &self,
        call: &Call,
        nonce: u64,
        gas: u64,
        fees: Fees,
    ) -> Result<(B256, alloy::primitives::Bytes), ChainError> {
        let transaction = TxEip1559 {
            chain_id: self.chain,
            nonce,
            gas_limit: gas,
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.tip,
            to: TxKind::Call(call.to),
            value: U256::ZERO,
            input: call.data.clone(),
            access_list: Default::default(),
        };
        let signature = self.signer.sign_hash_sync(&transaction.signature_hash())?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        Ok((*envelope.tx_hash(), envelope.encoded_2718().into()))
    }

    async fn repeat(&mut self, now_ms: u64) -> Result<Progress, ChainError> {
        let Some(hash) = self
            .flight
            .as_ref()
            .and_then(|flight| flight.hashes.last().copied())
        else {
            return Ok(Progress::Idle);
        };
        self.sent_ms.get_or_insert(now_ms);
        self.broadcast(hash).await?;
        Ok(Progress::Repeated(hash))
    }

    /// Gives the newest version to all endpoints. What a pool has already, or has something better for, is no failure: the
    /// next look at the chain tells.
    async fn broadcast(&mut self, hash: B256) -> Result<(), ChainError> {
        let Some(flight) = &self.flight else { return Ok(()) };
        match self.provider.send_raw_transaction(&flight.raw).await {
            Ok(_) => Ok(()),
            Err(error) => match refusal(&error) {
                Some(Refused::Known | Refused::NonceUsed) => Ok(()),
                Some(Refused::Underpriced) => {
                    // Something that this account does not remember is in the way: outbid at the next look.
                    tracing::info!(%hash, "a pool wants more for a transaction's place");
                    self.sent_ms = Some(0);
                    Ok(())
                }
                None => Err(error.into()),
            },
        }
    }

    async fn mined(&mut self) -> Result<Progress, ChainError> {
        let Some(flight) = self.flight.clone() else {
            return Ok(Progress::Idle);
        };
        let mut outcome = None;
        for hash in flight.hashes.iter().rev() {
            if let Some(receipt) = self.provider.get_transaction_receipt(*hash).await? {
                outcome = Some((*hash, receipt.status()));
                break;
            }
        }
        self.keep(None)?;
        self.sent_ms = None;
        Ok(Progress::Mined {
            subject: flight.call.subject,
            outcome,
        })
    }

    fn keep(&mut self, flight: Option<Flight>) -> Result<(), ChainError> {
        self.file.store(flight.as_ref()).map_err(ChainError::Keep)?;
        self.flight = flight;
        Ok(())
    }
}

/// Why pools refuse what is no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Known,
    NonceUsed,
    Underpriced,
}

/// By the words that programs use, since there are no codes for it.
fn refusal(error: &TransportError) -> Option<Refused> {
    let said = error.as_error_resp()?.message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&[
        "already known",
        "already imported",
        "known transaction",
        "alreadyknown",
    ]) {
        Some(Refused::Known)
    } else if has(&["nonce too low", "nonce is too low", "oldnonce"]) {
        Some(Refused::NonceUsed)
    } else if has(&[
        "underpriced",
        "fee too low to replace",
        "gas price too low to replace",
    ]) {
        Some(Refused::Underpriced)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
