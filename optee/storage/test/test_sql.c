/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLCipher on the secure file system: power cuts at every write while transactions run, ROLLBACK, wrong keys, backups,
 * damage, older volumes, and 10,000 records in bounded memory. With a path as argument the last database is left there as a file, for
 * another SQLCipher to open.
 */
#include <string.h>
#include <trusthealth/platform.h>
#include <trusthealth/storage.h>
#include <unistd.h>

#include "../plugin/volume.h"
#include "anchor.h"
#include "check.h"
#include "rpc.h"
#include "sqlite3.h"

#define COMMITS 40
#define CACHE_KIB 256

static const uint8_t KEY[32] = "a raw key of thirty-two bytes...";
static unsigned long cuts;

static void run(sqlite3 *database, const char *sql)
{
	int rc = sqlite3_exec(database, sql, NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(database));
	CHECK_IS(rc, SQLITE_OK);
}

static sqlite3_int64 number(sqlite3 *database, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3_int64 value;

	CHECK_IS(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
	CHECK_IS(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	CHECK_IS(sqlite3_finalize(statement), SQLITE_OK);
	return value;
}

static sqlite3 *open_database(const char *name)
{
	sqlite3 *database;

	CHECK_IS(th_storage_open(name, KEY, CACHE_KIB, &database), SQLITE_OK);
	return database;
}

static uint64_t mix(uint64_t hash, const uint8_t *bytes, int count)
{
	for (int i = 0; i < count; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash;
}

/* Everything in the tables, in one number. */
static uint64_t digest(sqlite3 *database)
{
	sqlite3_stmt *statement;
	uint64_t hash = 0xcbf29ce484222325u;

	CHECK_IS(sqlite3_prepare_v2(database, "SELECT id, name, body FROM t ORDER BY id", -1, &statement, NULL),
		 SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		sqlite3_int64 id = sqlite3_column_int64(statement, 0);

		hash = mix(hash, (const uint8_t *)&id, sizeof(id));
		hash = mix(hash, sqlite3_column_text(statement, 1), sqlite3_column_bytes(statement, 1));
		hash = mix(hash, sqlite3_column_blob(statement, 2), sqlite3_column_bytes(statement, 2));
	}
	CHECK_IS(sqlite3_finalize(statement), SQLITE_OK);
	return hash;
}

static void random_change(sqlite3 *database)
{
	sqlite3_stmt *statement;
	uint32_t kind = random_below(10);
	const char *sql = kind < 6 ? "INSERT OR REPLACE INTO t VALUES (?1, 'name-' || ?1, randomblob(?2))" :
			  kind < 8 ? "UPDATE t SET body = zeroblob(?2) WHERE id >= ?1 AND id < ?1 + 20" :
				     "DELETE FROM t WHERE id >= ?1 AND id < ?1 + 15 AND ?2";

	CHECK_IS(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
	sqlite3_bind_int(statement, 1, (int)random_below(300));
	sqlite3_bind_int(statement, 2, (int)(1 + random_below(random_below(8) ? 600 : 12000)));
	CHECK_IS(sqlite3_step(statement), SQLITE_DONE);
	CHECK_IS(sqlite3_finalize(statement), SQLITE_OK);
}

/* One row for each page that does not authenticate; not zero ends sqlite3_exec with an error. */
static int no_row(void *context, int columns, char **values, char **names)
{
	(void)context;
	(void)columns;
	(void)names;
	fprintf(stderr, "%s\n", values[0]);
	return 1;
}

static void check_cut(struct disk *cut, size_t at, const size_t ends[], const uint64_t digests[], int commits)
{
	sqlite3 *database;
	int last = 0;

	cuts++;
	rpc_disk = cut;
	while (last < commits && ends[last + 1] <= at)
		last++;
	CHECK_IS(th_storage_start(), TH_OK);
	database = open_database("main");
	if (last > 0 || number(database, "SELECT count(*) FROM sqlite_schema") > 0) {
		int is = (int)number(database, "SELECT n FROM commits");

		CHECK(is == last || is == last + 1);
		CHECK(digest(database) == digests[is]);
		CHECK_IS(number(database, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
			 1);
		CHECK_IS(sqlite3_exec(database, "PRAGMA cipher_integrity_check", no_row, NULL, NULL), SQLITE_OK);
		run(database, "UPDATE commits SET n = -1");
	}
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
}

/* A journal mode of the last commit makes no difference; `spill`: so little cache that pages go out before COMMIT. */
static void power_cuts(uint64_t seed, const char *journal, int spill)
{
	static size_t ends[COMMITS + 2];
	static uint64_t digests[COMMITS + 2];
	struct disk disk, before, cut;
	sqlite3 *database;
	size_t synced = 0, formatted;
	int commits = 0;

	seed_random(seed);
	disk_open(&disk);
	disk_open(&before);
	disk_open(&cut);
	disk.recording = true;
	rpc_disk = &disk;
	CHECK_IS(th_storage_start(), TH_OK);
	formatted = disk.log_count;
	database = open_database("main");
	run(database, journal);
	if (spill)
		run(database, "PRAGMA cache_size = 5; PRAGMA cache_spill = 1");
	run(database, "BEGIN; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, body BLOB) STRICT;"
		      "CREATE UNIQUE INDEX by_name ON t (name); CREATE TABLE commits (n INTEGER) STRICT;"
		      "INSERT INTO commits VALUES (1); COMMIT");
	ends[++commits] = disk.log_count;
	digests[commits] = digest(database);
	while (commits < COMMITS) {
		bool undo = random_below(5) == 0;

		run(database, "BEGIN IMMEDIATE; UPDATE commits SET n = n + 1");
		for (uint32_t i = random_below(12); i > 0; i--)
			random_change(database);
		/* A failed statement inside takes back its own part only. */
		CHECK(sqlite3_exec(database, "INSERT INTO t SELECT id + 1000, 'same', NULL FROM t LIMIT 2", NULL, NULL,
				   NULL) != SQLITE_BUSY);
		run(database, undo ? "ROLLBACK" : "COMMIT");
		if (undo) {
			CHECK(digest(database) == digests[commits]);
			continue;
		}
		commits++;
		ends[commits] = disk.log_count;
		digests[commits] = digest(database);
	}
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
	disk.recording = false;
	for (size_t at = 0; at <= disk.log_count; at++) {
		if (at > 0 && disk.log[at - 1].is_sync) {
			for (size_t i = synced; i < at; i++)
				if (!disk.log[i].is_sync)
					disk_put(&before, disk.log[i].address, disk.log[i].bytes, SFS_BLOCK_BYTES);
			synced = at;
		}
		if (at < formatted)
			continue;
		disk_crash(&cut, &before, disk.log + synced, at - synced, (enum crash)(at % CRASH_KINDS));
		check_cut(&cut, at, ends, digests, commits);
	}
	disk_close(&disk);
	disk_close(&before);
	disk_close(&cut);
}

static void port(void)
{
	uint8_t other[32] = "another key";
	struct disk disk;
	sqlite3 *database, *second;

	disk_open(&disk);
	rpc_disk = &disk;
	CHECK_IS(th_storage_open("main", KEY, 0, &database), SQLITE_MISUSE);
	CHECK_IS(th_storage_start(), TH_OK);
	CHECK_IS(th_storage_start(), TH_ERROR_ARGUMENT);
	CHECK_IS(th_storage_open("../main", KEY, 0, &database), SQLITE_MISUSE);
	CHECK_IS(th_storage_open("", KEY, 0, &database), SQLITE_MISUSE);
	CHECK_IS(th_storage_open("-main", KEY, 0, &database), SQLITE_MISUSE);
	database = open_database("main");
	CHECK_IS(th_storage_open("main", KEY, 0, &second), SQLITE_CANTOPEN);
	run(database, "CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT) STRICT;"
		      "INSERT INTO t VALUES (9007199254740991, 'penicillin-canary')");
	run(database, "CREATE VIRTUAL TABLE f USING fts5 (s); INSERT INTO f VALUES ('asthma and penicillin')");
	CHECK_IS(number(database, "SELECT count(*) FROM f WHERE f MATCH 'penicillin'"), 1);
	CHECK_IS(number(database, "SELECT n FROM t"), 9007199254740991);
	CHECK_IS(th_storage_backup(database, "copy"), SQLITE_OK);
	CHECK_IS(th_storage_backup(database, "copy"), SQLITE_CANTOPEN);
	CHECK_IS(th_storage_backup(database, "a/b"), SQLITE_MISUSE);
	run(database, "BEGIN; INSERT INTO t VALUES (2, 'x')");
	CHECK_IS(th_storage_backup(database, "copy2"), SQLITE_BUSY);
	run(database, "ROLLBACK");
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	CHECK_IS(th_storage_open("copy", other, 0, &database), SQLITE_NOTADB);
	CHECK_IS(th_storage_open("main", other, 0, &database), SQLITE_NOTADB);
	database = open_database("copy");
	CHECK_IS(number(database, "SELECT count(*) FROM t"), 1);
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	/* Large sorts go through files in the volume, and leave none. */
	database = open_database("main");
	run(database, "CREATE TABLE big (r BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
		      "i < 4000) INSERT INTO big SELECT randomblob(500) FROM n");
	CHECK_IS(number(database, "SELECT count(*) FROM (SELECT r FROM big ORDER BY r LIMIT 4000)"), 4000);
	run(database, "CREATE INDEX by_r ON big (r); DROP TABLE big; VACUUM");
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
	CHECK_IS(th_storage_start(), TH_OK);
	database = open_database("main");
	CHECK_IS(number(database, "SELECT count(*) FROM t"), 1);
	CHECK_IS(number(database, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
	for (size_t i = 0; i + 17 < disk.length; i++)
		if (memcmp(disk.bytes + i, "penicillin-canary", 17) == 0 || memcmp(disk.bytes + i, "SQLite format", 13) == 0)
			CHECK(!"plain text on the disk");
	disk_close(&disk);
}

/* Each block flipped in turn: an error that names damage, or the right answers; the disk is left alone. */
static void damage(void)
{
	struct disk disk, bad;
	sqlite3 *database;
	unsigned refused = 0;

	disk_open(&disk);
	disk_open(&bad);
	rpc_disk = &disk;
	CHECK_IS(th_storage_start(), TH_OK);
	database = open_database("main");
	run(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, body BLOB) STRICT;"
		      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
		      "INSERT INTO t SELECT i, 'n', randomblob(3000) FROM n");
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
	for (size_t block = 4; block < disk.length / SFS_BLOCK_BYTES; block++) {
		int rc;

		disk_copy(&bad, &disk);
		bad.bytes[block * SFS_BLOCK_BYTES + random_below(SFS_BLOCK_BYTES)] ^= 1;
		rpc_disk = &bad;
		rc = th_storage_start();
		CHECK(rc == TH_OK || rc == TH_ERROR_AUTH);
		if (rc == TH_OK) {
			rc = th_storage_open("main", KEY, CACHE_KIB, &database);
			if (rc == SQLITE_OK) {
				rc = sqlite3_exec(database, "SELECT sum(length(body)) FROM t; UPDATE t SET name = 'm'",
						  NULL, NULL, NULL);
				sqlite3_close(database);
			}
			CHECK(rc == SQLITE_OK || rc == SQLITE_IOERR_DATA);
			th_storage_stop();
		}
		refused += rc != 0;
		if (rc != 0)
			CHECK(bad.length == disk.length &&
			      memcmp(bad.bytes + (block + 1) * SFS_BLOCK_BYTES, disk.bytes + (block + 1) * SFS_BLOCK_BYTES,
				     disk.length - (block + 1) * SFS_BLOCK_BYTES) == 0);
	}
	CHECK(refused > 60);
	disk_close(&disk);
	disk_close(&bad);
}

static void commit_one(void)
{
	sqlite3 *database;

	CHECK_IS(th_storage_start(), TH_OK);
	database = open_database("main");
	run(database, "CREATE TABLE IF NOT EXISTS t (n INTEGER) STRICT; INSERT INTO t VALUES (1)");
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
}

static void try_disk(struct disk *disk, int wanted)
{
	struct disk before;

	disk_open(&before);
	disk_copy(&before, disk);
	rpc_disk = disk;
	CHECK_IS(th_storage_start(), wanted);
	if (wanted == TH_OK)
		th_storage_stop();
	CHECK(disk->length == before.length && memcmp(disk->bytes, before.bytes, disk->length) == 0);
	disk_close(&before);
}

/* Where the platform has a memory that cannot be turned back, an older volume does not mount, nor one without a memory. */
static void anchored(void)
{
	struct disk disk, older, fresh;
	struct test_anchor then;

	disk_open(&disk);
	disk_open(&older);
	disk_open(&fresh);
	test_anchor = (struct test_anchor){ .exists = true };
	rpc_disk = &disk;
	commit_one();
	CHECK(test_anchor.present);
	disk_copy(&older, &disk);
	for (int i = 0; i < 5; i++)
		commit_one();
	try_disk(&disk, TH_OK);
	try_disk(&older, TH_ERROR_AUTH);
	then = test_anchor;
	test_anchor = (struct test_anchor){ .exists = true };
	try_disk(&disk, TH_ERROR_AUTH);
	test_anchor = then;
	test_anchor.fails = true;
	try_disk(&disk, TH_ERROR_RPC);
	test_anchor.fails = false;
	/* Without the volume there is a new one, whose anchor refuses the one that comes back. */
	rpc_disk = &fresh;
	commit_one();
	try_disk(&disk, TH_ERROR_AUTH);
	try_disk(&fresh, TH_OK);
	/* What a platform without such a memory does: the ledger has to notice. */
	test_anchor = (struct test_anchor){ .exists = false };
	try_disk(&older, TH_OK);
	disk_close(&disk);
	disk_close(&older);
	disk_close(&fresh);
}

/* Ten thousand records with their indexes: the heap stays below what the trusted application can give. */
static void many_records(unsigned records)
{
	struct disk disk;
	sqlite3 *database;
	sqlite3_stmt *insert, *find;
	size_t sqlite_peak;

	disk_open(&disk);
	rpc_disk = &disk;
	CHECK_IS(th_storage_start(), TH_OK);
	CHECK_IS(th_storage_open("main", KEY, 1024, &database), SQLITE_OK);
	run(database, "CREATE TABLE record (id INTEGER PRIMARY KEY, record BLOB, patient BLOB, body BLOB) STRICT;"
		      "CREATE UNIQUE INDEX by_record ON record (record); CREATE INDEX by_patient ON record (patient)");
	CHECK_IS(sqlite3_prepare_v2(database, "INSERT INTO record VALUES (?1, randomblob(32), ?2, randomblob(4000))", -1,
				    &insert, NULL),
		 SQLITE_OK);
	sqlite3_memory_highwater(1);
	for (unsigned i = 0; i < records; i++) {
		if (i % 50 == 0)
			run(database, "BEGIN IMMEDIATE");
		sqlite3_bind_int64(insert, 1, i);
		sqlite3_bind_blob(insert, 2, &i, 1, SQLITE_TRANSIENT);
		CHECK_IS(sqlite3_step(insert), SQLITE_DONE);
		CHECK_IS(sqlite3_reset(insert), SQLITE_OK);
		if (i % 50 == 49)
			run(database, "COMMIT");
	}
	CHECK_IS(sqlite3_finalize(insert), SQLITE_OK);
	CHECK_IS(number(database, "SELECT count(*) FROM record"), records);
	CHECK_IS(sqlite3_prepare_v2(database, "SELECT count(*), sum(length(body)) FROM record WHERE patient = x'07'", -1,
				    &find, NULL),
		 SQLITE_OK);
	CHECK_IS(sqlite3_step(find), SQLITE_ROW);
	CHECK(sqlite3_column_int(find, 0) > 0);
	CHECK_IS(sqlite3_finalize(find), SQLITE_OK);
	sqlite_peak = (size_t)sqlite3_memory_highwater(0);
	printf("sql: %u records, volume %zu KiB, SQLite's memory at most %zu KiB\n", records, disk.length / 1024,
	       sqlite_peak / 1024);
	CHECK(sqlite_peak < 2 * 1024 * 1024);
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
	disk_close(&disk);
}

/* The plugin's own code and a real file. */
static void through_the_plugin(const char *path)
{
	sqlite3 *database;

	rpc_disk = NULL;
	CHECK_IS(th_storage_start(), TH_ERROR_RPC); /* no file: the normal world refuses */
	CHECK_IS(volume_open(path), 0);
	for (int round = 0; round < 3; round++) {
		CHECK_IS(th_storage_start(), TH_OK);
		database = open_database("main");
		run(database, "CREATE TABLE IF NOT EXISTS t (n INTEGER) STRICT; INSERT INTO t VALUES (1)");
		CHECK_IS(number(database, "SELECT count(*) FROM t"), round + 1);
		CHECK_IS(sqlite3_close(database), SQLITE_OK);
		th_storage_stop();
	}
	volume_close();
	CHECK_IS(unlink(path), 0);
}

/* What lies in the volume is an SQLCipher 4 file: written out for another SQLCipher. */
static void leave_file(const char *path)
{
	struct disk disk;
	struct sfs_backing backing = disk_backing(&disk);
	struct sfs_config config = { .backing = &backing, .cache_blocks = 64, .max_blocks = 8000 };
	uint8_t bytes[SFS_BLOCK_BYTES];
	sqlite3 *database;
	struct sfs *fs;
	int64_t got;
	FILE *out;
	int file;

	disk_open(&disk);
	rpc_disk = &disk;
	CHECK_IS(th_storage_start(), TH_OK);
	database = open_database("main");
	run(database, "CREATE TABLE t (s TEXT) STRICT; INSERT INTO t VALUES ('penicillin-canary')");
	CHECK_IS(sqlite3_close(database), SQLITE_OK);
	th_storage_stop();
	CHECK_IS(th_derive_key("storage/volume", config.key), TH_OK);
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	file = sfs_open(fs, "/main", SFS_READ, 0);
	out = fopen(path, "wb");
	CHECK(file >= 0 && out);
	while ((got = sfs_read(fs, file, bytes, sizeof(bytes))) > 0)
		CHECK(fwrite(bytes, 1, (size_t)got, out) == (size_t)got);
	CHECK_IS(got, 0);
	CHECK_IS(fclose(out), 0);
	sfs_unmount(fs);
	disk_close(&disk);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned records = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
	char path[512];

	printf("sql: seed %llu\n", (unsigned long long)seed);
	seed_random(seed);
	port();
	damage();
	anchored();
	many_records(records);
	snprintf(path, sizeof(path), "%s.volume", argv[0]);
	through_the_plugin(path);
	power_cuts(seed, "PRAGMA journal_mode = TRUNCATE", 0);
	power_cuts(seed + 1, "PRAGMA journal_mode = TRUNCATE", 1);
	power_cuts(seed + 2, "PRAGMA journal_mode = MEMORY", 1);
	power_cuts(seed + 3, "PRAGMA journal_mode = DELETE", 1);
	if (argc > 3)
		leave_file(argv[3]);
	printf("sql: %lu power cuts, %lu checks\n", cuts, checks);
	return 0;
}
