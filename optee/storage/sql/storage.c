/* SPDX-License-Identifier: Apache-2.0 */
/* trusthealth/storage.h: the volume, and SQLCipher databases in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trusthealth/platform.h>
#include <trusthealth/storage.h>

#include "backing_rpc.h"
#include "sfs.h"
#include "sqlite3.h"
#include "vfs.h"

/* Exported by SQLCipher, not declared in sqlite3.h without SQLITE_HAS_CODEC. */
int sqlite3_key(sqlite3 *database, const void *key, int bytes);

#define MAX_NAME 64
#define COPY_BYTES (4 * SFS_BLOCK_BYTES)

/* Blocks between SQLite and the volume: pointer blocks and what a transaction changes. SQLite has its own cache. */
#ifndef TH_STORAGE_CACHE_BLOCKS
#define TH_STORAGE_CACHE_BLOCKS 192
#endif
/* 2 GiB. */
#ifndef TH_STORAGE_MAX_BLOCKS
#define TH_STORAGE_MAX_BLOCKS (512u * 1024)
#endif

/*
 * Pages of databases: one piece from the start, so that they do not lie scattered in a heap that others need in large
 * pieces. Half a MiB of them, and some for temporary tables.
 */
#ifndef TH_STORAGE_PAGES
#define TH_STORAGE_PAGES 144
#endif
#define PAGE_BYTES 4096

static struct sfs_backing backing;
static struct sfs *fs;
static void *pages;

static int start_sqlite(void)
{
	int header = 0, rc = sqlite3_config(SQLITE_CONFIG_PCACHE_HDRSZ, &header);

	if (rc == SQLITE_OK) {
		pages = malloc((size_t)TH_STORAGE_PAGES * (PAGE_BYTES + header));
		rc = pages ? sqlite3_config(SQLITE_CONFIG_PAGECACHE, pages, PAGE_BYTES + header, TH_STORAGE_PAGES) :
			     SQLITE_NOMEM;
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_initialize();
	return rc == SQLITE_OK ? SFS_OK : SFS_NO_MEMORY;
}

/* Sorting that a power cut interrupted. */
static int clear_temporary(void)
{
	char path[8 + SFS_NAME_MAX];
	struct sfs_entry entry;
	uint32_t cursor = 0;
	int rc = sfs_mkdir(fs, "/tmp", 0700);

	if (rc != SFS_EXISTS)
		return rc;
	while ((rc = sfs_list(fs, "/tmp", &cursor, &entry)) == 1) {
		snprintf(path, sizeof(path), "/tmp/%s", entry.name);
		rc = sfs_unlink(fs, path);
		if (rc)
			return rc;
	}
	return rc;
}

static int platform_result(int rc)
{
	switch (rc) {
	case SFS_OK:
		return TH_OK;
	case SFS_TAMPERED:
	case SFS_ROLLED_BACK:
		return TH_ERROR_AUTH;
	case SFS_NO_MEMORY:
		return TH_ERROR_MEMORY;
	default:
		return TH_ERROR_RPC;
	}
}

static int read_anchor(void *context, uint8_t record[SFS_ANCHOR_BYTES], bool *present)
{
	int is_present = 0, rc = th_anchor_read(record, &is_present);

	(void)context;
	*present = is_present;
	return rc;
}

static int write_anchor(void *context, const uint8_t record[SFS_ANCHOR_BYTES])
{
	(void)context;
	return th_anchor_write(record);
}

static const struct sfs_anchor anchor = { .read = read_anchor, .write = write_anchor };
_Static_assert(SFS_ANCHOR_BYTES == TH_ANCHOR_BYTES, "the anchor's record");

int th_storage_start(void)
{
	struct sfs_config config = { .backing = &backing,
				     .anchor = th_anchor_exists() ? &anchor : NULL,
				     .cache_blocks = TH_STORAGE_CACHE_BLOCKS,
				     .max_blocks = TH_STORAGE_MAX_BLOCKS };
	int rc;

	if (fs)
		return TH_ERROR_ARGUMENT;
	rc = th_derive_key("storage/volume", config.key);
	if (rc)
		return rc;
	if (backing_rpc_open(&backing))
		return TH_ERROR_MEMORY;
	rc = sfs_mount(&config, &fs);
	if (rc == SFS_NO_VOLUME) {
		rc = sfs_format(&config);
		if (rc == SFS_OK)
			rc = sfs_mount(&config, &fs);
	}
	memset(config.key, 0, sizeof(config.key));
	if (rc == SFS_OK)
		rc = clear_temporary();
	if (rc == SFS_OK) {
		vfs_use(fs);
		rc = start_sqlite();
	}
	if (rc)
		th_storage_stop();
	return platform_result(rc);
}

void th_storage_stop(void)
{
	sqlite3_shutdown();
	if (pages) {
		memset(pages, 0, (size_t)TH_STORAGE_PAGES * PAGE_BYTES);
		free(pages);
		pages = NULL;
	}
	vfs_use(NULL);
	sfs_unmount(fs);
	fs = NULL;
	backing_rpc_close(&backing);
}

static int good_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > MAX_NAME || name[0] == '.' || name[0] == '-')
		return 0;
	for (size_t i = 0; i < length; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') || name[i] == '.' || name[i] == '_' || name[i] == '-'))
			return 0;
	return 1;
}

