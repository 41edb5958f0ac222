// SPDX-License-Identifier: Apache-2.0
/* SHA-256 and HMAC (mbedTLS, without a call into OP-TEE), AES-GCM (GlobalPlatform), P-256 and X25519, text. */
#include <mbedtls/sha256.h>
#include <string.h>
#include <string_ext.h>

#include "curves.h"
#include "native.h"
#include "trusthealth/platform.h"

#define DIGEST_BYTES 32
#define BLOCK_BYTES 64
#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define MAX_RANDOM_BYTES 65536
#define MAX_PARTS 4096

static JSClassID aead_class;

static void free_aead(JSRuntime *rt, JSValueConst value)
{
	th_aead_close(JS_GetOpaque(value, aead_class));
}

static const JSClassDef aead_definition = { "NativeAead", .finalizer = free_aead };

static JSValue random_bytes(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	int64_t count = 0;
	uint8_t *out = NULL;
	JSValue array = JS_UNDEFINED;

	if (JS_ToInt64(ctx, &count, argv[0]))
		return JS_EXCEPTION;
	if (count < 0 || count > MAX_RANDOM_BYTES)
		return JS_ThrowTypeError(ctx, "wrong length");
	array = native_new_bytes(ctx, (size_t)count, &out);
	if (out && count)
		th_random(out, (size_t)count);
	return array;
}

/* Feeds the parts of an array one after another. 0, or -1 with an exception. */
static int update_with_parts(JSContext *ctx, mbedtls_sha256_context *state, JSValueConst parts)
{
	int64_t count = 0;
	int64_t i = 0;

	if (JS_GetLength(ctx, parts, &count))
		return -1;
	if (count > MAX_PARTS) {
		JS_ThrowTypeError(ctx, "too many parts");
		return -1;
	}
	for (i = 0; i < count; i++) {
		JSValue part = JS_GetPropertyUint32(ctx, parts, (uint32_t)i);
		const uint8_t *bytes = NULL;
		size_t length = 0;
		int result = 0;

		if (JS_IsException(part))
			return -1;
		result = native_bytes(ctx, part, &bytes, &length);
		if (!result)
			mbedtls_sha256_update(state, bytes, length);
		JS_FreeValue(ctx, part);
		if (result)
			return -1;
	}
	return 0;
}

static JSValue sha256(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	mbedtls_sha256_context state = { };
	uint8_t digest[DIGEST_BYTES] = { };
	int result = 0;

	mbedtls_sha256_init(&state);
	mbedtls_sha256_starts(&state, 0);
	result = update_with_parts(ctx, &state, argv[0]);
	mbedtls_sha256_finish(&state, digest);
	mbedtls_sha256_free(&state);
	return result ? JS_EXCEPTION : native_copy(ctx, digest, sizeof(digest));
}

/* RFC 2104. */
static JSValue hmac_sha256(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	mbedtls_sha256_context state = { };
	uint8_t block[BLOCK_BYTES] = { };
	uint8_t digest[DIGEST_BYTES] = { };
	const uint8_t *key = NULL;
	size_t key_bytes = 0;
	size_t i = 0;
	int result = 0;

	if (native_bytes(ctx, argv[0], &key, &key_bytes))
		return JS_EXCEPTION;
	if (key_bytes > BLOCK_BYTES)
		mbedtls_sha256(key, key_bytes, block, 0);
	else
		memcpy(block, key, key_bytes);
	for (i = 0; i < BLOCK_BYTES; i++)
		block[i] ^= 0x36;
	mbedtls_sha256_init(&state);
	mbedtls_sha256_starts(&state, 0);
	mbedtls_sha256_update(&state, block, BLOCK_BYTES);
	result = update_with_parts(ctx, &state, argv[1]);
	mbedtls_sha256_finish(&state, digest);
	for (i = 0; i < BLOCK_BYTES; i++)
		block[i] ^= 0x36 ^ 0x5c;
	mbedtls_sha256_starts(&state, 0);
	mbedtls_sha256_update(&state, block, BLOCK_BYTES);
	mbedtls_sha256_update(&state, digest, sizeof(digest));
	mbedtls_sha256_finish(&state, digest);
	mbedtls_sha256_free(&state);
	memzero_explicit(block, sizeof(block));
	return result ? JS_EXCEPTION : native_copy(ctx, digest, sizeof(digest));
}

