//! Which routes there are, each with what it takes and answers. What they do is in the modules named.

use super::openapi::{Document, Operation, Routes};
use super::reads::{Cursor, PathOf, Recipient};
use super::{
    BATCH_ROUTE, MAX_BLOCKS, MAX_EXPORTS, Shared, batch, blocks, catalogue, chains, events, exits, health,
    judging, market, reads, rewards, submit,
};
use crate::engine::Runtime;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use rampart_protocol::api::{
    AccountView, BatchEntry, CaseView, Cases, CheckpointView, EpochReportView, EpochView, EventView,
    ExitView, InvestorView, OperatorSets, OperatorView, Operators, ParamsView, ProviderView, PurchaseList,
    PurchaseView, Purchases, ReviewView, Reviews, ServiceView, Services, Status, TermsView, Totals,
    TransactionView, WithdrawalView,
};
use rampart_protocol::{
    Address, B256, CaseId, Confirmation, OperatorSet, ProviderId, PurchaseId, ServiceId, SignedCheckpoint,
    SignedTransaction,
};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Routes that wait for the ledger.
pub(super) fn submissions<E: Runtime>(document: &mut Document) -> Router<Shared<E>> {
    Routes::new(document)
        .post(
            "/v1/transactions",
            submit::submit::<E>,
            Operation::new("Submits a signed message; `wait` asks to wait until it is final.")
                .query::<submit::Wait>()
                .body::<SignedTransaction>()
                .answer::<TransactionView>(StatusCode::OK)
                .answer::<TransactionView>(StatusCode::ACCEPTED)
                .error(StatusCode::CONFLICT)
                .error(StatusCode::GONE),
        )
        .post(
            BATCH_ROUTE,
            batch::submit_batch::<E>,
            Operation::json::<Vec<BatchEntry>>(
                "Submits up to 256 signed messages; answers at once, of each in its place.",
            )
            .body::<Vec<SignedTransaction>>(),
        )
        .post(
            "/v1/evidence",
            chains::accuse::<E>,
            Operation::json::<Vec<chains::EvidenceView>>(
                "Takes two checkpoints that one operator signed for one height (X3).",
            )
            .body::<Vec<SignedCheckpoint>>(),
        )
        .into_router()
}

/// Routes that read.
pub(super) fn questions<E: Runtime>(document: &mut Document) -> Router<Shared<E>> {
    let node = node::<E>(Routes::new(document)).into_router();
    let stream = stream::<E>(Routes::new(document)).into_router();
    let health = health::routes::<E>(Routes::new(document)).into_router();
    let operators = operators::<E>(Routes::new(document)).into_router();
    let accounts = accounts::<E>(Routes::new(document)).into_router();
    let market = market::<E>(Routes::new(document)).into_router();
    let judging = judging::<E>(Routes::new(document)).into_router();
    node.merge(stream)
        .merge(health)
        .merge(operators)
        .merge(accounts)
        .merge(market)
        .merge(judging)
}

