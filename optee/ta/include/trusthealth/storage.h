/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the secure storage (optee/storage) gives to the engine host: SQLCipher databases in a crash-atomic, encrypted
 * file system whose blocks lie in the normal world. Everything else is SQLite's own interface (sqlite3.h).
 */
#ifndef TRUSTHEALTH_STORAGE_H
#define TRUSTHEALTH_STORAGE_H

#include <stddef.h>
#include <stdint.h>

struct sqlite3;

/*
 * Mounts the file system (keys from th_derive_key), registers SQLCipher's crypto provider and the VFS. Called once
 * before the first open. TH_OK, TH_ERROR_RPC, TH_ERROR_AUTH (the store is damaged or of another device; nothing of it
 * was changed), TH_ERROR_MEMORY.
 */
int th_storage_start(void);
/* Closes what is open; what was synced stays. */
void th_storage_stop(void);

/*
 * Opens or creates the database `name` (no path) under a raw SQLCipher key. @returns an SQLite result code, of which
 * SQLITE_NOTADB and SQLITE_CORRUPT mean damage. Pragmas (page size, journal, synchronous, cache) are set by this.
 */
int th_storage_open(const char *name, const uint8_t key[32], size_t cache_kib, struct sqlite3 **database);
/* A consistent copy under the same key in a new file `name`. SQLITE_CANTOPEN if a file of that name exists. */
int th_storage_backup(struct sqlite3 *database, const char *name);

#endif
