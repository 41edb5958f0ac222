/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain SQLite in the normal world of the emulated machine, on the disk on which the secure storage has its volume: what
 * the storage in the secure world is compared with, in one guest. Linked with the proxy (optee/proxy), before libteec: an
 * exchange of ".plain COUNT LIMIT SQL" is done here, as the trusted application does ".timed COUNT LIMIT SQL"
 * (optee/storage/test/ta); every other call goes on to libteec.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tee_client_api.h>

#include "sqlite3.h"
#include "timed.h"

#define COMMAND_EXCHANGE 2
#define WORD ".plain "
#define DATABASE "/store/plain.db"
#define MAX_TEXT_BYTES 65536

TEEC_Result __real_TEEC_InvokeCommand(TEEC_Session *session, uint32_t command, TEEC_Operation *operation,
				      uint32_t *origin);
TEEC_Result __wrap_TEEC_InvokeCommand(TEEC_Session *session, uint32_t command, TEEC_Operation *operation,
				      uint32_t *origin);

static sqlite3 *database;

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Settings as the secure storage has them. */
static int open_database(void)
{
	if (database)
		return SQLITE_OK;
	unlink(DATABASE);
	return sqlite3_open(DATABASE, &database) ||
	       sqlite3_exec(database,
			    "PRAGMA cache_size = -1024; PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = FILE;"
			    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_mode = TRUNCATE",
			    NULL, NULL, NULL);
}

TEEC_Result __wrap_TEEC_InvokeCommand(TEEC_Session *session, uint32_t command, TEEC_Operation *operation,
				      uint32_t *origin)
{
	static char text[MAX_TEXT_BYTES];
	TEEC_TempMemoryReference *input = &operation->params[0].tmpref;
	TEEC_TempMemoryReference *output = &operation->params[1].tmpref;
	const size_t skip = strlen(WORD);
	uint64_t rows = 0;
	uint64_t start_ms;
	int result;

	if (command != COMMAND_EXCHANGE || input->size < skip || memcmp(input->buffer, WORD, skip))
		return __real_TEEC_InvokeCommand(session, command, operation, origin);
	if (input->size >= sizeof(text) || open_database())
		return TEEC_ERROR_GENERIC;
	memcpy(text, input->buffer, input->size);
	text[input->size] = 0;
	start_ms = now_ms();
	result = timed_run(database, text + skip, &rows);
	output->size = (size_t)snprintf(output->buffer, output->size, "ms %u\nrows %u\nresult %d\n",
					(unsigned)(now_ms() - start_ms), (unsigned)rows, result);
	memset(&operation->params[2].value, 0, sizeof(operation->params[2].value));
	return TEEC_SUCCESS;
}
