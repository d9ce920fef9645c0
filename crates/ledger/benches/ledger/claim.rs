//! A claim by a provider whose purchases of 30 days have all waited: its work is that of the buckets.

use crate::market::{DAY, Market, START, Size, owner};
use crate::report::undisturbed;
use rampart_ledger::apply;
use rampart_protocol::message::Claim;
use rampart_protocol::{AccessKey, B256, Nonce, ProviderId};
use std::hint::black_box;
use std::time::Instant;

const SIZE: Size = Size {
    providers: 1,
    services: 10,
    consumers: 1_000,
};

/// Microseconds.
pub(crate) struct Claims {
    pub(crate) large_us: f64,
    pub(crate) small_us: f64,
}

pub(crate) fn measure() -> Claims {
    Claims {
        large_us: with(1_000_000),
        small_us: with(10_000),
    }
}

fn with(purchases: u64) -> f64 {
    let mut market = Market::new(SIZE, &[]);
    let key = AccessKey(B256::new(
        ed25519_dalek::SigningKey::from_bytes(&[7; 32])
            .verifying_key()
            .to_bytes(),
    ));
    for number in 0..purchases {
        market.at(START + number * 30 * DAY / purchases);
        let buyer = market.random.below(SIZE.consumers);
        let purchase = market.purchase(buyer, 0, key);
        market.send(purchase.consumer, purchase);
    }
    market.at(START + 61 * DAY);
    let claim = Claim {
        provider: ProviderId(1),
        nonce: Nonce(1 + SIZE.services),
    };
    let claim = market.input(owner(0), claim);
    let times = (0..201).map(|_| {
        let began = Instant::now();
        let changes = apply(&market.state, &market.env, &claim).unwrap();
        let passed = began.elapsed().as_secs_f64() * 1e6;
        // Thirty pages went, and the account, the provider and the totals changed.
        assert!(black_box(changes).writes.len() >= 33);
        passed
    });
    undisturbed(times.collect())
}
