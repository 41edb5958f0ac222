/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwards the driver's calls to libteec, one at a time: README.md of this folder. The channel is untrusted, and so is
 * this program; lengths are checked so that a broken driver is told apart from a broken trusted application.
 *
 *     trusthealth-proxy CHANNEL
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <tee_client_api.h>

#define PIECE_BYTES (1024u * 1024u)
#define MAX_REQUEST_BYTES (PIECE_BYTES + 64)
#define HEADER_BYTES 12
#define GONE_MS 5000

enum op { OP_OPEN = 1, OP_START, OP_EXCHANGE, OP_CLOSE, OP_MEMORY, OP_PROBE };
enum command { COMMAND_START = 1, COMMAND_EXCHANGE, COMMAND_MEMORY };

static TEEC_Context context;
static TEEC_Session session;
static int is_open;
static uint8_t request[MAX_REQUEST_BYTES];
/* Header of the answer, flags and waiting bytes, output. */
static uint8_t answer[HEADER_BYTES + 8 + PIECE_BYTES];

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t get64(const uint8_t *at)
{
	return (uint64_t)get32(at) << 32 | get32(at + 4);
}

static void put32(uint8_t *at, uint32_t value)
{
	at[0] = value >> 24;
	at[1] = value >> 16;
	at[2] = value >> 8;
	at[3] = value;
}

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/*
 * Until the channel is ready for `events`. A port whose other end is closed may be opened again soon. Nonzero: it was
 * not, and whoever started this machine is gone.
 */
static int wait_for(int channel, short events)
{
	int64_t gone_since = -1;

	for (;;) {
		struct pollfd state = { .fd = channel, .events = events };

		if (poll(&state, 1, -1) < 0) {
			if (errno != EINTR)
				return -1;
			continue;
		}
		if (!(state.revents & (POLLHUP | POLLERR)))
			return 0;
		if (gone_since < 0)
			gone_since = now_ms();
		if (now_ms() - gone_since > GONE_MS)
			return -1;
		poll(NULL, 0, 20);
	}
}

static int read_all(int channel, uint8_t *out, size_t bytes)
{
	while (bytes) {
		ssize_t n = 0;

		if (wait_for(channel, POLLIN))
			return -1;
		n = read(channel, out, bytes);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (n > 0) {
			out += n;
			bytes -= (size_t)n;
		}
	}
	return 0;
}

static int write_all(int channel, const uint8_t *in, size_t bytes)
{
	while (bytes) {
		ssize_t n = 0;

		if (wait_for(channel, POLLOUT))
			return -1;
		n = write(channel, in, bytes);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (n > 0) {
			in += n;
			bytes -= (size_t)n;
		}
	}
	return 0;
}

static void close_session(void)
{
	if (is_open)
		TEEC_CloseSession(&session);
	is_open = 0;
}

static TEEC_Result open_session(const uint8_t *uuid, uint32_t *origin)
{
	TEEC_UUID ta = { .timeLow = get32(uuid), .timeMid = (uint16_t)(uuid[4] << 8 | uuid[5]),
			 .timeHiAndVersion = (uint16_t)(uuid[6] << 8 | uuid[7]) };
	TEEC_Result result;

	memcpy(ta.clockSeqAndNode, uuid + 8, 8);
	close_session();
	result = TEEC_OpenSession(&context, &session, &ta, TEEC_LOGIN_PUBLIC, NULL, NULL, origin);
	is_open = result == TEEC_SUCCESS;
	return result;
}

static TEEC_Result start_ta(uint32_t *origin)
{
	TEEC_Operation operation = { .paramTypes = TEEC_PARAM_TYPES(TEEC_NONE, TEEC_NONE, TEEC_NONE, TEEC_NONE) };

	return TEEC_InvokeCommand(&session, COMMAND_START, &operation, origin);
}

/* Writes flags, waiting bytes and output behind the answer's header; `bytes` becomes their number. */
static TEEC_Result exchange(const uint8_t *fields, size_t input_bytes, uint32_t *origin, size_t *bytes)
{
	TEEC_Operation operation = {
		.paramTypes = TEEC_PARAM_TYPES(TEEC_MEMREF_TEMP_INPUT, TEEC_MEMREF_TEMP_OUTPUT, TEEC_VALUE_OUTPUT,
					       TEEC_VALUE_INPUT),
	};
	uint8_t *out = answer + HEADER_BYTES;
	TEEC_Result result;

	operation.params[0].tmpref.buffer = (void *)(fields + 5);
	operation.params[0].tmpref.size = input_bytes;
	operation.params[1].tmpref.buffer = out + 8;
	operation.params[1].tmpref.size = get32(fields + 1);
	operation.params[3].value.a = fields[0];
	result = TEEC_InvokeCommand(&session, COMMAND_EXCHANGE, &operation, origin);
	put32(out, operation.params[2].value.a);
	put32(out + 4, operation.params[2].value.b);
	*bytes = 8 + operation.params[1].tmpref.size;
	return result;
}

