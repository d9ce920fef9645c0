//! What there is to see of services and purchases.

use super::CategoryArg;
use crate::args::{NodeArgs, OutputArgs};
use crate::output;
use crate::session::Session;
use clap::{Args, ValueEnum};
use rampart_client::{ServiceQuery, ServiceSort};
use rampart_protocol::api::ServiceView;
use rampart_protocol::message::Component;
use rampart_protocol::{Amount, Ppm, ProviderId, PurchaseId, Seconds, ServiceId};

/// Which services to list.
#[derive(Debug, Args)]
pub struct Filters {
    /// Only of this provider.
    #[arg(long)]
    provider: Option<u64>,
    /// Only of this category.
    #[arg(long)]
    category: Option<CategoryArg>,
    /// Only of providers with at least this score, in millionths.
    #[arg(long, value_name = "PPM")]
    min_score: Option<u32>,
    /// Only for at most this fee, in tokens.
    #[arg(long, value_name = "TOKENS", value_parser = crate::args::tokens)]
    max_price: Option<Amount>,
    /// Only with this text in the description or the provider's name.
    #[arg(long)]
    text: Option<String>,
    /// Only those that can be bought.
    #[arg(long)]
    active: bool,
    /// The order.
    #[arg(long, value_enum, default_value_t = SortArg::Id)]
    sort: SortArg,
    /// Most services to list.
    #[arg(long, default_value_t = 1_000)]
    most: usize,
}

/// The order of a list of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SortArg {
    /// By id.
    Id,
    /// Cheapest first.
    Price,
    /// Best score first.
    Score,
}

/// The services that the filters leave.
pub async fn services(session: &Session, filters: Filters) -> anyhow::Result<Vec<ServiceView>> {
    let query = ServiceQuery {
        provider: filters.provider.map(ProviderId),
        category: filters.category.map(Into::into),
        min_score: filters.min_score.map(Ppm),
        max_price: filters.max_price,
        text: filters.text,
        active: filters.active.then_some(true),
        sort: match filters.sort {
            SortArg::Id => ServiceSort::Id,
            SortArg::Price => ServiceSort::Price,
            SortArg::Score => ServiceSort::Score,
        },
    };
    let (mut services, mut after) = (Vec::new(), None);
    loop {
        let page = session
            .client
            .find_services(&query, after.as_deref(), 200)
            .await?;
        services.extend(page.services);
        after = page.next;
        if after.is_none() || services.len() >= filters.most {
            services.truncate(filters.most);
            return Ok(services);
        }
    }
}

/// A service for a person.
pub fn describe(service: &ServiceView) -> Vec<String> {
    let state = if service.active { "" } else { "  (retired)" };
    let (shortest, longest) = (duration(service.min_duration), duration(service.max_duration));
    let mut lines = vec![
        format!(
            "{:>4}  {} requests for {} tokens, {} by {} (score {}.{:02}), version {}{state}",
            service.id,
            service.requests,
            service.fee.to_tokens(),
            service.category.name(),
            service.provider_name,
            service.score.0 / 1_000_000,
            service.score.0 % 1_000_000 / 10_000,
            service.version,
        ),
        format!(
            "      {}; valid {shortest} to {longest}; {}",
            service.description, service.endpoint
        ),
    ];
    lines.extend(service.components.iter().map(bundled));
    lines
}

fn bundled(component: &Component) -> String {
    format!(
        "      with {} packages of service {} (version {}), {} of its requests for each",
        component.packages, component.service, component.version, component.uses
    )
}

/// Shows one version of a service's terms.
pub async fn terms(
    service: ServiceId,
    version: Option<u32>,
    node: &NodeArgs,
    output: OutputArgs,
) -> anyhow::Result<()> {
    let client = Session::open(node).await?.client;
    let version = match version {
        Some(version) => version,
        None => client.service(service).await?.version,
    };
    let terms = client.terms(service, version).await?;
    output::print(output, &terms, |terms| {
        let state = if terms.active { "" } else { ", retired" };
        let (shortest, longest) = (duration(terms.min_duration), duration(terms.max_duration));
        let mut lines = vec![
            format!(
                "service {}, version {}, since {}{state}",
                terms.service, terms.version, terms.since
            ),
            format!("category     {}", terms.category.name()),
            format!("description  {}", terms.description),
            format!(
                "package      {} requests for {} tokens, valid {shortest} to {longest}",
                terms.requests,
                terms.fee.to_tokens()
            ),
        ];
        if !terms.endpoint.is_empty() {
            lines.push(format!("endpoint     {}", terms.endpoint));
        }
        lines.extend(terms.openapi.map(|digest| format!("openapi      {digest}")));
        lines.extend(terms.components.iter().map(bundled));
        lines
    })
}

/// Shows a purchase.
pub async fn purchase(id: PurchaseId, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let purchase = Session::open(node).await?.client.purchase(id).await?;
    output::print(output, &purchase, |purchase| {
        let record = &purchase.record;
        let mut lines = vec![
            format!(
                "service {} (version {}) of provider {}, bought by {} at height {}",
                record.service, record.version, record.provider, record.consumer, purchase.height
            ),
            format!(
                "package     {} requests for {} tokens, {} used as reported",
                record.requests,
                record.fee.to_tokens(),
                purchase.used
            ),
            format!("expires     {}", record.expires_at),
            format!("access key  {}", purchase.current_access_key),
        ];
        if purchase.closed {
            lines.push(format!(
                "refunded    {} tokens; no more of it can be used",
                purchase.refunded.to_tokens()
            ));
        }
        lines.push(if purchase.reviewed {
            "reviewed    see `rampart consumer review-show`".to_owned()
        } else {
            format!(
                "review      would cost {} tokens",
                purchase.review_fee.to_tokens()
            )
        });
        lines
    })
}

/// A duration in its largest whole unit.
pub fn duration(seconds: Seconds) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let fitting = units
        .into_iter()
        .find(|(size, _)| seconds.0 >= *size && seconds.0.is_multiple_of(*size));
    let (size, name) = fitting.unwrap_or((1, "second"));
    let count = seconds.0 / size;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_largest_whole_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (120, "2 minutes"),
            (86_400, "1 day"),
        ] {
            assert_eq!(duration(Seconds(seconds)), text);
        }
    }
}
