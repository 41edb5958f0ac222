// SPDX-License-Identifier: Apache-2.0
/*
 * platform.h on GlobalPlatform's Internal Core API and OP-TEE's system service.
 */
#include <pta_system.h>
#include <string.h>
#include <string_ext.h>
#include <tee_internal_api.h>
#include <tee_internal_api_extensions.h>

#include "trusthealth/platform.h"

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define KEY_BYTES 32

/* The file service in the normal world: a plugin of tee-supplicant. */
static const TEE_UUID file_service = {
	0x5a6f7910, 0xdfb6, 0x435d, { 0xb1, 0x19, 0x27, 0x27, 0x87, 0x34, 0x09, 0x50 }
};

void th_random(void *out, size_t bytes)
{
	TEE_GenerateRandom(out, bytes);
}

int th_derive_key(const char *purpose, uint8_t out[32])
{
	static const TEE_UUID system_service = PTA_SYSTEM_UUID;
	TEE_TASessionHandle session = TEE_HANDLE_NULL;
	TEE_Param params[TEE_NUM_PARAMS] = { };
	uint32_t origin = 0;

	if (!purpose || !*purpose)
		return TH_ERROR_ARGUMENT;
	if (TEE_OpenTASession(&system_service, TEE_TIMEOUT_INFINITE, 0, NULL, &session, &origin))
		TEE_Panic(TEE_ERROR_BAD_STATE);
	params[0].memref.buffer = (void *)purpose;
	params[0].memref.size = strlen(purpose);
	params[1].memref.buffer = out;
	params[1].memref.size = KEY_BYTES;
	/* Without its key the application is nobody: there is nothing to go on with. */
	if (TEE_InvokeTACommand(session, TEE_TIMEOUT_INFINITE, PTA_SYSTEM_DERIVE_TA_UNIQUE_KEY,
				TEE_PARAM_TYPES(TEE_PARAM_TYPE_MEMREF_INPUT, TEE_PARAM_TYPE_MEMREF_OUTPUT,
						TEE_PARAM_TYPE_NONE, TEE_PARAM_TYPE_NONE),
				params, &origin) || params[1].memref.size != KEY_BYTES)
		TEE_Panic(TEE_ERROR_BAD_STATE);
	TEE_CloseTASession(session);
	return TH_OK;
}

static uint64_t milliseconds(const TEE_Time *time)
{
	return (uint64_t)time->seconds * 1000 + time->millis;
}

uint64_t th_unix_ms(void)
{
	TEE_Time time = { };

	TEE_GetREETime(&time);
	return milliseconds(&time);
}

uint64_t th_monotonic_ms(void)
{
	TEE_Time time = { };

	TEE_GetSystemTime(&time);
	return milliseconds(&time);
}

int th_rpc(uint32_t command, void *buffer, size_t in_bytes, size_t capacity, size_t *out_bytes)
{
	size_t bytes = in_bytes > capacity ? in_bytes : capacity;
	size_t answered = 0;

	if (!bytes || bytes > TH_RPC_MAX_BYTES)
		return TH_ERROR_ARGUMENT;
	if (tee_invoke_supp_plugin(&file_service, command, 0, buffer, bytes, &answered))
		return TH_ERROR_RPC;
	/* The length is the normal world's word. */
	if (answered > capacity)
		return TH_ERROR_RPC;
	*out_bytes = answered;
	return TH_OK;
}

struct th_aead {
	TEE_ObjectHandle key;
	TEE_OperationHandle encrypt;
	TEE_OperationHandle decrypt;
};

int th_aead_open(const uint8_t key[32], struct th_aead **out)
{
	struct th_aead *aead = TEE_Malloc(sizeof(*aead), TEE_MALLOC_FILL_ZERO);
	TEE_Attribute secret = { };

	if (!aead)
		return TH_ERROR_MEMORY;
	TEE_InitRefAttribute(&secret, TEE_ATTR_SECRET_VALUE, (void *)key, KEY_BYTES);
	if (TEE_AllocateTransientObject(TEE_TYPE_AES, KEY_BYTES * 8, &aead->key) ||
	    TEE_PopulateTransientObject(aead->key, &secret, 1)) {
		th_aead_close(aead);
		return TH_ERROR_MEMORY;
	}
	*out = aead;
	return TH_OK;
}

void th_aead_close(struct th_aead *aead)
{
	if (!aead)
		return;
	TEE_FreeOperation(aead->encrypt);
	TEE_FreeOperation(aead->decrypt);
	TEE_FreeTransientObject(aead->key);
	TEE_Free(aead);
}

/* The operation of one direction, made at its first use. */
static TEE_Result operation(struct th_aead *aead, uint32_t mode, TEE_OperationHandle *handle)
{
	TEE_Result result = TEE_SUCCESS;

	if (*handle)
		return TEE_SUCCESS;
	result = TEE_AllocateOperation(handle, TEE_ALG_AES_GCM, mode, KEY_BYTES * 8);
	if (result)
		return result;
	return TEE_SetOperationKey(*handle, aead->key);
}

int th_aead_encrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes, const void *in,
		    size_t bytes, uint8_t *out)
{
	size_t written = bytes;
	size_t tag_bytes = TAG_BYTES;

	if (operation(aead, TEE_MODE_ENCRYPT, &aead->encrypt))
		return TH_ERROR_MEMORY;
	if (TEE_AEInit(aead->encrypt, nonce, NONCE_BYTES, TAG_BYTES * 8, aad_bytes, bytes))
		return TH_ERROR_MEMORY;
	if (aad_bytes)
		TEE_AEUpdateAAD(aead->encrypt, aad, aad_bytes);
	if (TEE_AEEncryptFinal(aead->encrypt, in, bytes, out, &written, out + bytes, &tag_bytes))
		return TH_ERROR_MEMORY;
	return TH_OK;
}

int th_aead_decrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes,
		    const uint8_t *in, size_t bytes, uint8_t *out)
{
	size_t written = 0;

	if (bytes < TAG_BYTES)
		return TH_ERROR_AUTH;
	bytes -= TAG_BYTES;
	written = bytes;
	if (operation(aead, TEE_MODE_DECRYPT, &aead->decrypt))
		return TH_ERROR_MEMORY;
	if (TEE_AEInit(aead->decrypt, nonce, NONCE_BYTES, TAG_BYTES * 8, aad_bytes, bytes))
		return TH_ERROR_MEMORY;
	if (aad_bytes)
		TEE_AEUpdateAAD(aead->decrypt, aad, aad_bytes);
	if (TEE_AEDecryptFinal(aead->decrypt, in, bytes, out, &written, (void *)(in + bytes), TAG_BYTES)) {
		memzero_explicit(out, bytes);
		return TH_ERROR_AUTH;
	}
	return TH_OK;
}
