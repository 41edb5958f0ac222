/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object that the host script gets: the functions of secure/adapters/optee/src/native.ts. Every argument is checked
 * for type and length before its memory is touched; what is wrong is a TypeError.
 */
#ifndef TRUSTHEALTH_NATIVE_H
#define TRUSTHEALTH_NATIVE_H

#include <quickjs.h>
#include <stddef.h>
#include <stdint.h>

struct native_row {
	const char *name;
	JSCFunction *function;
	int arguments;
};

/* Makes the object; an exception if memory is short. */
JSValue native_object(JSContext *ctx, const uint8_t measurement[32]);

/* 0 and the bytes of a Uint8Array, valid until the script runs again; -1 with an exception. */
int native_bytes(JSContext *ctx, JSValueConst value, const uint8_t **bytes, size_t *count);
/* As native_bytes, for exactly `count` bytes; NULL with an exception. */
const uint8_t *native_exactly(JSContext *ctx, JSValueConst value, size_t count);
/*
 * A Uint8Array with memory of its own that the caller fills before the script runs again; `*out` points into it.
 * Exception: `*out` is NULL.
 */
JSValue native_new_bytes(JSContext *ctx, size_t count, uint8_t **out);
JSValue native_copy(JSContext *ctx, const void *bytes, size_t count);
int native_define(JSContext *ctx, JSValueConst object, const struct native_row *rows, size_t count);

/* Each file of natives adds its own. 0, or -1 with an exception. */
int native_add_crypto(JSContext *ctx, JSValueConst object);
int native_add_platform(JSContext *ctx, JSValueConst object);
int native_add_sql(JSContext *ctx, JSValueConst object);

#endif
