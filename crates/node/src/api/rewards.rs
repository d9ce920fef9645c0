//! Questions about operators, their investors, epochs and parameters (O1, U2, G1).

use super::Shared;
use super::error::ApiError;
use super::reads::{Answer, PathOf, find, founding, globals, params};
use crate::engine::Runtime;
use axum::Json;
use axum::extract::{Path, State};
use rampart_ledger::{
    Committee, EpochReport, EpochState, Globals, Investor, Key, Operator, OperatorSet, Params,
};
use rampart_protocol::api::{
    EpochReportView, EpochView, InvestorView, OperatorKeysView, OperatorView, Operators, ParamView,
    ParamsView, ParticipationView, Quantity,
};
use rampart_protocol::{Address, Amount, Timestamp};
use std::sync::Arc;

/// The ledger keeps the number after the epoch in which an operator last did something.
fn participation(operator: &Operator, epoch: &EpochState) -> ParticipationView {
    let this = epoch.number.saturating_add(1);
    ParticipationView {
        epoch: epoch.number,
        pages: epoch.pages,
        reported: if operator.reporting == this {
            operator.reports
        } else {
            0
        },
        missed_vote: operator.missed == this,
    }
}

/// The committees that are settled: that of the running consensus epoch and the next.
async fn committees<E: Runtime>(
    context: &Shared<E>,
    globals: &Globals,
) -> Result<Vec<Arc<Committee>>, ApiError> {
    let mut committees = Vec::new();
    for epoch in [globals.committee.saturating_sub(1), globals.committee] {
        committees.extend(find(context, Key::committee(epoch)).await?);
    }
    Ok(committees)
}

fn operator_view(operator: &Operator, epoch: &EpochState, committees: &[Arc<Committee>]) -> OperatorView {
    let sits = |committee: &&Arc<Committee>| {
        let mut seats = committee.seats.iter();
        seats.any(|seat| seat.operator == operator.address)
    };
    OperatorView {
        keys: operator.keys.map(|keys| OperatorKeysView {
            consensus_key: keys.consensus_key,
            checkpoint_key: keys.checkpoint_key,
        }),
        seats: committees
            .iter()
            .filter(sits)
            .map(|committee| committee.epoch)
            .collect(),
        address: operator.address,
        stake: Quantity(operator.stake),
        commission: operator.commission,
        joined_at: operator.joined_at,
        owed: operator.owed,
        claimed: operator.claimed,
        weight: Quantity(operator.weight),
        participation: participation(operator, epoch),
    }
}

async fn find_operator<E: Runtime>(context: &Shared<E>, address: Address) -> Result<Arc<Operator>, ApiError> {
    find(context, Key::operator(&address))
        .await?
        .ok_or_else(|| ApiError::not_found("operator", format!("there is no operator {address}")))
}

pub(super) async fn operator<E: Runtime>(
    State(context): State<Shared<E>>,
    address: PathOf<Address>,
) -> Answer<OperatorView> {
    let Path(address) = address?;
    let operator = find_operator(&context, address).await?;
    let globals = globals(&context).await?;
    let committees = committees(&context, &globals).await?;
    Ok(Json(operator_view(&operator, &globals.epoch, &committees)))
}

pub(super) async fn operators<E: Runtime>(State(context): State<Shared<E>>) -> Answer<Operators> {
    let set: Arc<OperatorSet> = founding(&context, Key::operator_set()).await?;
    let globals = globals(&context).await?;
    let committees = committees(&context, &globals).await?;
    let mut operators = Vec::with_capacity(set.seats.len());
    for seat in &set.seats {
        operators.push(operator_view(
            &*find_operator(&context, seat.operator).await?,
            &globals.epoch,
            &committees,
        ));
    }
    Ok(Json(Operators {
        total_stake: Quantity(set.total_stake()),
        operators,
    }))
}

pub(super) async fn investor<E: Runtime>(
    State(context): State<Shared<E>>,
    path: PathOf<(Address, Address)>,
) -> Answer<InvestorView> {
    let Path((operator, investor)) = path?;
    // Both of one state, since what is owed is the difference between them.
    let keys = [Key::operator(&operator), Key::investor(&operator, &investor)];
    let mut records = context.state.get_many(&keys).await?.into_iter();
    let missing = |what, message| ApiError::not_found(what, message);
    let found = records
        .next()
        .flatten()
        .and_then(rampart_ledger::Stored::from_record);
    let record: Arc<Operator> =
        found.ok_or_else(|| missing("operator", format!("there is no operator {operator}")))?;
    let found = records
        .next()
        .flatten()
        .and_then(rampart_ledger::Stored::from_record);
    let stake: Option<Arc<Investor>> = found;
    let stake = stake
        .filter(|stake| stake.operator == operator && stake.investor == investor)
        .ok_or_else(|| {
            missing(
                "investor",
                format!("{investor} has never invested in operator {operator}"),
            )
        })?;
    let owed = rampart_ledger::accrued(&record, &stake).map_err(|fault| ApiError::internal(&fault))?;
    Ok(Json(InvestorView {
        operator,
        investor,
        weight: Quantity(stake.weight),
        owed,
        claimed: stake.claimed,
    }))
}

pub(super) async fn current_epoch<E: Runtime>(State(context): State<Shared<E>>) -> Answer<EpochView> {
    let (globals, params) = (globals(&context).await?, params(&context).await?);
    let epoch = &globals.epoch;
    let ends_at = epoch.started_at.checked_add(params.epoch_length);
    Ok(Json(EpochView {
        number: epoch.number,
        started_at: epoch.started_at,
        ends_at: ends_at.unwrap_or(Timestamp(u64::MAX)),
        pool: globals.pool,
        sellers: epoch.sellers,
        verdicts: epoch.verdicts,
        pages: epoch.pages,
    }))
}

pub(super) async fn epoch<E: Runtime>(
    State(context): State<Shared<E>>,
    number: PathOf<u64>,
) -> Answer<EpochReportView> {
    let Path(number) = number?;
    let report: Option<Arc<EpochReport>> = find(&context, Key::epoch(number)).await?;
    let report =
        report.ok_or_else(|| ApiError::not_found("epoch", format!("epoch {number} has not ended")))?;
    Ok(Json(EpochReportView {
        number: report.number,
        started_at: report.started_at,
        ended_at: report.ended_at,
        pool: report.pool,
        paid: report.paid,
        treasury: Amount(report.pool.0.saturating_sub(report.paid.0)),
        sellers: report.sellers,
        verdicts: report.verdicts,
        operators: report.operators,
    }))
}

pub(super) async fn parameters<E: Runtime>(State(context): State<Shared<E>>) -> Answer<ParamsView> {
    let params = params(&context).await?;
    let params = Params::SPECS
        .iter()
        .zip(params.values())
        .map(|(spec, value)| ParamView {
            name: spec.name.to_owned(),
            unit: spec.unit.to_owned(),
            value: Quantity(value),
            default: Quantity(spec.default),
            min: Quantity(spec.min),
            max: Quantity(spec.max),
            reason: spec.reason.to_owned(),
        });
    Ok(Json(ParamsView {
        params: params.collect(),
    }))
}
