//! The targets of the fuzzers, for a moment each: mutated fixtures, with a new seed per run.
//! `FUZZ_SECONDS` sets the time per target, `FUZZ_SEED` the first seed, which a failure prints.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::documents::{root, sources};

#[path = "../../fuzz/targets.rs"]
mod targets;

const DEFAULT_SECONDS: f64 = 0.25;

/// Maximum length of an input, in bytes.
const MAX_BYTES: usize = 1 << 14;

/// Pieces that change the meaning of what is around them, separated by spaces.
const PIECES: &[u8] =
    b"{ } [ ] \" \\ , : \n \0 null true -1 1e999 18446744073709551616 \\ud800 \xff \xef\xbb\xbf \xff\xfe \
    \x1f\x8b\x08 - &a *a \"type\": \"day\":\"9999-12-31\" \"nodes\":[";

/// Files of the repository that a target could get.
fn seeds() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for folder in ["tests/fixtures", "tests/golden", "tests/history", "examples", "docs"] {
        sources(&root().join(folder), &mut files);
    }
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    seeds.iter_mut().for_each(|seed| seed.truncate(MAX_BYTES));
    seeds
}

fn mutated(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = random.choice(seeds).cloned().unwrap_or_default();
    // Few lines, so that a mutation is likely to matter.
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let from = random.usize(..lines.len().max(1));
    bytes = lines.iter().skip(from).take(random.usize(1..6)).copied().flatten().copied().collect();
    for _ in 0..random.usize(..6) {
        let (at, end) = (random.usize(..=bytes.len()), random.usize(..=bytes.len()));
        let (at, end) = (at.min(end), at.max(end).min(at.min(end) + 64));
        match random.u8(..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let pieces: Vec<&[u8]> = PIECES.split(|byte| *byte == b' ').collect();
                let piece = random.choice(pieces).unwrap_or_default();
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
            3 => bytes.truncate(at),
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = random.usize(..=bytes.len());
                drop(bytes.splice(to..to, piece));
            }
            _ => {
                let other = random.choice(seeds).map(Vec::as_slice).unwrap_or_default();
                let from = random.usize(..=other.len());
                let piece = &other[from..(from + 200).min(other.len())];
                drop(bytes.splice(at..end, piece.iter().copied()));
            }
        }
    }
    bytes.truncate(MAX_BYTES);
    bytes
}

#[test]
fn no_target_fails() {
    let setting = |name: &str| std::env::var(name).ok();
    let seconds = setting("FUZZ_SECONDS").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_SECONDS);
    let first = setting("FUZZ_SEED").and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    let seeds = seeds();
    assert!(seeds.len() > 30);
    for (name, target) in targets::TARGETS {
        let start = Instant::now();
        let (mut seed, mut runs) = (first, 0_u64);
        while start.elapsed() < Duration::from_secs_f64(seconds) {
            let input = mutated(&seeds, &mut fastrand::Rng::with_seed(seed));
            if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
                panic!("{name} fails for FUZZ_SEED={seed}: {:?}", String::from_utf8_lossy(&input));
            }
            (seed, runs) = (seed.wrapping_add(1), runs + 1);
        }
        assert!(runs > 0, "{name} is too slow");
        if setting("FUZZ_SECONDS").is_some() {
            let _ = writeln!(std::io::stderr(), "{name}: {runs} runs from FUZZ_SEED={first}");
        }
    }
}
