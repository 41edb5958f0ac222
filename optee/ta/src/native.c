// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "native.h"
#include "trusthealth/platform.h"

int native_bytes(JSContext *ctx, JSValueConst value, const uint8_t **bytes, size_t *count)
{
	/* An empty array has an address, too. */
	*bytes = JS_GetUint8Array(ctx, count, value);
	return *bytes ? 0 : -1;
}

const uint8_t *native_exactly(JSContext *ctx, JSValueConst value, size_t count)
{
	const uint8_t *bytes = NULL;
	size_t found = 0;

	if (native_bytes(ctx, value, &bytes, &found))
		return NULL;
	if (found != count) {
		JS_ThrowTypeError(ctx, "wrong length");
		return NULL;
	}
	return bytes;
}

JSValue native_copy(JSContext *ctx, const void *bytes, size_t count)
{
	return JS_NewUint8ArrayCopy(ctx, bytes, count);
}

JSValue native_new_bytes(JSContext *ctx, size_t count, uint8_t **out)
{
	JSValueConst arguments[1];
	JSValue array = JS_UNDEFINED;
	JSValue length = JS_NewInt64(ctx, (int64_t)count);
	size_t found = 0;

	*out = NULL;
	arguments[0] = length;
	array = JS_NewTypedArray(ctx, 1, arguments, JS_TYPED_ARRAY_UINT8);
	if (JS_IsException(array))
		return array;
	*out = JS_GetUint8Array(ctx, &found, array);
	if (!*out || found != count) {
		*out = NULL;
		JS_FreeValue(ctx, array);
		return JS_ThrowTypeError(ctx, "no memory");
	}
	return array;
}

int native_define(JSContext *ctx, JSValueConst object, const struct native_row *rows, size_t count)
{
	size_t i = 0;

	for (i = 0; i < count; i++) {
		JSValue function = JS_NewCFunction(ctx, rows[i].function, rows[i].name, rows[i].arguments);

		if (JS_IsException(function) || JS_SetPropertyStr(ctx, object, rows[i].name, function) < 0)
			return -1;
	}
	return 0;
}

JSValue native_object(JSContext *ctx, const uint8_t measurement[32])
{
	static const uint8_t signer[] = TH_SIGNER;
	JSValue object = JS_NewObject(ctx);

	if (JS_IsException(object))
		return object;
	if (JS_SetPropertyStr(ctx, object, "measurement", native_copy(ctx, measurement, 32)) < 0 ||
	    JS_SetPropertyStr(ctx, object, "signer", native_copy(ctx, signer, sizeof(signer))) < 0 ||
	    JS_SetPropertyStr(ctx, object, "isSimulated", JS_NewBool(ctx, TH_SIMULATED)) < 0 ||
	    JS_SetPropertyStr(ctx, object, "isDebug", JS_NewBool(ctx, TH_DEBUG)) < 0 ||
	    JS_SetPropertyStr(ctx, object, "hasAnchor", JS_NewBool(ctx, th_anchor_exists())) < 0 ||
	    native_add_crypto(ctx, object) || native_add_platform(ctx, object) ||
	    native_add_sql(ctx, object)) {
		JS_FreeValue(ctx, object);
		return JS_EXCEPTION;
	}
	return object;
}
