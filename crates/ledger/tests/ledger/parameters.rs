//! Parameters: defaults, bounds, and that each is documented.

use rampart_ledger::{Count, Evidence, Globals, Key, Params, ParamsError, Record, genesis};
use rampart_protocol::{Amount, Ppm, Seconds};

#[test]
fn the_defaults_are_those_of_the_economic_model() {
    let day = 86_400;
    let token = Amount::TOKEN.0;
    let expected = Params {
        protocol_cut: Ppm(50_000),
        fee_min: Amount(token / 100),
        wait_min: Seconds(2 * day),
        wait_max: Seconds(30 * day),
        escrow_bucket: Seconds(3_600),
        score_half_life: Seconds(30 * day),
        prior_mean: Ppm(500_000),
        prior_strength: Evidence(100_000_000),
        evidence_unit: Amount(token),
        repeat_bonus: Ppm(500_000),
        repeat_unit: Amount(100 * token),
        repeat_cap: Count(4),
        deposit_fixed: Amount(1_000 * token),
        kappa_max: Ppm(1_000_000),
        kappa_min: Ppm(200_000),
        revenue_half_life: Seconds(30 * day),
        duration_min: Seconds(3_600),
        duration_max: Seconds(365 * day),
        services_max: Count(100),
        storage_fee: Amount(token / 100),
        components_max: Count(16),
        review_window: Seconds(7 * day),
        review_fee_min: Amount(token),
        review_fee_share: Ppm(200_000),
        negative_weight: Count(20),
        challenge_window: Seconds(3 * day),
        commit_window: Seconds(day),
        reveal_window: Seconds(day),
        escalation_window: Seconds(30 * day),
        verdict_quorum: Ppm(666_667),
        slash_review: Ppm(50_000),
        slash_review_min: Amount(token),
        availability_min: Ppm(950_000),
        outage_weight: Evidence(20_000_000),
        outage_epochs: Count(3),
        slash_outage: Ppm(10_000),
        unbond_period: Seconds(45 * day),
        expel_score: Ppm(200_000),
        expel_evidence: Evidence(100_000_000),
        slash_expel: Ppm(500_000),
        compensation_window: Seconds(30 * day),
        slash_bounty: Ppm(100_000),
        epoch_length: Seconds(day),
        reward_base: Ppm(600_000),
        reward_sellers: Ppm(250_000),
        reward_verdicts: Ppm(150_000),
        sellers_half: Count(50),
        verdicts_half: Count(10),
        commission_max: Ppm(200_000),
        seats_max: Count(100),
        seats_min: Count(4),
        seat_stake_min: Ppm(200_000),
    };
    assert_eq!(Params::default(), expected);
    expected.validate().unwrap();
}

#[test]
fn each_parameter_has_a_unit_a_reason_and_bounds_around_its_default() {
    let defaults = Params::default().values();
    assert_eq!(Params::SPECS.len(), defaults.len());
    for (spec, default) in Params::SPECS.iter().zip(defaults) {
        assert_eq!(spec.default, default, "{}", spec.name);
        assert!(spec.min <= default && default <= spec.max, "{}", spec.name);
        assert!(
            !spec.unit.is_empty() && spec.reason.len() > 30 && spec.reason.ends_with('.'),
            "{}",
            spec.name
        );
    }
}

/// Default parameters with the one at `index` set, through their encoding, so that none is forgotten.
fn with_value(index: usize, value: u128) -> Params {
    let mut encoded: Vec<u8> = Vec::new();
    let mut values = Params::default().values();
    values[index] = value;
    let length = values.iter().map(alloy_rlp::Encodable::length).sum();
    alloy_rlp::Header {
        list: true,
        payload_length: length,
    }
    .encode(&mut encoded);
    values
        .iter()
        .for_each(|value| alloy_rlp::Encodable::encode(value, &mut encoded));
    encoded.insert(0, 2);
    match Record::from_bytes(&encoded) {
        Ok(Record::Params(params)) => *params,
        other => panic!("{other:?}"),
    }
}

/// Units of small numbers of things.
const COUNTED: [&str; 8] = [
    "operators",
    "services",
    "steps",
    "purchases",
    "times",
    "epochs",
    "providers",
    "cases",
];

#[test]
fn each_value_out_of_its_bounds_is_named() {
    for (index, spec) in Params::SPECS.iter().enumerate() {
        let fits = |value: &u128| match spec.unit {
            unit if unit.starts_with("ppm") || COUNTED.contains(&unit) => *value <= u32::MAX.into(),
            "seconds" => *value <= u64::MAX.into(),
            _ => true,
        };
        let outside = [
            spec.min.checked_sub(1),
            spec.max.checked_add(1),
            Some(u64::MAX.into()),
            Some(u128::MAX),
        ];
        for value in outside
            .into_iter()
            .flatten()
            .filter(fits)
            .filter(|v| *v < spec.min || *v > spec.max)
        {
            let expected = ParamsError::OutOfBounds {
                name: spec.name,
                value,
                unit: spec.unit,
                min: spec.min,
                max: spec.max,
            };
            assert_eq!(with_value(index, value).validate(), Err(expected));
            assert_eq!(genesis(&with_value(index, value), &[]), Err(expected));
            assert!(expected.to_string().contains(spec.name));
        }
        for value in [spec.min, spec.max] {
            // A bound may still be impossible with the other values, or the wrong side of the other end of its range, but never out of bounds.
            let answer = with_value(index, value).validate();
            assert!(
                !matches!(answer, Err(ParamsError::OutOfBounds { .. })),
                "{}: {answer:?}",
                spec.name
            );
        }
    }
}

#[test]
fn ranges_must_not_be_reversed() {
    let default = Params::default();
    for (params, low, high) in [
        (
            Params {
                wait_min: Seconds(5),
                wait_max: Seconds(4),
                ..default
            },
            "wait_min",
            "wait_max",
        ),
        (
            Params {
                kappa_min: Ppm(5),
                kappa_max: Ppm(4),
                ..default
            },
            "kappa_min",
            "kappa_max",
        ),
        (
            Params {
                duration_min: Seconds(5),
                duration_max: Seconds(4),
                ..default
            },
            "duration_min",
            "duration_max",
        ),
    ] {
        assert_eq!(params.validate(), Err(ParamsError::Reversed { low, high }));
        assert_eq!(genesis(&params, &[]), Err(ParamsError::Reversed { low, high }));
    }
    Params {
        wait_min: Seconds(4),
        wait_max: Seconds(4),
        ..default
    }
    .validate()
    .unwrap();
}

#[test]
fn genesis_holds_the_parameters_and_counters_at_their_start() {
    let params = Params {
        wait_min: Seconds(1),
        wait_max: Seconds(5),
        ..Params::default()
    };
    let changes = genesis(&params, &[]).unwrap();
    assert_eq!(changes.events, []);
    assert_eq!(changes.writes.len(), 5);
    assert_eq!(changes.writes[&Key::params()], Some(Record::from(params)));
    let globals = Globals::default();
    assert_eq!(
        changes.writes[&Key::globals()],
        Some(Record::from(globals.clone()))
    );
    assert_eq!(
        (globals.next_provider.0, globals.next_service.0, globals.accounts),
        (1, 1, 0)
    );
    globals.check().unwrap();
}
