// SPDX-License-Identifier: Apache-2.0
/*
 * What the emulated machine lacks and a board has in fuses and a generator: a hardware unique key, made at the build
 * and never all zero, and a random seed from the processor (FEAT_RNG). Whoever has the firmware file of the emulated
 * machine has this key: it stands for a fuse in tests and protects nothing from the host of the emulator.
 * The counter of OP-TEE's own files goes up while the machine runs and starts at zero again: a board keeps it in RPMB.
 */
#include <arm64.h>
#include <compiler.h>
#include <crypto/crypto.h>
#include <kernel/nv_counter.h>
#include <kernel/panic.h>
#include <kernel/tee_common_otp.h>
#include <string.h>
#include <string_ext.h>
#include <tee/tee_cryp_utl.h>
#include <util.h>

#include "test_hardware_unique_key.h"

TEE_Result tee_otp_get_hw_unique_key(struct tee_hw_unique_key *hwkey)
{
	static const uint8_t key[] = TEST_HARDWARE_UNIQUE_KEY;

	COMPILE_TIME_ASSERT(sizeof(key) == sizeof(hwkey->data));
	memcpy(hwkey->data, key, sizeof(key));
	return TEE_SUCCESS;
}

/* RNDRRS: reseeds before it answers. The zero flag means that there was nothing in time. */
static bool next_seed_word(uint64_t *word)
{
	uint64_t failed = 0;

	asm volatile("mrs %0, s3_3_c2_c4_1\n\tcset %1, eq" : "=r"(*word), "=r"(failed) : : "cc");
	return !failed;
}

void plat_rng_init(void)
{
	uint64_t seed[8] = { };
	size_t n = 0;
	size_t tries = 0;

	/* ID_AA64ISAR0_EL1.RNDR */
	if (!(read_id_aa64isar0_el1() >> 60))
		panic("the processor has no random numbers (FEAT_RNG)");
	for (n = 0; n < ARRAY_SIZE(seed); n++)
		while (!next_seed_word(seed + n))
			if (++tries > 100000)
				panic("no random numbers");
	if (crypto_rng_init(seed, sizeof(seed)))
		panic("the random number generator cannot be seeded");
	memzero_explicit(seed, sizeof(seed));
}

static uint32_t ree_fs_counter;

TEE_Result nv_counter_get_ree_fs(uint32_t *value)
{
	*value = ree_fs_counter;
	return TEE_SUCCESS;
}

TEE_Result nv_counter_incr_ree_fs_to(uint32_t value)
{
	ree_fs_counter = MAX(ree_fs_counter, value);
	return TEE_SUCCESS;
}
