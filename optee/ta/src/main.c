// SPDX-License-Identifier: Apache-2.0
/*
 * Entry points of the TA. The commands are documented in optee/README.md. Memory that the normal world shares is read
 * once, into a copy, and written once.
 */
#include <stdio.h>
#include <string.h>
#include <tee_internal_api.h>
#include <tee_internal_api_extensions.h>

#include "engine.h"
#include "trusthealth/platform.h"
#ifdef TH_WITH_STORAGE
#include "trusthealth/storage.h"
#endif

enum command { COMMAND_START = 1, COMMAND_EXCHANGE, COMMAND_MEMORY };

#define FLAG_MORE 1u
#define MAX_INPUT_BYTES (1024 * 1024)

TEE_Result TA_CreateEntryPoint(void)
{
	return TEE_SUCCESS;
}

void TA_DestroyEntryPoint(void)
{
}

TEE_Result TA_OpenSessionEntryPoint(uint32_t types, TEE_Param params[TEE_NUM_PARAMS], void **session)
{
	return TEE_SUCCESS;
}

void TA_CloseSessionEntryPoint(void *session)
{
	engine_stop();
#ifdef TH_WITH_STORAGE
	th_storage_stop();
#endif
}

static TEE_Result start(uint32_t types)
{
	static bool was_started;

	if (types != TEE_PARAM_TYPES(TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE))
		return TEE_ERROR_BAD_PARAMETERS;
	if (was_started)
		return TEE_ERROR_BAD_STATE;
	was_started = true;
	return engine_start() ? TEE_ERROR_GENERIC : TEE_SUCCESS;
}

static TEE_Result exchange(uint32_t types, TEE_Param params[TEE_NUM_PARAMS])
{
	size_t bytes = params[0].memref.size;
	size_t waiting = 0;
	size_t written = 0;
	uint32_t flags = 0;
	uint8_t *input = NULL;
	int result = 0;

	if (types != TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT,
				     TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_VALUE_INPUT) ||
	    bytes > MAX_INPUT_BYTES || params[3].value.a > 1)
		return TEE_ERROR_BAD_PARAMETERS;
	if (!engine_runs())
		return TEE_ERROR_BAD_STATE;
	/* The engine copies it, in one go, before any of it is looked at. */
	input = params[0].memref.buffer;
	result = engine_exchange(input, bytes, params[3].value.a, &flags);
	if (!result)
		result = engine_take(params[1].memref.buffer, params[1].memref.size, &written, &waiting);
	if (result) {
		engine_stop();
		return TEE_ERROR_GENERIC;
	}
	params[1].memref.size = written;
	params[2].value.a = flags | (waiting ? FLAG_MORE : 0);
	params[2].value.b = (uint32_t)waiting;
	return TEE_SUCCESS;
}

static TEE_Result memory(uint32_t types, TEE_Param params[TEE_NUM_PARAMS])
{
	size_t now = 0;
	size_t peak = 0;
	char text[128] = { };
	int length = 0;

	if (types != TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE,
				     TEE_PARAM_TYPE_NONE))
		return TEE_ERROR_BAD_PARAMETERS;
	engine_memory(&now, &peak);
	length = snprintf(text, sizeof(text), "engine %zu\nengine-peak %zu\nheap %u\n", now, peak,
			  (unsigned int)TH_HEAP_KIB * 1024);
	if (length < 0 || (size_t)length > params[0].memref.size)
		return TEE_ERROR_SHORT_BUFFER;
	memcpy(params[0].memref.buffer, text, (size_t)length);
	params[0].memref.size = (size_t)length;
	return TEE_SUCCESS;
}

TEE_Result TA_InvokeCommandEntryPoint(void *session, uint32_t command, uint32_t types,
				      TEE_Param params[TEE_NUM_PARAMS])
{
	switch (command) {
	case COMMAND_START:
		return start(types);
	case COMMAND_EXCHANGE:
		return exchange(types, params);
	case COMMAND_MEMORY:
		return memory(types, params);
	default:
		return TEE_ERROR_NOT_SUPPORTED;
	}
}
