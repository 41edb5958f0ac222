// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/sha256.h>
#include <quickjs.h>
#include <stdlib.h>
#include <string.h>
#include <trace.h>

#include "engine.h"
#include "heap.h"
#include "native.h"

#define APPLICATION "./trusted-application.mjs"
#define HOST "./host.mjs"
/* Below the TA's stack: what is left is for C, which the engine calls from its depths. */
#define STACK_BYTES ((TH_STACK_KIB - 128) * 1024)

extern const char script_application[];
extern const char script_application_end[];
extern const char script_host[];
extern const char script_host_end[];

/* What refers to itself alone is looked for after so much was added. */
#define GARBAGE_BYTES (256 * 1024)

static JSRuntime *runtime;
static JSContext *context;
/* Where in the scripts a function stands is for debugging, and some hundred KiB. */
#if TH_DEBUG
#define CODE_FLAGS JS_WRITE_OBJ_BYTECODE
#else
#define CODE_FLAGS (JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_DEBUG)
#endif
/* Functions of the host's module. */
static JSValue host_exchange;
static JSValue host_take;
static JSValue host_waiting;
/* In use after the last look for garbage. */
static size_t collected_bytes;

static const JSMallocFunctions memory = {
	heap_calloc, heap_malloc, heap_free, heap_realloc, heap_usable,
};

/* Names and code of an exception, never its message: that may hold what the normal world must not see. */
static void report_exception(void)
{
	static const char *const members[] = { "name", "code" };
	JSValue error = JS_GetException(context);
	size_t i = 0;

	for (i = 0; i < 2; i++) {
		JSValue value = JS_GetPropertyStr(context, error, members[i]);
		const char *text = JS_IsString(value) ? JS_ToCString(context, value) : NULL;

		if (text)
			EMSG("%s %s", members[i], text);
		JS_FreeCString(context, text);
		JS_FreeValue(context, value);
	}
#if TH_DEBUG
	{
		const char *text = JS_ToCString(context, error);
		JSValue stack = JS_GetPropertyStr(context, error, "stack");
		const char *where = JS_ToCString(context, stack);

		EMSG("%s %s", text ? text : "", where ? where : "");
		JS_FreeCString(context, text);
		JS_FreeCString(context, where);
		JS_FreeValue(context, stack);
	}
#endif
	JS_FreeValue(context, error);
	JS_FreeValue(context, JS_GetException(context));
}

/* The measured file is the only thing that can be imported, and it is there before it is asked for. */
static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque)
{
	JS_ThrowTypeError(ctx, "no such module");
	return NULL;
}

static char *same_name(JSContext *ctx, const char *base, const char *name, void *opaque)
{
	return js_strdup(ctx, name);
}

/* Promises are used by modules only; all of them settle here. */
static int run_jobs(void)
{
	JSContext *ran = NULL;
	int result = 0;

	do {
		result = JS_ExecutePendingJob(runtime, &ran);
	} while (result > 0);
	return result;
}

/* Compiled in an engine of its own, which ends: compiling leaves memory in pieces. */
struct code {
	uint8_t *bytes;
	size_t count;
};

