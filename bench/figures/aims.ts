/**
 * What this project set itself to reach on two cores, beside what was measured. An aim that is not met is shown as such.
 *
 * @module
 */
export interface Aim {
  readonly what: string
  readonly id: string
  /** A percentile of the metric instead of its value. */
  readonly of?: 'p50' | 'p95' | 'p99'
  readonly least?: number
  readonly most?: number
}

export const AIMS: readonly Aim[] = [
  { what: 'encrypted INSERT of 10,000 rows', id: 'crud_insert_rows_per_s', least: 200_000 },
  { what: 'encrypted UPDATE of 10,000 rows', id: 'crud_update_rows_per_s', least: 200_000 },
  { what: 'INSERT, encrypted over plain (SQLCipher)', id: 'crud_insert_cipher_plain_ratio', most: 1.3 },
  { what: 'INSERT, encrypted over plain (AEGIS)', id: 'crud_insert_aegis_plain_ratio', most: 1.1 },
  { what: 'speedtest1, encrypted over plain', id: 'speedtest_cipher_plain_ratio', most: 1.5 },
  { what: 'whole path, 500 clients, a signature a record', id: 'store_full_path_per_s_500', least: 5_000 },
  { what: 'a store alone', id: 'store_lone_ms', most: 5 },
  { what: 'a store under load, 99th percentile', id: 'store_latency_ms_500', of: 'p99', most: 250 },
  { what: 'whole path, a signature for 8 records', id: 'store_batch8_per_s_500', least: 10_000 },
  { what: 'bulk import', id: 'bulk_import_per_s', least: 15_000 },
  { what: 'whole path on Fabric, 500 clients', id: 'fabric_store_full_path_per_s_500', least: 2_000 },
  { what: 'a store alone on Fabric', id: 'fabric_store_lone_ms', most: 150 },
  { what: 'a query alone on Fabric', id: 'fabric_query_lone_ms', of: 'p50', most: 10 },
  { what: 'on Fabric, 500 users for a minute: failed requests', id: 'fabric_mixed_500_users_60s_failures', most: 0 },
  { what: 'verified reads', id: 'read_verified_per_s', least: 8_000 },
  { what: 'a verified read alone', id: 'read_lone_ms', most: 2 },
  { what: 'handshakes, over TLS 1.3 of Node', id: 'handshake_tls13_ratio', least: 1 },
  { what: 'empty command, cores busy', id: 'tee_round_trip_us', most: 50 },
  { what: 'into the secure world, 512 MB', id: 'tee_transfer_mb_per_s_512', least: 1_500 },
  { what: 'a store at 10^6 records, over 10^3', id: 'growth_store_p50_ratio_1e6_1e3', most: 1.5 },
  { what: 'a read at 10^6 records, over 10^3', id: 'growth_read_p50_ratio_1e6_1e3', most: 1.5 },
  { what: 'open after a crash at 10^6 records', id: 'growth_open_after_crash_ms_1e6', most: 5_000 },
  { what: 'memory of the trusted application at 10^6 records', id: 'growth_ta_rss_mb_1e6', most: 1_000 },
  { what: 'disk for a record of 2 kB', id: 'disk_bytes_per_ehr', most: 4_000 },
  { what: 'start to first answer', id: 'start_to_first_answer_ms', most: 2_000 },
  { what: '500 users for a minute: failed requests', id: 'mixed_500_users_60s_failures', most: 0 },
]
