//! Operators, their investors, epochs of rewards, and the parameters.

use super::Quantity;
use super::json;
use crate::handover::Handover;
use crate::units::{Amount, Ppm, Timestamp};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

json! {
    /// `GET /v1/operators/{address}`: an operator as the ledger knows it (O1, U2).
    OperatorView {
        /// The operator's account.
        address: Address,
        /// Its stake; zero when it has left.
        stake: Quantity,
        /// The share of its rewards that it keeps, ppm.
        commission: Ppm,
        /// When it last joined; zero for an operator of genesis.
        joined_at: Timestamp,
        /// Its own rewards, not claimed yet.
        owed: Amount,
        /// Its own rewards claimed so far.
        claimed: Amount,
        /// Sum of its investors' weights.
        weight: Quantity,
        /// What it did of what it owes in the running epoch.
        participation: ParticipationView,
        /// Its keys; absent while it has proved none, and then it gets no seat.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keys: Option<OperatorKeysView>,
        /// Consensus epochs, of the running one and the next, in which it has a seat.
        #[serde(default)]
        seats: Vec<u64>,
    }
}
json! {
    /// An operator's duties in the running epoch.
    ParticipationView {
        /// The epoch.
        epoch: u64,
        /// Pages of services whose availability it owes a report of.
        pages: u64,
        /// Pages that it has reported.
        reported: u64,
        /// Whether it missed a vote, which costs the epoch's rewards.
        missed_vote: bool,
    }
}
json! {
    /// The keys that an operator has proved to be its own.
    OperatorKeysView {
        /// Ed25519 key that votes in consensus.
        consensus_key: B256,
        /// Address of the secp256k1 key that signs checkpoints.
        checkpoint_key: Address,
    }
}
json! {
    /// `GET /v1/operator-sets?from=E`: proofs of the operators of the epochs after E, one after another (X1).
    OperatorSets {
        /// Of epoch E, E + 1 and so on; empty when E is the newest epoch that has one.
        handovers: Vec<Handover>,
        /// `from` of the next page; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    }
}
json! {
    /// `GET /v1/operators`: every operator with stake.
    Operators {
        /// Their stake together.
        total_stake: Quantity,
        /// In the order of addresses.
        operators: Vec<OperatorView>,
    }
}
json! {
    /// `GET /v1/operators/{address}/investors/{investor}` (G4, I2)
    InvestorView {
        /// The operator.
        operator: Address,
        /// The investor.
        investor: Address,
        /// `min(restaked position, governance tokens held)`.
        weight: Quantity,
        /// Rewards that a claim would retrieve now.
        owed: Amount,
        /// Rewards claimed so far.
        claimed: Amount,
    }
}
json! {
    /// `GET /v1/epochs/current`: the running epoch of rewards (U2).
    EpochView {
        /// Its number.
        number: u64,
        /// When it began.
        started_at: Timestamp,
        /// When it ends, with the first block from then on.
        ends_at: Timestamp,
        /// The pool so far.
        pool: Amount,
        /// Providers that sold something in it.
        sellers: u64,
        /// Cases that operators decided in it.
        verdicts: u64,
        /// Pages of services whose availability each operator owes a report of, for the epoch before.
        pages: u64,
    }
}
json! {
    /// `GET /v1/epochs/{number}`: what an epoch that has ended took in and where it went (U2).
    EpochReportView {
        /// Its number.
        number: u64,
        /// When it began.
        started_at: Timestamp,
        /// When it ended.
        ended_at: Timestamp,
        /// The pool at its end.
        pool: Amount,
        /// Of that, what went to operators and their investors.
        paid: Amount,
        /// Of that, what went to the treasury.
        treasury: Amount,
        /// Providers that sold something in it.
        sellers: u64,
        /// Cases that operators decided in it.
        verdicts: u64,
        /// Operators that were paid.
        operators: u32,
    }
}
json! {
    /// `GET /v1/params`: the parameters in force, in the order of the documentation.
    ParamsView {
        /// Each parameter.
        params: Vec<ParamView>,
    }
}
json! {
    /// One parameter (G1).
    ParamView {
        /// Its name, in snake case.
        name: String,
        /// The unit of its values.
        unit: String,
        /// Its value.
        value: Quantity,
        /// Its value unless genesis or governance says otherwise.
        default: Quantity,
        /// The least permitted value.
        min: Quantity,
        /// The largest permitted value.
        max: Quantity,
        /// Why this default, and why these bounds.
        reason: String,
    }
}
