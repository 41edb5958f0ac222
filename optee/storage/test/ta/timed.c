/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sqlite3.h"
#include "timed.h"

static uint32_t random_state;

/* Xorshift. */
static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static uint32_t number_at(const char **text)
{
	uint32_t number = 0;

	while (**text >= '0' && **text <= '9')
		number = number * 10 + (uint32_t)(*(*text)++ - '0');
	while (**text == ' ')
		(*text)++;
	return number;
}

/* To the end of the statement. */
static int step_all(sqlite3_stmt *statement, uint64_t *rows)
{
	int rc = SQLITE_ROW;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
		(*rows)++;
	sqlite3_reset(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run_turns(sqlite3_stmt *statement, uint32_t count, uint32_t limit, uint64_t *rows)
{
	int rc = SQLITE_OK;

	for (uint32_t turn = 1; turn <= count && rc == SQLITE_OK; turn++) {
		sqlite3_bind_int64(statement, 1, turn);
		sqlite3_bind_int64(statement, 2, limit ? next_random() % limit : 0);
		rc = step_all(statement, rows);
	}
	return rc;
}

static int run_each(sqlite3 *database, const char *sql, uint32_t count, uint32_t limit, uint64_t *rows)
{
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && *sql) {
		sqlite3_stmt *statement = NULL;

		rc = sqlite3_prepare_v2(database, sql, -1, &statement, &sql);
		if (rc == SQLITE_OK && statement)
			rc = run_turns(statement, count, limit, rows);
		sqlite3_finalize(statement);
	}
	return rc;
}

int timed_run(sqlite3 *database, const char *text, uint64_t *rows)
{
	uint32_t count = number_at(&text);
	uint32_t limit = number_at(&text);
	int rc = SQLITE_OK;

	random_state = 0x2545f491;
	*rows = 0;
	if (count > 1)
		rc = sqlite3_exec(database, "BEGIN", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = run_each(database, text, count, limit, rows);
	if (rc == SQLITE_OK && count > 1)
		rc = sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
	return rc;
}
