//! What a consumer does about a purchase after it: review it, replace its key.

use crate::args::SendArgs;
use crate::output;
use crate::session::{Session, applied, open};
use alloy::signers::local::PrivateKeySigner;
use rampart_gateway::wallet::Wallet;
use rampart_protocol::api::ReviewView;
use rampart_protocol::message::{self, RotateAccessKey};
use rampart_protocol::{Amount, B256, PurchaseId};
use serde_json::json;

/// Publishes a review and returns it as the ledger keeps it. The fee that is signed is the one that the node tells; should
/// that not be the truth, the ledger refuses.
pub async fn file(
    session: &Session,
    signer: &PrivateKeySigner,
    purchase: PurchaseId,
    comment: String,
    evidence: B256,
    wait: u64,
) -> anyhow::Result<ReviewView> {
    let review = message::Review {
        purchase,
        fee: session.client.purchase(purchase).await?.review_fee,
        comment,
        evidence,
        nonce: session.nonce(signer).await?,
    };
    applied(&session.send(signer, review.into(), wait).await?)?;
    Ok(session.client.review(purchase).await?)
}

/// Replaces a purchase's access key by a new one, which is stored before it is announced.
pub async fn rotate(purchase: PurchaseId, wallet: &Wallet, send: SendArgs) -> anyhow::Result<()> {
    let (session, signer) = open(&send.node, &send.key).await?;
    let access_key = wallet.create_key(rand::random())?;
    let message = RotateAccessKey {
        purchase,
        access_key,
        nonce: session.nonce(&signer).await?,
    };
    let submitted = session.send(&signer, message.into(), send.wait).await?;
    let height = applied(&submitted)?;
    let result = json!({ "purchase": purchase, "accessKey": access_key, "height": height });
    output::print(send.output, &result, |_| {
        vec![format!(
            "the requests of {purchase} are signed by {access_key} from height {height} on; its seed is in the wallet's keys"
        )]
    })
}

/// A review for a person.
pub fn describe(review: &ReviewView) -> Vec<String> {
    let mut lines = vec![
        format!("review of {}: {}", review.purchase, review.stage),
        format!("comment    {}", review.comment),
        format!("consumer   {}", review.consumer),
        format!("provider   {}", review.provider),
        format!("fee        {} tokens", review.fee.to_tokens()),
    ];
    if review.bond > Amount::ZERO {
        lines.push(format!("bond       {} tokens", review.bond.to_tokens()));
    }
    lines.push(format!(
        "filed at {}, to be challenged until {}",
        review.filed_at, review.challenge_until
    ));
    if let Some(case) = review.case {
        lines.push(format!("case       {case}, round {}", review.round));
    }
    let evidence = [
        ("consumer", review.consumer_evidence),
        ("provider", review.provider_evidence),
    ];
    for (who, digest) in evidence {
        lines.extend(digest.map(|digest| format!("evidence of the {who}: {digest}")));
    }
    lines
}
