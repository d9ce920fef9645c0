//! What nodes answer to clients: JSON, confirmations, blocks, handovers, exits, streams of events. A node may lie in all of it.

use crate::stage::{self, DOMAIN, EPOCH, operators};
use crate::{shape, shaped};
use alloy_primitives::{Bytes, keccak256};
use rampart_client::{
    OperatorChain, Verifier, fuzzing, verify_archive, verify_confirmation, verify_proof, verify_signatures,
};
use rampart_protocol::api::*;
use rampart_protocol::{
    Address, Amount, Confirmation, ExitArchive, FinalizedBlock, Handover, TrustedOperators, merkle,
};
use serde::{Serialize, de::DeserializeOwned};

pub fn run(bytes: &[u8]) {
    match shape(bytes, 7) {
        Some((0, bytes)) => confirmation(bytes),
        Some((1, bytes)) => {
            if let Ok(sets) = serde_json::from_slice::<OperatorSets>(bytes) {
                sets.handovers.iter().for_each(handover);
            }
        }
        Some((2, bytes)) => archive(bytes),
        Some((3, bytes)) => {
            // With the checksum that the node would give it.
            let end = bytes.len().saturating_sub(1);
            archive(&[&bytes[..end], keccak256(&bytes[..end]).as_slice(), &[0xc0]].concat());
        }
        Some((4, bytes)) => exit(bytes),
        Some((5, bytes)) => block(bytes),
        Some((_, bytes)) => views(bytes),
        None => {}
    }
}

fn confirmation(bytes: &[u8]) {
    let Ok(confirmation) = Confirmation::from_bytes(bytes) else {
        return;
    };
    assert_eq!(confirmation.to_bytes(), bytes, "one encoding");
    if verify_confirmation(&confirmation, operators()).is_ok() {
        assert_eq!(confirmation.record, stage::record(), "nothing else was certified");
    }
}

fn block(bytes: &[u8]) {
    let Ok(block) = FinalizedBlock::from_bytes(bytes) else {
        return;
    };
    assert_eq!(block.to_bytes(), bytes, "one encoding");
    let verifier = Verifier::new(operators()).expect("the stage's set is sound");
    if verifier.verify_block(&block).is_ok() {
        assert_eq!(block, *stage::block(), "nothing else was certified");
    }
}

fn handover(handover: &Handover) {
    let trusted = TrustedOperators::new(EPOCH, operators().clone());
    let mut chain = OperatorChain::new(&trusted).expect("the stage's set is sound");
    match chain.learn(handover) {
        Ok(()) => assert_eq!(
            chain.newest(),
            &stage::handover().next,
            "nobody else was certified"
        ),
        Err(_) => assert_eq!(chain.newest(), operators(), "nothing was learnt"),
    }
}

