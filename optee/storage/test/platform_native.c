/* SPDX-License-Identifier: Apache-2.0 */
/* platform.h for the native tests: mbedTLS, a fixed device key, and repeatable "random" bytes. Not for any other use. */
#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <trusthealth/platform.h>

#include "anchor.h"
#include "check.h"

unsigned long checks;
static uint64_t test_state = 1, platform_state = 0x9e3779b97f4a7c15u;

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void seed_random(uint64_t seed)
{
	test_state = seed;
}

uint32_t random_below(uint32_t limit)
{
	return (uint32_t)(next(&test_state) % limit);
}

/* A stream of its own, so that a mount in the middle of a test does not change what the test does next. */
void th_random(void *out, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)out)[i] = (uint8_t)next(&platform_state);
}

int th_derive_key(const char *purpose, uint8_t out[32])
{
	static const uint8_t device[32] = "the key of a device for tests";

	return mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), device, sizeof(device),
			       (const uint8_t *)purpose, strlen(purpose), out) ?
		       TH_ERROR_ARGUMENT :
		       TH_OK;
}

uint64_t th_unix_ms(void)
{
	return (uint64_t)time(NULL) * 1000;
}

uint64_t th_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct test_anchor test_anchor;

int th_anchor_exists(void)
{
	return test_anchor.exists;
}

int th_anchor_read(uint8_t record[TH_ANCHOR_BYTES], int *present)
{
	memcpy(record, test_anchor.record, TH_ANCHOR_BYTES);
	*present = test_anchor.present;
	return test_anchor.fails ? TH_ERROR_RPC : TH_OK;
}

int th_anchor_write(const uint8_t record[TH_ANCHOR_BYTES])
{
	if (test_anchor.fails)
		return TH_ERROR_RPC;
	memcpy(test_anchor.record, record, TH_ANCHOR_BYTES);
	test_anchor.present = true;
	return TH_OK;
}

struct th_aead {
	mbedtls_gcm_context gcm;
	uint8_t key[32];
};

/* Every key and nonce that ever sealed something in this program: the same pair twice would give both texts away. */
static uint8_t (*sealed)[20];
static size_t sealed_count, sealed_room;

static size_t slot_of(const uint8_t pair[20])
{
	uint64_t hash = 0;

	for (int i = 0; i < 20; i++)
		hash = (hash ^ pair[i]) * 0x100000001b3u;
	hash ^= hash >> 29;
	for (hash &= sealed_room - 1;; hash = (hash + 1) & (sealed_room - 1)) {
		bool empty = true, same = memcmp(sealed[hash], pair, 20) == 0;

		for (int i = 0; i < 20; i++)
			empty = empty && sealed[hash][i] == 0;
		if (empty || same)
			return hash;
	}
}

static void seal_once(const uint8_t key[32], const uint8_t nonce[12])
{
	uint8_t pair[20];
	size_t slot;

	if (sealed_count * 2 >= sealed_room) {
		uint8_t(*old)[20] = sealed;
		size_t old_room = sealed_room;

		sealed_room = sealed_room ? sealed_room * 2 : 4096;
		sealed = calloc(sealed_room, 20);
		for (size_t i = 0; i < old_room; i++)
			memcpy(sealed[slot_of(old[i])], old[i], 20);
		free(old);
	}
	memcpy(pair, key, 8);
	memcpy(pair + 8, nonce, 12);
	slot = slot_of(pair);
	CHECK(memcmp(sealed[slot], pair, 20) != 0);
	memcpy(sealed[slot], pair, 20);
	sealed_count++;
}

int th_aead_open(const uint8_t key[32], struct th_aead **out)
{
	*out = malloc(sizeof(**out));
	if (!*out)
		return TH_ERROR_MEMORY;
	memcpy((*out)->key, key, 32);
	mbedtls_gcm_init(&(*out)->gcm);
	return mbedtls_gcm_setkey(&(*out)->gcm, MBEDTLS_CIPHER_ID_AES, key, 256) ? TH_ERROR_ARGUMENT : TH_OK;
}

void th_aead_close(struct th_aead *aead)
{
	mbedtls_gcm_free(&aead->gcm);
	free(aead);
}

int th_aead_encrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes, const void *in,
		    size_t bytes, uint8_t *out)
{
	seal_once(aead->key, nonce);
	return mbedtls_gcm_crypt_and_tag(&aead->gcm, MBEDTLS_GCM_ENCRYPT, bytes, nonce, 12, aad, aad_bytes, in, out, 16,
					 out + bytes) ?
		       TH_ERROR_ARGUMENT :
		       TH_OK;
}

int th_aead_decrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes,
		    const uint8_t *in, size_t bytes, uint8_t *out)
{
	return mbedtls_gcm_auth_decrypt(&aead->gcm, bytes - 16, nonce, 12, aad, aad_bytes, in + bytes - 16, 16, in,
					out) ?
		       TH_ERROR_AUTH :
		       TH_OK;
}