fn node<E: Runtime>(routes: Routes<'_, Shared<E>>) -> Routes<'_, Shared<E>> {
    let places = Arc::new(Semaphore::new(MAX_BLOCKS));
    let block =
        move |context: State<Shared<E>>, height: PathOf<u64>| blocks::block(context, height, places.clone());
    routes
        .get(
            "/v1/status",
            reads::status::<E>,
            Operation::json::<Status>("Where this operator stands."),
        )
        .get(
            "/v1/chains",
            chains::chains::<E>,
            Operation::json::<chains::ChainsView>(
                "What this operator sees of the chains, and the accounts that pay there.",
            ),
        )
        .get(
            "/v1/evidence",
            chains::evidence::<E>,
            Operation::json::<Vec<chains::EvidenceView>>(
                "Evidence of equivocation that this operator keeps (X3).",
            ),
        )
        .get(
            "/v1/totals",
            reads::totals::<E>,
            Operation::json::<Totals>("Where every deposited unit is."),
        )
        .get(
            "/v1/operator-set",
            reads::operator_set::<E>,
            Operation::json::<OperatorSet>("Whose signatures count. Pin it by other means."),
        )
        .get(
            "/v1/operator-sets",
            reads::operator_sets::<E>,
            Operation::json::<OperatorSets>(
                "Proofs of the operators of later epochs, one after another (X1).",
            )
            .query::<reads::From>()
            .or_not_found(),
        )
        .get(
            "/v1/params",
            rewards::parameters::<E>,
            Operation::json::<ParamsView>("The parameters in force."),
        )
        .get(
            "/v1/checkpoints/latest",
            reads::checkpoint::<E>,
            Operation::json::<CheckpointView>("The newest checkpoint that this operator signed.")
                .or_not_found(),
        )
        .get(
            "/v1/blocks/{height}",
            block,
            Operation::new(
                "A final block and what proves it final: RLP of header, body, headers of descendants up to the certified \
                 one, certificate.",
            )
            .content(
                StatusCode::OK,
                "application/octet-stream",
                json!({ "description": "See `rampart_protocol::FinalizedBlock`." }),
            )
            .path::<u64>("height", "The block's height; genesis, at 0, is made from the network's file.")
            .or_not_found()
            .error(StatusCode::GONE),
        )
        .get(
            "/v1/transactions/{hash}",
            submit::transaction::<E>,
            Operation::json::<TransactionView>("What became of a transaction.")
                .path::<B256>("hash", "The transaction's hash."),
        )
}

/// The stream of events: what its messages are is in the schema of its text.
fn stream<E: Runtime>(routes: Routes<'_, Shared<E>>) -> Routes<'_, Shared<E>> {
    routes.get(
        "/v1/events",
        events::events::<E>,
        Operation::new(
            "What happens, as server-sent events: `id` is HEIGHT-NUMBER, `event` the kind, `data` JSON of the kind. \
             The header `Last-Event-ID` goes on behind an id. A last event `end` tells why the node ends the stream.",
        )
        .query::<events::EventsQuery>()
        .text::<EventView>("text/event-stream")
        .error(StatusCode::GONE),
    )
}

fn operators<E: Runtime>(routes: Routes<'_, Shared<E>>) -> Routes<'_, Shared<E>> {
    routes
        .get(
            "/v1/operators",
            rewards::operators::<E>,
            Operation::json::<Operators>("Every operator with stake."),
        )
        .get(
            "/v1/operators/{address}",
            rewards::operator::<E>,
            Operation::json::<OperatorView>("An operator as the ledger knows it.")
                .path::<Address>("address", "The operator.")
                .or_not_found(),
        )
        .get(
            "/v1/operators/{address}/investors/{investor}",
            rewards::investor::<E>,
            Operation::json::<InvestorView>("An investor at an operator.")
                .path::<Address>("address", "The operator.")
                .path::<Address>("investor", "The investor.")
                .or_not_found(),
        )
        .get(
            "/v1/epochs/current",
            rewards::current_epoch::<E>,
            Operation::json::<EpochView>("The running epoch of rewards."),
        )
        .get(
            "/v1/epochs/{number}",
            rewards::epoch::<E>,
            Operation::json::<EpochReportView>("An epoch that has ended.")
                .path::<u64>("number", "The epoch.")
                .or_not_found(),
        )
}

fn accounts<E: Runtime>(routes: Routes<'_, Shared<E>>) -> Routes<'_, Shared<E>> {
    let exports = Arc::new(Semaphore::new(MAX_EXPORTS));
    let archive = move |context: State<Shared<E>>| exits::archive(context, exports.clone());
    routes
        .get(
            "/v1/accounts/{address}",
            reads::account::<E>,
            Operation::json::<AccountView>("An account; one never seen has zero everywhere.")
                .path::<Address>("address", "The account."),
        )
        .get(
            "/v1/accounts/{address}/exit",
            exits::exit::<E>,
            Operation::json::<ExitView>("What the account could leave with, and its proof (X2).")
                .path::<Address>("address", "The account.")
                .or_not_found(),
        )
        .get(
            "/v1/exits",
            archive,
            Operation::new("What every account could leave with, as one file with signatures (X2).")
                .content(
                    StatusCode::OK,
                    "application/octet-stream",
                    json!({ "type": "string", "format": "binary" }),
                )
                .or_not_found(),
        )
        .get(
            "/v1/withdrawals",
            reads::withdrawals::<E>,
            Operation::json::<Vec<WithdrawalView>>("The newest withdrawals to a recipient, oldest first.")
                .query::<Recipient>(),
        )
        .get(
            "/v1/withdrawals/{index}",
            reads::withdrawal::<E>,
            Operation::json::<WithdrawalView>("Everything that the settlement contract needs to pay it.")
                .path::<u64>("index", "Its index in the tree of withdrawals.")
                .or_not_found(),
        )
}

fn market<E: Runtime>(routes: Routes<'_, Shared<E>>) -> Routes<'_, Shared<E>> {
    routes
        .get(
            "/v1/providers/{id}",
            market::provider::<E>,
            Operation::json::<ProviderView>("A provider and its standing.")
                .path::<ProviderId>("id", "The provider.")
                .or_not_found(),
        )
        .get(
            "/v1/providers/{id}/purchases",
            market::purchases_of::<E>,
            Operation::json::<Purchases>("What was bought of a provider (V5).")
                .path::<ProviderId>("id", "The provider.")
                .query::<Cursor>()
                .or_not_found(),
        )
        .get(
            "/v1/services",
            catalogue::services::<E>,
            Operation::json::<Services>("Services that match.").query::<catalogue::ServicesQuery>(),
        )
        .get(
            "/v1/services/{id}",
            market::service::<E>,
            Operation::json::<ServiceView>("A service on its present terms.")
                .path::<ServiceId>("id", "The service.")
                .or_not_found(),
        )
        .get(
            "/v1/services/{id}/versions/{version}",
            market::terms::<E>,
            Operation::json::<TermsView>("One version of a service's terms.")
                .path::<ServiceId>("id", "The service.")
                .path::<u32>("version", "The version.")
                .or_not_found(),
        )
        .get(
            "/v1/purchases",
            catalogue::purchases::<E>,
            Operation::json::<PurchaseList>("What a consumer bought, or what was bought of a service.")
                .query::<catalogue::PurchasesQuery>(),
        )
        .get(
            "/v1/purchases/{id}",
            market::purchase::<E>,
            Operation::json::<PurchaseView>("A purchase and what is left of it.")
                .path::<PurchaseId>("id", "The purchase.")
                .or_not_found(),
        )
        .get(
            "/v1/purchases/{id}/confirmation",
            reads::confirmation::<E>,
            Operation::json::<Confirmation>("The proof that a purchase is final (C5, X1).")
                .path::<PurchaseId>("id", "The purchase.")
                .error(StatusCode::GONE)
                .or_not_found(),
        )
}

fn judging<E: Runtime>(routes: Routes<'_, Shared<E>>) -> Routes<'_, Shared<E>> {
    routes
        .get(
            "/v1/providers/{id}/reviews",
            judging::reviews_of::<E>,
            Operation::json::<Reviews>("A provider's reviews.")
                .path::<ProviderId>("id", "The provider.")
                .query::<Cursor>()
                .or_not_found(),
        )
        .get(
            "/v1/purchases/{id}/review",
            judging::review::<E>,
            Operation::json::<ReviewView>("The review of a purchase.")
                .path::<PurchaseId>("id", "The purchase.")
                .or_not_found(),
        )
        .get(
            "/v1/cases",
            judging::cases::<E>,
            Operation::json::<Cases>("Open cases, in the order in which they were opened.").query::<Cursor>(),
        )
        .get(
            "/v1/cases/{id}",
            judging::case::<E>,
            Operation::json::<CaseView>("An open case.")
                .path::<CaseId>("id", "The case.")
                .or_not_found(),
        )
}
