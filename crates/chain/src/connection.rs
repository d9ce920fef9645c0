//! Connections to RPC endpoints: every call has a time limit, and nonces survive a refused transaction.
//!
//! An endpoint that accepts a question and never answers would otherwise stop whoever waits for it for good.

use crate::error::ChainError;
use alloy::network::{Ethereum, EthereumWallet};
use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::http::reqwest;
use std::time::Duration;

/// Longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for a question and its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// An endpoint to read from.
pub(crate) fn reader(rpc: &str) -> Result<DynProvider<Ethereum>, ChainError> {
    let (client, url) = client(rpc, CALL_TIMEOUT)?;
    Ok(ProviderBuilder::new().connect_reqwest(client, url).erased())
}

/// An endpoint to send through, as the account of `signer`.
///
/// The nonce is asked for each time. A cached one is counted up even when the contract refuses the call before it is
/// sent; the gap that this leaves would hold back every later transaction of the account.
pub(crate) fn sender(rpc: &str, signer: PrivateKeySigner) -> Result<DynProvider<Ethereum>, ChainError> {
    let (client, url) = client(rpc, CALL_TIMEOUT)?;
    Ok(ProviderBuilder::new()
        .disable_recommended_fillers()
        .with_gas_estimation()
        .with_simple_nonce_management()
        .fetch_chain_id()
        .wallet(EthereumWallet::from(signer))
        .connect_reqwest(client, url)
        .erased())
}

/// An endpoint to send through when there is a signer, to read from otherwise; and the account that sends.
pub(crate) fn connect(
    rpc: &str,
    signer: Option<PrivateKeySigner>,
) -> Result<(DynProvider<Ethereum>, Option<Address>), ChainError> {
    let account = signer.as_ref().map(PrivateKeySigner::address);
    let provider = match signer {
        Some(signer) => sender(rpc, signer)?,
        None => reader(rpc)?,
    };
    Ok((provider, account))
}

/// As [`connect`], for whom the account does not matter.
pub(crate) fn either(
    rpc: &str,
    signer: Option<PrivateKeySigner>,
) -> Result<DynProvider<Ethereum>, ChainError> {
    Ok(connect(rpc, signer)?.0)
}

/// Checks that an endpoint serves the chain expected.
pub(crate) async fn check_chain(provider: &DynProvider<Ethereum>, expected: u64) -> Result<(), ChainError> {
    let actual = provider.get_chain_id().await?;
    if actual == expected {
        Ok(())
    } else {
        Err(ChainError::WrongChain { expected, actual })
    }
}

fn client(rpc: &str, timeout: Duration) -> Result<(reqwest::Client, reqwest::Url), ChainError> {
    let url: reqwest::Url = rpc.parse().map_err(|error| ChainError::Url(format!("{error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(ChainError::Url(format!("the scheme is {}:", url.scheme())));
    }
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        // An RPC that redirects is misconfigured, or somebody is between.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| ChainError::Client(error.without_url()))?;
    Ok((client, url))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::error::Error as _;
    use tokio::net::TcpListener;

    #[test]
    fn only_http_urls_are_endpoints_and_their_keys_stay_out_of_the_message() {
        for url in [
            "",
            "127.0.0.1:8545",
            "ftp://host/",
            "ws://host",
            "http://",
            "nonsense",
        ] {
            assert!(matches!(reader(url), Err(ChainError::Url(_))), "{url}");
        }
        let error = reader("wss://rpc.example/v2/SECRETKEY").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("SECRETKEY"));
        assert!(reader("https://rpc.example/v2/SECRETKEY").is_ok());
    }

    #[tokio::test]
    async fn an_endpoint_that_never_answers_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/SECRETKEY", silent.local_addr().unwrap());
        let (client, url) = client(&url, Duration::from_millis(200)).unwrap();
        let provider = ProviderBuilder::new().connect_reqwest(client, url);
        let asked = provider.get_chain_id();
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
        let error = ChainError::from(answer.unwrap().unwrap_err());
        assert!(matches!(error, ChainError::Rpc(_)), "{error:?}");
        assert!(error.source().is_some());
        let said = format!("{error} {error:?}");
        assert!(!said.contains("SECRETKEY"), "{said}");
    }

    #[tokio::test]
    async fn a_failure_names_its_cause_but_not_the_url() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let provider = reader(&format!("http://{closed}/SECRETKEY")).unwrap();
        let error = ChainError::from(provider.get_chain_id().await.unwrap_err());
        let said = format!("{error} {error:?}");
        assert!(said.to_lowercase().contains("refused"), "{said}");
        assert!(!said.contains("SECRETKEY"), "{said}");
    }
}