static int compile(const char *script, const char *end, const char *name, struct code *code)
{
	JSValue module = JS_Eval(context, script, (size_t)(end - script), name,
				 JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
	uint8_t *written = NULL;

	if (JS_IsException(module))
		return -1;
	written = JS_WriteObject(context, &code->count, module, CODE_FLAGS);
	JS_FreeValue(context, module);
	if (!written)
		return -1;
	code->bytes = malloc(code->count);
	if (code->bytes)
		memcpy(code->bytes, written, code->count);
	js_free(context, written);
	return code->bytes ? 0 : -1;
}

/* The module, and its code is no more. */
static JSValue read_module(struct code *code)
{
	JSValue module = JS_ReadObject(context, code->bytes, code->count, JS_READ_OBJ_BYTECODE);

	free(code->bytes);
	code->bytes = NULL;
	return module;
}

static JSValue run_host(struct code *application, struct code *host)
{
	JSValue module = read_module(application);
	JSModuleDef *definition = NULL;
	JSValue promise = JS_UNDEFINED;
	JSPromiseStateEnum state = JS_PROMISE_PENDING;

	if (JS_IsException(module))
		return module;
	/* The context keeps it, under its name. */
	JS_FreeValue(context, module);
	module = read_module(host);
	if (JS_IsException(module))
		return module;
	definition = JS_VALUE_GET_PTR(module);
	if (JS_ResolveModule(context, module) < 0) {
		JS_FreeValue(context, module);
		return JS_EXCEPTION;
	}
	promise = JS_EvalFunction(context, module);
	if (JS_IsException(promise))
		return promise;
	if (run_jobs() < 0) {
		JS_FreeValue(context, promise);
		return JS_EXCEPTION;
	}
	state = JS_PromiseState(context, promise);
	if (state == JS_PROMISE_REJECTED)
		JS_Throw(context, JS_PromiseResult(context, promise));
	JS_FreeValue(context, promise);
	if (state != JS_PROMISE_FULFILLED)
		return JS_EXCEPTION;
	return JS_GetModuleNamespace(context, definition);
}

static int take_exports(JSValueConst host, JSValue *start)
{
	*start = JS_GetPropertyStr(context, host, "start");
	host_exchange = JS_GetPropertyStr(context, host, "exchange");
	host_take = JS_GetPropertyStr(context, host, "take");
	host_waiting = JS_GetPropertyStr(context, host, "waiting");
	return JS_IsFunction(context, *start) && JS_IsFunction(context, host_exchange) &&
	       JS_IsFunction(context, host_take) && JS_IsFunction(context, host_waiting) ? 0 : -1;
}

void engine_measurement(uint8_t digest[32])
{
	mbedtls_sha256((const unsigned char *)script_application,
		       (size_t)(script_application_end - script_application), digest, 0);
}

static int start_application(struct code *application, struct code *host_code)
{
	uint8_t measurement[32] = { };
	JSValue host = JS_UNDEFINED;
	JSValue start = JS_UNDEFINED;
	JSValue native = JS_UNDEFINED;
	JSValue result = JS_EXCEPTION;

	engine_measurement(measurement);
	host = run_host(application, host_code);
	if (JS_IsException(host))
		return -1;
	if (!take_exports(host, &start)) {
		native = native_object(context, measurement);
		if (!JS_IsException(native))
			result = JS_Call(context, start, JS_UNDEFINED, 1, (JSValueConst *)&native);
	}
	JS_FreeValue(context, native);
	JS_FreeValue(context, start);
	JS_FreeValue(context, host);
	if (JS_IsException(result))
		return -1;
	JS_FreeValue(context, result);
	return 0;
}

/* 0, or -1 and none is there. */
static int open_engine(void)
{
	host_exchange = JS_UNDEFINED;
	host_take = JS_UNDEFINED;
	host_waiting = JS_UNDEFINED;
	runtime = JS_NewRuntime2(&memory, NULL);
	if (!runtime)
		return -1;
	JS_SetMaxStackSize(runtime, STACK_BYTES);
	JS_UpdateStackTop(runtime);
	JS_SetModuleLoaderFunc(runtime, same_name, load, NULL);
	context = JS_NewContext(runtime);
	if (context)
		return 0;
	engine_stop();
	return -1;
}

/* As open_engine; what was thrown is told. */
static int end_engine(int result)
{
	if (result)
		report_exception();
	engine_stop();
	return result;
}

int engine_start(void)
{
	struct code application = { };
	struct code host = { };
	int result = open_engine();

	if (!result)
		result = end_engine(compile(script_application, script_application_end, APPLICATION, &application) ||
				    compile(script_host, script_host_end, HOST, &host));
	heap_trim();
	if (!result)
		result = open_engine();
	if (!result && start_application(&application, &host))
		result = end_engine(-1);
	free(application.bytes);
	free(host.bytes);
	if (result)
		return -1;
	engine_collect();
	return 0;
}

void engine_stop(void)
{
	if (context) {
		JS_FreeValue(context, host_exchange);
		JS_FreeValue(context, host_take);
		JS_FreeValue(context, host_waiting);
		JS_FreeContext(context);
	}
	if (runtime)
		JS_FreeRuntime(runtime);
	context = NULL;
	runtime = NULL;
}

void engine_collect(void)
{
	struct heap_use use = { };

	if (!runtime)
		return;
	JS_RunGC(runtime);
	heap_count(&use);
	collected_bytes = use.now;
	JS_SetGCThreshold(runtime, use.now + GARBAGE_BYTES);
}

/* By itself the engine waits until it has half as much again, which is more than there is. */
static void collect_if_due(void)
{
	struct heap_use use = { };

	heap_count(&use);
	if (use.now > collected_bytes + GARBAGE_BYTES)
		engine_collect();
	else
		JS_SetGCThreshold(runtime, use.now + GARBAGE_BYTES);
}

bool engine_runs(void)
{
	return context;
}

static int number_of(JSValue value, int64_t *number)
{
	int result = JS_IsException(value) ? -1 : JS_ToInt64(context, number, value);

	JS_FreeValue(context, value);
	if (result)
		report_exception();
	return result;
}

int engine_exchange(const uint8_t *input, size_t bytes, bool has_more, uint32_t *flags)
{
	JSValue array = JS_UNDEFINED;
	JSValueConst arguments[2];
	JSValue result = JS_UNDEFINED;
	int64_t number = 0;

	JS_UpdateStackTop(runtime);
	array = native_copy(context, input, bytes);
	if (JS_IsException(array)) {
		report_exception();
		return -1;
	}
	arguments[0] = array;
	arguments[1] = JS_NewBool(context, has_more);
	result = JS_Call(context, host_exchange, JS_UNDEFINED, 2, arguments);
	JS_FreeValue(context, array);
	if (number_of(result, &number) || run_jobs() < 0)
		return -1;
	*flags = (uint32_t)number;
	collect_if_due();
	return 0;
}

int engine_take(uint8_t *out, size_t capacity, size_t *written, size_t *waiting)
{
	JSValue limit = JS_NewInt64(context, (int64_t)capacity);
	JSValueConst arguments[1];
	JSValue piece = JS_UNDEFINED;
	const uint8_t *bytes = NULL;
	int64_t number = 0;

	JS_UpdateStackTop(runtime);
	arguments[0] = limit;
	piece = JS_Call(context, host_take, JS_UNDEFINED, 1, arguments);
	if (JS_IsException(piece) || native_bytes(context, piece, &bytes, written) || *written > capacity) {
		JS_FreeValue(context, piece);
		report_exception();
		return -1;
	}
	memcpy(out, bytes, *written);
	JS_FreeValue(context, piece);
	if (number_of(JS_Call(context, host_waiting, JS_UNDEFINED, 0, NULL), &number))
		return -1;
	*waiting = (size_t)number;
	return 0;
}
