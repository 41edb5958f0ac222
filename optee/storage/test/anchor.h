/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in for the memory that cannot be turned back (th_anchor_*): none, unless a test makes one. */
#ifndef TEST_ANCHOR_H
#define TEST_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>
#include <trusthealth/platform.h>

struct test_anchor {
	bool exists, present, fails;
	uint8_t record[TH_ANCHOR_BYTES];
};
extern struct test_anchor test_anchor;

#endif
