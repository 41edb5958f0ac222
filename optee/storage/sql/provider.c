/* SPDX-License-Identifier: Apache-2.0 */
#include "provider.h"

#include <mbedtls/aes.h>
#include <mbedtls/md.h>
#include <string.h>
#include <trusthealth/platform.h>

#define FAILED 1 /* SQLITE_ERROR */
#define MAX_HASH_BYTES 64

static const mbedtls_md_info_t *hash_of(int algorithm)
{
	switch (algorithm) {
	case 0:
		return mbedtls_md_info_from_type(MBEDTLS_MD_SHA1);
	case 1:
		return mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
	case 2:
		return mbedtls_md_info_from_type(MBEDTLS_MD_SHA512);
	default:
		return NULL;
	}
}

int provider_random(void *context, void *out, int bytes)
{
	(void)context;
	if (bytes < 0)
		return FAILED;
	th_random(out, (size_t)bytes);
	return 0;
}

int provider_hash_bytes(void *context, int algorithm)
{
	const mbedtls_md_info_t *hash = hash_of(algorithm);

	(void)context;
	return hash ? mbedtls_md_get_size(hash) : 0;
}

int provider_hmac(void *context, int algorithm, unsigned char *key, int key_bytes, unsigned char *in, int in_bytes,
		  unsigned char *in2, int in2_bytes, unsigned char *out)
{
	const mbedtls_md_info_t *hash = hash_of(algorithm);
	mbedtls_md_context_t md;
	int rc;

	(void)context;
	if (!hash || !in || key_bytes < 0 || in_bytes < 0 || in2_bytes < 0)
		return FAILED;
	mbedtls_md_init(&md);
	rc = mbedtls_md_setup(&md, hash, 1);
	if (rc == 0)
		rc = mbedtls_md_hmac_starts(&md, key, (size_t)key_bytes);
	if (rc == 0)
		rc = mbedtls_md_hmac_update(&md, in, (size_t)in_bytes);
	if (rc == 0 && in2)
		rc = mbedtls_md_hmac_update(&md, in2, (size_t)in2_bytes);
	if (rc == 0)
		rc = mbedtls_md_hmac_finish(&md, out);
	mbedtls_md_free(&md);
	return rc ? FAILED : 0;
}

int provider_kdf(void *context, int algorithm, const unsigned char *pass, int pass_bytes, unsigned char *salt,
		 int salt_bytes, int rounds, int key_bytes, unsigned char *key)
{
	const mbedtls_md_info_t *hash = hash_of(algorithm);
	unsigned char last[MAX_HASH_BYTES], sum[MAX_HASH_BYTES], number[4];
	size_t hash_bytes = (size_t)provider_hash_bytes(context, algorithm), left = (size_t)key_bytes;
	mbedtls_md_context_t md;
	int rc;

	if (!hash || pass_bytes < 0 || salt_bytes < 0 || key_bytes < 0 || rounds < 1)
		return FAILED;
	mbedtls_md_init(&md);
	rc = mbedtls_md_setup(&md, hash, 1);
	if (rc == 0)
		rc = mbedtls_md_hmac_starts(&md, pass, (size_t)pass_bytes);
	for (unsigned long block = 1; rc == 0 && left > 0; block++) {
		size_t part = left < hash_bytes ? left : hash_bytes;

		for (int i = 0; i < 4; i++)
			number[i] = (unsigned char)(block >> (24 - 8 * i));
		rc = mbedtls_md_hmac_update(&md, salt, (size_t)salt_bytes);
		if (rc == 0)
			rc = mbedtls_md_hmac_update(&md, number, sizeof(number));
		if (rc == 0)
			rc = mbedtls_md_hmac_finish(&md, last);
		memcpy(sum, last, sizeof(sum));
		for (int round = 1; rc == 0 && round < rounds; round++) {
			rc = mbedtls_md_hmac_reset(&md);
			if (rc == 0)
				rc = mbedtls_md_hmac_update(&md, last, hash_bytes);
			if (rc == 0)
				rc = mbedtls_md_hmac_finish(&md, last);
			for (size_t i = 0; i < hash_bytes; i++)
				sum[i] ^= last[i];
		}
		if (rc == 0)
			rc = mbedtls_md_hmac_reset(&md);
		memcpy(key, sum, part);
		key += part;
		left -= part;
	}
	mbedtls_md_free(&md);
	memset(last, 0, sizeof(last));
	memset(sum, 0, sizeof(sum));
	return rc ? FAILED : 0;
}

int provider_cipher(void *context, int mode, unsigned char *key, int key_bytes, unsigned char *iv, unsigned char *in,
		    int bytes, unsigned char *out)
{
	unsigned char chained[16];
	mbedtls_aes_context aes;
	int rc;

	(void)context;
	if (key_bytes != 32 || bytes < 0 || bytes % 16 != 0)
		return FAILED;
	/* mbedTLS moves the vector on; SQLCipher's must stay as it is. */
	memcpy(chained, iv, sizeof(chained));
	mbedtls_aes_init(&aes);
	rc = mode ? mbedtls_aes_setkey_enc(&aes, key, 256) : mbedtls_aes_setkey_dec(&aes, key, 256);
	if (rc == 0)
		rc = mbedtls_aes_crypt_cbc(&aes, mode ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT, (size_t)bytes,
					   chained, in, out);
	mbedtls_aes_free(&aes);
	return rc ? FAILED : 0;
}
