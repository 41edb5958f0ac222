/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free blocks of the volume. The map is not stored: mounting walks the tree and claims what it reaches. A block may
 * be written when neither the last synced state nor the one in memory has it; so a block freed since the last sync
 * stays as it is until the next one is finished.
 */
#include <stdlib.h>

#include "sfs_internal.h"

static bool has(const uint8_t *map, uint32_t address)
{
	return (map[address / 8] >> (address % 8) & 1) != 0;
}

static void set(uint8_t *map, uint32_t address)
{
	map[address / 8] |= (uint8_t)(1u << (address % 8));
}

static void clear(uint8_t *map, uint32_t address)
{
	map[address / 8] &= (uint8_t)~(1u << (address % 8));
}

int space_open(struct sfs *fs, uint32_t extent)
{
	uint32_t blocks = fs->config.max_blocks;
	size_t bytes = (blocks + 7) / 8;

	if (extent < HEADER_BLOCKS || extent > blocks)
		return SFS_FULL;
	fs->committed = calloc(1, bytes);
	fs->current = calloc(1, bytes);
	if (!fs->committed || !fs->current)
		return SFS_NO_MEMORY;
	for (uint32_t i = 0; i < HEADER_BLOCKS; i++) {
		set(fs->committed, i);
		set(fs->current, i);
	}
	fs->extent = extent;
	fs->cursor = HEADER_BLOCKS;
	fs->free_blocks = blocks - HEADER_BLOCKS;
	fs->held_blocks = 0;
	return SFS_OK;
}

void space_close(struct sfs *fs)
{
	free(fs->committed);
	free(fs->current);
}

bool space_room(const struct sfs *fs, uint32_t more)
{
	return fs->free_blocks >= (uint64_t)fs->dirty_nodes + more + RESERVED_BLOCKS;
}

int space_claim(struct sfs *fs, uint32_t address)
{
	if (address < HEADER_BLOCKS || address >= fs->extent || has(fs->current, address))
		return SFS_TAMPERED;
	set(fs->current, address);
	set(fs->committed, address);
	fs->free_blocks--;
	return SFS_OK;
}

/*
 * Upwards, so that blocks written together lie together; back to the start before the volume grows, when a ninth of it
 * or so is free.
 */
static void turn_back(struct sfs *fs)
{
	uint32_t taken = fs->config.max_blocks - HEADER_BLOCKS - fs->free_blocks;
	uint32_t below = fs->extent - HEADER_BLOCKS - taken;

	if (fs->cursor >= fs->extent && below >= fs->extent / 8 + RUN_BLOCKS)
		fs->cursor = HEADER_BLOCKS;
}

uint32_t space_take(struct sfs *fs)
{
	uint32_t blocks = fs->config.max_blocks;

	turn_back(fs);
	for (uint32_t tried = 0; tried < blocks; tried++) {
		uint32_t address = fs->cursor;

		fs->cursor = fs->cursor + 1 == blocks ? HEADER_BLOCKS : fs->cursor + 1;
		if (has(fs->current, address) || has(fs->committed, address))
			continue;
		set(fs->current, address);
		fs->free_blocks--;
		if (address >= fs->extent)
			fs->extent = address + 1;
		return address;
	}
	return 0;
}

void space_give(struct sfs *fs, uint32_t address)
{
	clear(fs->current, address);
	if (has(fs->committed, address))
		fs->held_blocks++;
	else
		fs->free_blocks++;
}

void space_commit(struct sfs *fs)
{
	memcpy(fs->committed, fs->current, (fs->config.max_blocks + 7) / 8);
	fs->free_blocks += fs->held_blocks;
	fs->held_blocks = 0;
}
