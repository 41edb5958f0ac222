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
#define MAX_RANDOM_BYTES 1024

/* The file service in the normal world: a plugin of tee-supplicant. */
static const TEE_UUID file_service = {
	0x5a6f7910, 0xdfb6, 0x435d, { 0xb1, 0x19, 0x27, 0x27, 0x87, 0x34, 0x09, 0x50 }
};

void th_random(void *out, size_t bytes)
{
	uint8_t *at = out;

	/* OP-TEE copies through memory of its own, of which there is little: it panics for a large request. */
	while (bytes) {
		size_t piece = bytes < MAX_RANDOM_BYTES ? bytes : MAX_RANDOM_BYTES;

		TEE_GenerateRandom(at, piece);
		at += piece;
		bytes -= piece;
	}
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

/*
 * Operations live in OP-TEE's own memory, which is small: only the keys that were used last have them. The others are
 * kept here and get them back when they are used.
 */
#define SLOTS 8

struct th_aead {
	uint8_t key[KEY_BYTES];
};

struct slot {
	const struct th_aead *owner;
	uint64_t used;
	TEE_OperationHandle encrypt;
	TEE_OperationHandle decrypt;
};

static struct slot slots[SLOTS];
static uint64_t uses;

static void clear(struct slot *slot)
{
	TEE_FreeOperation(slot->encrypt);
	TEE_FreeOperation(slot->decrypt);
	memset(slot, 0, sizeof(*slot));
}

/* The slot of a key: its own, or the one that was used longest ago. */
static struct slot *slot_of(const struct th_aead *aead)
{
	struct slot *oldest = slots;
	size_t i = 0;

	for (i = 0; i < SLOTS; i++) {
		if (slots[i].owner == aead) {
			slots[i].used = ++uses;
			return slots + i;
		}
		if (slots[i].used < oldest->used)
			oldest = slots + i;
	}
	clear(oldest);
	oldest->owner = aead;
	oldest->used = ++uses;
	return oldest;
}

int th_aead_open(const uint8_t key[32], struct th_aead **out)
{
	struct th_aead *aead = TEE_Malloc(sizeof(*aead), TEE_MALLOC_FILL_ZERO);

	if (!aead)
		return TH_ERROR_MEMORY;
	memcpy(aead->key, key, KEY_BYTES);
	*out = aead;
	return TH_OK;
}

void th_aead_close(struct th_aead *aead)
{
	size_t i = 0;

	if (!aead)
		return;
	for (i = 0; i < SLOTS; i++)
		if (slots[i].owner == aead)
			clear(slots + i);
	memzero_explicit(aead->key, KEY_BYTES);
	TEE_Free(aead);
}

/* The operation of one direction, made at its first use. */
static TEE_OperationHandle operation(const struct th_aead *aead, uint32_t mode)
{
	struct slot *slot = slot_of(aead);
	TEE_OperationHandle *handle = mode == TEE_MODE_ENCRYPT ? &slot->encrypt : &slot->decrypt;
	TEE_ObjectHandle key = TEE_HANDLE_NULL;
	TEE_Attribute secret = { };

	if (*handle)
		return *handle;
	TEE_InitRefAttribute(&secret, TEE_ATTR_SECRET_VALUE, (void *)aead->key, KEY_BYTES);
	if (TEE_AllocateTransientObject(TEE_TYPE_AES, KEY_BYTES * 8, &key))
		return NULL;
	if (TEE_PopulateTransientObject(key, &secret, 1) ||
	    TEE_AllocateOperation(handle, TEE_ALG_AES_GCM, mode, KEY_BYTES * 8)) {
		*handle = TEE_HANDLE_NULL;
	} else if (TEE_SetOperationKey(*handle, key)) {
		TEE_FreeOperation(*handle);
		*handle = TEE_HANDLE_NULL;
	}
	TEE_FreeTransientObject(key);
	return *handle;
}

int th_aead_encrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes, const void *in,
		    size_t bytes, uint8_t *out)
{
	TEE_OperationHandle handle = operation(aead, TEE_MODE_ENCRYPT);
	size_t written = bytes;
	size_t tag_bytes = TAG_BYTES;

	if (!handle || TEE_AEInit(handle, nonce, NONCE_BYTES, TAG_BYTES * 8, aad_bytes, bytes))
		return TH_ERROR_MEMORY;
	if (aad_bytes)
		TEE_AEUpdateAAD(handle, aad, aad_bytes);
	if (TEE_AEEncryptFinal(handle, in, bytes, out, &written, out + bytes, &tag_bytes))
		return TH_ERROR_MEMORY;
	return TH_OK;
}

int th_aead_decrypt(struct th_aead *aead, const uint8_t nonce[12], const void *aad, size_t aad_bytes,
		    const uint8_t *in, size_t bytes, uint8_t *out)
{
	TEE_OperationHandle handle = TEE_HANDLE_NULL;
	size_t written = 0;

	if (bytes < TAG_BYTES)
		return TH_ERROR_AUTH;
	bytes -= TAG_BYTES;
	written = bytes;
	handle = operation(aead, TEE_MODE_DECRYPT);
	if (!handle || TEE_AEInit(handle, nonce, NONCE_BYTES, TAG_BYTES * 8, aad_bytes, bytes))
		return TH_ERROR_MEMORY;
	if (aad_bytes)
		TEE_AEUpdateAAD(handle, aad, aad_bytes);
	if (TEE_AEDecryptFinal(handle, in, bytes, out, &written, (void *)(in + bytes), TAG_BYTES)) {
		memzero_explicit(out, bytes);
		return TH_ERROR_AUTH;
	}
	return TH_OK;
}
