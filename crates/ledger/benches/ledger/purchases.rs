//! Purchases a second, with so many live ones in the state.

use crate::market::{CHOICE, DAY, FEE, Market, START, Size, choice, consumer};
use crate::report::undisturbed;
use alloy_primitives::FixedBytes;
use rampart_ledger::{
    Decaying, Evidence, Globals, Input, Key, Pair, Params, Purchase, Record, apply, read, reads,
};
use rampart_protocol::eip712::recover;
use rampart_protocol::{
    AccessKey, Amount, ProviderId, PurchaseId, PurchaseRecord, Sequence, ServiceId, Timestamp,
};
use std::hint::black_box;
use std::time::Instant;

const SIZE: Size = Size {
    providers: 1_000,
    services: 10,
    consumers: 100_000,
};
/// Purchases that are timed in one go, as many as a block may have.
const GO: usize = 2_000;
/// Purchases whose records are fetched together, as the node loads what [`reads`] names before it applies an input. That
/// time counts.
const AHEAD: usize = 32;
/// Purchases that are timed in all.
const TIMED: usize = 200_000;
/// When the timed purchases are made: the live ones are of the 30 days before.
const NOW: u64 = START + 30 * DAY + 12 * 3_600;

/// What was measured with one number of live purchases.
pub(crate) struct Purchases {
    pub(crate) per_second: f64,
    /// Insertions into the same table of as many bytes as a purchase has, and nothing else: the limit.
    pub(crate) bare_per_second: f64,
    /// Encoded record and key.
    pub(crate) bytes: f64,
    /// What pairs of consumer and provider take, divided by the live purchases.
    pub(crate) pair_bytes: f64,
    /// Making a [`rampart_ledger::Prepared`], which any core can do before.
    pub(crate) prepare_us: f64,
}

/// What one state gave: seconds for each go.
struct Times {
    applied: Vec<f64>,
    bare: Vec<f64>,
    prepare: f64,
    bytes: f64,
    pair_bytes: f64,
}

/// Measures with `live` purchases in the state.
pub(crate) fn measure(live: u64) -> Purchases {
    // The fewer there are, the fewer can be timed before there are many more: then it is done again from the start.
    let timed = usize::try_from(live).unwrap().min(TIMED);
    let mut all = one(live, timed, 0);
    for repetition in 1..(TIMED / timed).min(5) {
        let times = one(live, timed, repetition as u64);
        all.applied.extend(times.applied);
        all.bare.extend(times.bare);
    }
    Purchases {
        per_second: GO as f64 / undisturbed(all.applied),
        bare_per_second: GO as f64 / undisturbed(all.bare),
        bytes: all.bytes,
        pair_bytes: all.pair_bytes,
        prepare_us: all.prepare * 1e6 / GO as f64,
    }
}

fn one(live: u64, timed: usize, seed: u64) -> Times {
    let mut market = Market::new(SIZE, &[]);
    let pairs = (SIZE.consumers * CHOICE).min(live);
    market
        .state
        .reserve(usize::try_from(live + pairs).unwrap() + 4 * timed);
    market.at(NOW);
    market.random.0 = market.random.0.wrapping_add(seed << 32);
    let pair_bytes = warm(&mut market, live);

    let asked: Vec<_> = (0..timed).map(|_| market.any_purchase()).collect();
    let (mut inputs, mut prepared) = (Vec::with_capacity(timed), Vec::new());
    for go in asked.chunks(GO) {
        let began = Instant::now();
        inputs.extend(
            go.iter()
                .map(|purchase| market.input(purchase.consumer, purchase.clone())),
        );
        prepared.push(began.elapsed().as_secs_f64());
    }

    let (mut applied, mut keys) = (Vec::new(), Vec::new());
    for go in inputs.chunks(GO) {
        let began = Instant::now();
        for soon in go.chunks(AHEAD) {
            keys.clear();
            soon.iter().for_each(|input| keys.extend(reads(input)));
            market.state.prefetch(&keys);
            for input in soon {
                let changes = apply(&market.state, &market.env, input).unwrap();
                market.state.commit(black_box(changes));
            }
        }
        applied.push(began.elapsed().as_secs_f64());
    }
    let bytes = inputs.iter().map(|input| bytes_of(&market, input)).sum::<usize>() as f64 / timed as f64;
    Times {
        applied,
        bare: bare(&mut market, bytes as usize, timed),
        prepare: undisturbed(prepared),
        bytes,
        pair_bytes: pair_bytes as f64 / live as f64,
    }
}

