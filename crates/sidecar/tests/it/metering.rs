//! What is counted, and that it outlives the process.

use crate::buyer::Buyer;
use crate::running::{Running, Setting, config};
use rampart_protocol::usage::verify_voucher;
use rampart_protocol::{PurchaseId, Sequence};
use rampart_sidecar::admin::{UsagePage, UsageView};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

async fn usage(sidecar: &Running, id: PurchaseId) -> UsageView {
    let (status, value) = sidecar.admin(&format!("/.rampart/usage/{:#x}", id.0)).await;
    assert_eq!(status, 200);
    serde_json::from_value(value).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_at_once_exactly_those_paid_for_are_served() {
    let Setting {
        operators,
        vendor,
        sidecar,
        dir: _dir,
    } = Setting::start().await;
    let buyer = Buyer::new(1).with(|record| record.requests = 40);
    let (sidecar, buyer) = (Arc::new(sidecar), Arc::new(buyer));
    let confirmation = Arc::new(operators.confirm(&buyer.record));
    // Each number three times over, some beyond the package, all with the confirmation and in no order.
    let tasks: Vec<_> = (0..150u64)
        .map(|i| {
            let (sidecar, buyer, confirmation) = (
                Arc::clone(&sidecar),
                Arc::clone(&buyer),
                Arc::clone(&confirmation),
            );
            let n = 1 + (i * 37) % 50;
            tokio::spawn(async move {
                let request = buyer
                    .post(&sidecar.authority, &format!("/{n}"), b"x", n)
                    .confirmed_by(&confirmation);
                (n, sidecar.send(&request).await.status)
            })
        })
        .collect();
    let mut served = BTreeSet::new();
    for task in tasks {
        let (n, status) = task.await.unwrap();
        match status {
            200 => assert!(served.insert(n), "{n} was served twice"),
            409 => assert!(n <= 40),
            429 => assert!(n > 40),
            other => panic!("{n}: {other}"),
        }
    }
    assert_eq!(served, (1..=40).collect());
    assert_eq!(vendor.seen().len(), 40);
    let usage = usage(&sidecar, buyer.record.id).await;
    assert_eq!(
        (usage.served, usage.in_flight, usage.report.unwrap().used),
        (40, 0, Sequence(40))
    );
}

#[tokio::test]
async fn the_meter_outlives_the_process_and_a_torn_write() {
    let Setting {
        operators,
        vendor,
        sidecar,
        dir,
    } = Setting::start().await;
    let buyer = Buyer::new(1);
    let first = buyer
        .get(&sidecar.authority, "/v1", 4)
        .confirmed_by(&operators.confirm(&buyer.record));
    assert_eq!(sidecar.send(&first).await.status, 200);
    let before = usage(&sidecar, buyer.record.id).await;
    let authority = sidecar.authority.clone();
    sidecar.stop().await;
    OpenOptions::new()
        .append(true)
        .open(dir.path().join("log-0"))
        .unwrap()
        .write_all(b"torn")
        .unwrap();

    let mut config = config(&operators, &vendor.start().await, dir.path());
    config.authority = Some(authority.clone());
    let sidecar = Running::start(config).await;
    assert_eq!(usage(&sidecar, buyer.record.id).await, before);
    let at = |n| buyer.get(&authority, "/v1", n).header("host", &authority);
    assert_eq!(sidecar.send(&at(4)).await.refusal(), (409, "replayed".to_owned()));
    assert_eq!(
        sidecar.send(&at(3)).await.used(),
        "4/10",
        "an earlier number that was not used"
    );
    assert_eq!(sidecar.send(&at(5)).await.used(), "5/10");
}

#[tokio::test]
async fn the_voucher_on_the_admin_port_is_what_the_ledger_takes() {
    let Setting {
        operators,
        sidecar,
        dir: _dir,
        ..
    } = Setting::start().await;
    let buyers: Vec<Buyer> = (1..=3).map(Buyer::new).collect();
    for buyer in &buyers {
        let confirmation = operators.confirm(&buyer.record);
        for n in [1, 5, 2] {
            let request = buyer
                .post(&sidecar.authority, "/v1?q", b"body", n)
                .confirmed_by(&confirmation);
            assert_eq!(sidecar.send(&request).await.status, 200);
        }
        let usage = usage(&sidecar, buyer.record.id).await;
        let report = usage.report.unwrap();
        assert_eq!((usage.served, report.used), (3, Sequence(5)));
        let key = &buyer.record.access_key;
        verify_voucher(
            key,
            buyer.record.id,
            report.used,
            &report.voucher,
            &report.signature,
        )
        .unwrap();
    }
    let (mut after, mut listed) = (String::new(), Vec::new());
    loop {
        let (status, page) = sidecar.admin(&format!("/.rampart/usage?limit=2{after}")).await;
        assert_eq!(status, 200);
        let page: UsagePage = serde_json::from_value(page).unwrap();
        listed.extend(page.usage.iter().map(|usage| usage.purchase));
        let Some(next) = page.next else { break };
        after = format!("&after={:#x}", next.0);
    }
    assert_eq!(
        listed,
        buyers.iter().map(|buyer| buyer.record.id).collect::<Vec<_>>()
    );
    for (series, value) in [
        ("served_total", 9),
        ("purchases", 3),
        ("upstream_duration_seconds_count", 9),
        ("refusals_total{code=\"replayed\"}", 0),
    ] {
        assert_eq!(sidecar.metric(series).await, value, "{series}");
    }
    for (path, status) in [
        ("/.rampart/usage/0x00", 400),
        ("/.rampart/usage?x=1", 400),
        ("/else", 404),
    ] {
        assert_eq!(sidecar.admin(path).await.0, status, "{path}");
    }
    let unknown = format!("/.rampart/usage/0x{}", "99".repeat(32));
    assert_eq!(sidecar.admin(&unknown).await.0, 404);
    assert_eq!(
        sidecar.get("/.rampart/usage").await.status,
        404,
        "not on the public port"
    );
}

#[tokio::test]
async fn what_the_vendor_failed_to_serve_does_not_count() {
    let Setting {
        operators,
        sidecar,
        dir: _dir,
        ..
    } = Setting::start_with(|config| config.limits.upstream_timeout_ms = 1_000).await;
    let buyer = Buyer::new(1);
    let get = |path: &str, n| {
        buyer
            .get(&sidecar.authority, path, n)
            .confirmed_by(&operators.confirm(&buyer.record))
    };
    let failed = sidecar.send(&get("/fails", 1)).await;
    assert_eq!(
        (failed.status, failed.text(), failed.used()),
        (500, "vendor failed", "0/10")
    );
    let hung = sidecar.send(&get("/hangs", 1)).await;
    assert_eq!(hung.refusal(), (504, "upstream_timeout".to_owned()));
    assert_eq!(usage(&sidecar, buyer.record.id).await.served, 0);
    let refused = sidecar.send(&get("/refuses", 1)).await;
    assert_eq!(
        (refused.status, refused.used()),
        (422, "1/10"),
        "an answer that the caller caused counts"
    );
    assert_eq!(sidecar.send(&get("/v1", 1)).await.status, 409);
}

#[tokio::test]
async fn a_vendor_that_is_down_or_talks_nonsense_is_a_bad_gateway() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let nonsense = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nonsense_address = nonsense.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = nonsense.accept().await {
            let _ = stream.write_all(b"nonsense\r\n\r\n").await;
        }
    });
    let Setting {
        operators,
        sidecar,
        dir: _dir,
        ..
    } = Setting::start_with(|config| {
        config.services[0].upstream = format!("http://{address}");
        config.services[1].upstream = format!("http://{nonsense_address}");
    })
    .await;
    let two = Buyer::new(2).with(|record| record.service = rampart_protocol::ServiceId(2));
    for (buyer, path) in [(Buyer::new(1), "/v1"), (two, "/two/v1")] {
        for _ in 0..2 {
            let request = buyer
                .get(&sidecar.authority, path, 1)
                .confirmed_by(&operators.confirm(&buyer.record));
            assert_eq!(
                sidecar.send(&request).await.refusal(),
                (502, "upstream".to_owned()),
                "{path}"
            );
        }
        assert_eq!(usage(&sidecar, buyer.record.id).await.served, 0);
    }
}

