//! Calls of the node's HTTP API. Several nodes may be named: a node that does not answer is passed over.

use crate::query::ServiceQuery;
use rampart_protocol::api::{
    AccountView, BatchEntry, CaseView, Cases, CheckpointView, EpochReportView, EpochView, ErrorBody,
    ErrorView, ExitView, InvestorView, OperatorSets, OperatorView, Operators, ParamsView, ProviderView,
    PurchaseList, PurchaseView, Purchases, ReviewView, Reviews, ServiceView, Services, Status, TermsView,
    Totals, TransactionView, WithdrawalView,
};
use rampart_protocol::{
    Address, B256, CaseId, Confirmation, ExitArchive, FinalizedBlock, OperatorSet, ProviderId, PurchaseId,
    ServiceId, SignedTransaction, block::MAX_FINALIZED_BLOCK,
};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Time that one call to one node may take, besides what it was asked to wait.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read, bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Largest archive of exits that is read, bytes: some 14 million accounts.
const MAX_ARCHIVE: usize = 512 * 1024 * 1024;
/// Time that an archive of exits may take from one node, which ends the connection then.
const ARCHIVE_TIMEOUT: Duration = Duration::from_secs(680);

/// What a submission came to.
pub type Submitted = TransactionView;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No node was named.
    #[error("no node URL is configured")]
    NoNode,
    /// No node answered; the last failure.
    #[error("no operator answered; the last, {url}, failed: {source}")]
    Unreachable {
        /// The last node tried.
        url: String,
        /// Its failure.
        source: reqwest::Error,
    },
    /// A node refused, and says why.
    #[error("{}: {}", error.name, error.message)]
    Refused {
        /// HTTP status.
        status: u16,
        /// The node's reason.
        error: ErrorView,
    },
    /// A node's answer is not of the API.
    #[error("{url} answered HTTP {status} with something that is not of this API: {reason}")]
    Malformed {
        /// The node.
        url: String,
        /// HTTP status.
        status: u16,
        /// What was wrong.
        reason: String,
    },
}

impl ClientError {
    /// Whether another node may answer better: this one is down, busy, syncing, keeps no such old block, or talks nonsense.
    fn is_the_nodes_fault(&self) -> bool {
        match self {
            Self::NoNode => false,
            Self::Unreachable { .. } | Self::Malformed { .. } => true,
            Self::Refused { status, error } => *status >= 500 || error.name == "pruned",
        }
    }

    /// Whether the node says that the thing asked for does not exist (yet).
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// A client of one or several nodes of one deployment.
#[derive(Clone, Debug)]
pub struct NodeClient {
    urls: Vec<String>,
    http: reqwest::Client,
}

impl NodeClient {
    /// A client that asks these nodes in turn. URLs are bases such as `http://127.0.0.1:8100`.
    #[must_use]
    pub fn new(base_urls: Vec<String>) -> Self {
        let urls = base_urls
            .into_iter()
            .map(|url| url.trim_end_matches('/').to_owned())
            .collect();
        Self {
            urls,
            http: reqwest::Client::new(),
        }
    }

    /// The operators of the first epoch, as the node tells them. Do not trust it: pin the set by other means.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn operator_set(&self) -> Result<OperatorSet, ClientError> {
        self.get("/v1/operator-set").await
    }

    /// Proofs of the operators of the epochs after `from`, one after another. Verify them: see [`crate::follow::catch_up`].
    ///
    /// # Errors
    /// See [`ClientError`]; 404 when the node does not know the epoch, or no longer.
    pub async fn operator_sets(&self, from: u64) -> Result<OperatorSets, ClientError> {
        self.get(&format!("/v1/operator-sets?from={from}")).await
    }

