/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine host and the secure storage ask of the machine under them. Two implementations: the trusted
 * application's (GlobalPlatform and mbedTLS, ta/src/platform.c) and a native one for tests of the storage on a
 * development machine (storage/test). Beside this, both may use mbedTLS for what it has in every build: AES blocks and
 * CBC, message digests, HMAC.
 */
#ifndef TRUSTHEALTH_PLATFORM_H
#define TRUSTHEALTH_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

/* 0 is success everywhere. */
#define TH_OK 0
/* The normal world failed, refused, or answered nonsense; nothing is said about what it did. */
#define TH_ERROR_RPC (-1)
#define TH_ERROR_MEMORY (-2)
/* A tag or a MAC is wrong: the one way decryption fails. */
#define TH_ERROR_AUTH (-3)
#define TH_ERROR_ARGUMENT (-4)

/* Fills with random bytes; never fails (GlobalPlatform: the TA panics if there is no randomness). */
void th_random(void *out, size_t bytes);

/*
 * 32 bytes from the device's hardware unique key, this application and `purpose`; the same at each start on the same
 * device. Purposes of the storage begin with "storage/".
 */
int th_derive_key(const char *purpose, uint8_t out[32]);

/* Unix time in milliseconds, as the normal world tells it. */
uint64_t th_unix_ms(void);
/* Milliseconds of the secure timer; never goes back while the application lives. */
uint64_t th_monotonic_ms(void);

/*
 * One call to the file service in the normal world: `command` of storage's own protocol, `buffer` holds `in_bytes` of
 * request and room for `capacity` of answer. The answer is copied into secure memory before this returns, so it is read
 * once. `out_bytes` never exceeds `capacity`. What it says is untrusted.
 */
#define TH_RPC_MAX_BYTES (256 * 1024)
int th_rpc(uint32_t command, void *buffer, size_t in_bytes, size_t capacity, size_t *out_bytes);

/*
 * A small memory that the normal world cannot turn back: one file in the RPMB of the board's eMMC. Whether there is one
 * is how OP-TEE was built, so the secure world's word alone: a normal world that hides the device is TH_ERROR_RPC, or the
 * application ends.
 */
#define TH_ANCHOR_BYTES 96
int th_anchor_exists(void);
/* `*present` is 0 when nothing was ever written. */
int th_anchor_read(uint8_t record[TH_ANCHOR_BYTES], int *present);
/* Replaces all bytes or none, also when the power fails. */
int th_anchor_write(const uint8_t record[TH_ANCHOR_BYTES]);

/* AES-256-GCM with 12-byte nonces and 16-byte tags, GlobalPlatform's. The key is copied; close overwrites it. */
struct th_aead;
int th_aead_open(const uint8_t key[32], struct th_aead **out);
void th_aead_close(struct th_aead *aead);
/* `out` has room for bytes + 16; it must not overlap `in`. */
int th_aead_encrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes, const void *in,
		    size_t bytes, uint8_t *out);
/* `in` is ciphertext and tag, `bytes` counts both; `out` has room for bytes - 16. TH_ERROR_AUTH: `out` is zeroed. */
int th_aead_decrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes,
		    const uint8_t *in, size_t bytes, uint8_t *out);

#endif
