// SPDX-License-Identifier: Apache-2.0
#include <pta_attestation.h>
#include <string.h>
#include <tee_internal_api.h>

#include "attestation.h"

static int call(uint32_t command, uint32_t types, TEE_Param params[TEE_NUM_PARAMS])
{
	static const TEE_UUID service = PTA_ATTESTATION_UUID;
	TEE_TASessionHandle session = TEE_HANDLE_NULL;
	uint32_t origin = 0;
	TEE_Result result = TEE_OpenTASession(&service, TEE_TIMEOUT_INFINITE, 0, NULL, &session, &origin);

	if (result)
		return -1;
	result = TEE_InvokeTACommand(session, TEE_TIMEOUT_INFINITE, command, types, params, &origin);
	TEE_CloseTASession(session);
	return result ? -1 : 0;
}

static int report_of(uint32_t command, const uint8_t *nonce, size_t nonce_bytes, uint8_t report[REPORT_BYTES])
{
	TEE_Param params[TEE_NUM_PARAMS] = { };

	params[0].memref.buffer = (void *)nonce;
	params[0].memref.size = nonce_bytes;
	params[1].memref.buffer = report;
	params[1].memref.size = REPORT_BYTES;
	if (call(command,
		 TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_NONE,
				 TEE_PARAM_TYPE_NONE),
		 params))
		return -1;
	return params[1].memref.size == REPORT_BYTES ? 0 : -1;
}

int attest_program(const uint8_t *nonce, size_t nonce_bytes, uint8_t report[REPORT_BYTES])
{
	return report_of(PTA_ATTESTATION_HASH_TA_MEMORY, nonce, nonce_bytes, report);
}

int attest_core(const uint8_t *nonce, size_t nonce_bytes, uint8_t report[REPORT_BYTES])
{
	return report_of(PTA_ATTESTATION_HASH_TEE_MEMORY, nonce, nonce_bytes, report);
}

int attest_key(uint8_t modulus[REPORT_KEY_BYTES])
{
	static const uint8_t f4[] = { 1, 0, 1 };
	uint8_t exponent[8] = { };
	TEE_Param params[TEE_NUM_PARAMS] = { };

	params[0].memref.buffer = exponent;
	params[0].memref.size = sizeof(exponent);
	params[1].memref.buffer = modulus;
	params[1].memref.size = REPORT_KEY_BYTES;
	if (call(PTA_ATTESTATION_GET_PUBKEY,
		 TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_OUTPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT,
				 TEE_PARAM_TYPE_VALUE_OUTPUT, TEE_PARAM_TYPE_NONE),
		 params))
		return -1;
	if (params[0].memref.size != sizeof(f4) || memcmp(exponent, f4, sizeof(f4)))
		return -1;
	return params[1].memref.size == REPORT_KEY_BYTES ? 0 : -1;
}
