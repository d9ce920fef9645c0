#![allow(clippy::unwrap_used)]
use super::*;
use crate::clock::since_epoch;
use std::fs;

fn decision(count: u64, at: u64) -> Decision {
    Decision {
        id: format!("{count:016x}"),
        at,
        outcome: match count % 3 {
            0 => Outcome::Relayed,
            1 => Outcome::WouldBlock,
            _ => Outcome::Blocked,
        },
        rule: "policy".to_owned(),
        reason: None,
        client: None,
        method: "eth_sendRawTransaction".to_owned(),
        hash: B256::repeat_byte(u8::try_from(count % 256).unwrap()),
        form: Form::Transaction,
        part: None,
        from: Some(Address::ZERO),
        to: None,
        value: Some(U256::MAX),
        origin: None,
        vendors: vec![serde_json::json!({"name": "x".repeat(1000)})],
    }
}

fn found(state: &Path, wanted: &Wanted) -> (Vec<u64>, u64) {
    let mut ids = Vec::new();
    let unreadable = find(state, wanted, |decision| {
        ids.push(u64::from_str_radix(&decision.id, 16).unwrap());
    });
    (ids, unreadable.unwrap())
}

fn writer(state: &Path, days: u64, bytes: u64) -> Writer {
    Writer::new(state.join(DIRECTORY), Retention { days, bytes })
}

#[tokio::test]
async fn what_is_handed_in_is_found_by_id_time_hash_and_outcome() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(found(state.path(), &Wanted::default()), (vec![], 0));
    let log = DecisionLog::start(state.path(), Retention::default()).unwrap();
    let now = since_epoch().as_secs();
    (0..6).for_each(|count| log.keep(decision(count, now + count)));
    log.flush().await;
    assert_eq!(log.lost(), 0);
    let all = Wanted::default();
    assert_eq!(found(state.path(), &all).0, [0, 1, 2, 3, 4, 5]);
    for (wanted, ids) in [
        (
            Wanted {
                id: Some(format!("{:016x}", 4)),
                ..all.clone()
            },
            vec![4],
        ),
        (
            Wanted {
                since: Some(now + 4),
                ..all.clone()
            },
            vec![4, 5],
        ),
        (
            Wanted {
                hash: Some(B256::repeat_byte(2)),
                ..all.clone()
            },
            vec![2],
        ),
        (
            Wanted {
                blocked: true,
                ..all.clone()
            },
            vec![1, 2, 4, 5],
        ),
        (
            Wanted {
                blocked: true,
                hash: Some(B256::ZERO),
                ..all
            },
            vec![],
        ),
    ] {
        assert_eq!(found(state.path(), &wanted).0, ids, "{wanted:?}");
    }
}

#[test]
fn files_never_take_more_than_their_bytes_and_the_oldest_go_first() {
    let state = tempfile::tempdir().unwrap();
    let now = since_epoch().as_secs();
    let mut writer = writer(state.path(), 30, 64 << 10);
    for first in (0..200).step_by(20) {
        let decisions: Vec<_> = (first..first + 20).map(|count| decision(count, now)).collect();
        writer.write(&decisions).unwrap();
        let files = writer::segments(&state.path().join(DIRECTORY)).unwrap();
        let bytes: u64 = files
            .iter()
            .map(|(_, path)| fs::metadata(path).unwrap().len())
            .sum();
        assert!(bytes <= 64 << 10, "{bytes}");
    }
    let ids = found(state.path(), &Wanted::default()).0;
    assert_eq!(ids.last(), Some(&199));
    assert!(
        ids.len() >= 30 && ids.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{ids:?}"
    );
}

#[test]
fn what_is_older_than_its_days_goes() {
    let state = tempfile::tempdir().unwrap();
    let now = since_epoch().as_secs();
    let mut writer = writer(state.path(), 1, 1 << 20);
    writer.write(&[decision(1, now)]).unwrap();
    writer.write(&[decision(2, now + 80_000)]).unwrap();
    assert_eq!(found(state.path(), &Wanted::default()).0, [1, 2]);
    writer.write(&[decision(3, now + 2 * 86_400)]).unwrap();
    assert_eq!(found(state.path(), &Wanted::default()).0, [3]);
}

#[test]
fn a_torn_line_is_passed_over_and_the_next_start_writes_elsewhere() {
    let state = tempfile::tempdir().unwrap();
    let now = since_epoch().as_secs();
    writer(state.path(), 30, 1 << 20)
        .write(&[decision(1, now), decision(2, now)])
        .unwrap();
    let (_, path) = writer::segments(&state.path().join(DIRECTORY)).unwrap().remove(0);
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() - 10]).unwrap();
    writer(state.path(), 30, 1 << 20)
        .write(&[decision(3, now)])
        .unwrap();
    assert_eq!(found(state.path(), &Wanted::default()), (vec![1, 3], 1));
}

#[tokio::test]
async fn a_disk_that_takes_nothing_loses_decisions_and_is_used_again_when_it_does() {
    let state = tempfile::tempdir().unwrap();
    let directory = state.path().join(DIRECTORY);
    fs::write(&directory, "in the way").unwrap();
    let log = DecisionLog::start(state.path(), Retention::default()).unwrap();
    let now = since_epoch().as_secs();
    log.keep(decision(1, now));
    log.flush().await;
    assert_eq!(log.lost(), 1);
    fs::remove_file(&directory).unwrap();
    log.keep(decision(2, now));
    log.flush().await;
    assert_eq!(log.lost(), 1);
    assert_eq!(found(state.path(), &Wanted::default()).0, [2]);
}
