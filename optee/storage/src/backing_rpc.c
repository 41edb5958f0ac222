/* SPDX-License-Identifier: Apache-2.0 */
#include "backing_rpc.h"

#include <stdlib.h>
#include <string.h>
#include <trusthealth/platform.h>

#include "volume_rpc.h"

#define BUFFER_BYTES (VOLUME_PREFIX_BYTES + VOLUME_MAX_COUNT * VOLUME_BLOCK_BYTES)

_Static_assert(SFS_BLOCK_BYTES == VOLUME_BLOCK_BYTES, "both sides count in the same blocks");
_Static_assert(BUFFER_BYTES <= TH_RPC_MAX_BYTES, "a call fits");

static void put32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static int read_blocks(void *context, uint32_t address, uint32_t count, uint8_t *out, size_t *got)
{
	uint8_t *buffer = context;
	size_t bytes = (size_t)count * VOLUME_BLOCK_BYTES;

	if (count == 0 || count > VOLUME_MAX_COUNT)
		return -1;
	put32(buffer, address);
	put32(buffer + 4, count);
	if (th_rpc(VOLUME_READ, buffer, VOLUME_PREFIX_BYTES, bytes, got) || *got > bytes)
		return -1;
	memcpy(out, buffer, *got);
	return 0;
}

static int write_blocks(void *context, uint32_t address, uint32_t count, const uint8_t *blocks)
{
	uint8_t *buffer = context;
	size_t bytes = (size_t)count * VOLUME_BLOCK_BYTES, got;

	if (count == 0 || count > VOLUME_MAX_COUNT)
		return -1;
	put32(buffer, address);
	put32(buffer + 4, count);
	memcpy(buffer + VOLUME_PREFIX_BYTES, blocks, bytes);
	return th_rpc(VOLUME_WRITE, buffer, VOLUME_PREFIX_BYTES + bytes, 0, &got) ? -1 : 0;
}

static int sync_blocks(void *context)
{
	uint8_t *buffer = context;
	size_t got;

	buffer[0] = 0;
	return th_rpc(VOLUME_SYNC, buffer, 1, 0, &got) ? -1 : 0;
}

int backing_rpc_open(struct sfs_backing *out)
{
	uint8_t *buffer = malloc(BUFFER_BYTES);

	if (!buffer)
		return -1;
	*out = (struct sfs_backing){
		.context = buffer, .read = read_blocks, .write = write_blocks, .sync = sync_blocks
	};
	return 0;
}

void backing_rpc_close(struct sfs_backing *backing)
{
	free(backing->context);
	backing->context = NULL;
}
