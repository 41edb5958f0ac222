/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain SQLite in the normal world of the emulated machine, on the disk on which the secure storage has its volume: what
 * the storage in the secure world is compared with. Runs in the place of the proxy and is called as it is
 * (optee/proxy/README.md): open and start do nothing, exchange takes ".timed COUNT LIMIT SQL" (optee/storage/test/ta).
 *
 *     trusthealth-proxy CHANNEL
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sqlite3.h"
#include "timed.h"

#define OP_EXCHANGE 3
#define DATABASE "/store/plain.db"
#define MAX_REQUEST_BYTES 65536

static sqlite3 *database;
static uint8_t request[MAX_REQUEST_BYTES + 1];
static uint8_t answer[20 + 256];

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static int read_all(int channel, uint8_t *out, size_t bytes)
{
	while (bytes) {
		ssize_t n = read(channel, out, bytes);

		if (n < 0)
			return -1;
		if (n == 0)
			poll(NULL, 0, 20);
		out += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int send_answer(int channel, size_t bytes)
{
	put32(answer, (uint32_t)(8 + bytes));
	put32(answer + 4, 0);
	put32(answer + 8, 0);
	return write(channel, answer, 12 + bytes) == (ssize_t)(12 + bytes) ? 0 : -1;
}

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Settings as the secure storage has them. */
static int open_database(void)
{
	unlink(DATABASE);
	return sqlite3_open(DATABASE, &database) ||
	       sqlite3_exec(database,
			    "PRAGMA cache_size = -1024; PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = FILE;"
			    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_mode = TRUNCATE",
			    NULL, NULL, NULL);
}

static size_t exchange(const char *text)
{
	uint64_t rows = 0;
	uint64_t start_ms = now_ms();
	int result = strncmp(text, ".timed ", 7) ? SQLITE_MISUSE : timed_run(database, text + 7, &rows);
	int bytes = snprintf((char *)answer + 20, 256, "ms %u\nrows %u\nresult %d\n", (unsigned)(now_ms() - start_ms),
			     (unsigned)rows, result);

	memset(answer + 12, 0, 8);
	return 8 + (size_t)bytes;
}

int main(int count, char **arguments)
{
	static const char greeting[] = "trusthealth-proxy/1";
	int channel = count == 2 ? open(arguments[1], O_RDWR) : -1;

	if (channel < 0 || open_database())
		return 1;
	memcpy(answer + 12, greeting, sizeof(greeting) - 1);
	if (send_answer(channel, sizeof(greeting) - 1))
		return 1;
	for (;;) {
		uint8_t header[4];
		uint32_t length;
		size_t bytes = 0;

		if (read_all(channel, header, sizeof(header)))
			return 1;
		length = get32(header);
		if (length < 1 || length > MAX_REQUEST_BYTES || read_all(channel, request, length))
			return 1;
		request[length] = 0;
		if (request[0] == OP_EXCHANGE && length >= 6)
			bytes = exchange((const char *)request + 6);
		if (send_answer(channel, bytes))
			return 1;
	}
}
