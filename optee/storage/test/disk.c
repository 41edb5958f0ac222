/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <string.h>

#include "check.h"

void disk_open(struct disk *disk)
{
	memset(disk, 0, sizeof(*disk));
	disk->fail_after = -1;
}

void disk_close(struct disk *disk)
{
	for (size_t i = 0; i < disk->log_count; i++)
		free(disk->log[i].bytes);
	free(disk->log);
	free(disk->bytes);
	disk_open(disk);
}

void disk_copy(struct disk *to, const struct disk *from)
{
	if (to->capacity < from->length) {
		to->bytes = realloc(to->bytes, from->length);
		to->capacity = from->length;
	}
	if (from->length > 0)
		memcpy(to->bytes, from->bytes, from->length);
	to->length = from->length;
}

void disk_put(struct disk *disk, uint32_t address, const uint8_t *bytes, size_t count)
{
	size_t start = (size_t)address * SFS_BLOCK_BYTES, end = start + count;

	if (end > disk->capacity) {
		disk->capacity = end * 2;
		disk->bytes = realloc(disk->bytes, disk->capacity);
	}
	if (end > disk->length) {
		memset(disk->bytes + disk->length, 0, end - disk->length);
		disk->length = end;
	}
	memcpy(disk->bytes + start, bytes, count);
}

static bool failing(struct disk *disk)
{
	if (disk->fail_after < 0)
		return false;
	if (disk->fail_after == 0)
		return true;
	disk->fail_after--;
	return false;
}

static void remember(struct disk *disk, bool is_sync, uint32_t address, const uint8_t *bytes)
{
	struct disk_write *entry;

	if (!disk->recording)
		return;
	if (disk->log_count == disk->log_capacity) {
		disk->log_capacity = disk->log_capacity ? disk->log_capacity * 2 : 256;
		disk->log = realloc(disk->log, disk->log_capacity * sizeof(*disk->log));
	}
	entry = &disk->log[disk->log_count++];
	entry->is_sync = is_sync;
	entry->address = address;
	entry->bytes = NULL;
	if (bytes) {
		entry->bytes = malloc(SFS_BLOCK_BYTES);
		memcpy(entry->bytes, bytes, SFS_BLOCK_BYTES);
	}
}

static int read_blocks(void *context, uint32_t address, uint32_t count, uint8_t *out, size_t *got)
{
	struct disk *disk = context;
	size_t start = (size_t)address * SFS_BLOCK_BYTES, bytes = (size_t)count * SFS_BLOCK_BYTES;

	if (failing(disk))
		return -1;
	*got = start >= disk->length ? 0 : disk->length - start < bytes ? disk->length - start : bytes;
	if (*got > 0)
		memcpy(out, disk->bytes + start, *got);
	return 0;
}

static int write_blocks(void *context, uint32_t address, uint32_t count, const uint8_t *blocks)
{
	struct disk *disk = context;

	if (failing(disk))
		return -1;
	for (uint32_t i = 0; i < count; i++) {
		remember(disk, false, address + i, blocks + (size_t)i * SFS_BLOCK_BYTES);
		disk_put(disk, address + i, blocks + (size_t)i * SFS_BLOCK_BYTES, SFS_BLOCK_BYTES);
	}
	return 0;
}

static int sync_blocks(void *context)
{
	struct disk *disk = context;

	if (failing(disk))
		return -1;
	if (!disk->lost_sync)
		remember(disk, true, 0, NULL);
	return 0;
}

struct sfs_backing disk_backing(struct disk *disk)
{
	return (struct sfs_backing){ .context = disk, .read = read_blocks, .write = write_blocks, .sync = sync_blocks };
}

/* Old and new bytes mixed at a random place, or a file that ends in the middle of the block. */
static void put_torn(struct disk *disk, const struct disk_write *entry)
{
	size_t cut = random_below(SFS_BLOCK_BYTES);

	if (random_below(2) == 0) {
		disk_put(disk, entry->address, entry->bytes, cut);
	} else {
		uint8_t mixed[SFS_BLOCK_BYTES] = { 0 };
		size_t start = (size_t)entry->address * SFS_BLOCK_BYTES;

		if (start + SFS_BLOCK_BYTES <= disk->length)
			memcpy(mixed, disk->bytes + start, SFS_BLOCK_BYTES);
		memcpy(mixed + cut, entry->bytes + cut, SFS_BLOCK_BYTES - cut);
		disk_put(disk, entry->address, mixed, SFS_BLOCK_BYTES);
	}
}

void disk_crash(struct disk *out, const struct disk *before, const struct disk_write *log, size_t count,
		enum crash kind)
{
	size_t synced = 0;

	disk_copy(out, before);
	for (size_t i = 0; i < count; i++)
		if (log[i].is_sync)
			synced = i;
	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count, free_to_go = i >= synced;

		if (log[i].is_sync)
			continue;
		if (!free_to_go || kind == CRASH_IN_ORDER) {
			disk_put(out, log[i].address, log[i].bytes, SFS_BLOCK_BYTES);
		} else if (kind == CRASH_TORN) {
			if (last)
				put_torn(out, &log[i]);
			else
				disk_put(out, log[i].address, log[i].bytes, SFS_BLOCK_BYTES);
		} else {
			/* Reordered: any subset is there. Two writes of one place keep their order, or the first stays. */
			uint32_t fate = random_below(kind == CRASH_REORDERED ? 2 : 3);

			if (fate == 1)
				disk_put(out, log[i].address, log[i].bytes, SFS_BLOCK_BYTES);
			else if (fate == 2)
				put_torn(out, &log[i]);
		}
	}
}
