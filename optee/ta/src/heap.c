// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <trace.h>

#include "heap.h"

/* The engine's own part of the heap; SQLite, the file system and C have the rest, so neither cuts the other's in pieces. */
#define ARENA_BYTES (TH_ENGINE_KIB * 1024u)
#define PAGE_BYTES 4096u
#define PAGES (ARENA_BYTES / PAGE_BYTES)
#define CHUNK_BYTES 16384u
#define CHUNK_PAGES (CHUNK_BYTES / PAGE_BYTES)
#define STEP_BYTES 16u
#define MAX_SMALL_BYTES 512u
#define SMALL_CLASSES (MAX_SMALL_BYTES / STEP_BYTES)

/* Blocks between small and large: those of a chunk leave little of it unused. */
static const uint16_t medium_bytes[] = { 640, 768, 1024, 1360, 1632, 2048, 2720, 3264, 4096, 5456, 8192 };

#define MEDIUM_CLASSES (sizeof(medium_bytes) / sizeof(medium_bytes[0]))
#define CLASSES (SMALL_CLASSES + MEDIUM_CLASSES)

struct free_block {
	struct free_block *next;
};

/* In front of a large block; as long as the strictest alignment. */
struct large {
	size_t bytes;
	size_t unused;
};

/* `class` of its blocks, 0: none; `live` blocks of medium size. */
struct chunk {
	uint8_t class;
	uint8_t live;
};

static uint8_t *arena;
/* By page: whether it is of a chunk or of a large block. */
static bool is_taken[PAGES];
/* By place in the arena. */
static struct chunk chunks[PAGES / CHUNK_PAGES];
static struct free_block *free_blocks[CLASSES + 1];
static size_t bytes_now;
static size_t bytes_peak;
/* Of the arena, what is divided: blocks in use and what is unused beside them. */
static size_t pages_now;
static size_t pages_peak;

static struct chunk *chunk_of(const void *at)
{
	return chunks + (size_t)((const uint8_t *)at - arena) / CHUNK_BYTES;
}

/* 0: too large for a chunk. */
static size_t class_for(size_t bytes)
{
	size_t i = 0;

	if (bytes <= MAX_SMALL_BYTES)
		return bytes ? (bytes + STEP_BYTES - 1) / STEP_BYTES : 1;
	for (i = 0; i < MEDIUM_CLASSES; i++)
		if (bytes <= medium_bytes[i])
			return SMALL_CLASSES + 1 + i;
	return 0;
}

static size_t bytes_of_class(size_t class)
{
	return class <= SMALL_CLASSES ? class * STEP_BYTES : medium_bytes[class - SMALL_CLASSES - 1];
}

static void count(size_t more, size_t less)
{
	bytes_now += more;
	bytes_now -= less;
	if (bytes_now > bytes_peak)
		bytes_peak = bytes_now;
}

static bool open_arena(void)
{
	if (!arena)
		arena = memalign(CHUNK_BYTES, ARENA_BYTES);
	return arena;
}

static void mark(size_t page, size_t count, bool taken)
{
	memset(is_taken + page, taken, count * sizeof(is_taken[0]));
	pages_now = taken ? pages_now + count : pages_now - count;
	if (pages_now > pages_peak)
		pages_peak = pages_now;
}

/* From the bottom; large blocks come from the top, so that what is between them stays in one piece. */
static uint8_t *take_chunk(void)
{
	size_t page = 0;
	size_t i = 0;

	if (!open_arena())
		return NULL;
	for (page = 0; page + CHUNK_PAGES <= PAGES; page += CHUNK_PAGES) {
		for (i = 0; i < CHUNK_PAGES && !is_taken[page + i]; i++)
			;
		if (i < CHUNK_PAGES)
			continue;
		mark(page, CHUNK_PAGES, true);
		return arena + page * PAGE_BYTES;
	}
	return NULL;
}

