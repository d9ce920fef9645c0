//! Connections to RPC endpoints as clients: to read, or to send as an account, whose nonces survive a refused transaction.
//! Limits on time and size are the transport's.

use crate::endpoints::Endpoints;
use crate::error::ChainError;
use crate::transport::{self, Bounded};
use alloy::network::{Ethereum, EthereumWallet, TransactionBuilder};
use alloy::primitives::Address;
use alloy::providers::fillers::{FillerControlFlow, GasFillable, GasFiller, TxFiller};
use alloy::providers::{DynProvider, Provider, ProviderBuilder, SendableTx};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportResult;

/// Gas for checkpoints that an estimate did not see: five of them.
const HEADROOM: u64 = 100_000;
/// Most gas of one transaction (EIP-7825).
const MAX_GAS: u64 = 1 << 24;

/// An endpoint to read from.
pub(crate) fn reader(rpc: &str) -> Result<DynProvider<Ethereum>, ChainError> {
    Ok(reading(transport::one(Bounded::new(rpc)?)))
}

/// An endpoint to send through, as the account of `signer`.
pub(crate) fn sender(rpc: &str, signer: PrivateKeySigner) -> Result<DynProvider<Ethereum>, ChainError> {
    Ok(sending(transport::one(Bounded::new(rpc)?), signer))
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

/// Several endpoints, to send through when there is a signer.
pub(crate) fn several(
    endpoints: &Endpoints,
    signer: Option<PrivateKeySigner>,
) -> Result<DynProvider<Ethereum>, ChainError> {
    let client = transport::several(endpoints)?;
    Ok(match signer {
        Some(signer) => sending(client, signer),
        None => reading(client),
    })
}

fn reading(client: RpcClient) -> DynProvider<Ethereum> {
    ProviderBuilder::new().connect_client(client).erased()
}

/// The nonce is asked for each time. A cached one is counted up even when the contract refuses the call before it is sent;
/// the gap that this leaves would hold back every later transaction of the account.
fn sending(client: RpcClient, signer: PrivateKeySigner) -> DynProvider<Ethereum> {
    ProviderBuilder::new()
        .disable_recommended_fillers()
        .filler(Gas::default())
        .with_simple_nonce_management()
        .fetch_chain_id()
        .wallet(EthereumWallet::from(signer))
        .connect_client(client)
        .erased()
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

/// Sets fees as alloy does, and a gas limit above the estimate.
///
/// An estimate is made in the time of the latest block, what is mined happens later. Votes and stakes are checkpointed by time
/// and block: in the same second a checkpoint is overwritten, in a later one it is a new one, which costs 17,000 to 20,000 more
/// each. Unused gas is not paid.
#[derive(Clone, Debug, Default)]
struct Gas(GasFiller);

impl TxFiller<Ethereum> for Gas {
    type Fillable = GasFillable;

    fn status(&self, tx: &TransactionRequest) -> FillerControlFlow {
        TxFiller::<Ethereum>::status(&self.0, tx)
    }

    fn fill_sync(&self, tx: &mut SendableTx<Ethereum>) {
        self.0.fill_sync(tx);
    }

    async fn prepare<P: Provider<Ethereum>>(
        &self,
        provider: &P,
        tx: &TransactionRequest,
    ) -> TransportResult<GasFillable> {
        let mut fillable = self.0.prepare(provider, tx).await?;
        if TransactionBuilder::gas_limit(tx).is_none() {
            let (GasFillable::Legacy { gas_limit, .. } | GasFillable::Eip1559 { gas_limit, .. }) =
                &mut fillable;
            *gas_limit = with_headroom(*gas_limit);
        }
        Ok(fillable)
    }

    async fn fill(
        &self,
        fillable: GasFillable,
        tx: SendableTx<Ethereum>,
    ) -> TransportResult<SendableTx<Ethereum>> {
        self.0.fill(fillable, tx).await
    }
}

/// A quarter more and some checkpoints more, but not beyond what a transaction may have, unless the estimate is.
pub(crate) fn with_headroom(estimate: u64) -> u64 {
    let ample = estimate.saturating_add(estimate / 4).saturating_add(HEADROOM);
    ample.min(estimate.max(MAX_GAS))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::error::Error as _;
    use std::time::Duration;
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

    #[test]
    fn a_gas_limit_is_above_the_estimate_and_within_what_a_transaction_may_have() {
        assert_eq!(with_headroom(21_000), 126_250);
        assert_eq!(with_headroom(800_000), 1_100_000);
        assert_eq!(with_headroom(MAX_GAS - 1), MAX_GAS);
        // Another chain may allow more; the endpoint said so.
        assert_eq!(with_headroom(MAX_GAS + 1), MAX_GAS + 1);
    }

    #[tokio::test]
    async fn an_endpoint_that_never_answers_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/SECRETKEY", silent.local_addr().unwrap());
        let client = transport::one(Bounded::within(&url, Duration::from_millis(200)).unwrap());
        let provider = ProviderBuilder::new().connect_client(client);
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
