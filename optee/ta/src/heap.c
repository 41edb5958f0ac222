// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <trace.h>
#include <user_ta_header.h>

#include "heap.h"

#define CHUNK_BYTES 16384u
/* Chunks are taken from the heap several at a time: each taking may waste one chunk for its alignment. */
#define SLAB_CHUNKS 8u
#define STEP_BYTES 16u
#define MAX_SMALL_BYTES 512u
#define CLASSES (MAX_SMALL_BYTES / STEP_BYTES)
#define MAX_CHUNKS (TH_HEAP_KIB * 1024u / CHUNK_BYTES + 2u)

extern uint8_t ta_heap[];

struct free_block {
	struct free_block *next;
};

/* In front of a large block; as long as the strictest alignment. */
struct large {
	size_t bytes;
	size_t unused;
};

static struct free_block *free_blocks[CLASSES + 1];
/* Class of each chunk's blocks, by its place in the heap; 0: no chunk of ours. */
static uint8_t class_of_chunk[MAX_CHUNKS];
/* All slabs, to give them back. */
static uint8_t *slabs[MAX_CHUNKS];
static size_t slab_count;
/* Chunks of the newest slab that have no class yet. */
static uint8_t *fresh;
static size_t fresh_chunks;
static size_t bytes_now;
static size_t bytes_peak;

static size_t chunk_index(const void *at)
{
	return (uintptr_t)at / CHUNK_BYTES - (uintptr_t)ta_heap / CHUNK_BYTES;
}

static void count(size_t more, size_t less)
{
	bytes_now += more;
	bytes_now -= less;
	if (bytes_now > bytes_peak)
		bytes_peak = bytes_now;
}

static int add_chunk(size_t class)
{
	size_t bytes = class * STEP_BYTES;
	size_t at = 0;

	if (!fresh_chunks) {
		fresh = memalign(CHUNK_BYTES, SLAB_CHUNKS * CHUNK_BYTES);
		fresh_chunks = SLAB_CHUNKS;
		if (!fresh) {
			fresh = memalign(CHUNK_BYTES, CHUNK_BYTES);
			fresh_chunks = 1;
		}
		if (!fresh) {
			fresh_chunks = 0;
			return -1;
		}
		slabs[slab_count++] = fresh;
	}
	class_of_chunk[chunk_index(fresh)] = (uint8_t)class;
	for (at = 0; at + bytes <= CHUNK_BYTES; at += bytes) {
		struct free_block *block = (struct free_block *)(void *)(fresh + at);

		block->next = free_blocks[class];
		free_blocks[class] = block;
	}
	fresh += CHUNK_BYTES;
	fresh_chunks--;
	return 0;
}

void *heap_malloc(void *opaque, size_t bytes)
{
	size_t class = (bytes + STEP_BYTES - 1) / STEP_BYTES;
	struct free_block *block = NULL;
	struct large *large = NULL;

	if (!class)
		class = 1;
	if (class <= CLASSES) {
		if (!free_blocks[class] && add_chunk(class))
			return NULL;
		block = free_blocks[class];
		free_blocks[class] = block->next;
		count(class * STEP_BYTES, 0);
		return block;
	}
	if (bytes > SIZE_MAX - sizeof(*large))
		return NULL;
	large = malloc(sizeof(*large) + bytes);
#if TH_DEBUG
	if (!large)
		EMSG("no %zu bytes, %zu in use", bytes, bytes_now);
#endif
	if (!large)
		return NULL;
	large->bytes = bytes;
	count(bytes, 0);
	return large + 1;
}

void *heap_calloc(void *opaque, size_t number, size_t bytes)
{
	void *at = NULL;

	if (bytes && number > SIZE_MAX / bytes)
		return NULL;
	at = heap_malloc(opaque, number * bytes);
	if (at)
		memset(at, 0, number * bytes);
	return at;
}

size_t heap_usable(const void *at)
{
	size_t class = at ? class_of_chunk[chunk_index(at)] : 0;

	if (!at)
		return 0;
	return class ? class * STEP_BYTES : ((const struct large *)at - 1)->bytes;
}

void heap_free(void *opaque, void *at)
{
	size_t class = at ? class_of_chunk[chunk_index(at)] : 0;

	if (!at)
		return;
	count(0, heap_usable(at));
	if (class) {
		struct free_block *block = at;

		block->next = free_blocks[class];
		free_blocks[class] = block;
	} else {
		free((struct large *)at - 1);
	}
}

void *heap_realloc(void *opaque, void *at, size_t bytes)
{
	size_t before = heap_usable(at);
	void *moved = NULL;

	if (!at)
		return heap_malloc(opaque, bytes);
	if (!bytes) {
		heap_free(opaque, at);
		return NULL;
	}
	if (!class_of_chunk[chunk_index(at)] && bytes > MAX_SMALL_BYTES) {
		struct large *large = NULL;

		if (bytes > SIZE_MAX - sizeof(*large))
			return NULL;
		large = realloc((struct large *)at - 1, sizeof(*large) + bytes);
		if (!large)
			return NULL;
		large->bytes = bytes;
		count(bytes, before);
		return large + 1;
	}
	/* Small ones stay where they are while they fit and are not much too large. */
	if (class_of_chunk[chunk_index(at)] && bytes <= before && bytes * 2 >= before)
		return at;
	moved = heap_malloc(opaque, bytes);
	if (!moved)
		return NULL;
	memcpy(moved, at, before < bytes ? before : bytes);
	heap_free(opaque, at);
	return moved;
}

void heap_trim(void)
{
	if (bytes_now)
		return;
	while (slab_count)
		free(slabs[--slab_count]);
	fresh_chunks = 0;
	memset(free_blocks, 0, sizeof(free_blocks));
	memset(class_of_chunk, 0, sizeof(class_of_chunk));
}

void heap_count(size_t *now, size_t *peak)
{
	*now = bytes_now;
	*peak = bytes_peak;
}
