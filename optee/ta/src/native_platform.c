// SPDX-License-Identifier: Apache-2.0
/* Device key, clocks and reports. */
#include <string.h>
#include <string_ext.h>
#include <tee_internal_api.h>

#include "attestation.h"
#include "native.h"
#include "trusthealth/platform.h"

#define MAX_PURPOSE_BYTES 256
#define MAX_NONCE_BYTES 64

static JSValue derive_key(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t length = 0;
	const char *purpose = JS_ToCStringLen(ctx, &length, argv[0]);
	uint8_t key[32] = { };
	JSValue array = JS_UNDEFINED;

	if (!purpose)
		return JS_EXCEPTION;
	if (!length || length > MAX_PURPOSE_BYTES || strlen(purpose) != length) {
		JS_FreeCString(ctx, purpose);
		return JS_ThrowTypeError(ctx, "wrong purpose");
	}
	th_derive_key(purpose, key);
	JS_FreeCString(ctx, purpose);
	array = native_copy(ctx, key, sizeof(key));
	memzero_explicit(key, sizeof(key));
	return array;
}

static JSValue unix_ms(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	return JS_NewInt64(ctx, (int64_t)th_unix_ms());
}

static JSValue monotonic_ms(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	return JS_NewInt64(ctx, (int64_t)th_monotonic_ms());
}

static JSValue report(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	uint8_t out[REPORT_BYTES] = { };
	const uint8_t *nonce = NULL;
	size_t nonce_bytes = 0;
	const char *of = NULL;
	int is_program = 0;
	int is_core = 0;

	if (native_bytes(ctx, argv[1], &nonce, &nonce_bytes))
		return JS_EXCEPTION;
	if (!nonce_bytes || nonce_bytes > MAX_NONCE_BYTES)
		return JS_ThrowTypeError(ctx, "wrong length");
	of = JS_ToCString(ctx, argv[0]);
	if (!of)
		return JS_EXCEPTION;
	is_program = !strcmp(of, "program");
	is_core = !strcmp(of, "core");
	JS_FreeCString(ctx, of);
	if (!is_program && !is_core)
		return JS_ThrowTypeError(ctx, "no such report");
	if (is_program ? attest_program(nonce, nonce_bytes, out) : attest_core(nonce, nonce_bytes, out))
		return JS_ThrowTypeError(ctx, "no report");
	return native_copy(ctx, out, sizeof(out));
}

static JSValue report_key(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	uint8_t modulus[REPORT_KEY_BYTES] = { };

	if (attest_key(modulus))
		return JS_ThrowTypeError(ctx, "no report key");
	return native_copy(ctx, modulus, sizeof(modulus));
}

static JSValue core_version(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	char text[128] = { };
	size_t length = sizeof(text);

	if (TEE_GetPropertyAsString(TEE_PROPSET_TEE_IMPLEMENTATION, "gpd.tee.trustedos.implementation.version", text,
				    &length))
		return JS_ThrowTypeError(ctx, "no version");
	return JS_NewString(ctx, text);
}

static const struct native_row rows[] = {
	{ "deriveKey", derive_key, 1 },
	{ "unixMs", unix_ms, 0 },
	{ "monotonicMs", monotonic_ms, 0 },
	{ "report", report, 2 },
	{ "reportKey", report_key, 0 },
	{ "coreVersion", core_version, 0 },
};

int native_add_platform(JSContext *ctx, JSValueConst object)
{
	return native_define(ctx, object, rows, sizeof(rows) / sizeof(rows[0]));
}
