/* SPDX-License-Identifier: Apache-2.0 */
/* OP-TEE's attestation service: signed digests of this application's memory and of OP-TEE's own. */
#ifndef TRUSTHEALTH_ATTESTATION_H
#define TRUSTHEALTH_ATTESTATION_H

#include <stddef.h>
#include <stdint.h>

#define REPORT_KEY_BYTES 384
#define REPORT_BYTES (32 + REPORT_KEY_BYTES)

/* 0 is success. A nonce has 1 to 64 bytes. */
int attest_program(const uint8_t *nonce, size_t nonce_bytes, uint8_t report[REPORT_BYTES]);
int attest_core(const uint8_t *nonce, size_t nonce_bytes, uint8_t report[REPORT_BYTES]);
/* Modulus of the key that signs reports; fails unless it has 3072 bits and the exponent 65537. */
int attest_key(uint8_t modulus[REPORT_KEY_BYTES]);

#endif
