//! A short run of the fuzz targets' bodies: seeds from a real history, and thousands of inputs made from them.

use crate::fuzzing::{Shape, apply_history, decode};
use crate::history::{Chance, History};
use rampart_ledger::{Input, Params};
use rampart_protocol::{Signature, SignedTransaction};
use std::collections::BTreeMap;
use std::path::Path;

/// One input of [`decode`] for each kind of thing, as a history made them.
fn seeds() -> Vec<Vec<u8>> {
    let mut history = History::new(Chance::seeded(2), &Params::default(), u64::MAX);
    history.run(2_000);
    let mut seeds = BTreeMap::new();
    let mut keep = |shape: Shape, bytes: Vec<u8>| {
        let kind = (shape as u8, bytes[0], bytes.len() / 64);
        seeds
            .entry(kind)
            .or_insert_with(|| [vec![shape as u8], bytes].concat());
    };
    for (_, input) in &history.log {
        match input {
            Input::Begin => {}
            Input::Observation(observation) => keep(Shape::Observation, observation.to_bytes()),
            Input::Transaction(prepared) => {
                keep(Shape::Message, prepared.message().to_bytes());
                for length in [65, 96] {
                    let transaction = SignedTransaction {
                        message: prepared.message().clone(),
                        signature: Signature::from_slice(&vec![0x1b; length]).unwrap(),
                    };
                    keep(Shape::Transaction, transaction.to_bytes());
                }
            }
        }
    }
    for (_, record) in history.world.state.records() {
        keep(Shape::Record, record.to_bytes());
    }
    seeds.into_values().collect()
}

/// Some change of an input, as a fuzzer makes it.
fn mutated(chance: &mut Chance<'_>, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..chance.between(1, 4) {
        let at = chance.below(bytes.len().max(1) as u64) as usize;
        match chance.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), chance.below(256) as u8),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            3 if !bytes.is_empty() => bytes[at] = [0, 0x80, 0xb8, 0xc0, 0xff][chance.below(5) as usize],
            _ => bytes
                .get_mut(at)
                .into_iter()
                .for_each(|byte| *byte ^= 1 << chance.below(8)),
        }
    }
    bytes
}

#[test]
fn bytes_decode_to_what_encodes_to_them_or_not_at_all() {
    let seeds = seeds();
    assert!(seeds.len() > 60, "{}", seeds.len());
    let mut chance = Chance::seeded(3);
    for seed in &seeds {
        decode(seed);
        for _ in 0..100 {
            decode(&mutated(&mut chance, seed));
        }
    }
}

#[test]
fn histories_of_arbitrary_bytes_hold_every_property() {
    let mut chance = Chance::seeded(4);
    for number in 0..120 {
        let length = chance.between(0, 3_000);
        let bytes: Vec<u8> = (0..length).map(|_| chance.below(256) as u8).collect();
        println!("history {number}");
        apply_history(&bytes);
    }
}

/// What a fuzzer ever found is tried again and again.
#[test]
fn what_fuzzing_found_before_is_not_found_again() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/found");
    for (target, body) in [
        ("decode_transaction", decode as fn(&[u8])),
        ("apply_history", apply_history),
    ] {
        let Ok(files) = std::fs::read_dir(found.join(target)) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            body(&std::fs::read(path).unwrap());
        }
    }
}

/// Writes the seeds where the real fuzzer begins.
#[test]
#[ignore = "writes files: cargo xtask fuzz"]
fn writes_the_seeds_of_the_fuzzer() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut chance = Chance::seeded(5);
    let histories = (0..32).map(|_| (0..1_500).map(|_| chance.below(256) as u8).collect());
    for (target, seeds) in [
        ("decode_transaction", seeds()),
        ("apply_history", histories.collect()),
    ] {
        std::fs::create_dir_all(corpus.join(target)).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(corpus.join(target).join(format!("seed-{number}")), seed).unwrap();
        }
    }
}
