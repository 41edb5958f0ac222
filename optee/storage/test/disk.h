/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory that remembers every write and sync, and can be put back to any moment as a power cut would leave
 * it: what was synced is whole; of what was not, any part may be there, in any order, whole, torn or cut short.
 */
#ifndef TEST_DISK_H
#define TEST_DISK_H

#include <stdbool.h>

#include "sfs.h"

struct disk_write {
	uint32_t address; /* one block; a longer write is several */
	bool is_sync;
	uint8_t *bytes;
};

struct disk {
	uint8_t *bytes;
	size_t length, capacity; /* in bytes */
	bool recording;
	struct disk_write *log;
	size_t log_count, log_capacity;
	long fail_after; /* operations until all fail; -1: never */
	bool lost_sync; /* syncs are ignored: what a lying disk does */
};

void disk_open(struct disk *disk);
void disk_close(struct disk *disk);
struct sfs_backing disk_backing(struct disk *disk);
void disk_copy(struct disk *to, const struct disk *from);
/* Sets one block, growing the disk with zeros. */
void disk_put(struct disk *disk, uint32_t address, const uint8_t *bytes, size_t count);

enum crash { CRASH_IN_ORDER, CRASH_TORN, CRASH_REORDERED, CRASH_REORDERED_TORN, CRASH_KINDS };
/* `out` becomes `before` plus what survives of the first `count` operations of `log`. */
void disk_crash(struct disk *out, const struct disk *before, const struct disk_write *log, size_t count,
		enum crash kind);

#endif
