/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLCipher's cryptography on mbedTLS and th_random, as the functions that its provider asks for. Numbers of algorithms
 * are SQLCipher's: 0 SHA-1, 1 SHA-256, 2 SHA-512. 0 is success here too.
 */
#ifndef PROVIDER_H
#define PROVIDER_H

int provider_random(void *context, void *out, int bytes);
int provider_hmac(void *context, int algorithm, unsigned char *key, int key_bytes, unsigned char *in, int in_bytes,
		  unsigned char *in2, int in2_bytes, unsigned char *out);
/* PBKDF2 (RFC 8018 section 5.2). */
int provider_kdf(void *context, int algorithm, const unsigned char *pass, int pass_bytes, unsigned char *salt,
		 int salt_bytes, int rounds, int key_bytes, unsigned char *key);
/* AES-256-CBC without padding; `mode` 1 encrypts. */
int provider_cipher(void *context, int mode, unsigned char *key, int key_bytes, unsigned char *iv, unsigned char *in,
		    int bytes, unsigned char *out);
int provider_hash_bytes(void *context, int algorithm);

#endif
