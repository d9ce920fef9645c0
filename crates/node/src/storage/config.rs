//! Sizes and partition names of everything on disk.
//!
//! The page size is part of the format on disk: a change of [`PAGE`] is a migration.

use crate::storage::StateOperation;
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::{
    archive::prunable, journal::contiguous::variable::Config as LogConfig, mmr::full::Config as MmrConfig,
    qmdb::any::VariableConfig, translator::EightCap,
};
use commonware_utils::{NZU16, NZU64, NZUsize};
use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};

/// Page of the runtime's blobs: 4,084 bytes of data and 12 of checksum fill one 4 KiB page of the disk.
const PAGE: NonZeroU16 = NZU16!(4084);

/// Buffer of one journal's writes or replay, bytes.
pub const IO_BUFFER: NonZeroUsize = NZUsize!(64 * 1024);

/// Blocks in one section of an archive unless told otherwise.
const ITEMS_PER_SECTION: NonZeroU64 = NZU64!(1024);

/// Operations of the state log in one blob.
const OPERATIONS_PER_BLOB: NonZeroU64 = NZU64!(1 << 16);

/// Operations in one state-sync response. With the largest record this is half a megabyte.
pub const SYNC_BATCH: NonZeroU64 = NZU64!(16);

/// Read buffer of the state's start-up replay, bytes.
const INIT_BUFFER: NonZeroUsize = NZUsize!(1 << 20);

/// What an operator can size.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// Prefix of every partition: one chain a prefix.
    pub prefix: String,
    /// Pages of 4 KiB kept in memory for all journals together.
    pub cache_pages: NonZeroUsize,
    /// Entries of the cache that start-up uses to rebuild the state's index. Too few make a restart slow: with
    /// 400,000 updates it took 73 s at 2^16 and 3.8 s at 2^22.
    pub index_cache: NonZeroUsize,
    /// Tasks that rebuild the state's index at start-up: as many as there are cores.
    pub index_tasks: NonZeroUsize,
    /// Finalised blocks to keep for peers that lag; `None` keeps all. State log operations that are no longer
    /// needed go with them. A restart needs those of the epoch before.
    pub retain_blocks: Option<NonZeroUsize>,
    /// Blocks in one section of an archive: what is pruned is pruned by whole sections. It is part of the format on disk.
    pub items_per_section: NonZeroU64,
}

impl StorageConfig {
    /// Sizes for an operator on a machine with 1 GiB to spare: 64 MiB of pages, an index cache of 2^22 entries.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            cache_pages: NZUsize!(1 << 14),
            index_cache: NZUsize!(1 << 22),
            index_tasks: NZUsize!(2),
            retain_blocks: None,
            items_per_section: ITEMS_PER_SECTION,
        }
    }
}

/// The page cache that all journals of one operator share.
pub fn page_cache(config: &StorageConfig) -> CacheRef {
    CacheRef::new(PAGE, config.cache_pages)
}

/// Configuration of the state database.
pub fn state_config(config: &StorageConfig, page_cache: CacheRef) -> StateConfig {
    let prefix = &config.prefix;
    VariableConfig {
        merkle_config: MmrConfig {
            journal_partition: format!("{prefix}-state-mmr-journal"),
            metadata_partition: format!("{prefix}-state-mmr-metadata"),
            items_per_blob: OPERATIONS_PER_BLOB,
            write_buffer: IO_BUFFER,
            replay_buffer: IO_BUFFER,
            strategy: Sequential,
            page_cache: page_cache.clone(),
        },
        journal_config: LogConfig {
            partition: format!("{prefix}-state-log"),
            items_per_section: OPERATIONS_PER_BLOB,
            compression: None,
            codec_config: Default::default(),
            page_cache,
            write_buffer: IO_BUFFER,
            replay_buffer: IO_BUFFER,
        },
        translator: EightCap,
        init_cache: Some(config.index_cache),
        init_buffer: INIT_BUFFER,
        init_concurrency: config.index_tasks,
    }
}

/// Configuration of the state database as the engine takes it.
pub type StateConfig = VariableConfig<EightCap, StateCodec, Sequential, NonZeroUsize>;

/// Codec configuration of the state log's operations.
type StateCodec = <StateOperation as commonware_codec::Read>::Cfg;

/// Configuration of an archive of blocks or certificates.
pub fn archive_config<C>(
    config: &StorageConfig,
    name: &str,
    page_cache: CacheRef,
    codec_config: C,
) -> prunable::Config<EightCap, C> {
    let prefix = &config.prefix;
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{prefix}-{name}-metadata"),
        key_partition: format!("{prefix}-{name}-key"),
        key_page_cache: page_cache,
        value_partition: format!("{prefix}-{name}-value"),
        compression: None,
        codec_config,
        items_per_section: config.items_per_section,
        key_write_buffer: IO_BUFFER,
        value_write_buffer: IO_BUFFER,
        replay_buffer: IO_BUFFER,
    }
}