static size_t pages_for(size_t bytes)
{
	return (sizeof(struct large) + bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

static struct large *take_large(size_t bytes)
{
	size_t wanted = pages_for(bytes);
	size_t run = 0;
	size_t page = PAGES;

	if (!open_arena())
		return NULL;
	while (page--) {
		run = is_taken[page] ? 0 : run + 1;
		if (run < wanted)
			continue;
		mark(page, wanted, true);
		return (struct large *)(void *)(arena + page * PAGE_BYTES);
	}
	return NULL;
}

/* Gives back the pages behind those that `bytes` need. */
static void cut_large(struct large *large, size_t bytes)
{
	size_t kept = bytes ? pages_for(bytes) : 0;
	size_t page = (size_t)((uint8_t *)large - arena) / PAGE_BYTES;

	mark(page + kept, pages_for(large->bytes) - kept, false);
}

static int add_chunk(size_t class)
{
	size_t bytes = bytes_of_class(class);
	uint8_t *chunk = take_chunk();
	size_t at = 0;

	if (!chunk)
		return -1;
	chunk_of(chunk)->class = (uint8_t)class;
	for (at = 0; at + bytes <= CHUNK_BYTES; at += bytes) {
		struct free_block *block = (struct free_block *)(void *)(chunk + at);

		block->next = free_blocks[class];
		free_blocks[class] = block;
	}
	return 0;
}

/* Its blocks are all free: they leave their list, and anybody may have its pages. */
static void give_chunk(struct chunk *chunk)
{
	struct free_block **at = free_blocks + chunk->class;

	while (*at)
		if (chunk_of(*at) == chunk)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	chunk->class = 0;
	mark((size_t)(chunk - chunks) * CHUNK_PAGES, CHUNK_PAGES, false);
}

static void *take_block(size_t class)
{
	struct free_block *block = NULL;

	if (!free_blocks[class] && add_chunk(class))
		return NULL;
	block = free_blocks[class];
	free_blocks[class] = block->next;
	if (class > SMALL_CLASSES)
		chunk_of(block)->live++;
	count(bytes_of_class(class), 0);
	return block;
}

void *heap_malloc(void *opaque, size_t bytes)
{
	size_t class = class_for(bytes);
	struct large *large = NULL;

	if (class)
		return take_block(class);
	if (bytes > ARENA_BYTES)
		return NULL;
	large = take_large(bytes);
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
	size_t class = at ? chunk_of(at)->class : 0;

	if (!at)
		return 0;
	return class ? bytes_of_class(class) : ((const struct large *)at - 1)->bytes;
}

void heap_free(void *opaque, void *at)
{
	struct chunk *chunk = at ? chunk_of(at) : NULL;
	struct free_block *block = at;

	if (!at)
		return;
	count(0, heap_usable(at));
	if (!chunk->class) {
		cut_large((struct large *)at - 1, 0);
		return;
	}
	block->next = free_blocks[chunk->class];
	free_blocks[chunk->class] = block;
	if (chunk->class > SMALL_CLASSES && !--chunk->live)
		give_chunk(chunk);
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
	if (!chunk_of(at)->class && !class_for(bytes) && bytes <= ARENA_BYTES && pages_for(bytes) <= pages_for(before)) {
		struct large *large = (struct large *)at - 1;

		cut_large(large, bytes);
		large->bytes = bytes;
		count(bytes, before);
		return at;
	}
	/* Those of a chunk stay where they are while they fit and are not much too large. */
	if (chunk_of(at)->class && bytes <= before && bytes * 2 >= before)
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
	memset(free_blocks, 0, sizeof(free_blocks));
	memset(chunks, 0, sizeof(chunks));
	memset(is_taken, 0, sizeof(is_taken));
	pages_now = 0;
}

void heap_count(struct heap_use *use)
{
	use->now = bytes_now;
	use->peak = bytes_peak;
	use->taken = pages_now * PAGE_BYTES;
	use->taken_peak = pages_peak * PAGE_BYTES;
}