static JSValue open_aead(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *key = native_exactly(ctx, argv[0], KEY_BYTES);
	struct th_aead *aead = NULL;
	JSValue handle = JS_UNDEFINED;

	if (!key)
		return JS_EXCEPTION;
	if (th_aead_open(key, &aead))
		return JS_ThrowOutOfMemory(ctx);
	handle = JS_NewObjectClass(ctx, aead_class);
	if (JS_IsException(handle)) {
		th_aead_close(aead);
		return handle;
	}
	JS_SetOpaque(handle, aead);
	return handle;
}

struct aead_call {
	struct th_aead *aead;
	const uint8_t *nonce;
	const uint8_t *aad;
	size_t aad_bytes;
	const uint8_t *in;
	size_t bytes;
};

static int read_aead_call(JSContext *ctx, JSValueConst *argv, struct aead_call *call)
{
	call->aead = JS_GetOpaque2(ctx, argv[0], aead_class);
	if (!call->aead)
		return -1;
	call->nonce = native_exactly(ctx, argv[1], NONCE_BYTES);
	if (!call->nonce)
		return -1;
	if (native_bytes(ctx, argv[2], &call->aad, &call->aad_bytes))
		return -1;
	return native_bytes(ctx, argv[3], &call->in, &call->bytes);
}

static JSValue encrypt(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	struct aead_call call = { };
	uint8_t *out = NULL;
	JSValue array = JS_UNDEFINED;

	if (read_aead_call(ctx, argv, &call))
		return JS_EXCEPTION;
	array = native_new_bytes(ctx, call.bytes + TAG_BYTES, &out);
	if (!out)
		return array;
	if (th_aead_encrypt(call.aead, call.nonce, call.aad, call.aad_bytes, call.in, call.bytes, out)) {
		JS_FreeValue(ctx, array);
		return JS_ThrowOutOfMemory(ctx);
	}
	return array;
}

static JSValue decrypt(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	struct aead_call call = { };
	uint8_t *out = NULL;
	JSValue array = JS_UNDEFINED;
	int result = 0;

	if (read_aead_call(ctx, argv, &call))
		return JS_EXCEPTION;
	if (call.bytes < TAG_BYTES)
		return JS_ThrowTypeError(ctx, "wrong length");
	array = native_new_bytes(ctx, call.bytes - TAG_BYTES, &out);
	if (!out)
		return array;
	result = th_aead_decrypt(call.aead, call.nonce, call.aad, call.aad_bytes, call.in, call.bytes, out);
	if (!result)
		return array;
	JS_FreeValue(ctx, array);
	return result == TH_ERROR_AUTH ? JS_UNDEFINED : JS_ThrowOutOfMemory(ctx);
}

static JSValue p256_public(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *scalar = native_exactly(ctx, argv[0], P256_SCALAR_BYTES);
	uint8_t point[P256_POINT_BYTES] = { };

	if (!scalar)
		return JS_EXCEPTION;
	if (p256_public_key(scalar, point))
		return JS_ThrowTypeError(ctx, "not a scalar");
	return native_copy(ctx, point, sizeof(point));
}

static JSValue is_p256_point(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *point = native_exactly(ctx, argv[0], P256_POINT_BYTES);

	return point ? JS_NewBool(ctx, p256_is_point(point)) : JS_EXCEPTION;
}

static JSValue sign(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *scalar = native_exactly(ctx, argv[0], P256_SCALAR_BYTES);
	const uint8_t *digest = scalar ? native_exactly(ctx, argv[1], P256_DIGEST_BYTES) : NULL;
	uint8_t signature[P256_SIGNATURE_BYTES] = { };

	if (!digest)
		return JS_EXCEPTION;
	if (p256_sign(scalar, digest, signature))
		return JS_ThrowTypeError(ctx, "cannot sign");
	return native_copy(ctx, signature, sizeof(signature));
}

