//! Decisions of governance (G1, G2), as the L1 tells of them. One that is impossible is consumed without effect, and as a
//! whole: a chain of decisions must not stop at a bad one.

use super::funds::{credit, take};
use super::{case, expulsion, operator, slash};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::params::{Params, ParamsError};
use crate::reject::Reject;
use crate::view::View;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use rampart_protocol::observation::{Governance, GovernanceAction, SetParameters, Slash, Spend};

/// Executes a decision.
pub(super) fn decide<V: View>(draft: &mut Draft<'_, V>, o: &Governance) -> Result<(), Fault> {
    operator::count(draft, o.index)?;
    let refused: Result<(), String> = match &o.action {
        GovernanceAction::SetParameters(set) => set_parameters(draft, set).map_err(|error| error.to_string()),
        action => draft
            .attempt(|draft| act(draft, action))?
            .map_err(|reject| reject.to_string()),
    };
    if let Err(reason) = refused {
        draft.emit(Event::GovernanceRefused {
            index: o.index,
            reason,
        });
    }
    Ok(())
}

fn act<V: View>(draft: &mut Draft<'_, V>, action: &GovernanceAction) -> Result<(), Fault> {
    match action {
        // Decided by the caller, since its errors are its own.
        GovernanceAction::SetParameters(_) => Ok(()),
        GovernanceAction::Suspend(a) => expulsion::suspend_by_governance(draft, a.provider),
        GovernanceAction::Expel(a) => expulsion::expel_by_governance(draft, a.provider),
        GovernanceAction::Pardon(a) => expulsion::pardon(draft, a.provider),
        GovernanceAction::Slash(a) => slash_provider(draft, a),
        GovernanceAction::Judge(a) => case::judge(draft, a.case, a.upheld),
        GovernanceAction::Spend(a) => spend(draft, a),
    }
}

/// Changes parameters, all or none. Sums that decay go on from where they are, at the new rate.
fn set_parameters<V: View>(draft: &mut Draft<'_, V>, set: &SetParameters) -> Result<(), ParamsError> {
    let before = draft.params.clone();
    let mut params = Params::clone(&before);
    for change in &set.changes {
        params.set(&change.name, change.value)?;
    }
    params.validate()?;
    let now = draft.now();
    let clocks = &mut draft.globals.clocks;
    if params.score_half_life != before.score_half_life {
        clocks.score = clocks.score.rebased(now, before.score_half_life);
    }
    if params.revenue_half_life != before.revenue_half_life {
        clocks.revenue = clocks.revenue.rebased(now, before.revenue_half_life);
    }
    draft.put(params);
    draft.params = Arc::new(params);
    draft.emit(Event::ParametersSet {
        count: u32::try_from(set.changes.len()).unwrap_or(u32::MAX),
    });
    Ok(())
}

fn slash_provider<V: View>(draft: &mut Draft<'_, V>, a: &Slash) -> Result<(), Fault> {
    let mut provider = draft.provider(a.provider)?;
    slash::slash_to_pool(draft, &mut provider, a.amount, &[])?;
    draft.put(provider);
    Ok(())
}

fn spend<V: View>(draft: &mut Draft<'_, V>, a: &Spend) -> Result<(), Fault> {
    let (have, need) = (draft.globals.treasury, a.amount);
    if have < need {
        return Err(Reject::InsufficientBalance { have, need }.into());
    }
    take(&mut draft.globals.treasury, need)?;
    credit(draft, a.recipient, need)?;
    draft.emit(Event::TreasurySpent {
        recipient: a.recipient,
        amount: need,
    });
    Ok(())
}