/// The record and the key that a purchase left in the state.
fn bytes_of(market: &Market, input: &Input) -> usize {
    let Input::Transaction(prepared) = input else {
        unreachable!("only transactions were made")
    };
    let key = Key::purchase(&PurchaseId(prepared.digest()));
    let purchase: std::sync::Arc<Purchase> = read(&market.state, &key).unwrap().unwrap();
    Record::Purchase(purchase).to_bytes().len() + key.as_bytes().len()
}

/// Puts so many purchases of the last 30 days into the state, as the ledger would have written them, and the pairs that
/// they make. Returns the bytes of the pairs.
fn warm(market: &mut Market, live: u64) -> usize {
    let globals: std::sync::Arc<Globals> = read(&market.state, &Key::globals()).unwrap().unwrap();
    let at = globals.score_steps(&Params::default(), Timestamp(NOW));
    let (mut known, mut bytes) = (vec![0u32; usize::try_from(SIZE.consumers).unwrap()], 0);
    for _ in 0..live {
        let (buyer, place) = (market.random.below(SIZE.consumers), market.random.below(CHOICE));
        let provider = choice(buyer, place, SIZE.providers);
        let purchased_at = START + 12 * 3_600 + market.random.below(30 * DAY);
        let record = PurchaseRecord {
            id: PurchaseId(market.random.word()),
            consumer: consumer(buyer),
            provider: ProviderId(provider + 1),
            service: ServiceId(provider * SIZE.services + market.random.below(SIZE.services) + 1),
            version: 1,
            fee: FEE,
            requests: 10_000,
            access_key: AccessKey(market.random.word()),
            purchased_at: Timestamp(purchased_at),
            expires_at: Timestamp(purchased_at + 30 * DAY),
        };
        let purchase = live_purchase(record, market.random.below(10_000));
        let key = purchase.key();
        market
            .state
            .plant_bytes(key, Record::from(purchase).to_bytes().into());
        let pair = &mut known[usize::try_from(buyer).unwrap()];
        if *pair >> place & 1 == 0 {
            *pair |= 1 << place;
            let record = Record::from(Pair {
                consumer: record.consumer,
                provider: record.provider,
                spent: Decaying::of(FEE.0, at).unwrap(),
            });
            bytes += record.to_bytes().len() + key.as_bytes().len();
            market.state.plant(record);
        }
    }
    bytes
}

fn live_purchase(record: PurchaseRecord, used: u64) -> Purchase {
    Purchase {
        record,
        height: record.purchased_at.0 - START,
        evidence: Evidence(250_000),
        used: Sequence(used),
        reported_at: Timestamp(record.purchased_at.0 + 3_600),
        rotations: Vec::new(),
        reviewed: false,
        closed: false,
        refunded: Amount::ZERO,
    }
}

/// Seconds for each go of bare insertions.
fn bare(market: &mut Market, bytes: usize, count: usize) -> Vec<f64> {
    let keys: Vec<Key> = (0..count)
        .map(|_| Key::purchase(&PurchaseId(market.random.word())))
        .collect();
    let value = vec![0x5a; bytes - 32];
    let goes = keys.chunks(GO).map(|go| {
        let began = Instant::now();
        for key in go {
            market.state.plant_bytes(*key, value.as_slice().into());
        }
        began.elapsed().as_secs_f64()
    });
    goes.collect()
}

/// What a secp256k1 signature costs, which an operator verifies for each transaction before the ledger applies it.
pub(crate) fn recovery_us() -> f64 {
    let mut random = crate::market::Random(7);
    let goes = (0..20).map(|_| {
        let signatures: Vec<_> = std::iter::repeat_with(|| {
            let mut bytes = [0u8; 65];
            bytes[..32].copy_from_slice(random.word().as_slice());
            bytes[32..64].copy_from_slice(random.word().as_slice());
            // Low s, as the ledger wants it. Half of all r are on the curve; any of those names some account.
            bytes[32] &= 0x3f;
            bytes[64] = 27;
            (FixedBytes(bytes), random.word())
        })
        .filter(|(signature, digest)| recover(signature, digest).is_some())
        .take(200)
        .collect();
        let began = Instant::now();
        for (signature, digest) in &signatures {
            black_box(recover(signature, digest));
        }
        began.elapsed().as_secs_f64() * 1e6 / signatures.len() as f64
    });
    undisturbed(goes.collect())
}