    /// Every operator with stake, as the ledger knows them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn operators(&self) -> Result<Operators, ClientError> {
        self.get("/v1/operators").await
    }

    /// An operator.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn operator(&self, address: Address) -> Result<OperatorView, ClientError> {
        self.get(&format!("/v1/operators/{address}")).await
    }

    /// An investor at an operator.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn investor(&self, operator: Address, investor: Address) -> Result<InvestorView, ClientError> {
        self.get(&format!("/v1/operators/{operator}/investors/{investor}"))
            .await
    }

    /// The running epoch of rewards.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn current_epoch(&self) -> Result<EpochView, ClientError> {
        self.get("/v1/epochs/current").await
    }

    /// An epoch that has ended.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn epoch(&self, number: u64) -> Result<EpochReportView, ClientError> {
        self.get(&format!("/v1/epochs/{number}")).await
    }

    /// The parameters in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn params(&self) -> Result<ParamsView, ClientError> {
        self.get("/v1/params").await
    }

    /// One version of a service's terms.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn terms(&self, service: ServiceId, version: u32) -> Result<TermsView, ClientError> {
        self.get(&format!("/v1/services/{service}/versions/{version}"))
            .await
    }

    /// The review of a purchase.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn review(&self, purchase: PurchaseId) -> Result<ReviewView, ClientError> {
        self.get(&format!("/v1/purchases/{purchase}/review")).await
    }

    /// A page of a provider's reviews behind the cursor `after`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reviews_of(
        &self,
        provider: ProviderId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Reviews, ClientError> {
        let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        self.get(&format!("/v1/providers/{provider}/reviews?limit={limit}{after}"))
            .await
    }

    /// A page of open cases behind the cursor `after`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn cases(&self, after: Option<u64>, limit: u32) -> Result<Cases, ClientError> {
        let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        self.get(&format!("/v1/cases?limit={limit}{after}")).await
    }

    /// An open case.
    ///
    /// # Errors
    /// See [`ClientError`]; not found once it is decided or dropped.
    pub async fn case(&self, id: CaseId) -> Result<CaseView, ClientError> {
        self.get(&format!("/v1/cases/{id}")).await
    }

    /// Where the node stands.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// Where every deposited unit is.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn totals(&self) -> Result<Totals, ClientError> {
        self.get("/v1/totals").await
    }

    /// An account.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn account(&self, address: Address) -> Result<AccountView, ClientError> {
        self.get(&format!("/v1/accounts/{address}")).await
    }

    /// A provider.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn provider(&self, id: ProviderId) -> Result<ProviderView, ClientError> {
        self.get(&format!("/v1/providers/{id}")).await
    }

    /// A service.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn service(&self, id: ServiceId) -> Result<ServiceView, ClientError> {
        self.get(&format!("/v1/services/{id}")).await
    }

    /// A page of services behind `after`, of one provider if named.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn services(
        &self,
        provider: Option<ProviderId>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Services, ClientError> {
        let query = ServiceQuery {
            provider,
            ..ServiceQuery::default()
        };
        self.find_services(&query, after, limit).await
    }

    /// A page of the services that match, behind `next` of the page before, asked with the same query. A page may be short,
    /// even empty, and still have a `next`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn find_services(
        &self,
        query: &ServiceQuery,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Services, ClientError> {
        self.get(&format!("/v1/services?{}", query.text(after, limit)))
            .await
    }

    /// A page of a consumer's purchases, behind `next` of the page before.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn purchases_by(
        &self,
        consumer: Address,
        after: Option<&str>,
        limit: u32,
    ) -> Result<PurchaseList, ClientError> {
        let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        self.get(&format!("/v1/purchases?consumer={consumer}&limit={limit}{after}"))
            .await
    }

    /// A page of a service's purchases, behind `next` of the page before.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn purchases_of_service(
        &self,
        service: ServiceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<PurchaseList, ClientError> {
        let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        self.get(&format!("/v1/purchases?service={service}&limit={limit}{after}"))
            .await
    }

    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    pub(crate) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A page of a provider's purchases behind the cursor `after` (V5).
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn purchases_of(
        &self,
        provider: ProviderId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Purchases, ClientError> {
        let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        self.get(&format!(
            "/v1/providers/{provider}/purchases?limit={limit}{after}"
        ))
        .await
    }

    /// A purchase.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn purchase(&self, id: PurchaseId) -> Result<PurchaseView, ClientError> {
        self.get(&format!("/v1/purchases/{id}")).await
    }

    /// A purchase's confirmation, not verified (see [`crate::verify_confirmation`]).
    ///
    /// # Errors
    /// See [`ClientError`]; not found until the purchase is final.
    pub async fn confirmation(&self, id: PurchaseId) -> Result<Confirmation, ClientError> {
        self.get(&format!("/v1/purchases/{id}/confirmation")).await
    }

    /// A withdrawal and its proof.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn withdrawal(&self, index: u64) -> Result<WithdrawalView, ClientError> {
        self.get(&format!("/v1/withdrawals/{index}")).await
    }

    /// The withdrawals of a recipient, newest last.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn withdrawals_of(&self, recipient: Address) -> Result<Vec<WithdrawalView>, ClientError> {
        self.get(&format!("/v1/withdrawals?recipient={recipient}")).await
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn latest_checkpoint(&self) -> Result<CheckpointView, ClientError> {
        self.get("/v1/checkpoints/latest").await
    }

    /// What an account could leave with, and the proof of it, under the last checkpoint accepted on chain, not verified
    /// (see [`crate::exits`]).
    ///
    /// # Errors
    /// See [`ClientError`]; not found when that checkpoint knows no such account, or there is none.
    pub async fn exit(&self, account: Address) -> Result<ExitView, ClientError> {
        self.get(&format!("/v1/accounts/{account}/exit")).await
    }

    /// What every account could leave with under that checkpoint, undamaged but not verified (see [`crate::exits`]).
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn exits(&self) -> Result<ExitArchive, ClientError> {
        let limits = (MAX_ARCHIVE, ARCHIVE_TIMEOUT);
        self.bytes("/v1/exits", limits, |body| ExitArchive::from_bytes(body.into()))
            .await
    }

    /// The final block of a height with its certificate, not verified (see [`crate::Verifier::verify_block`]).
    ///
    /// # Errors
    /// See [`ClientError`]; not found when it is not final yet, or the node does not keep it.
    pub async fn block(&self, height: u64) -> Result<FinalizedBlock, ClientError> {
        let limits = (MAX_FINALIZED_BLOCK, CALL_TIMEOUT);
        let path = format!("/v1/blocks/{height}");
        self.bytes(&path, limits, |body| FinalizedBlock::from_bytes(&body))
            .await
    }

    /// An answer that is no JSON, of so many bytes within so long.
    async fn bytes<T, D: std::fmt::Display>(
        &self,
        path: &str,
        limits: (usize, Duration),
        decode: impl Fn(Vec<u8>) -> Result<T, D>,
    ) -> Result<T, ClientError> {
        let mut last = ClientError::NoNode;
        for url in &self.urls {
            let answer = self.bytes_of(url, path, limits).await.and_then(|(status, body)| {
                decode(body).map_err(|error| ClientError::Malformed {
                    url: url.to_owned(),
                    status: status.as_u16(),
                    reason: error.to_string(),
                })
            });
            match answer {
                Err(error) if error.is_the_nodes_fault() => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    async fn bytes_of(
        &self,
        url: &str,
        path: &str,
        (limit, timeout): (usize, Duration),
    ) -> Result<(StatusCode, Vec<u8>), ClientError> {
        let request = self.http.get(format!("{url}{path}")).timeout(timeout);
        let unreachable = |source| ClientError::Unreachable {
            url: url.to_owned(),
            source,
        };
        let response = request.send().await.map_err(unreachable)?;
        let (status, body) = whole(url, response, limit).await?;
        if !status.is_success() {
            return Err(refusal(url, status, &body));
        }
        Ok((status, body))
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn transaction(&self, hash: B256) -> Result<TransactionView, ClientError> {
        self.get(&format!("/v1/transactions/{hash}")).await
    }

    /// Submits a transaction and, if `wait` is given, waits that long for it to be final.
    ///
    /// Submitting the same transaction twice is harmless: its nonce lets it be applied once.
    ///
    /// # Errors
    /// See [`ClientError`]; a rejection by the ledger is [`ClientError::Refused`] with its code.
    pub async fn submit(
        &self,
        transaction: &SignedTransaction,
        wait: Option<Duration>,
    ) -> Result<Submitted, ClientError> {
        let query = wait
            .map(|wait| format!("?wait={}", wait.as_secs()))
            .unwrap_or_default();
        let path = format!("/v1/transactions{query}");
        let timeout = CALL_TIMEOUT + wait.unwrap_or_default();
        self.call(&path, |http, url| {
            http.post(url).timeout(timeout).json(transaction)
        })
        .await
    }

    /// Submits up to 256 transactions, 256 KiB of JSON in all. The answer tells of each in its place whether it was taken;
    /// whether it is final, [`Self::transaction`] tells later. To submit one again does nothing.
    ///
    /// # Errors
    /// See [`ClientError`]; then any of them may have been taken.
    pub async fn submit_batch(
        &self,
        transactions: &[SignedTransaction],
    ) -> Result<Vec<BatchEntry>, ClientError> {
        self.call("/v1/transactions/batch", |http, url| {
            http.post(url).timeout(CALL_TIMEOUT).json(transactions)
        })
        .await
    }

    /// Posts bytes as they are, and answers with status and body as they come, errors included: for whoever stands between a
    /// client and the nodes. A node that does not answer is passed over, and one that answers that it cannot now.
    ///
    /// # Errors
    /// [`ClientError`] when no node answered.
    pub async fn pass_on(
        &self,
        path: &str,
        media: Option<&str>,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<(u16, Vec<u8>), ClientError> {
        let mut last = ClientError::NoNode;
        for url in &self.urls {
            let mut request = self.http.post(format!("{url}{path}")).timeout(timeout);
            if let Some(media) = media {
                request = request.header(CONTENT_TYPE, media);
            }
            let answer = match request.body(body.clone()).send().await {
                Ok(response) => whole(url, response, MAX_ANSWER).await,
                Err(source) => Err(ClientError::Unreachable {
                    url: url.clone(),
                    source,
                }),
            };
            match answer {
                Ok((status, body)) if status.is_server_error() => last = refusal(url, status, &body),
                Ok((status, body)) => return Ok((status.as_u16(), body)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(path, |http, url| http.get(url).timeout(CALL_TIMEOUT))
            .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        request: impl Fn(&reqwest::Client, String) -> reqwest::RequestBuilder,
    ) -> Result<T, ClientError> {
        let mut last = ClientError::NoNode;
        for url in &self.urls {
            let answer = match request(&self.http, format!("{url}{path}")).send().await {
                Ok(response) => read(url, response).await,
                Err(source) => Err(ClientError::Unreachable {
                    url: url.clone(),
                    source,
                }),
            };
            match answer {
                Err(error) if error.is_the_nodes_fault() => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }
}

async fn read<T: DeserializeOwned>(url: &str, response: reqwest::Response) -> Result<T, ClientError> {
    let (status, body) = whole(url, response, MAX_ANSWER).await?;
    if !status.is_success() {
        return Err(refusal(url, status, &body));
    }
    serde_json::from_slice(&body).map_err(|error| ClientError::Malformed {
        url: url.to_owned(),
        status: status.as_u16(),
        reason: error.to_string(),
    })
}

/// An answer's status and body, which has at most `limit` bytes.
pub(crate) async fn whole(
    url: &str,
    mut response: reqwest::Response,
    limit: usize,
) -> Result<(StatusCode, Vec<u8>), ClientError> {
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                return Err(ClientError::Malformed {
                    url: url.to_owned(),
                    status: status.as_u16(),
                    reason: format!("more than {limit} bytes"),
                });
            }
            Ok(None) => return Ok((status, body)),
            Err(source) => {
                return Err(ClientError::Unreachable {
                    url: url.to_owned(),
                    source,
                });
            }
        }
    }
}

/// Why a node refused, in its own words.
pub(crate) fn refusal(url: &str, status: StatusCode, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) => ClientError::Refused {
            status: status.as_u16(),
            error,
        },
        Err(error) => ClientError::Malformed {
            url: url.to_owned(),
            status: status.as_u16(),
            reason: error.to_string(),
        },
    }
}
