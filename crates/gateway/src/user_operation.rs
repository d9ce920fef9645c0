//! A user operation (ERC-4337, entry points v0.6 and v0.7): what a smart account is asked to do.
//!
//! The entry point calls the account with `callData`. Where that is one of the calls by which accounts commonly pass on
//! what they are told ([`Account`]), vendors judge the calls that the account then makes, each by itself; otherwise the
//! entry point's own call to the account. Every request carries the whole operation besides, with factory and paymaster.

use crate::form::Form;
use crate::rules::Called;
use crate::submission::{Reading, Subject, SubmissionError};
use crate::transaction::describe_authorizations;
use Account::AccountCalls as Told;
use alloy::eips::eip7702::SignedAuthorization;
use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256};
use alloy::sol;
use alloy::sol_types::{SolInterface, SolValue};
use serde::Deserialize;
use serde_json::{Value, json};

sol! {
    struct Execution {
        address target;
        uint256 value;
        bytes callData;
    }

    /// How accounts are told what to call.
    interface Account {
        /// `SimpleAccount` of the reference implementation, and many after it.
        function execute(address target, uint256 value, bytes data);
        /// `SimpleAccount` v0.6: no value.
        function executeBatch(address[] targets, bytes[] data);
        /// `SimpleAccount` v0.7.
        function executeBatch(address[] targets, uint256[] values, bytes[] data);
        /// `BaseAccount` v0.8, Coinbase Smart Wallet.
        function executeBatch(Execution[] calls);
        /// ERC-7579.
        function execute(bytes32 mode, bytes executionCalldata);
        /// Safe's module for ERC-4337.
        function executeUserOp(address target, uint256 value, bytes data, uint8 operation);
        /// The same.
        function executeUserOpWithErrorString(address target, uint256 value, bytes data, uint8 operation);
    }
}

/// Entry point v0.6.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Packed {
    sender: Address,
    call_data: Bytes,
    #[serde(rename = "initCode")]
    _init_code: Bytes,
    #[serde(rename = "paymasterAndData")]
    _paymaster_and_data: Bytes,
    #[serde(rename = "nonce")]
    _nonce: U256,
    #[serde(rename = "callGasLimit")]
    _call_gas_limit: U256,
    #[serde(rename = "verificationGasLimit")]
    _verification_gas_limit: U256,
    #[serde(rename = "preVerificationGas")]
    _pre_verification_gas: U256,
    #[serde(rename = "maxFeePerGas")]
    _max_fee_per_gas: U256,
    #[serde(rename = "maxPriorityFeePerGas")]
    _max_priority_fee_per_gas: U256,
    #[serde(rename = "signature")]
    _signature: Bytes,
    eip7702_auth: Option<SignedAuthorization>,
}

/// Entry point v0.7 and later.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unpacked {
    sender: Address,
    call_data: Bytes,
    factory: Option<Address>,
    factory_data: Option<Bytes>,
    paymaster: Option<Address>,
    paymaster_data: Option<Bytes>,
    #[serde(rename = "nonce")]
    _nonce: U256,
    #[serde(rename = "callGasLimit")]
    _call_gas_limit: U256,
    #[serde(rename = "verificationGasLimit")]
    _verification_gas_limit: U256,
    #[serde(rename = "preVerificationGas")]
    _pre_verification_gas: U256,
    #[serde(rename = "maxFeePerGas")]
    _max_fee_per_gas: U256,
    #[serde(rename = "maxPriorityFeePerGas")]
    _max_priority_fee_per_gas: U256,
    #[serde(rename = "paymasterVerificationGasLimit")]
    _paymaster_verification_gas_limit: Option<U256>,
    #[serde(rename = "paymasterPostOpGasLimit")]
    _paymaster_post_op_gas_limit: Option<U256>,
    #[serde(rename = "signature")]
    _signature: Bytes,
    eip7702_auth: Option<SignedAuthorization>,
}

/// What both shapes say of the account.
struct Operation {
    sender: Address,
    call_data: Bytes,
    authorization: Option<SignedAuthorization>,
}