fn archive(bytes: &[u8]) {
    let Ok(archive) = ExitArchive::from_bytes(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    assert_eq!(archive.to_bytes(), bytes, "one encoding");
    let (checkpoint, signatures) = (archive.checkpoint, archive.signatures.clone());
    assert!(
        verify_signatures(&checkpoint, &signatures, operators()).is_err(),
        "nobody signed any"
    );
    let accounts: Vec<Address> = archive.exits().take(8).map(|(account, _)| account).collect();
    if let Ok(exits) = verify_archive(archive, operators()) {
        for account in accounts {
            assert!(
                exits
                    .of(account)
                    .is_none_or(|exit| exit.is_under(&checkpoint.roots()))
            );
        }
    }
}

fn exit(bytes: &[u8]) {
    let Ok(exit) = serde_json::from_slice::<ExitView>(bytes) else {
        return;
    };
    let proven = verify_proof(&exit);
    assert!(proven.is_err() || proven.is_ok_and(|proven| proven.is_under(&exit.checkpoint.roots())));
    assert!(verify_signatures(&exit.checkpoint, &exit.signatures, operators()).is_err());
}

/// What is read is written the same way, so that nothing is lost between two programs.
fn view<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(bytes: &[u8]) {
    if let Ok(view) = serde_json::from_slice::<T>(bytes) {
        let text = serde_json::to_vec(&view).expect("a view is JSON");
        assert_eq!(serde_json::from_slice::<T>(&text).ok(), Some(view));
    }
}

fn views(bytes: &[u8]) {
    macro_rules! views { ($($name:ty),+ $(,)?) => { $(view::<$name>(bytes);)+ } }
    views!(
        AccountView,
        WithdrawalView,
        ReviewView,
        Reviews,
        CaseView,
        Cases,
        ProviderView,
        ServiceView,
        TermsView,
        PurchaseView,
        Services,
        Purchases,
        PurchaseList,
        Status,
        Totals,
        CheckpointView,
        OperatorView,
        Operators,
        InvestorView,
        EpochView,
        EpochReportView,
        ParamsView,
        TransactionView,
        ErrorBody,
        BlockEvent,
        PurchaseEvent,
        ReviewEvent,
        ServiceEvent,
        ProviderEvent,
    );
}

fn events() -> [EventView; 2] {
    let block = BlockEvent {
        height: 7,
        digest: Default::default(),
        timestamp_ms: 1,
        transactions: 2,
        purchases: 1,
    };
    let purchase = PurchaseEvent {
        height: 7,
        record: stage::record(),
        confirmation: "/v1/x".to_owned(),
    };
    [EventView::Block(block), EventView::Purchase(purchase)]
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is JSON")
}

pub fn seeds() -> Vec<Vec<u8>> {
    let exits = [
        (Address::repeat_byte(1), Amount(5)),
        (Address::repeat_byte(2), Amount(7)),
    ];
    let leaves = exits.map(|(account, amount)| merkle::exit_leaf(account, amount));
    let mut checkpoint = stage::checkpoint(40, 1).checkpoint;
    checkpoint.exit_root = merkle::root(&leaves);
    let archive = ExitArchive::new(DOMAIN, checkpoint, &exits);
    let exit = ExitView {
        account: exits[0].0,
        amount: exits[0].1,
        proof: vec![leaves[1]],
        checkpoint,
        signatures: vec![stage::checkpoint(40, 1).signature],
    };
    let sets = OperatorSets {
        handovers: vec![stage::handover().clone()],
        next: Some(2),
    };
    let transaction = TransactionView {
        hash: Default::default(),
        status: TransactionStatus::Rejected,
        height: Some(3),
        rejection: Some(Rejection {
            code: 7,
            name: "nonce".to_owned(),
            message: "no".to_owned(),
        }),
    };
    let error = r#"{"error":{"name":"overloaded","message":"later"}}"#;
    let archived = archive.to_bytes();
    let mut seeds = vec![
        shaped(0, stage::confirmation().to_bytes()),
        shaped(1, json(&sets)),
        shaped(2, &archived),
        shaped(3, &archived[..archived.len() - 32]),
        shaped(4, json(&exit)),
        shaped(5, stage::block().to_bytes()),
        shaped(6, json(&transaction)),
        shaped(6, error),
    ];
    seeds.extend(events().iter().map(|event| shaped(6, json(event))));
    seeds
}

/// The first byte cuts the stream into pieces, which must not matter.
pub fn stream(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else {
        return;
    };
    // Beyond a limit for one event the stream is given up, and where depends on the pieces.
    let bytes = &bytes[..bytes.len().min(48 * 1024)];
    let whole = fuzzing::stream(std::iter::once(bytes));
    assert_eq!(whole, fuzzing::stream(bytes.chunks(usize::from(*size).max(1))));
    assert!(whole.iter().map(|(_, _, data)| data.len()).sum::<usize>() <= 3 * bytes.len());
    let told = fuzzing::told(whole);
    assert!(
        told.is_sorted_by(|(one, _), (other, _)| one < other),
        "each event once, in order"
    );
}

pub fn stream_seeds() -> Vec<Vec<u8>> {
    let mut text = ": hello\n\n".to_owned();
    for (number, event) in events().iter().enumerate() {
        let (kind, data) = (
            event.kind().name(),
            String::from_utf8(json(event)).unwrap_or_default(),
        );
        text += &format!("id: 7-{number}\r\nevent: {kind}\ndata: {data}\n\n");
    }
    vec![shaped(3, text), shaped(1, "\u{feff}id:1-1\r\rdata:x\rdata\n\n")]
}