static TEEC_Result memory_text(uint32_t room, uint32_t *origin, size_t *bytes)
{
	TEEC_Operation operation = {
		.paramTypes = TEEC_PARAM_TYPES(TEEC_MEMREF_TEMP_OUTPUT, TEEC_NONE, TEEC_NONE, TEEC_NONE),
	};
	TEEC_Result result;

	operation.params[0].tmpref.buffer = answer + HEADER_BYTES;
	operation.params[0].tmpref.size = room;
	result = TEEC_InvokeCommand(&session, COMMAND_MEMORY, &operation, origin);
	*bytes = operation.params[0].tmpref.size;
	return result;
}

static sigjmp_buf after_fault;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(after_fault, 1);
}

enum outcome { READABLE, FAULT, REFUSED, OUTCOMES };

static enum outcome try_read(int memory, uint64_t address, long page)
{
	volatile uint32_t *at;
	volatile enum outcome outcome = FAULT;
	void *map = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, memory, (off_t)(address & ~(uint64_t)(page - 1)));

	if (map == MAP_FAILED)
		return REFUSED;
	at = (volatile uint32_t *)((uint8_t *)map + (address & (uint64_t)(page - 1) & ~3u));
	if (!sigsetjmp(after_fault, 1)) {
		(void)*at;
		outcome = READABLE;
	}
	munmap(map, (size_t)page);
	return outcome;
}

static TEEC_Result probe(uint64_t start, uint64_t end, uint32_t step, uint32_t counts[OUTCOMES])
{
	struct sigaction action = { .sa_handler = on_fault };
	long page = sysconf(_SC_PAGESIZE);
	int memory = open("/dev/mem", O_RDONLY | O_SYNC);

	if (memory < 0)
		return TEEC_ERROR_ACCESS_DENIED;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	for (uint64_t address = start; address < end; address += step)
		counts[try_read(memory, address, page)]++;
	close(memory);
	return TEEC_SUCCESS;
}

/* Answers one request. Nonzero: it is none, or the channel is gone. */
static int serve(int channel, size_t length)
{
	const uint8_t *fields = request + 1;
	size_t fields_bytes = length - 1;
	uint32_t origin = 0;
	uint32_t counts[OUTCOMES] = { 0 };
	size_t bytes = 0;
	TEEC_Result result = TEEC_ERROR_BAD_STATE;

	if (request[0] == OP_OPEN && fields_bytes == 16) {
		result = open_session(fields, &origin);
	} else if (request[0] == OP_CLOSE && fields_bytes == 0) {
		close_session();
		result = TEEC_SUCCESS;
	} else if (request[0] == OP_START && fields_bytes == 0) {
		if (is_open)
			result = start_ta(&origin);
	} else if (request[0] == OP_EXCHANGE && fields_bytes >= 5 && get32(fields + 1) <= PIECE_BYTES) {
		if (is_open)
			result = exchange(fields, fields_bytes - 5, &origin, &bytes);
	} else if (request[0] == OP_MEMORY && fields_bytes == 4 && get32(fields) <= PIECE_BYTES) {
		if (is_open)
			result = memory_text(get32(fields), &origin, &bytes);
	} else if (request[0] == OP_PROBE && fields_bytes == 20 && get32(fields + 16)) {
		result = probe(get64(fields), get64(fields + 8), get32(fields + 16), counts);
		for (size_t i = 0; i < OUTCOMES; i++)
			put32(answer + HEADER_BYTES + 4 * i, counts[i]);
		bytes = 4 * OUTCOMES;
	} else {
		fprintf(stderr, "trusthealth-proxy: request is none\n");
		return -1;
	}
	if (result != TEEC_SUCCESS || bytes > sizeof(answer) - HEADER_BYTES)
		bytes = 0;
	put32(answer, (uint32_t)(8 + bytes));
	put32(answer + 4, result);
	put32(answer + 8, origin);
	return write_all(channel, answer, HEADER_BYTES + bytes);
}

int main(int count, char **arguments)
{
	static const char greeting[] = "trusthealth-proxy/1";
	uint8_t header[4];
	int channel;

	if (count != 2) {
		fprintf(stderr, "usage: trusthealth-proxy CHANNEL\n");
		return 2;
	}
	/* Writing to a port would wait for ever for a host that is gone. */
	channel = open(arguments[1], O_RDWR | O_NONBLOCK);
	if (channel < 0) {
		perror(arguments[1]);
		return 1;
	}
	if (TEEC_InitializeContext(NULL, &context) != TEEC_SUCCESS) {
		fprintf(stderr, "trusthealth-proxy: no OP-TEE\n");
		return 1;
	}
	put32(answer, 8 + sizeof(greeting) - 1);
	memset(answer + 4, 0, 8);
	memcpy(answer + HEADER_BYTES, greeting, sizeof(greeting) - 1);
	if (write_all(channel, answer, HEADER_BYTES + sizeof(greeting) - 1))
		return 1;
	for (;;) {
		uint32_t length;

		if (read_all(channel, header, sizeof(header)))
			break;
		length = get32(header);
		if (length < 1 || length > MAX_REQUEST_BYTES || read_all(channel, request, length) ||
		    serve(channel, length))
			break;
	}
	close_session();
	TEEC_FinalizeContext(&context);
	return 1;
}
