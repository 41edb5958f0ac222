/* SPDX-License-Identifier: Apache-2.0 */
/* The JavaScript engine with the measured file and its host, one for each instance of the TA. */
#ifndef TRUSTHEALTH_ENGINE_H
#define TRUSTHEALTH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Measures the file, runs it and its host, and lets the host start the application. 0, or -1 for a script that throws. */
int engine_start(void);
void engine_stop(void);
bool engine_runs(void);
/* Frees what only refers to itself; what nobody refers to goes by itself, at once. */
void engine_collect(void);

/* One piece of input, already a copy in secure memory. 0 and the host's flags, or -1. */
int engine_exchange(const uint8_t *input, size_t bytes, bool has_more, uint32_t *flags);
/* Writes at most `capacity` bytes of output. 0, or -1. */
int engine_take(uint8_t *out, size_t capacity, size_t *written, size_t *waiting);

/* SHA-256 of the measured file. */
void engine_measurement(uint8_t digest[32]);

#endif
