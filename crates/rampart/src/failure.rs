//! How a failed command ends: one line for a person, and an exit code for a script.

use rampart_chain::ChainError;
use rampart_client::ClientError;
use std::process::ExitCode;

/// Prints why a command failed, causes included, and chooses the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // Many errors quote their source already.
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    crate::output::remark(&format!("rampart: {text}"));
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        match cause.downcast_ref::<ClientError>() {
            // A server's own failure is no answer: the same may be had from another, or later.
            Some(ClientError::Refused { status: 500.., .. }) => return 4,
            Some(ClientError::Refused { .. }) => return 3,
            Some(ClientError::Unreachable { .. } | ClientError::NoNode) => return 4,
            _ => {}
        }
        match cause.downcast_ref::<ChainError>() {
            Some(ChainError::Refused(_) | ChainError::Reverted(_)) => return 3,
            Some(ChainError::Rpc(_)) => return 4,
            _ => {}
        }
    }
    1
}