static JSValue verify(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *point = native_exactly(ctx, argv[0], P256_POINT_BYTES);
	const uint8_t *digest = point ? native_exactly(ctx, argv[1], P256_DIGEST_BYTES) : NULL;
	const uint8_t *signature = digest ? native_exactly(ctx, argv[2], P256_SIGNATURE_BYTES) : NULL;

	return signature ? JS_NewBool(ctx, p256_verify(point, digest, signature)) : JS_EXCEPTION;
}

static JSValue agree(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *scalar = native_exactly(ctx, argv[0], X25519_BYTES);
	const uint8_t *point = scalar ? native_exactly(ctx, argv[1], X25519_BYTES) : NULL;
	uint8_t shared[X25519_BYTES] = { };
	JSValue array = JS_UNDEFINED;

	if (!point)
		return JS_EXCEPTION;
	if (x25519(scalar, point, shared))
		return JS_UNDEFINED;
	array = native_copy(ctx, shared, sizeof(shared));
	memzero_explicit(shared, sizeof(shared));
	return array;
}

static JSValue encode_utf8(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t length = 0;
	const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
	JSValue array = JS_UNDEFINED;

	if (!text)
		return JS_EXCEPTION;
	array = native_copy(ctx, text, length);
	JS_FreeCString(ctx, text);
	return array;
}

/* Unicode 16 table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF. */
static int is_utf8(const uint8_t *at, size_t count)
{
	const uint8_t *end = at + count;

	while (at < end) {
		uint8_t first = *at++;
		uint8_t low = 0x80;
		uint8_t high = 0xbf;
		size_t more = 0;

		if (first < 0x80)
			continue;
		if (first >= 0xc2 && first <= 0xdf) {
			more = 1;
		} else if (first >= 0xe0 && first <= 0xef) {
			more = 2;
			low = first == 0xe0 ? 0xa0 : 0x80;
			high = first == 0xed ? 0x9f : 0xbf;
		} else if (first >= 0xf0 && first <= 0xf4) {
			more = 3;
			low = first == 0xf0 ? 0x90 : 0x80;
			high = first == 0xf4 ? 0x8f : 0xbf;
		} else {
			return 0;
		}
		if ((size_t)(end - at) < more)
			return 0;
		for (; more; more--) {
			if (*at < low || *at > high)
				return 0;
			at++;
			low = 0x80;
			high = 0xbf;
		}
	}
	return 1;
}

static JSValue decode_utf8(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *bytes = NULL;
	size_t count = 0;

	if (native_bytes(ctx, argv[0], &bytes, &count))
		return JS_EXCEPTION;
	if (!is_utf8(bytes, count))
		return JS_UNDEFINED;
	return JS_NewStringLen(ctx, (const char *)bytes, count);
}

static const struct native_row rows[] = {
	{ "randomBytes", random_bytes, 1 },
	{ "sha256", sha256, 1 },
	{ "hmacSha256", hmac_sha256, 2 },
	{ "openAead", open_aead, 1 },
	{ "encrypt", encrypt, 4 },
	{ "decrypt", decrypt, 4 },
	{ "p256PublicKey", p256_public, 1 },
	{ "isP256Point", is_p256_point, 1 },
	{ "p256Sign", sign, 2 },
	{ "p256Verify", verify, 3 },
	{ "x25519", agree, 2 },
	{ "encodeUtf8", encode_utf8, 1 },
	{ "decodeUtf8", decode_utf8, 1 },
};

int native_add_crypto(JSContext *ctx, JSValueConst object)
{
	JSRuntime *rt = JS_GetRuntime(ctx);

	JS_NewClassID(rt, &aead_class);
	if (JS_NewClass(rt, aead_class, &aead_definition))
		return -1;
	return native_define(ctx, object, rows, sizeof(rows) / sizeof(rows[0]));
}
