// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/bignum.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <string.h>
#include <string_ext.h>

#include "curves.h"
#include "trusthealth/platform.h"

/* For blinding and nonces: from the TEE, never predictable by the normal world. */
static int fill_random(void *context, unsigned char *out, size_t bytes)
{
	th_random(out, bytes);
	return 0;
}

/* Loaded once: its tables are made at the first multiplication and stay. */
static mbedtls_ecp_group *p256(void)
{
	static mbedtls_ecp_group group;
	static bool is_loaded;

	if (!is_loaded) {
		mbedtls_ecp_group_init(&group);
		if (mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1))
			return NULL;
		is_loaded = true;
	}
	return &group;
}

int p256_public_key(const uint8_t scalar[P256_SCALAR_BYTES], uint8_t point[P256_POINT_BYTES])
{
	mbedtls_ecp_group *group = p256();
	mbedtls_mpi d = { };
	mbedtls_ecp_point q = { };
	size_t bytes = 0;
	int result = group ? 0 : -1;

	mbedtls_mpi_init(&d);
	mbedtls_ecp_point_init(&q);
	if (!result)
		result = mbedtls_mpi_read_binary(&d, scalar, P256_SCALAR_BYTES);
	if (!result)
		result = mbedtls_ecp_check_privkey(group, &d);
	if (!result)
		result = mbedtls_ecp_mul(group, &q, &d, &group->G, fill_random, NULL);
	if (!result)
		result = mbedtls_ecp_point_write_binary(group, &q, MBEDTLS_ECP_PF_UNCOMPRESSED, &bytes, point,
							P256_POINT_BYTES);
	mbedtls_mpi_free(&d);
	mbedtls_ecp_point_free(&q);
	return result;
}

static int read_point(mbedtls_ecp_group *group, const uint8_t point[P256_POINT_BYTES], mbedtls_ecp_point *q)
{
	int result = 0;

	/* Uncompressed only: SEC 1 §2.3.4. */
	if (!group || point[0] != 4)
		return -1;
	result = mbedtls_ecp_point_read_binary(group, q, point, P256_POINT_BYTES);
	return result ? result : mbedtls_ecp_check_pubkey(group, q);
}

bool p256_is_point(const uint8_t point[P256_POINT_BYTES])
{
	mbedtls_ecp_point q = { };
	int result = 0;

	mbedtls_ecp_point_init(&q);
	result = read_point(p256(), point, &q);
	mbedtls_ecp_point_free(&q);
	return !result;
}

int p256_sign(const uint8_t scalar[P256_SCALAR_BYTES], const uint8_t digest[P256_DIGEST_BYTES],
	      uint8_t signature[P256_SIGNATURE_BYTES])
{
	mbedtls_ecp_group *group = p256();
	mbedtls_mpi d = { };
	mbedtls_mpi r = { };
	mbedtls_mpi s = { };
	int result = group ? 0 : -1;

	mbedtls_mpi_init(&d);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	if (!result)
		result = mbedtls_mpi_read_binary(&d, scalar, P256_SCALAR_BYTES);
	if (!result)
		result = mbedtls_ecdsa_sign(group, &r, &s, &d, digest, P256_DIGEST_BYTES, fill_random, NULL);
	if (!result)
		result = mbedtls_mpi_write_binary(&r, signature, 32);
	if (!result)
		result = mbedtls_mpi_write_binary(&s, signature + 32, 32);
	mbedtls_mpi_free(&d);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	return result;
}

bool p256_verify(const uint8_t point[P256_POINT_BYTES], const uint8_t digest[P256_DIGEST_BYTES],
		 const uint8_t signature[P256_SIGNATURE_BYTES])
{
	mbedtls_ecp_group *group = p256();
	mbedtls_ecp_point q = { };
	mbedtls_mpi r = { };
	mbedtls_mpi s = { };
	int result = 0;

	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	result = read_point(group, point, &q);
	if (!result)
		result = mbedtls_mpi_read_binary(&r, signature, 32);
	if (!result)
		result = mbedtls_mpi_read_binary(&s, signature + 32, 32);
	if (!result)
		result = mbedtls_ecdsa_verify(group, digest, P256_DIGEST_BYTES, &q, &r, &s);
	mbedtls_ecp_point_free(&q);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	return !result;
}

int x25519(const uint8_t scalar[X25519_BYTES], const uint8_t point[X25519_BYTES], uint8_t out[X25519_BYTES])
{
	mbedtls_ecp_group group = { };
	mbedtls_ecp_point q = { };
	mbedtls_ecp_point shared = { };
	mbedtls_mpi d = { };
	uint8_t clamped[X25519_BYTES] = { };
	size_t bytes = 0;
	int result = 0;

	memcpy(clamped, scalar, X25519_BYTES);
	clamped[0] &= 248;
	clamped[31] &= 127;
	clamped[31] |= 64;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&q);
	mbedtls_ecp_point_init(&shared);
	mbedtls_mpi_init(&d);
	result = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519);
	if (!result)
		result = mbedtls_mpi_read_binary_le(&d, clamped, X25519_BYTES);
	/* Ignores the highest bit, as RFC 7748 §5 asks. */
	if (!result)
		result = mbedtls_ecp_point_read_binary(&group, &q, point, X25519_BYTES);
	/* Points of low order, whose multiple is zero, are refused here. */
	if (!result)
		result = mbedtls_ecp_mul(&group, &shared, &d, &q, fill_random, NULL);
	if (!result)
		result = mbedtls_ecp_point_write_binary(&group, &shared, MBEDTLS_ECP_PF_UNCOMPRESSED, &bytes, out,
							X25519_BYTES);
	if (!result) {
		uint8_t any = 0;

		for (size_t i = 0; i < X25519_BYTES; i++)
			any |= out[i];
		if (!any)
			result = -1;
	}
	memzero_explicit(clamped, sizeof(clamped));
	mbedtls_mpi_free(&d);
	mbedtls_ecp_point_free(&shared);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&group);
	return result;
}
