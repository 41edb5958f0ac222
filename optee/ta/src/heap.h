/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's memory, an arena of its own in the TA's heap. Most of its blocks are small: they lie side by side in chunks
 * of one size each, without a header, at the bottom; large ones take pages from the top. So a message finds a piece of its
 * own length as long as there is memory for it at all.
 */
#ifndef TRUSTHEALTH_HEAP_H
#define TRUSTHEALTH_HEAP_H

#include <stddef.h>

void *heap_malloc(void *opaque, size_t bytes);
void *heap_calloc(void *opaque, size_t number, size_t bytes);
void *heap_realloc(void *opaque, void *at, size_t bytes);
void heap_free(void *opaque, void *at);
/* Forgets how the arena was divided. Only while no block is in use. */
void heap_trim(void);
/* Bytes of a block that can be used. */
size_t heap_usable(const void *at);

/* Bytes of blocks in use, and of the pages that they take; both now and at most. */
struct heap_use {
	size_t now;
	size_t peak;
	size_t taken;
	size_t taken_peak;
};

void heap_count(struct heap_use *use);

#endif
