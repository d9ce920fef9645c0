//! Step 8: a third provider composes the two vendors' services (C8); who buys its package buys theirs in the same
//! transaction.

use super::books::{more, networks};
use super::{Stage, tokens};
use crate::consumer::{self, CategoryArg, Order, confirmation};
use crate::devnet::layout::url;
use crate::devnet::market::{WAIT, wallet};
use crate::provider::{Terms, register, register_service};
use alloy::signers::local::PrivateKeySigner;
use rampart_gateway::wallet::Wallet;
use rampart_protocol::message::Component;
use rampart_protocol::verdict::component;
use rampart_protocol::{AccessKey, Amount, Confirmation, Ppm, ProviderId, Seconds, ServiceId};

const STAKE: Amount = Amount(1_050 * Amount::TOKEN.0);
/// What the package costs, and each of the two that it bundles.
const FEE: Amount = Amount(3 * Amount::TOKEN.0);
const PART: Amount = Amount::TOKEN;

/// The bundle, which is sold and never served: nothing listens at its provider's endpoint.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Who owns its provider.
    pub owner: PrivateKeySigner,
    /// The provider.
    pub provider: ProviderId,
    /// The service.
    pub service: ServiceId,
    /// The provider's score before anyone noticed.
    pub score: Ppm,
}

pub async fn sell(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        8,
        "A third provider bundles both vendors' services; one transaction buys all three",
    )?;
    let integrator = PrivateKeySigner::random();
    let consumer = stage.layout.accounts.consumer.clone();
    let funds = Amount(STAKE.0 + 10 * Amount::TOKEN.0);
    stage.open_account(integrator.address(), funds).await?;
    let endpoint = url(stage.layout.sidecar(2));
    let name = "Both".to_owned();
    let (id, _) = register(&stage.session, &integrator, name, endpoint, STAKE, WAIT).await?;
    let key = Wallet::new(stage.layout.path("integrator/purchases")).create_key(rand::random())?;
    let parts = [0, 1].map(|index| stage.market.providers[index].services[1].clone());
    let terms = terms(parts.iter().map(|part| (part.id, part.version)), key);
    let bundle = register_service(&stage.session, &integrator, id, terms, WAIT).await?;

    let providers = [stage.market.providers[0].id, stage.market.providers[1].id, id];
    let (escrow, network) = (escrows(stage, providers).await?, networks(&stage.totals().await?));
    let balance = stage.account(&consumer).await?.balance;
    let order = Order {
        service: bundle,
        duration: Some(Seconds(3600)),
    };
    let bought = consumer::buy(&stage.session, &consumer, &wallet(stage.layout), order, WAIT).await?;
    let paid = more(balance, stage.account(&consumer).await?.balance)?;
    stage.saw(
        paid == FEE,
        format!("service {bundle} of provider {id} bought for {}", tokens(paid)),
    )?;
    for (position, part) in (0..).zip(&parts) {
        let id = component(bought.confirmation.record.id, position);
        let upstream = confirmation(&stage.session, id, WAIT).await?;
        stage.session.operators.verify(&upstream).await?;
        stage.saw(
            is_part(&upstream, &bought.confirmation, &integrator, key) && upstream.record.service == part.id,
            format!(
                "with it {} requests of service {} for {}, by the same block, for the bundle's provider; its confirmation verifies",
                upstream.record.requests,
                part.id,
                tokens(upstream.record.fee)
            ),
        )?;
    }
    // 5 % of the token that each of the three keeps is the network's.
    let (share, cut) = (Amount(PART.0 / 100 * 95), Amount(3 * (PART.0 / 100 * 5)));
    let mut shares = Vec::new();
    for (after, before) in escrows(stage, providers).await?.into_iter().zip(escrow) {
        shares.push(more(after, before)?);
    }
    stage.saw(
        shares == [share; 3],
        format!("each of the three has {} more in escrow", tokens(share)),
    )?;
    let kept = more(networks(&stage.totals().await?), network)?;
    stage.saw(kept == cut, format!("and the network {}", tokens(kept)))?;
    stage.bundle = Some(Bundle {
        owner: integrator,
        provider: id,
        service: bundle,
        score: stage.provider(id).await?.score,
    });
    stage.conserved().await
}

/// Whether a confirmation is of a purchase that the bundle's purchase made.
fn is_part(part: &Confirmation, whole: &Confirmation, integrator: &PrivateKeySigner, key: AccessKey) -> bool {
    part.header.height == whole.header.height
        && part.record.consumer == integrator.address()
        && part.record.access_key == key
        && part.record.fee == PART
        && part.record.expires_at == whole.record.expires_at
}

fn terms(parts: impl Iterator<Item = (ServiceId, u32)>, key: AccessKey) -> Terms {
    let component = |(service, version)| Component {
        service,
        version,
        packages: 1,
        uses: 1,
    };
    Terms {
        category: CategoryArg::TransactionSecurity,
        description: "Two opinions on each transaction: lists and simulation".to_owned(),
        endpoint: String::new(),
        openapi: None,
        requests: 3,
        fee: FEE,
        min_duration: 1,
        max_duration: 30 * 86_400,
        components: parts.map(component).collect(),
        upstream_key: Some(key),
    }
}

async fn escrows(stage: &Stage<'_>, providers: [ProviderId; 3]) -> anyhow::Result<Vec<Amount>> {
    let mut escrows = Vec::new();
    for id in providers {
        escrows.push(stage.provider(id).await?.escrow);
    }
    Ok(escrows)
}
