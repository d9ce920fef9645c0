#![allow(clippy::unwrap_used)]
use super::*;
use alloy::sol_types::SolCall;

const READING: Reading = Reading {
    chain_id: 1,
    allow_unprotected: false,
    unknown_types: false,
    bundle: 3,
};
const ACCOUNT: Address = Address::repeat_byte(1);
const ENTRY_POINT: Address = Address::repeat_byte(0xee);

fn v7(call_data: Bytes) -> Value {
    json!({
        "sender": ACCOUNT, "nonce": "0x1", "callData": call_data, "callGasLimit": "0x1", "verificationGasLimit": "0x1",
        "preVerificationGas": "0x1", "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x1", "signature": "0x00",
    })
}

fn with(mut operation: Value, more: Value) -> Value {
    operation
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    operation
}

fn v6(call_data: Bytes) -> Value {
    with(v7(call_data), json!({"initCode": "0x", "paymasterAndData": "0x"}))
}

fn calls_of(operation: Value) -> Vec<(Address, Address, u64, Vec<u8>)> {
    let subjects = read(&[operation, json!(ENTRY_POINT)], READING).unwrap();
    let called = subjects.into_iter().map(|subject| {
        let called = subject.called.unwrap();
        (
            called.sender,
            called.recipient.unwrap(),
            called.value.to(),
            called.input.to_vec(),
        )
    });
    called.collect()
}

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn execution(byte: u8) -> Execution {
    Execution {
        target: address(byte),
        value: U256::from(byte),
        callData: vec![byte].into(),
    }
}

fn made(byte: u8) -> (Address, Address, u64, Vec<u8>) {
    (ACCOUNT, address(byte), byte.into(), vec![byte])
}

#[test]
fn the_calls_that_an_account_passes_on_are_judged_each_by_itself() {
    let single = Account::execute_0Call {
        target: address(7),
        value: U256::from(7),
        data: vec![7].into(),
    };
    for shape in [v6, v7] {
        assert_eq!(calls_of(shape(single.abi_encode().into())), [made(7)]);
    }
    let (targets, data) = (vec![address(7), address(8)], vec![vec![7].into(), vec![8].into()]);
    let values = [7, 8].map(U256::from).to_vec();
    let three = Account::executeBatch_1Call {
        targets: targets.clone(),
        values,
        data: data.clone(),
    };
    assert_eq!(calls_of(v7(three.abi_encode().into())), [made(7), made(8)]);
    let two = Account::executeBatch_0Call { targets, data };
    let zero = |byte| (ACCOUNT, address(byte), 0, vec![byte]);
    assert_eq!(calls_of(v6(two.abi_encode().into())), [zero(7), zero(8)]);
    let structs = Account::executeBatch_2Call {
        calls: vec![execution(7), execution(8)],
    };
    assert_eq!(calls_of(v7(structs.abi_encode().into())), [made(7), made(8)]);
    let safe = Account::executeUserOpCall {
        target: address(7),
        value: U256::from(7),
        data: vec![7].into(),
        operation: 0,
    };
    assert_eq!(calls_of(v7(safe.abi_encode().into())), [made(7)]);
}

#[test]
fn modular_accounts_are_read_by_their_mode() {
    let mut packed = address(7).to_vec();
    packed.extend(U256::from(7).to_be_bytes::<32>());
    packed.push(7);
    let batch = vec![execution(7), execution(8)].abi_encode();
    for (mode, data, calls) in [(0, packed.clone(), 1), (1, batch, 2)] {
        let mode = FixedBytes::<32>::right_padding_from(&[mode]);
        let told = Account::execute_1Call {
            mode,
            executionCalldata: data.into(),
        };
        assert_eq!(
            calls_of(v7(told.abi_encode().into())),
            [made(7), made(8)][..calls]
        );
    }
}

#[test]
fn what_is_not_plainly_a_call_is_judged_as_the_entry_points_own() {
    let delegate = Account::executeUserOpCall {
        target: address(7),
        value: U256::ZERO,
        data: Bytes::new(),
        operation: 1,
    };
    let delegate_mode = Account::execute_1Call {
        mode: FixedBytes::right_padding_from(&[0xff]),
        executionCalldata: vec![0; 60].into(),
    };
    let uneven = Account::executeBatch_0Call {
        targets: vec![address(7)],
        data: Vec::new(),
    };
    let nothing = Account::executeBatch_0Call {
        targets: Vec::new(),
        data: Vec::new(),
    };
    for data in [
        delegate.abi_encode(),
        delegate_mode.abi_encode(),
        uneven.abi_encode(),
        nothing.abi_encode(),
        vec![1, 2, 3, 4],
        Vec::new(),
    ] {
        assert_eq!(
            calls_of(v7(data.clone().into())),
            [(ENTRY_POINT, ACCOUNT, 0, data)]
        );
    }
}

#[test]
fn every_request_carries_the_whole_operation() {
    let operation = with(
        v7(Bytes::new()),
        json!({"factory": address(3), "factoryData": "0x01", "paymaster": null}),
    );
    let subjects = read(&[operation.clone(), json!(ENTRY_POINT)], READING).unwrap();
    assert_eq!(subjects[0].request["userOperation"], operation);
    assert_eq!(subjects[0].request["entryPoint"], json!(ENTRY_POINT));
    let authorization = json!({"chainId": "0x1", "address": address(7), "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x1"});
    let operation = with(v7(Bytes::new()), json!({"eip7702Auth": authorization}));
    let subjects = read(&[operation, json!(ENTRY_POINT)], READING).unwrap();
    let listed = &subjects[0].request["transaction"]["authorizationList"][0];
    assert_eq!(listed["address"], json!(address(7)));
}

#[test]
fn refuses_what_is_no_operation_of_either_shape() {
    let good = v7(Bytes::new());
    let mut unsigned = good.clone();
    unsigned.as_object_mut().unwrap().remove("signature");
    let many = Account::executeBatch_2Call {
        calls: (1..5).map(execution).collect(),
    };
    for params in [
        vec![good.clone()],
        vec![good.clone(), json!("0x12")],
        vec![good.clone(), json!(ENTRY_POINT), json!({})],
        vec![unsigned, json!(ENTRY_POINT)],
        vec![with(good.clone(), json!({"CallData": "0x"})), json!(ENTRY_POINT)],
        vec![with(good.clone(), json!({"initCode": "0x"})), json!(ENTRY_POINT)],
        vec![
            with(v6(Bytes::new()), json!({"factory": ACCOUNT})),
            json!(ENTRY_POINT),
        ],
        vec![
            with(good.clone(), json!({"factoryData": "0x01"})),
            json!(ENTRY_POINT),
        ],
        vec![with(good, json!({"paymasterData": "0x01"})), json!(ENTRY_POINT)],
        vec![json!([]), json!(ENTRY_POINT)],
        vec![v7(many.abi_encode().into()), json!(ENTRY_POINT)],
    ] {
        assert!(read(&params, READING).is_err(), "{params:?}");
    }
}
