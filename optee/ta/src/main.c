// SPDX-License-Identifier: Apache-2.0
/*
 * Entry points of the TA. The commands are documented in optee/README.md. Memory that the normal world shares is read
 * once, into a copy, and written once.
 */
#include <pta_stats.h>
#include <stdio.h>
#include <string.h>
#include <tee_internal_api.h>
#include <tee_internal_api_extensions.h>

#include <sqlite3.h>

#include "attestation.h"
#include "engine.h"
#include "heap.h"
#include "trusthealth/platform.h"
#include "trusthealth/storage.h"

/* In the library whatever the build; in its header with CFG_WITH_STATS only. */
void malloc_get_stats(struct pta_stats_alloc *stats);

enum command { COMMAND_START = 1, COMMAND_EXCHANGE, COMMAND_DESCRIBE };

#define FLAG_MORE 1u
#define DIGEST_BYTES 32
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
	th_storage_stop();
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

/* Text so far, in a buffer that is large enough for all lines. */
struct text {
	char bytes[2048];
	size_t length;
};

static void add_number(struct text *text, const char *name, size_t value)
{
	text->length += (size_t)snprintf(text->bytes + text->length, sizeof(text->bytes) - text->length, "%s %zu\n", name,
					 value);
}

static void add_hex(struct text *text, const char *name, const uint8_t *bytes, size_t count)
{
	size_t i = 0;

	text->length += (size_t)snprintf(text->bytes + text->length, sizeof(text->bytes) - text->length, "%s ", name);
	for (i = 0; i < count; i++)
		text->length += (size_t)snprintf(text->bytes + text->length, sizeof(text->bytes) - text->length, "%02x",
						 bytes[i]);
	text->length += (size_t)snprintf(text->bytes + text->length, sizeof(text->bytes) - text->length, "\n");
}

/* What evidence says of this binary and of OP-TEE; made once, each report is a signature. */
static int add_identity(struct text *text)
{
	static const uint8_t signer[] = TH_SIGNER;
	static const uint8_t nonce[DIGEST_BYTES];
	static uint8_t program[REPORT_BYTES];
	static uint8_t core[REPORT_BYTES];
	static bool is_known;
	uint8_t measurement[DIGEST_BYTES] = { };

	if (!is_known && (attest_program(nonce, sizeof(nonce), program) || attest_core(nonce, sizeof(nonce), core)))
		return -1;
	is_known = true;
	engine_measurement(measurement);
	add_hex(text, "measurement", measurement, sizeof(measurement));
	add_hex(text, "program", program, DIGEST_BYTES);
	add_hex(text, "core", core, DIGEST_BYTES);
	add_hex(text, "signer", signer, sizeof(signer));
	add_number(text, "debug", TH_DEBUG);
	add_number(text, "simulated", TH_SIMULATED);
	return 0;
}

static TEE_Result describe(uint32_t types, TEE_Param params[TEE_NUM_PARAMS])
{
	struct pta_stats_alloc heap = { };
	struct text text = { };
	struct heap_use engine = { };

	if (types != TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE,
				     TEE_PARAM_TYPE_NONE))
		return TEE_ERROR_BAD_PARAMETERS;
	heap_count(&engine);
	add_number(&text, "engine", engine.now);
	add_number(&text, "engine-peak", engine.peak);
	add_number(&text, "engine-taken", engine.taken);
	add_number(&text, "engine-taken-peak", engine.taken_peak);
	engine_collect();
	heap_count(&engine);
	add_number(&text, "engine-live", engine.now);
	add_number(&text, "sqlite", (size_t)sqlite3_memory_used());
	add_number(&text, "sqlite-peak", (size_t)sqlite3_memory_highwater(0));
	malloc_get_stats(&heap);
	add_number(&text, "heap", (size_t)TH_HEAP_KIB * 1024);
	add_number(&text, "heap-used", heap.allocated);
	add_number(&text, "heap-peak", heap.max_allocated);
	if (add_identity(&text))
		return TEE_ERROR_GENERIC;
	if (text.length > params[0].memref.size)
		return TEE_ERROR_SHORT_BUFFER;
	memcpy(params[0].memref.buffer, text.bytes, text.length);
	params[0].memref.size = text.length;
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
	case COMMAND_DESCRIBE:
		return describe(types, params);
	default:
		return TEE_ERROR_NOT_SUPPORTED;
	}
}