/// Reads the parameters of `eth_sendUserOperation`.
pub fn read(params: &[Value], reading: Reading) -> Result<Vec<Subject>, SubmissionError> {
    let wrong = |reason: &str| SubmissionError::Params(reason.to_owned());
    let [stated, entry_point] = params else {
        return Err(wrong("the parameters are a user operation and its entry point"));
    };
    let entry_point =
        Address::deserialize(entry_point).map_err(|_| wrong("the entry point is no address"))?;
    let operation = operation(stated)?;
    let calls = calls(&operation).unwrap_or_else(|| {
        vec![Called {
            sender: entry_point,
            recipient: Some(operation.sender),
            value: U256::ZERO,
            input: operation.call_data.clone(),
        }]
    });
    if calls.len() > reading.bundle {
        return Err(SubmissionError::TooMany(calls.len(), reading.bundle));
    }
    let subjects = calls.into_iter().map(|called| {
        let mut request = json!({
            "chainId": format!("{:#x}", reading.chain_id),
            "transaction": {
                "from": called.sender,
                "to": called.recipient,
                "value": format!("{:#x}", called.value),
                "data": called.input,
            },
            "userOperation": stated,
            "entryPoint": entry_point,
        });
        if let Some(authorization) = &operation.authorization {
            let list = describe_authorizations(std::slice::from_ref(authorization));
            request["transaction"]["authorizationList"] = list;
        }
        Subject {
            form: Form::UserOperation,
            hash: B256::ZERO,
            kind: None,
            called: Some(called),
            request,
        }
    });
    Ok(subjects.collect())
}

fn operation(stated: &Value) -> Result<Operation, SubmissionError> {
    let wrong =
        |error: &dyn std::fmt::Display| SubmissionError::Params(format!("the user operation: {error}"));
    let Some(members) = stated.as_object() else {
        return Err(wrong(&"it is no object"));
    };
    if members.contains_key("initCode") || members.contains_key("paymasterAndData") {
        let packed = Packed::deserialize(stated).map_err(|error| wrong(&error))?;
        return Ok(Operation {
            sender: packed.sender,
            call_data: packed.call_data,
            authorization: packed.eip7702_auth,
        });
    }
    let unpacked = Unpacked::deserialize(stated).map_err(|error| wrong(&error))?;
    if unpacked.factory.is_none() && unpacked.factory_data.is_some_and(|data| !data.is_empty()) {
        return Err(wrong(&"factoryData without factory"));
    }
    if unpacked.paymaster.is_none() && unpacked.paymaster_data.is_some_and(|data| !data.is_empty()) {
        return Err(wrong(&"paymasterData without paymaster"));
    }
    Ok(Operation {
        sender: unpacked.sender,
        call_data: unpacked.call_data,
        authorization: unpacked.eip7702_auth,
    })
}

/// The calls that the account makes, if its calldata is of a known shape and does nothing but call.
fn calls(operation: &Operation) -> Option<Vec<Called>> {
    let call = |target, value, data: Bytes| Called {
        sender: operation.sender,
        recipient: Some(target),
        value,
        input: data,
    };
    let list = |executions: Vec<Execution>| -> Vec<Called> {
        let calls = executions
            .into_iter()
            .map(|each| call(each.target, each.value, each.callData));
        calls.collect()
    };
    let decoded = Told::abi_decode_validate(&operation.call_data).ok()?;
    let calls = match decoded {
        Told::execute_0(told) => vec![call(told.target, told.value, told.data)],
        Told::executeBatch_0(told) if told.targets.len() == told.data.len() => {
            let calls = told.targets.into_iter().zip(told.data);
            calls
                .map(|(target, data)| call(target, U256::ZERO, data))
                .collect()
        }
        Told::executeBatch_1(told) if told.targets.len() == told.data.len() => {
            // The reference account takes an empty list of values for zeros.
            let values = match told.values.len() {
                0 => vec![U256::ZERO; told.targets.len()],
                given if given == told.targets.len() => told.values,
                _ => return None,
            };
            let calls = told.targets.into_iter().zip(values).zip(told.data);
            calls
                .map(|((target, value), data)| call(target, value, data))
                .collect()
        }
        Told::executeBatch_2(told) => list(told.calls),
        Told::execute_1(told) => match call_type(told.mode) {
            SINGLE => {
                let (target, rest) = told.executionCalldata.split_at_checked(20)?;
                let (value, data) = rest.split_at_checked(32)?;
                vec![call(
                    Address::from_slice(target),
                    U256::from_be_slice(value),
                    Bytes::copy_from_slice(data),
                )]
            }
            BATCH => list(Vec::<Execution>::abi_decode_validate(&told.executionCalldata).ok()?),
            _ => return None,
        },
        Told::executeUserOp(told) if told.operation == 0 => vec![call(told.target, told.value, told.data)],
        Told::executeUserOpWithErrorString(told) if told.operation == 0 => {
            vec![call(told.target, told.value, told.data)]
        }
        _ => return None,
    };
    (!calls.is_empty()).then_some(calls)
}

/// ERC-7579: the first byte of the mode. Anything else (static and delegate calls) is not one that the account makes of itself.
const SINGLE: u8 = 0;
const BATCH: u8 = 1;

fn call_type(mode: FixedBytes<32>) -> u8 {
    mode[0]
}

#[cfg(test)]
mod tests;
