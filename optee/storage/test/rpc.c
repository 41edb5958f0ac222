/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc.h"

#include <stdlib.h>
#include <string.h>
#include <trusthealth/platform.h>

#include "../plugin/volume.h"
#include "check.h"
#include "volume_rpc.h"

struct disk *rpc_disk;

static uint32_t get32(const uint8_t *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

int th_rpc(uint32_t command, void *buffer, size_t in_bytes, size_t capacity, size_t *out_bytes)
{
	size_t bytes = in_bytes > capacity ? in_bytes : capacity;
	struct sfs_backing backing;
	uint8_t *data = buffer;
	uint32_t address, count;
	int rc = -1;

	CHECK(bytes > 0 && bytes <= TH_RPC_MAX_BYTES);
	*out_bytes = 0;
	if (!rpc_disk)
		return volume_call(command, data, bytes, out_bytes) || *out_bytes > capacity ? TH_ERROR_RPC : TH_OK;
	backing = disk_backing(rpc_disk);
	if (command == VOLUME_SYNC)
		return backing.sync(backing.context) ? TH_ERROR_RPC : TH_OK;
	CHECK(in_bytes >= VOLUME_PREFIX_BYTES);
	address = get32(data);
	count = get32(data + 4);
	if (command == VOLUME_READ)
		rc = backing.read(backing.context, address, count, data, out_bytes);
	else if (command == VOLUME_WRITE)
		rc = backing.write(backing.context, address, count, data + VOLUME_PREFIX_BYTES);
	return rc ? TH_ERROR_RPC : TH_OK;
}
