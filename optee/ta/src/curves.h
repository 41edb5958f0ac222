/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA on P-256 and X25519, by mbedTLS: big endian numbers, points uncompressed. 0 is success. */
#ifndef TRUSTHEALTH_CURVES_H
#define TRUSTHEALTH_CURVES_H

#include <stdbool.h>
#include <stdint.h>

#define P256_SCALAR_BYTES 32
#define P256_POINT_BYTES 65
#define P256_SIGNATURE_BYTES 64
#define P256_DIGEST_BYTES 32
#define X25519_BYTES 32

int p256_public_key(const uint8_t scalar[P256_SCALAR_BYTES], uint8_t point[P256_POINT_BYTES]);
bool p256_is_point(const uint8_t point[P256_POINT_BYTES]);
int p256_sign(const uint8_t scalar[P256_SCALAR_BYTES], const uint8_t digest[P256_DIGEST_BYTES],
	      uint8_t signature[P256_SIGNATURE_BYTES]);
bool p256_verify(const uint8_t point[P256_POINT_BYTES], const uint8_t digest[P256_DIGEST_BYTES],
		 const uint8_t signature[P256_SIGNATURE_BYTES]);
/* RFC 7748 §5. Nonzero also if the result is zero. */
int x25519(const uint8_t scalar[X25519_BYTES], const uint8_t point[X25519_BYTES], uint8_t out[X25519_BYTES]);

#endif
