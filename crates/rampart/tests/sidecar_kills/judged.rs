//! The ledger sees what it is there to see.

use super::buyer::{Buyer, NOW};
use super::ledger::{Ledger, Outcome};
use base64ct::{Base64, Encoding};
use rampart_protocol::{PurchaseId, Sequence};
use rampart_sidecar::admin::{Report, UsageView};

fn ledger(buyer: &Buyer, outcomes: &[(u64, Outcome)]) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.open(buyer.record);
    for (n, outcome) in outcomes {
        if *outcome == Outcome::Served {
            ledger.worked(buyer.record.id, *n);
        }
        ledger.tell(buyer.record.id, *n, *outcome);
    }
    ledger
}

fn view(buyer: &Buyer, served: u64, used: u64) -> UsageView {
    let signed = buyer.sign("GET", "a.example", "/", None, used, NOW);
    let field = |name: &str| {
        let (_, value) = signed.headers.iter().find(|(header, _)| header == name).unwrap();
        value.strip_prefix("rampart=").unwrap().to_owned()
    };
    let lines = [
        "\"@method\": GET",
        "\"@authority\": a.example",
        "\"@path\": /",
        "\"@query\": ?",
    ];
    let base = format!(
        "{}\n\"@signature-params\": {}",
        lines.join("\n"),
        field("signature-input")
    );
    let record = buyer.record;
    UsageView {
        purchase: record.id,
        consumer: record.consumer,
        provider: record.provider,
        service: record.service,
        requests: record.requests,
        expires_at: record.expires_at,
        served,
        in_flight: 0,
        report: Some(Report {
            used: Sequence(used),
            voucher: base.into_bytes().into(),
            signature: Base64::decode_vec(field("signature").trim_matches(':'))
                .unwrap()
                .into(),
        }),
    }
}

#[test]
fn what_may_happen_is_no_violation() {
    let buyer = Buyer::new(1);
    let outcomes = [
        (1, Outcome::Served),
        (1, Outcome::Replayed),
        (3, Outcome::Lost),
        (2, Outcome::Failed),
        (2, Outcome::Lost),
        (2, Outcome::Served),
        (11, Outcome::Exhausted),
    ];
    let mut ledger = ledger(&buyer, &outcomes);
    // The lost one may have been metered, or not.
    ledger.compare(&[view(&buyer, 3, 3)], false);
    ledger.compare(&[view(&buyer, 2, 2)], false);
    ledger.tell(buyer.record.id, 3, Outcome::Replayed);
    ledger.compare(&[view(&buyer, 3, 3)], true);
    assert_eq!(ledger.violations, Vec::<String>::new());
}

#[test]
fn what_must_not_happen_is_one() {
    use Outcome::{Exhausted, Failed, Lost, Replayed, Served};
    let cases: [(&[(u64, Outcome)], &str); 7] = [
        (&[(1, Served), (1, Served)], "answered twice"),
        (&[(11, Served)], "not bought"),
        (&[(1, Lost), (1, Replayed), (1, Served)], "refused as used"),
        (&[(1, Replayed)], "neither answered nor lost"),
        (&[(1, Failed), (1, Replayed)], "neither answered nor lost"),
        (&[(1, Served), (1, Failed)], "used up"),
        (&[(10, Exhausted)], "more than was bought"),
    ];
    for (outcomes, said) in cases {
        let violations = ledger(&Buyer::new(1), outcomes).violations;
        assert!(
            violations.iter().any(|violation| violation.contains(said)),
            "{outcomes:?}: {violations:?}"
        );
    }
}

#[test]
fn a_meter_that_says_something_else_is_one() {
    let buyer = Buyer::new(1);
    let outcomes = [(1, Outcome::Served), (2, Outcome::Served), (3, Outcome::Lost)];
    let honest = view(&buyer, 2, 2);
    let changed = |change: &dyn Fn(&mut UsageView)| {
        let mut view = honest.clone();
        change(&mut view);
        view
    };
    let cases = [
        (view(&buyer, 1, 2), "only 1 metered"),
        (view(&buyer, 4, 2), "only 3 were answered"),
        (view(&buyer, 11, 2), "of 10 bought"),
        (view(&buyer, 2, 1), "below what was answered"),
        (view(&buyer, 2, 4), "neither answered nor lost"),
        (view(&Buyer::new(2), 2, 2), "nobody bought"),
        (changed(&|view| view.report = None), "without a voucher"),
        (changed(&|view| view.in_flight = 1), "in flight"),
        (
            changed(&|view| view.report.as_mut().unwrap().used = Sequence(3)),
            "proves nothing",
        ),
        (
            changed(&|view| {
                let report = view.report.as_mut().unwrap();
                report.signature = [7; 64].into();
            }),
            "proves nothing",
        ),
        (
            changed(&|view| view.report = super::judged::view(&Buyer::new(3), 2, 2).report),
            "proves nothing",
        ),
    ];
    for (view, said) in cases {
        let mut ledger = ledger(&buyer, &outcomes);
        ledger.compare(std::slice::from_ref(&view), false);
        assert!(
            ledger.violations.iter().any(|violation| violation.contains(said)),
            "{said}: {:?}",
            ledger.violations
        );
    }
    let mut forgotten = ledger(&buyer, &outcomes);
    forgotten.compare(&[], false);
    assert!(forgotten.violations[0].contains("unknown to the meter"));
    let mut open = ledger(&buyer, &outcomes);
    open.compare(&[honest], true);
    assert!(open.violations[0].contains("nothing is open"));
}

#[test]
fn work_done_twice_or_for_nobody_is_one() {
    let buyer = Buyer::new(1);
    let mut ledger = ledger(&buyer, &[(1, Outcome::Served)]);
    ledger.worked(buyer.record.id, 1);
    ledger.worked(PurchaseId::default(), 1);
    assert_eq!(ledger.violations.len(), 2);
}
