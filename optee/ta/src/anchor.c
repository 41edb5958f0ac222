// SPDX-License-Identifier: Apache-2.0
/*
 * The anchor of platform.h: a persistent object of OP-TEE's RPMB storage. The device authenticates and counts writes, and
 * OP-TEE replaces 96 bytes in one of its blocks, or writes them anew and then turns one entry of its table.
 */
#include <tee_api_defines_extensions.h>
#include <tee_internal_api.h>

#include "trusthealth/platform.h"

/* GlobalPlatform's property of the implementation; OP-TEE has 1000 with CFG_RPMB_FS=y, else 100. */
#define LEVEL "gpd.tee.trustedStorage.antiRollback.protectionLevel"
#define LEVEL_HARDWARE 1000
#define ACCESS (TEE_DATA_FLAG_ACCESS_READ | TEE_DATA_FLAG_ACCESS_WRITE)

static const char name[] = "storage/anchor";
/* Opened at its first use; closed by the end of the application. */
static TEE_ObjectHandle object;

int th_anchor_exists(void)
{
	uint32_t level = 0;

	return !TEE_GetPropertyAsU32(TEE_PROPSET_TEE_IMPLEMENTATION, (char *)LEVEL, &level) && level >= LEVEL_HARDWARE;
}

static TEE_Result open_object(void)
{
	if (object)
		return TEE_SUCCESS;
	return TEE_OpenPersistentObject(TEE_STORAGE_PRIVATE_RPMB, name, sizeof(name) - 1, ACCESS, &object);
}

int th_anchor_read(uint8_t record[TH_ANCHOR_BYTES], int *present)
{
	TEE_Result result = open_object();
	size_t count = 0;

	*present = 0;
	if (result == TEE_ERROR_ITEM_NOT_FOUND)
		return TH_OK;
	if (result || TEE_SeekObjectData(object, 0, TEE_DATA_SEEK_SET) ||
	    TEE_ReadObjectData(object, record, TH_ANCHOR_BYTES, &count) || count != TH_ANCHOR_BYTES)
		return TH_ERROR_RPC;
	*present = 1;
	return TH_OK;
}

int th_anchor_write(const uint8_t record[TH_ANCHOR_BYTES])
{
	TEE_Result result = open_object();

	if (result == TEE_ERROR_ITEM_NOT_FOUND)
		return TEE_CreatePersistentObject(TEE_STORAGE_PRIVATE_RPMB, name, sizeof(name) - 1, ACCESS,
						  TEE_HANDLE_NULL, record, TH_ANCHOR_BYTES, &object) ?
			       TH_ERROR_RPC :
			       TH_OK;
	if (result || TEE_SeekObjectData(object, 0, TEE_DATA_SEEK_SET) ||
	    TEE_WriteObjectData(object, record, TH_ANCHOR_BYTES))
		return TH_ERROR_RPC;
	return TH_OK;
}
