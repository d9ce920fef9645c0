//! The end of an epoch in which everything happened: every provider sold, every operator reported every page.

use crate::market::{DAY, Market, START, Size, account};
use crate::report::undisturbed;
use rampart_ledger::{Event, GenesisOperator, Input, SERVICES_PER_PAGE, apply};
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::observation::InvestorWeight;
use rampart_protocol::{AccessKey, Amount, B256, Nonce, Observation, Ppm};
use std::hint::black_box;
use std::time::Instant;

const SIZE: Size = Size {
    providers: 10_000,
    services: 1,
    consumers: 1_000,
};
const OPERATORS: u64 = 100;
const INVESTORS: u64 = 100_000;

/// Milliseconds.
pub(crate) fn measure() -> f64 {
    let operators: Vec<GenesisOperator> = (0..OPERATORS)
        .map(|number| GenesisOperator {
            address: account(3, number),
            stake: u128::from(1_000 + number) * Amount::TOKEN.0,
            commission: Ppm(100_000),
            seat: None,
        })
        .collect();
    let mut market = Market::new(SIZE, &operators);
    invest(&mut market);
    // The first epoch has no services to report; in the second, reports of the first are due.
    market.at(START + DAY);
    market.state.run(&market.env, &Input::Begin);
    sell(&mut market);
    report(&mut market);
    market.at(START + 2 * DAY);
    let times = (0..51).map(|_| {
        let began = Instant::now();
        let changes = apply(&market.state, &market.env, &Input::Begin).unwrap();
        let passed = began.elapsed().as_secs_f64() * 1e3;
        let closed = |event: &Event| matches!(event, Event::EpochClosed { paid, .. } if *paid > Amount::ZERO);
        assert!(black_box(changes).events.iter().any(closed));
        passed
    });
    undisturbed(times.collect())
}

fn invest(market: &mut Market) {
    for index in 0..INVESTORS {
        let weight = InvestorWeight {
            index,
            operator: account(3, index % OPERATORS),
            investor: account(4, index),
            weight: u128::from(1 + index) * Amount::TOKEN.0,
            block_number: index,
            block_hash: B256::ZERO,
        };
        let input = Input::Observation(Observation::InvestorWeight(weight));
        market.state.run(&market.env, &input);
    }
}

fn sell(market: &mut Market) {
    let key = AccessKey(B256::new(
        ed25519_dalek::SigningKey::from_bytes(&[7; 32])
            .verifying_key()
            .to_bytes(),
    ));
    for provider in 0..SIZE.providers {
        let purchase = market.purchase(provider % SIZE.consumers, provider, key);
        market.send(purchase.consumer, purchase);
    }
}

fn report(market: &mut Market) {
    let pages = (SIZE.providers * SIZE.services).div_ceil(SERVICES_PER_PAGE);
    for operator in 0..OPERATORS {
        for page in 0..pages {
            market.send(
                account(3, operator),
                ReportAvailability {
                    epoch: 0,
                    page: u32::try_from(page).unwrap(),
                    down: B256::ZERO,
                    nonce: Nonce(page),
                },
            );
        }
    }
}
