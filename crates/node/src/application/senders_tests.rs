#![allow(clippy::unwrap_used)]
use super::*;
use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use commonware_runtime::{Runner as _, deterministic};
use rampart_protocol::{AccessKey, Amount, Nonce, message::Withdraw};

fn domain(chain_id: u64) -> Domain {
    Domain {
        chain_id,
        settlement: Address::repeat_byte(1),
    }
}

fn account() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap()
}

fn withdrawal(nonce: u64) -> SignedTransaction {
    let message = Message::from(Withdraw {
        recipient: Address::repeat_byte(2),
        amount: Amount(1),
        nonce: Nonce(nonce),
    });
    let signature = account()
        .sign_hash_sync(&message.signing_hash(&domain(1)))
        .unwrap();
    SignedTransaction {
        message,
        signature: signature.as_bytes().into(),
    }
}

fn delegated(nonce: u64) -> SignedTransaction {
    use ed25519_dalek::{Signer as _, SigningKey};
    let key = SigningKey::from_bytes(&[nonce.to_be_bytes()[7] % 3 + 1; 32]);
    let message = Message::from(rampart_protocol::message::Purchase {
        consumer: account().address(),
        provider: rampart_protocol::ProviderId(1),
        service: rampart_protocol::ServiceId(1),
        version: 1,
        fee: Amount(1),
        access_key: AccessKey(B256::ZERO),
        expires_at: rampart_protocol::Timestamp(9),
        nonce: Nonce((1 << 40) + nonce),
    });
    let signature = key.sign(message.signing_hash(&domain(1)).as_slice()).to_bytes();
    let purchaser = AccessKey(B256::new(key.verifying_key().to_bytes()));
    SignedTransaction {
        message,
        signature: rampart_protocol::Signature::delegated(purchaser, &signature),
    }
}

#[test]
fn batches_of_delegated_signatures_agree_with_verification_one_by_one() {
    deterministic::Runner::default().start(|context| async move {
        let mut block: Vec<SignedTransaction> = (0..150)
            .map(|n| if n % 3 == 0 { withdrawal(n) } else { delegated(n) })
            .collect();
        let senders = Senders::new(domain(1), 1_000);
        let verified = senders.verify_all(&context, &block).await.unwrap();
        assert!(
            verified
                .iter()
                .all(|verified| verified.signer() == account().address())
        );
        assert_eq!(verified[1].lane().purchaser(), block[1].signature.purchaser());
        assert_eq!(verified[0].lane(), Lane::wallet(account().address()));

        // Another's signature over the same words.
        block[70].signature[40] ^= 1;
        let senders = Senders::new(domain(1), 1_000);
        let error = senders.verify_all(&context, &block).await.unwrap_err();
        assert!(matches!(error, SendersError::Signature { hash, .. } if hash == block[70].hash()));
        assert_eq!(senders.recall(&block[70].hash()), None);
        block[70] = delegated(70);
        assert!(senders.verify_all(&context, &block).await.is_ok());
    });
}

fn broken(nonce: u64) -> SignedTransaction {
    let mut transaction = withdrawal(nonce);
    transaction.signature[64] = 9;
    transaction
}

#[test]
fn recovers_the_account_for_its_own_deployment_only() {
    let verified = Senders::new(domain(1), 4).verify(withdrawal(0)).unwrap();
    assert_eq!(verified.signer(), account().address());
    assert_eq!(verified.hash(), withdrawal(0).hash());
    let elsewhere = Senders::new(domain(2), 4).verify(withdrawal(0)).unwrap();
    assert_ne!(elsewhere.signer(), account().address());
}

#[test]
fn remembers_results_but_never_more_than_two_generations() {
    let senders = Senders::new(domain(1), 2);
    for nonce in 0..7 {
        senders.verify(withdrawal(nonce)).unwrap();
    }
    let recalled: Vec<bool> = (0..7)
        .map(|nonce| senders.recall(&withdrawal(nonce).hash()).is_some())
        .collect();
    assert_eq!(recalled, [false, false, false, false, true, true, true]);
}

#[test]
fn a_bad_signature_is_not_remembered() {
    let senders = Senders::new(domain(1), 4);
    assert_eq!(senders.verify(broken(0)), Err(TransactionError::BadSignature));
    assert_eq!(senders.recall(&broken(0).hash()), None);
}

#[test]
fn verifies_a_block_in_order_over_several_batches_and_names_the_bad_one() {
    deterministic::Runner::default().start(|context| async move {
        let senders = Senders::new(domain(1), 1_000);
        let mut block: Vec<SignedTransaction> = (0..150).map(withdrawal).collect();
        let verified = senders.verify_all(&context, &block).await.unwrap();
        let hashes: Vec<B256> = verified.iter().map(Verified::hash).collect();
        assert_eq!(
            hashes,
            block.iter().map(SignedTransaction::hash).collect::<Vec<_>>()
        );
        assert!(
            verified
                .iter()
                .all(|verified| verified.signer() == account().address())
        );

        block[99] = broken(99);
        let error = senders.verify_all(&context, &block).await.unwrap_err();
        assert!(matches!(error, SendersError::Signature { hash, .. } if hash == broken(99).hash()));
    });
}
