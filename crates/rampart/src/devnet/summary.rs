//! `devnet.json` (stable; documented in the README) and the table that a person sees.

use super::OPERATORS;
use super::children::Children;
use super::layout::{L1_CHAIN, L2_CHAIN, Layout, url};
use super::market::{Market, sidecar_name};
use super::network::{Network, operator_name};
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use rampart_chain::l1::L1Contracts;
use rampart_protocol::{Address, Amount, ProviderId, PurchaseId, ServiceId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Chain {
    rpc: String,
    chain_id: u64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contracts {
    utility_token: Address,
    settlement: Address,
    /// On the L1; what investors restake.
    dev_token: Address,
    /// On the L1, with EigenLayer's core.
    l1: L1Contracts,
}

#[derive(Clone, Debug, Serialize)]
struct Operator {
    api: String,
    pid: u32,
    /// Its account in the ledger; the key is in `keys/operatorN.json`.
    address: Address,
}

#[derive(Clone, Debug, Serialize)]
struct Service {
    id: ServiceId,
    fee: Amount,
    requests: u64,
    path: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    id: ProviderId,
    address: Address,
    sidecar: String,
    sidecar_admin: String,
    vendor: String,
    pid: u32,
    services: Vec<Service>,
}

#[derive(Clone, Debug, Serialize)]
struct Gateway {
    rpc: String,
    pid: u32,
    packages: Vec<PurchaseId>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    address: Address,
    private_key: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Files {
    operators: PathBuf,
    l1_contracts: PathBuf,
    wallet: PathBuf,
    keys: PathBuf,
    logs: PathBuf,
}

/// What `devnet.json` says.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    l1: Chain,
    l2: Chain,
    contracts: Contracts,
    operators: Vec<Operator>,
    providers: Vec<Provider>,
    gateway: Gateway,
    accounts: BTreeMap<&'static str, Account>,
    files: Files,
}

fn account(signer: &PrivateKeySigner) -> Account {
    Account {
        address: signer.address(),
        private_key: format!("0x{:x}", signer.to_bytes()),
    }
}

impl Summary {
    /// Gathers it.
    pub fn new(layout: &Layout, network: &Network, market: &Market, children: &Children) -> Self {
        let accounts = &layout.accounts;
        let provider = |(index, provider): (usize, &super::market::Provider)| Provider {
            id: provider.id,
            address: accounts.providers[index].address(),
            sidecar: url(layout.sidecar(index)),
            sidecar_admin: url(layout.sidecar_admin(index)),
            vendor: url(layout.vendor(index)),
            pid: children.pid(&sidecar_name(index)),
            services: provider
                .services
                .iter()
                .zip(["/", "/trial"])
                .map(|(service, path)| Service {
                    id: service.id,
                    fee: service.fee,
                    requests: service.requests,
                    path,
                })
                .collect(),
        };
        let operator = |index| Operator {
            api: url(layout.api(index)),
            pid: children.pid(&operator_name(index)),
            address: accounts.operators[index].address(),
        };
        Self {
            l1: Chain {
                rpc: url(layout.l1()),
                chain_id: L1_CHAIN,
            },
            l2: Chain {
                rpc: url(layout.l2()),
                chain_id: L2_CHAIN,
            },
            contracts: Contracts {
                utility_token: network.contracts.utility_token,
                settlement: network.contracts.settlement,
                dev_token: network.dev_token,
                l1: network.l1,
            },
            operators: (0..OPERATORS).map(operator).collect(),
            providers: market.providers.iter().enumerate().map(provider).collect(),
            gateway: Gateway {
                rpc: url(layout.gateway()),
                pid: children.pid("gateway"),
                packages: market.packages.clone(),
            },
            accounts: BTreeMap::from([
                ("deployer", account(&accounts.deployer)),
                ("consumer", account(&accounts.consumer)),
                ("provider1", account(&accounts.providers[0])),
                ("provider2", account(&accounts.providers[1])),
                ("fresh", account(&accounts.fresh)),
                ("consumer2", account(&accounts.consumer2)),
                ("investor1", account(&accounts.investors[0])),
                ("investor2", account(&accounts.investors[1])),
            ]),
            files: Files {
                operators: layout.path("operators.json"),
                l1_contracts: layout.path("l1.json"),
                wallet: layout.path("consumer/purchases"),
                keys: layout.path("keys"),
                logs: layout.path("logs"),
            },
        }
    }

    /// Writes `devnet.json`, whole or not at all.
    pub fn write(&self, layout: &Layout) -> anyhow::Result<()> {
        let (path, draft) = (layout.path("devnet.json"), layout.path("devnet.json.new"));
        std::fs::write(&draft, serde_json::to_string_pretty(self)?)?;
        std::fs::rename(&draft, &path).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The table for a person.
    pub fn table(&self, took: Duration) -> String {
        let mut lines = vec![format!(
            "\nRampart devnet, ready in {:.0} s. Ctrl-C ends it.\n",
            took.as_secs_f64()
        )];
        lines.extend(self.services());
        lines.push(String::new());
        lines.extend([
            row("UtilityToken", &self.contracts.utility_token, "on the L2"),
            row("Settlement", &self.contracts.settlement, "on the L2"),
            row("DevToken", &self.contracts.dev_token, "on the L1"),
            row(
                "RestakingVault",
                &self.contracts.l1.vault,
                "on the L1, beside EigenLayer's core",
            ),
            row(
                "Governor",
                &self.contracts.l1.governor,
                "on the L1; all others: l1.json",
            ),
        ]);
        lines.push("\n  Well-known development keys, worthless elsewhere:".to_owned());
        lines.extend(
            self.accounts
                .iter()
                .map(|(name, account)| row(name, &account.address, &account.private_key)),
        );
        lines.push(format!(
            "\n  all of this: devnet.json; logs: {}\n",
            self.files.logs.display()
        ));
        lines.join("\n")
    }

    /// What listens, and where.
    fn services(&self) -> Vec<String> {
        let mut lines = vec![
            row(
                "gateway",
                &self.gateway.rpc,
                "JSON-RPC: send transactions here; bad ones stop",
            ),
            row("L1", &self.l1.rpc, &format!("chain {}", self.l1.chain_id)),
            row("L2", &self.l2.rpc, &format!("chain {}", self.l2.chain_id)),
        ];
        for (index, operator) in self.operators.iter().enumerate() {
            let api = format!("{}/v1/status", operator.api);
            let process = format!("process {}", operator.pid);
            lines.push(row(&operator_name(index), &api, &process));
        }
        for provider in &self.providers {
            let services: Vec<String> = provider
                .services
                .iter()
                .map(|s| {
                    format!(
                        "service {}: {} requests for {} tokens",
                        s.id,
                        s.requests,
                        s.fee.to_tokens()
                    )
                })
                .collect();
            lines.push(row(
                &format!("provider {}", provider.id),
                &provider.sidecar,
                &services.join("; "),
            ));
        }
        lines
    }
}

/// A line of the table.
fn row(name: &str, value: &impl ToString, note: &str) -> String {
    format!("  {name:<16} {:<44} {note}", value.to_string())
}
