/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file service as a plugin of tee-supplicant: 5a6f7910-dfb6-435d-b119-272787340950.plugin. The file is
 * $TRUSTHEALTH_VOLUME, or /store/volume.
 */
#include <stdlib.h>
#include <tee_plugin_method.h>

#include "volume.h"

static const char *path(void)
{
	const char *named = getenv("TRUSTHEALTH_VOLUME");

	return named && *named ? named : "/store/volume";
}

/* Opened at the first call: the folder may be mounted after tee-supplicant has started. */
static TEEC_Result invoke(unsigned int command, unsigned int sub_command, void *data, size_t bytes,
			  size_t *answer_bytes)
{
	(void)sub_command;
	if (volume_open(path()) || volume_call(command, data, bytes, answer_bytes))
		return TEEC_ERROR_GENERIC;
	return TEEC_SUCCESS;
}

struct plugin_method plugin_method = {
	"trusthealth files",
	{ 0x5a6f7910, 0xdfb6, 0x435d, { 0xb1, 0x19, 0x27, 0x27, 0x87, 0x34, 0x09, 0x50 } },
	NULL,
	invoke,
};