static int set_key(sqlite3 *database, const uint8_t key[32])
{
	static const char digits[] = "0123456789abcdef";
	char text[68] = "x'";
	int rc;

	for (int i = 0; i < 32; i++) {
		text[2 + 2 * i] = digits[key[i] >> 4];
		text[3 + 2 * i] = digits[key[i] & 15];
	}
	text[66] = '\'';
	rc = sqlite3_key(database, text, 67);
	memset(text, 0, sizeof(text));
	return rc;
}

int th_storage_open(const char *name, const uint8_t key[32], size_t cache_kib, struct sqlite3 **out)
{
	char path[MAX_NAME + 2], pragmas[256];
	sqlite3 *database = NULL;
	int rc;

	*out = NULL;
	if (!fs || !good_name(name) || cache_kib > 64 * 1024)
		return SQLITE_MISUSE;
	snprintf(path, sizeof(path), "/%s", name);
	rc = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc == SQLITE_OK)
		rc = set_key(database, key);
	/* The journal is for ROLLBACK only (vfs.h), kept empty rather than removed. */
	snprintf(pragmas, sizeof(pragmas),
		 "PRAGMA cache_size = -%u; PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = FILE;"
		 "PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON;",
		 cache_kib ? (unsigned)cache_kib : 512u);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(database, pragmas, NULL, NULL, NULL);
	/* The first access: a wrong key or a damaged first page shows here. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(database, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(database, "PRAGMA journal_mode = TRUNCATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		sqlite3_close(database);
		return rc;
	}
	*out = database;
	return SQLITE_OK;
}

static int copy_file(const char *from, const char *to)
{
	int in = sfs_open(fs, from, SFS_READ, 0), out = -1;
	uint8_t *bytes = malloc(COPY_BYTES);
	int64_t got = in < 0 ? in : bytes ? 0 : SFS_NO_MEMORY;

	if (got == 0) {
		out = sfs_open(fs, to, SFS_WRITE | SFS_CREATE | SFS_EXCLUSIVE, 0600);
		got = out < 0 ? out : 1;
	}
	while (got > 0) {
		got = sfs_read(fs, in, bytes, COPY_BYTES);
		if (got > 0)
			got = sfs_write(fs, out, bytes, (size_t)got);
	}
	free(bytes);
	if (in >= 0)
		sfs_close(fs, in);
	if (out >= 0)
		sfs_close(fs, out);
	if (got == 0)
		return sfs_sync(fs);
	/* Half a copy would be synced by the next commit. */
	if (out >= 0)
		sfs_unlink(fs, to);
	return (int)got;
}

/* The file itself, page by page: without an open transaction the database has nothing that is not in it. */
int th_storage_backup(struct sqlite3 *database, const char *name)
{
	const char *from = sqlite3_db_filename(database, "main");
	char path[MAX_NAME + 2];
	int rc;

	if (!fs || !from || !good_name(name))
		return SQLITE_MISUSE;
	if (!sqlite3_get_autocommit(database))
		return SQLITE_BUSY;
	snprintf(path, sizeof(path), "/%s", name);
	rc = copy_file(from, path);
	switch (rc) {
	case SFS_OK:
		return SQLITE_OK;
	case SFS_EXISTS:
		return SQLITE_CANTOPEN;
	case SFS_TAMPERED:
		return SQLITE_IOERR_DATA;
	case SFS_FULL:
		return SQLITE_FULL;
	case SFS_NO_MEMORY:
		return SQLITE_NOMEM;
	default:
		return SQLITE_IOERR;
	}
}
