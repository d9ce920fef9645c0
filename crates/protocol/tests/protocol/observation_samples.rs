//! One observation of every kind, and a decision of governance of every kind, in the order of their type bytes.

use crate::samples::phrase;
use alloy_primitives::{Address, Bytes};
use rampart_protocol::observation::{
    Deposit, Expel, Forced, Governance, GovernanceAction, InvestorWeight, Judge, OperatorKeys, OperatorStake,
    ParameterChange, Pardon, SetParameters, Slash, Spend, Suspend,
};
use rampart_protocol::{Amount, CaseId, Observation, Ppm, ProviderId};

pub fn actions() -> Vec<GovernanceAction> {
    let change = |name: &str, value| ParameterChange {
        name: name.into(),
        value,
    };
    vec![
        SetParameters {
            changes: vec![change("review_window", 604_800), change("fee_min", u128::MAX)],
        }
        .into(),
        Suspend {
            provider: ProviderId(2),
        }
        .into(),
        Expel {
            provider: ProviderId(300),
        }
        .into(),
        Pardon {
            provider: ProviderId(u64::MAX),
        }
        .into(),
        Slash {
            provider: ProviderId(4),
            amount: Amount(Amount::TOKEN.0 * 7),
        }
        .into(),
        Judge {
            case: CaseId(phrase("case")),
            upheld: true,
        }
        .into(),
        Spend {
            recipient: Address::from_word(phrase("grantee")),
            amount: Amount(Amount::TOKEN.0 * 8),
        }
        .into(),
    ]
}

pub fn observations() -> Vec<Observation> {
    let (block_number, block_hash) = (70_001, phrase("l2 block"));
    let mut all: Vec<Observation> = vec![
        Deposit {
            index: 129,
            account: Address::from_word(phrase("depositor")),
            amount: Amount(Amount::TOKEN.0 * 100),
            block_number,
            block_hash,
        }
        .into(),
        Forced {
            index: 130,
            account: Address::from_word(phrase("censored")),
            message: Bytes::from_static(b"\x08\xc2\x01\x80"),
            block_number,
            block_hash,
        }
        .into(),
        OperatorStake {
            index: 0,
            operator: Address::from_word(phrase("operator account")),
            stake: u128::from(u64::MAX) + 1,
            commission: Ppm(100_000),
            block_number: 20_000_000,
            block_hash: phrase("l1 block"),
        }
        .into(),
        InvestorWeight {
            index: 1,
            operator: Address::from_word(phrase("operator account")),
            investor: Address::from_word(phrase("investor")),
            weight: u128::MAX,
            block_number: 20_000_001,
            block_hash: phrase("another l1 block"),
        }
        .into(),
    ];
    all.extend(actions().into_iter().zip(2..).map(|(action, index)| {
        Governance {
            index,
            action,
            block_number: 20_000_002,
            block_hash: phrase("third l1 block"),
        }
        .into()
    }));
    all.push(
        OperatorKeys {
            index: 128,
            operator: Address::from_word(phrase("operator account")),
            consensus_key: phrase("consensus key"),
            checkpoint_key: Address::from_word(phrase("checkpoint key")),
            proven: true,
            block_number: 20_000_003,
            block_hash: phrase("fourth l1 block"),
        }
        .into(),
    );
    all
}
