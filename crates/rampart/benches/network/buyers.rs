//! Who buys: wallets with a deposit, and the Ed25519 keys that they delegated to. Purchases are signed before they are timed.

use crate::node::funded;
use crate::operators::{FEE, World, eventually, now, tokens};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use ed25519_dalek::{Signer as _, SigningKey};
use rampart_protocol::message::{DelegatePurchaser, Purchase};
use rampart_protocol::{
    AccessKey, Address, B256, Domain, Message, Nonce, ProviderId, ServiceId, Signature, SignedTransaction,
    Timestamp, purchaser,
};
use std::time::Duration;

/// Wallets. An operator holds 256 waiting transactions for each.
const WALLETS: usize = 48;
/// Keys that each delegates to.
const KEYS: u64 = 3;

/// Who signs, and the next nonce.
struct Lane<K> {
    consumer: Address,
    key: K,
    next: u64,
}

/// All of them.
pub struct Buyers {
    domain: Domain,
    wallets: Vec<Lane<PrivateKeySigner>>,
    keys: Vec<Lane<SigningKey>>,
}

impl Buyers {
    /// Opens a shop, pays deposits in, and delegates.
    pub async fn new(world: &World) -> Self {
        let provider = funded(1);
        let wallets: Vec<PrivateKeySigner> = (0..WALLETS).map(|_| PrivateKeySigner::random()).collect();
        let mut accounts: Vec<Address> = wallets.iter().map(PrivateKeySigner::address).collect();
        accounts.push(provider.address());
        world.deposit(&accounts, tokens(100_000_000)).await;
        // Enough for all purchases that may be open at once.
        world.open_shop(&provider, tokens(50_000_000)).await;
        let mut buyers = Self {
            domain: world.operators.domain,
            wallets: Vec::new(),
            keys: Vec::new(),
        };
        for wallet in wallets {
            buyers.delegate(world, wallet).await;
        }
        buyers
    }

    async fn delegate(&mut self, world: &World, wallet: PrivateKeySigner) {
        let consumer = wallet.address();
        let client = world.client(0);
        for number in 1..=KEYS {
            let key = SigningKey::from_bytes(&PrivateKeySigner::random().to_bytes().0);
            let message = DelegatePurchaser {
                purchaser: AccessKey(B256::new(key.verifying_key().to_bytes())),
                limit: tokens(50_000_000),
                expires_at: Timestamp(now().as_secs() + 86_400),
                nonce: Nonce(number - 1),
            };
            client.submit(&world.sign(&wallet, message), None).await.unwrap();
            let next = purchaser::first_nonce(number).unwrap().0;
            self.keys.push(Lane { consumer, key, next });
        }
        eventually("the delegated keys", || async {
            let account = client.account(consumer).await.ok()?;
            (account.nonce == Nonce(KEYS)).then_some(())
        })
        .await;
        self.wallets.push(Lane {
            consumer,
            key: wallet,
            next: KEYS,
        });
    }

    /// So many purchases by delegated keys, in the order in which they are to be submitted, with their lanes.
    pub fn delegated(&mut self, count: usize) -> Vec<Order> {
        let sign = |key: &SigningKey, digest: &B256| {
            let purchaser = AccessKey(B256::new(key.verifying_key().to_bytes()));
            Signature::delegated(purchaser, &key.sign(digest.as_slice()).to_bytes())
        };
        orders(&mut self.keys, count, &self.domain, sign)
    }

    /// The same by wallets.
    pub fn wallets(&mut self, count: usize) -> Vec<Order> {
        let sign =
            |key: &PrivateKeySigner, digest: &B256| key.sign_hash_sync(digest).unwrap().as_bytes().into();
        orders(&mut self.wallets, count, &self.domain, sign)
    }
}

/// A purchase, and whose turn it is.
#[derive(Clone)]
pub struct Order {
    pub lane: usize,
    pub transaction: SignedTransaction,
}

fn orders<K>(
    lanes: &mut [Lane<K>],
    count: usize,
    domain: &Domain,
    sign: impl Fn(&K, &B256) -> Signature,
) -> Vec<Order> {
    let access_key = SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes();
    let expires_at = Timestamp((now() + Duration::from_secs(20_000)).as_secs());
    let turns = (0..lanes.len()).cycle().take(count);
    let order = |lane: usize| {
        let Lane { consumer, key, next } = &mut lanes[lane];
        let message = Message::from(Purchase {
            consumer: *consumer,
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: FEE,
            access_key: AccessKey(B256::new(access_key)),
            expires_at,
            nonce: Nonce(*next),
        });
        *next += 1;
        let signature = sign(key, &message.signing_hash(domain));
        let transaction = SignedTransaction { message, signature };
        Order { lane, transaction }
    };
    turns.map(order).collect()
}
