//! A key that an account delegated purchasing to.

use super::operator::{access_key, account, now, tokens};
use super::{BUYER, Market};
use rampart_client::ClientError;
use rampart_protocol::api::TransactionStatus;
use rampart_protocol::message::{DelegatePurchaser, Purchase, RevokePurchaser, Withdraw};
use rampart_protocol::{
    AccessKey, B256, Message, Nonce, ProviderId, ServiceId, Signature, SignedTransaction, Timestamp,
};
use std::time::Duration;

/// A key that the buyer delegates to.
fn gateway(n: u8) -> (ed25519_dalek::SigningKey, AccessKey) {
    let key = ed25519_dalek::SigningKey::from_bytes(&[n; 32]);
    let public = AccessKey(B256::new(key.verifying_key().to_bytes()));
    (key, public)
}

impl Market {
    /// Submits a message that a delegated key signed.
    async fn send_delegated(&self, n: u8, message: impl Into<Message>) -> Result<(), ClientError> {
        use ed25519_dalek::Signer as _;
        let (message, (key, public)) = (message.into(), gateway(n));
        let digest = message.signing_hash(self.stage.domain());
        let transaction = SignedTransaction {
            signature: Signature::delegated(public, &key.sign(digest.as_slice()).to_bytes()),
            message,
        };
        let client = self.operator.client();
        let sent = client.submit(&transaction, Some(Duration::from_secs(60))).await?;
        assert_eq!(sent.status, TransactionStatus::Applied);
        Ok(())
    }

    /// A purchase for the buyer.
    fn order(&self, nonce: Nonce) -> Purchase {
        Purchase {
            consumer: account(BUYER).address(),
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: tokens(10),
            access_key: access_key(),
            expires_at: Timestamp(now() + 7_200),
            nonce,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegated_key_buys_within_its_limit_and_does_nothing_else() {
    let market = Market::open().await;
    let (buyer, (_, purchaser)) = (account(BUYER), gateway(0x91));
    let code = |answer: Result<(), ClientError>| match answer {
        Err(ClientError::Refused { error, .. }) => error.code,
        other => panic!("{other:?}"),
    };
    // A key that nobody delegated to has no place in the pool.
    assert_eq!(
        code(market.send_delegated(0x91, market.order(Nonce(1 << 40))).await),
        Some(6)
    );
    let delegation = |nonce| DelegatePurchaser {
        purchaser,
        limit: tokens(25),
        expires_at: Timestamp(now() + 3_600),
        nonce,
    };
    market.send(&buyer, delegation).await;
    let client = market.operator.client();
    let view = client.account(buyer.address()).await.unwrap();
    let [seen] = &view.purchasers[..] else {
        panic!("{view:?}");
    };
    assert_eq!(
        (seen.key, seen.left, seen.nonce),
        (purchaser, tokens(25), Nonce(1 << 40))
    );

    let first = market.order(seen.nonce);
    market.send_delegated(0x91, first.clone()).await.unwrap();
    market.buy().await;
    market
        .send_delegated(0x91, market.order(Nonce((1 << 40) + 1)))
        .await
        .unwrap();
    let confirmation = client
        .confirmation(first.id(market.stage.domain()))
        .await
        .unwrap();
    assert_eq!(confirmation.record.consumer, buyer.address());
    let after = client.account(buyer.address()).await.unwrap();
    assert_eq!(
        (after.purchasers[0].left, after.nonce.0),
        (tokens(5), view.nonce.0 + 1)
    );

    assert_eq!(
        code(
            market
                .send_delegated(0x91, market.order(Nonce((1 << 40) + 2)))
                .await
        ),
        Some(105)
    );
    let withdrawal = Withdraw {
        recipient: buyer.address(),
        amount: tokens(1),
        nonce: after.nonce,
    };
    assert!(market.send_delegated(0x91, withdrawal).await.is_err());
    market
        .send(&buyer, |nonce| RevokePurchaser { purchaser, nonce })
        .await;
    assert_eq!(
        code(
            market
                .send_delegated(0x91, market.order(Nonce((1 << 40) + 2)))
                .await
        ),
        Some(6)
    );
}
