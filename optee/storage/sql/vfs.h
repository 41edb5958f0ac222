/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's files in the secure file system. One connection a database, so there are no locks; opening a database twice
 * is SQLITE_CANTOPEN.
 *
 * Durability: a commit ends with SQLITE_FCNTL_COMMIT_PHASETWO, after the journal is empty again; that is where
 * sfs_sync makes database and journal durable together. All other syncs do nothing: a rollback journal is of use only
 * to ROLLBACK, never after a power cut, and one that stays in the cache is never written at all.
 */
#ifndef VFS_H
#define VFS_H

#include "sfs.h"

/* The file system that databases are opened in, or null. SQLite finds the files by sqlite3_os_init. */
void vfs_use(struct sfs *fs);

#endif
