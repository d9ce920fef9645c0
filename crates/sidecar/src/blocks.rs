//! Opening a block of sequence numbers (`rampart_protocol::request_block`): the way of the one signed request that lets
//! many more be served by `hmac-sha256`.

use crate::admission;
use crate::claim::{self, Proof, Target};
use crate::meter::Voucher;
use crate::proxy;
use crate::refusal::{Refusal, Refused};
use crate::reply::{self, Reply};
use crate::shared::Core;
use crate::{body, headers};
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use rampart_protocol::Sequence;
use rampart_protocol::mac::Side;
use rampart_protocol::request_block::{BlockOpened, MAX_BLOCK, MAX_BODY, OpenBlock};
use std::time::Instant;

/// Answers `POST /.rampart/blocks`: 201 once the block's voucher is durable.
///
/// # Errors
/// Why no block is opened.
pub async fn open(core: &Core, head: &Parts, target: Target<'_>, body: Incoming) -> Result<Reply, Refused> {
    claim::check_authority(&head.headers, &core.authority)?;
    let now = (core.clock)();
    let claim = claim::read(head, target, &core.authority, !body.is_end_stream())?;
    claim::check_time(&claim.parameters, now, core.policy)?;
    let Proof::Signature(signature) = claim.proof else {
        return Err(Refusal::BadSignatureInput.because("a block is opened by ed25519"));
    };
    let (record, window) = proxy::entitlement(core, head, &claim, now).await?;
    admission::check(&claim, &record, window, None, now)?;
    proxy::prove(core, &record, &claim.base, &signature).await?;
    if !core.rates.take(record.id, Instant::now()) {
        return Err(Refusal::RateLimited.into());
    }
    let bytes = body::read(body, &claim, MAX_BODY, &core.limits).await?;
    let asked: OpenBlock =
        serde_json::from_slice(&bytes).map_err(|error| Refusal::BadBlock.because(error.to_string()))?;
    let to = claim.parameters.sequence;
    check_range(asked.from, to)?;
    let key = core
        .agreement
        .agree(Side::Sidecar, &asked.key, record.id)
        .ok_or_else(|| Refusal::BadBlock.because("the key is of small order"))?;
    let voucher = Voucher {
        sequence: to,
        base: claim.base,
        signature: signature.to_vec().into(),
    };
    core.store
        .open_block(record.id, asked.from, voucher, key, now)
        .await
        .map_err(admission::unusable)?;
    let opened = BlockOpened {
        from: asked.from,
        to,
        key: core.agreement.public(),
    };
    let mut reply = reply::json(StatusCode::CREATED, &opened);
    let used = headers::visible(&format!(
        "{}/{}",
        core.store.authorised(record.id),
        record.requests
    ));
    reply.headers_mut().insert(headers::USED, used);
    Ok(reply)
}

fn check_range(from: Sequence, to: Sequence) -> Result<(), Refused> {
    if from.0 == 0 || from > to {
        return Err(Refusal::BadBlock.because("a block begins at 1 or above, and not behind its last number"));
    }
    if to.0 - from.0 >= MAX_BLOCK {
        return Err(Refusal::BadBlock.because(format!("a block has at most {MAX_BLOCK} numbers")));
    }
    Ok(())
}
