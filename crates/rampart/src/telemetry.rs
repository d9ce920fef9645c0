//! Traces of what a service does, for a collector that speaks OTLP over HTTP (OpenTelemetry).
//!
//! Decides what is exported, in which order and at what loss: spans of our own crates, a share of the traces, from a queue of
//! fixed length by a thread of its own. Nothing waits for the collector: what it does not take in time is lost, and the log
//! says so once. Which spans there are is decided where they are opened; they have names, heights and routes for attributes,
//! never keys, URLs or what a client wrote.

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter as Export,
};
use rampart_node::config::{DEFAULT_SAMPLE_RATIO, Telemetry};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

/// Spans that wait at most; what comes when it is full is lost.
const QUEUE: usize = 4_096;
/// Spans in one request.
const BATCH: usize = 512;
/// Longest time between two requests.
const PERIOD: Duration = Duration::from_secs(2);
/// Longest time of one request, and of the last ones when the service ends.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the traces of a service go that has no setting for it: an operator has.
#[derive(Debug, clap::Args)]
pub struct TraceArgs {
    /// A collector of OTLP over HTTP, such as http://127.0.0.1:4318, to export traces to.
    #[arg(long, env = "RAMPART_OTLP_ENDPOINT", hide_env_values = true)]
    otlp_endpoint: Option<String>,
    /// Share of the traces that are exported, from 0 to 1.
    #[arg(long, env = "RAMPART_OTLP_SAMPLE_RATIO", default_value_t = DEFAULT_SAMPLE_RATIO)]
    otlp_sample_ratio: f64,
}

impl TraceArgs {
    /// Starts to export, if there is somewhere to export to.
    pub fn start(self, service: &'static str) -> anyhow::Result<Option<Traces>> {
        let telemetry = self.otlp_endpoint.map(|otlp_endpoint| Telemetry {
            otlp_endpoint,
            sample_ratio: self.otlp_sample_ratio,
        });
        telemetry
            .map(|telemetry| Traces::start(service, &telemetry))
            .transpose()
    }
}

/// What exports. Dropped, it exports what waits.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts to export as a service of this name.
    ///
    /// # Errors
    /// When the endpoint is no URL that could be asked. That nobody answers there is no error.
    pub fn start(service: &'static str, telemetry: &Telemetry) -> anyhow::Result<Self> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(telemetry.traces_url()?)
            .with_timeout(TIMEOUT)
            .build()
            .context("traces cannot be exported")?;
        let queue = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(PERIOD)
            .build();
        let told = Told {
            exporter,
            failing: AtomicBool::new(false),
        };
        let processor = BatchSpanProcessor::builder(told).with_batch_config(queue).build();
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(version)
            .build();
        let share = Sampler::TraceIdRatioBased(telemetry.sample_ratio);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .build();
        Ok(Self { provider })
    }

    /// Takes the spans of our crates from those that the process opens.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let ours = FilterFn::new(|metadata| metadata.is_span() && metadata.target().starts_with("rampart"));
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("rampart"))
            .with_location(false)
            .with_threads(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::DEBUG))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that does not answer was told of already.
        let _ = self.provider.shutdown_with_timeout(TIMEOUT);
    }
}

/// An exporter whose failures are told once each time that they begin, and without the collector's URL.
#[derive(Debug)]
struct Told {
    exporter: SpanExporter,
    failing: AtomicBool,
}

impl Export for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let failed = self.exporter.export(batch).await.is_err();
        match (failed, self.failing.swap(failed, Ordering::Relaxed)) {
            (true, false) => tracing::warn!(
                "the collector of traces does not take them: they are lost until it does; see [telemetry] otlp_endpoint"
            ),
            (false, true) => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        // It is told: the queue would tell it again with each request.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
