/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions of the native tests: a failed one prints where and ends the program with 1. */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern unsigned long checks;

#define CHECK(what)                                                                       \
	do {                                                                              \
		checks++;                                                                 \
		if (!(what)) {                                                            \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
			exit(1);                                                          \
		}                                                                         \
	} while (0)

#define CHECK_IS(got, wanted)                                                                                       \
	do {                                                                                                        \
		long long got_ = (long long)(got), wanted_ = (long long)(wanted);                                   \
		checks++;                                                                                           \
		if (got_ != wanted_) {                                                                              \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, got_, wanted_); \
			exit(1);                                                                                    \
		}                                                                                                   \
	} while (0)

/* Repeatable: the whole run follows from the seed, which each program prints. */
void seed_random(uint64_t seed);
uint32_t random_below(uint32_t limit);

#endif
