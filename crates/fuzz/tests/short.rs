//! A short run of every fuzz target: its seeds, thousands of inputs made from them, and what a fuzzer ever found.
#![allow(clippy::unwrap_used, reason = "tests")]

use rampart_fuzz::{Chance, Target, targets};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest that a target is tried.
const LONGEST: Duration = Duration::from_secs(4);
/// Inputs made from each seed.
const TRIES: usize = 4_000;

fn folder(kind: &str, target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target.name)
}

/// Changes of inputs, as a fuzzer makes them.
struct Mutator(Chance<'static>);

impl Mutator {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.below(bound.max(1) as u64)).unwrap()
    }

    fn mutated(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        const TELLING: [u8; 12] = [
            0, 0x7f, 0x80, 0xb8, 0xbf, 0xc0, 0xf8, 0xff, b'"', b'{', b'0', b'\n',
        ];
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, TELLING[self.below(TELLING.len())]),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                3 if !bytes.is_empty() => bytes[at] = TELLING[self.below(TELLING.len())],
                4 => bytes.extend_from_slice(&other[self.below(other.len())..]),
                5 => {
                    let end = (at + self.below(32)).min(bytes.len());
                    bytes.extend_from_within(at..end);
                }
                _ => bytes
                    .get_mut(at)
                    .into_iter()
                    .for_each(|byte| *byte ^= 1 << self.below(8)),
            }
        }
        bytes
    }
}

/// One test for all, since each counts what the process allocates.
#[test]
fn no_input_breaks_a_decoder() {
    let mut chance = Mutator(Chance::seeded(7));
    for target in targets() {
        for file in std::fs::read_dir(folder("found", &target)).into_iter().flatten() {
            let path = file.unwrap().path();
            println!("{}", path.display());
            target.run(&std::fs::read(path).unwrap());
        }
        let (seeds, start) = ((target.seeds)(), Instant::now());
        let mut tried = 0;
        seeds.iter().for_each(|seed| target.run(seed));
        'seeds: for _ in 0..TRIES {
            for seed in &seeds {
                if start.elapsed() > LONGEST {
                    break 'seeds;
                }
                let other = &seeds[chance.below(seeds.len())];
                let input = chance.mutated(seed, other);
                let outcome = std::panic::catch_unwind(|| target.run(&input));
                assert!(
                    outcome.is_ok(),
                    "{}: {}",
                    target.name,
                    alloy_primitives::hex::encode(&input)
                );
                tried += 1;
            }
        }
        println!("{}: {tried} inputs", target.name);
    }
}

/// Writes the seeds where the real fuzzer begins.
#[test]
#[ignore = "writes files: cargo xtask fuzz"]
fn writes_the_seeds_of_the_fuzzer() {
    for target in targets() {
        let corpus = folder("corpus", &target);
        std::fs::create_dir_all(&corpus).unwrap();
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(corpus.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}