#[tokio::test]
async fn a_consumer_that_hangs_up_while_the_vendor_works_has_used_the_request() {
    let Setting {
        operators,
        vendor,
        sidecar,
        dir: _dir,
    } = Setting::start().await;
    let buyer = Buyer::new(1);
    let request = buyer
        .get(&sidecar.authority, "/slow", 1)
        .confirmed_by(&operators.confirm(&buyer.record));
    let mut stream = TcpStream::connect(sidecar.public).await.unwrap();
    stream
        .write_all(&request.raw(&sidecar.authority, ""))
        .await
        .unwrap();
    while vendor.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let usage = usage(&sidecar, buyer.record.id).await;
    assert_eq!((usage.served, usage.report.unwrap().used), (1, Sequence(1)));
}

#[tokio::test]
async fn shutdown_lets_open_requests_end() {
    let Setting {
        operators,
        vendor,
        sidecar,
        dir: _dir,
    } = Setting::start().await;
    let buyer = Buyer::new(1);
    let request = buyer
        .get(&sidecar.authority, "/slow", 1)
        .confirmed_by(&operators.confirm(&buyer.record));
    let mut stream = TcpStream::connect(sidecar.public).await.unwrap();
    stream
        .write_all(&request.raw(&sidecar.authority, ""))
        .await
        .unwrap();
    while vendor.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (answer, ()) = tokio::join!(crate::running::read_until_quiet(&mut stream), sidecar.stop());
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"),
        "{answer}"
    );
}
