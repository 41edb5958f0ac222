/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libteec in a test of the binding: one session that echoes what is exchanged, in the structures of
 * libteec 4. Keeps no secret and proves nothing. Input that begins with 0xff ends the trusted application; with 0xfe
 * it hangs: makes the folder whose path follows, and waits until it is gone.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct context { int fd; bool reg_mem, memref_null; };
struct uuid { uint32_t low; uint16_t mid, high; uint8_t rest[8]; };
struct shared { void *buffer; size_t size; uint32_t flags; struct { int id; size_t allocated; void *shadow; int fd; uint32_t flags; } imp; };
struct session { struct context *context; uint32_t id; };
union parameter { struct { struct shared *parent; size_t size, offset; } memref; struct { uint32_t a, b; } value; };
struct operation { uint32_t started, types; union parameter params[4]; struct session *session; };

static const struct uuid ta = { 0x809a44f6, 0x3a1c, 0x4e40, { 0x86, 0x0d, 0x4a, 0xb2, 0x3a, 0xbd, 0x8c, 0xcb } };
static int opened, started, dead;

uint32_t TEEC_InitializeContext(const char *name, struct context *context)
{
	if (name)
		return 0xffff0006;
	context->fd = 77;
	return 0;
}

void TEEC_FinalizeContext(struct context *context)
{
	context->fd = -1;
}

uint32_t TEEC_OpenSession(struct context *context, struct session *session, const struct uuid *uuid, uint32_t method,
			  const void *data, struct operation *operation, uint32_t *origin)
{
	if (context->fd != 77 || method || data || operation || origin || memcmp(uuid, &ta, sizeof(ta)))
		return 0xffff0008;
	if (opened)
		return 0xffff000d;
	opened = 1;
	started = dead = 0;
	session->context = context;
	session->id = 5;
	return 0;
}

void TEEC_CloseSession(struct session *session)
{
	if (session->id == 5)
		opened = 0;
}

uint32_t TEEC_AllocateSharedMemory(struct context *context, struct shared *memory)
{
	if (context->fd != 77 || memory->flags < 1 || memory->flags > 2)
		return 0xffff0006;
	memory->buffer = calloc(1, memory->size);
	memory->imp.allocated = memory->size;
	return memory->buffer ? 0 : 0xffff000c;
}

void TEEC_ReleaseSharedMemory(struct shared *memory)
{
	free(memory->buffer);
	memory->buffer = NULL;
}

uint32_t TEEC_InvokeCommand(struct session *session, uint32_t command, struct operation *operation, uint32_t *origin)
{
	struct shared *in, *out;
	size_t bytes;

	if (session->id != 5 || !opened || origin)
		return 0xffff0007;
	if (dead)
		return 0xffff3024;
	if (command == 1 && !operation->types) {
		started = 1;
		return 0;
	}
	if (command != 2 || !started || operation->types != (0xd | 0xe << 4 | 2 << 8 | 1 << 12))
		return 0xffff0006;
	in = operation->params[0].memref.parent;
	out = operation->params[1].memref.parent;
	bytes = operation->params[0].memref.size;
	if (in->flags != 1 || out->flags != 2 || operation->params[0].memref.offset || bytes > operation->params[1].memref.size)
		return 0xffff0006;
	if (bytes && *(uint8_t *)in->buffer == 0xff) {
		dead = 1;
		return 0xffff3024;
	}
	if (bytes && *(uint8_t *)in->buffer == 0xfe) {
		const char *path = (const char *)in->buffer + 1;

		mkdir(path, 0700);
		while (!access(path, F_OK))
			usleep(1000);
	}
	memcpy(out->buffer, in->buffer, bytes);
	operation->params[1].memref.size = bytes;
	operation->params[2].value.a = operation->params[3].value.a ? 0x20 : 0x10;
	operation->params[2].value.b = 0;
	return 0;
}
