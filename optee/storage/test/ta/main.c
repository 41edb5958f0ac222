// SPDX-License-Identifier: Apache-2.0
/*
 * The storage alone inside TrustZone, for the test that cuts the power and for measurements: START mounts, EXCHANGE takes
 * SQL and answers rows; or ".memory", how much of the heap is used; or ".timed COUNT LIMIT SQL" (timed.h), how long it
 * took; or nothing, or ".take" and bytes, which are copied and forgotten. Not part of the product; signed like it, and
 * run in its place.
 */
#include <pta_stats.h>
#include <stdio.h>
#include <string.h>
#include <tee_internal_api.h>
#include <tee_internal_api_extensions.h>

#include "sqlite3.h"
#include "timed.h"
#include "trusthealth/platform.h"
#include "trusthealth/storage.h"

/* In the library whatever the build; in its header with CFG_WITH_STATS only. */
void malloc_get_stats(struct pta_stats_alloc *stats);

enum command { COMMAND_START = 1, COMMAND_EXCHANGE };

static const uint8_t KEY[32] = "a raw key of thirty-two bytes...";
static sqlite3 *database;

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
	sqlite3_close(database);
	th_storage_stop();
}

struct answer {
	char *text;
	size_t bytes, room;
};

static void put(struct answer *answer, const char *text)
{
	size_t bytes = strlen(text);

	if (bytes > answer->room - answer->bytes)
		bytes = answer->room - answer->bytes;
	memcpy(answer->text + answer->bytes, text, bytes);
	answer->bytes += bytes;
}

static int put_row(void *context, int columns, char **values, char **names)
{
	for (int i = 0; i < columns; i++) {
		put(context, i ? "|" : "");
		put(context, values[i] ? values[i] : "");
	}
	put(context, "\n");
	return 0;
}

static void put_memory(struct answer *answer)
{
	struct pta_stats_alloc stats = { };
	char text[160] = { };

	malloc_get_stats(&stats);
	snprintf(text, sizeof(text), "heap %u\nheap-used %u\nheap-peak %u\nsqlite-peak %u\n", (unsigned int)stats.size,
		 (unsigned int)stats.allocated, (unsigned int)stats.max_allocated,
		 (unsigned int)sqlite3_memory_highwater(0));
	put(answer, text);
}

static int put_timed(struct answer *answer, const char *arguments)
{
	uint64_t rows = 0;
	uint64_t start_ms = th_monotonic_ms();
	int result = timed_run(database, arguments, &rows);
	char text[80] = { };

	snprintf(text, sizeof(text), "ms %u\nrows %u\n", (unsigned int)(th_monotonic_ms() - start_ms), (unsigned int)rows);
	put(answer, text);
	return result;
}

static TEE_Result exchange(TEE_Param params[TEE_NUM_PARAMS])
{
	struct answer answer = { params[1].memref.buffer, 0, params[1].memref.size };
	char *sql = TEE_Malloc(params[0].memref.size + 1, TEE_MALLOC_FILL_ZERO);
	char text[64] = { };
	int result = 0;

	if (!sql || !database)
		return TEE_ERROR_BAD_STATE;
	memcpy(sql, params[0].memref.buffer, params[0].memref.size);
	if (strcmp(sql, ".memory") == 0)
		put_memory(&answer);
	else if (strncmp(sql, ".timed ", 7) == 0)
		result = put_timed(&answer, sql + 7);
	else if (*sql && strncmp(sql, ".take", 5) != 0)
		result = sqlite3_exec(database, sql, put_row, &answer, NULL);
	TEE_Free(sql);
	snprintf(text, sizeof(text), "result %d\n", result);
	put(&answer, text);
	params[1].memref.size = answer.bytes;
	params[2].value.a = 0;
	params[2].value.b = 0;
	return TEE_SUCCESS;
}

TEE_Result TA_InvokeCommandEntryPoint(void *session, uint32_t command, uint32_t types,
				      TEE_Param params[TEE_NUM_PARAMS])
{
	int rc = 0;

	switch (command) {
	case COMMAND_START:
		rc = th_storage_start();
		if (rc)
			EMSG("storage: %d", rc);
		if (!rc)
			rc = th_storage_open("main", KEY, 1024, &database);
		if (rc)
			EMSG("storage: open %d", rc);
		return rc == TH_ERROR_AUTH ? TEE_ERROR_CORRUPT_OBJECT : rc ? TEE_ERROR_GENERIC : TEE_SUCCESS;
	case COMMAND_EXCHANGE:
		return exchange(params);
	default:
		return TEE_ERROR_NOT_SUPPORTED;
	}
}
