// SPDX-License-Identifier: Apache-2.0
/* Databases and statements of SQLite, as SqlDatabase and SqlStatement of secure/core/src/ports.ts need them. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <trace.h>

#include "native.h"
#include "trusthealth/platform.h"
#include "trusthealth/storage.h"

#define KEY_BYTES 32
#define MAX_CACHE_KIB (64 * 1024)
/* 2^53: integers up to it are exact in a number. */
#define MAX_SAFE 9007199254740992.0

struct statement {
	sqlite3_stmt *prepared;
	struct database *owner;
	struct statement *next;
};

/* Lives while its object or a statement's does; `handle` is NULL once it is closed. */
struct database {
	sqlite3 *handle;
	struct statement *statements;
	size_t references;
};

static JSClassID database_class;
static JSClassID statement_class;
static bool is_started;

static JSValue throw_sqlite(JSContext *ctx, int code)
{
	JSValue error = JS_NewError(ctx);

#if TH_DEBUG
	EMSG("sqlite %d", code);
#endif
	if (JS_IsException(error))
		return error;
	/* Fixed text: SQLite's own may quote what was asked. */
	JS_SetPropertyStr(ctx, error, "message", JS_NewString(ctx, "the database refused"));
	JS_SetPropertyStr(ctx, error, "sqlite", JS_NewInt32(ctx, code));
	return JS_Throw(ctx, error);
}

static void close_database(struct database *database)
{
	struct statement *statement = NULL;

	for (statement = database->statements; statement; statement = statement->next) {
		sqlite3_finalize(statement->prepared);
		statement->prepared = NULL;
	}
	sqlite3_close(database->handle);
	database->handle = NULL;
}

static void release(struct database *database)
{
	if (--database->references)
		return;
	close_database(database);
	free(database);
}

static void free_database(JSRuntime *rt, JSValueConst value)
{
	struct database *database = JS_GetOpaque(value, database_class);

	if (database)
		release(database);
}

static void free_statement(JSRuntime *rt, JSValueConst value)
{
	struct statement *statement = JS_GetOpaque(value, statement_class);
	struct statement **at = NULL;

	if (!statement)
		return;
	for (at = &statement->owner->statements; *at != statement; at = &(*at)->next)
		;
	*at = statement->next;
	sqlite3_finalize(statement->prepared);
	release(statement->owner);
	free(statement);
}

static const JSClassDef database_definition = { "NativeDatabase", .finalizer = free_database };
static const JSClassDef statement_definition = { "NativeStatement", .finalizer = free_statement };

static struct database *database_of(JSContext *ctx, JSValueConst value)
{
	struct database *database = JS_GetOpaque2(ctx, value, database_class);

	if (!database)
		return NULL;
	if (!database->handle) {
		JS_ThrowTypeError(ctx, "the database is closed");
		return NULL;
	}
	return database;
}

static sqlite3_stmt *statement_of(JSContext *ctx, JSValueConst value)
{
	struct statement *statement = JS_GetOpaque2(ctx, value, statement_class);

	if (!statement)
		return NULL;
	if (!statement->prepared)
		JS_ThrowTypeError(ctx, "the database is closed");
	return statement->prepared;
}

/* Mounts the store at its first use. 0, or -1 with an exception. */
static int start_storage(JSContext *ctx)
{
	int result = is_started ? TH_OK : th_storage_start();

	if (!result) {
		is_started = true;
		return 0;
	}
	throw_sqlite(ctx, result == TH_ERROR_AUTH ? SQLITE_CORRUPT : SQLITE_IOERR);
	return -1;
}

static JSValue open_database(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *key = native_exactly(ctx, argv[1], KEY_BYTES);
	struct database *database = NULL;
	const char *name = NULL;
	int64_t cache_kib = 0;
	JSValue object = JS_UNDEFINED;
	int code = 0;

	if (!key || JS_ToInt64(ctx, &cache_kib, argv[2]))
		return JS_EXCEPTION;
	if (cache_kib < 1 || cache_kib > MAX_CACHE_KIB)
		return JS_ThrowTypeError(ctx, "wrong size of the cache");
	if (start_storage(ctx))
		return JS_EXCEPTION;
	object = JS_NewObjectClass(ctx, database_class);
	if (JS_IsException(object))
		return object;
	database = calloc(1, sizeof(*database));
	name = JS_ToCString(ctx, argv[0]);
	if (!database || !name) {
		free(database);
		JS_FreeCString(ctx, name);
		JS_FreeValue(ctx, object);
		return JS_ThrowOutOfMemory(ctx);
	}
	database->references = 1;
	JS_SetOpaque(object, database);
	code = th_storage_open(name, key, (size_t)cache_kib, &database->handle);
	JS_FreeCString(ctx, name);
	if (!code)
		return object;
	database->handle = NULL;
	JS_FreeValue(ctx, object);
	return throw_sqlite(ctx, code);
}

static JSValue close(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	struct database *database = database_of(ctx, argv[0]);

	if (!database)
		return JS_EXCEPTION;
	close_database(database);
	return JS_UNDEFINED;
}

static JSValue execute(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	struct database *database = database_of(ctx, argv[0]);
	const char *sql = database ? JS_ToCString(ctx, argv[1]) : NULL;
	int code = 0;

	if (!sql)
		return JS_EXCEPTION;
	code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
	if (code)
		code = sqlite3_extended_errcode(database->handle);
	JS_FreeCString(ctx, sql);
	return code ? throw_sqlite(ctx, code) : JS_UNDEFINED;
}

static JSValue backup(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	struct database *database = database_of(ctx, argv[0]);
	const char *name = database ? JS_ToCString(ctx, argv[1]) : NULL;
	int code = 0;

	if (!name)
		return JS_EXCEPTION;
	code = th_storage_backup(database->handle, name);
	JS_FreeCString(ctx, name);
	return code ? throw_sqlite(ctx, code) : JS_UNDEFINED;
}

static JSValue prepare(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	struct database *database = database_of(ctx, argv[0]);
	struct statement *statement = NULL;
	size_t length = 0;
	const char *sql = NULL;
	JSValue object = JS_UNDEFINED;
	int code = 0;

	if (!database)
		return JS_EXCEPTION;
	object = JS_NewObjectClass(ctx, statement_class);
	if (JS_IsException(object))
		return object;
	statement = calloc(1, sizeof(*statement));
	sql = JS_ToCStringLen(ctx, &length, argv[1]);
	if (!statement || !sql) {
		free(statement);
		JS_FreeCString(ctx, sql);
		JS_FreeValue(ctx, object);
		return JS_ThrowOutOfMemory(ctx);
	}
	statement->owner = database;
	statement->next = database->statements;
	database->statements = statement;
	database->references++;
	JS_SetOpaque(object, statement);
	code = sqlite3_prepare_v3(database->handle, sql, (int)length, SQLITE_PREPARE_PERSISTENT, &statement->prepared,
				  NULL);
	if (code)
		code = sqlite3_extended_errcode(database->handle);
	JS_FreeCString(ctx, sql);
	if (!code && !statement->prepared)
		code = SQLITE_MISUSE;
	if (!code)
		return object;
	JS_FreeValue(ctx, object);
	return throw_sqlite(ctx, code);
}

/* 0, a result code of SQLite, or -1 with an exception. */
static int bind_value(JSContext *ctx, sqlite3_stmt *statement, int at, JSValueConst value)
{
	const uint8_t *bytes = NULL;
	size_t count = 0;
	double number = 0;

	if (JS_IsNull(value))
		return sqlite3_bind_null(statement, at);
	if (JS_IsNumber(value)) {
		if (JS_ToFloat64(ctx, &number, value))
			return -1;
		if (number >= -MAX_SAFE && number <= MAX_SAFE && (double)(int64_t)number == number)
			return sqlite3_bind_int64(statement, at, (int64_t)number);
		return sqlite3_bind_double(statement, at, number);
	}
	if (JS_IsString(value)) {
		const char *text = JS_ToCStringLen(ctx, &count, value);
		int code = 0;

		if (!text)
			return -1;
		code = sqlite3_bind_text64(statement, at, text, count, SQLITE_TRANSIENT, SQLITE_UTF8);
		JS_FreeCString(ctx, text);
		return code;
	}
	if (native_bytes(ctx, value, &bytes, &count))
		return -1;
	return sqlite3_bind_blob64(statement, at, bytes, count, SQLITE_TRANSIENT);
}

static JSValue bind(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	sqlite3_stmt *statement = statement_of(ctx, argv[0]);
	int64_t count = 0;
	int64_t i = 0;
	int code = 0;

	if (!statement || JS_GetLength(ctx, argv[1], &count))
		return JS_EXCEPTION;
	if (sqlite3_stmt_busy(statement))
		return JS_ThrowTypeError(ctx, "the statement is being iterated");
	if (count != sqlite3_bind_parameter_count(statement))
		return JS_ThrowRangeError(ctx, "wrong number of parameters");
	sqlite3_reset(statement);
	for (i = 0; i < count && !code; i++) {
		JSValue value = JS_GetPropertyUint32(ctx, argv[1], (uint32_t)i);

		if (JS_IsException(value))
			return value;
		code = bind_value(ctx, statement, (int)i + 1, value);
		JS_FreeValue(ctx, value);
	}
	if (code < 0)
		return JS_EXCEPTION;
	return code ? throw_sqlite(ctx, code) : JS_UNDEFINED;
}

static JSValue column(JSContext *ctx, sqlite3_stmt *statement, int at)
{
	const void *bytes = NULL;

	switch (sqlite3_column_type(statement, at)) {
	case SQLITE_INTEGER:
		return JS_NewInt64(ctx, sqlite3_column_int64(statement, at));
	case SQLITE_FLOAT:
		return JS_NewFloat64(ctx, sqlite3_column_double(statement, at));
	case SQLITE_TEXT:
		bytes = sqlite3_column_text(statement, at);
		if (!bytes)
			return JS_ThrowOutOfMemory(ctx);
		return JS_NewStringLen(ctx, bytes, (size_t)sqlite3_column_bytes(statement, at));
	case SQLITE_BLOB:
		bytes = sqlite3_column_blob(statement, at);
		return native_copy(ctx, bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, at));
	default:
		return JS_NULL;
	}
}

static JSValue row(JSContext *ctx, sqlite3_stmt *statement)
{
	JSValue object = JS_NewObject(ctx);
	int count = sqlite3_column_count(statement);
	int i = 0;

	for (i = 0; i < count && !JS_IsException(object); i++) {
		JSValue value = column(ctx, statement, i);

		if (JS_IsException(value) ||
		    JS_DefinePropertyValueStr(ctx, object, sqlite3_column_name(statement, i), value,
					      JS_PROP_C_W_E) < 0) {
			JS_FreeValue(ctx, object);
			object = JS_EXCEPTION;
		}
	}
	return object;
}

static JSValue step(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	sqlite3_stmt *statement = statement_of(ctx, argv[0]);
	int code = 0;

	if (!statement)
		return JS_EXCEPTION;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return row(ctx, statement);
	if (code != SQLITE_DONE)
		code = sqlite3_extended_errcode(sqlite3_db_handle(statement));
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? JS_UNDEFINED : throw_sqlite(ctx, code);
}

static JSValue reset(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	struct statement *statement = JS_GetOpaque2(ctx, argv[0], statement_class);

	if (!statement)
		return JS_EXCEPTION;
	/* Also of a database that was closed while rows were read. */
	if (statement->prepared) {
		sqlite3_reset(statement->prepared);
		sqlite3_clear_bindings(statement->prepared);
	}
	return JS_UNDEFINED;
}

static const struct native_row rows[] = {
	{ "openDatabase", open_database, 3 },
	{ "closeDatabase", close, 1 },
	{ "execute", execute, 2 },
	{ "backup", backup, 2 },
	{ "prepare", prepare, 2 },
	{ "bind", bind, 2 },
	{ "step", step, 1 },
	{ "reset", reset, 1 },
};

int native_add_sql(JSContext *ctx, JSValueConst object)
{
	JSRuntime *rt = JS_GetRuntime(ctx);

	JS_NewClassID(rt, &database_class);
	JS_NewClassID(rt, &statement_class);
	if (JS_NewClass(rt, database_class, &database_definition) ||
	    JS_NewClass(rt, statement_class, &statement_definition))
		return -1;
	return native_define(ctx, object, rows, sizeof(rows) / sizeof(rows[0]));
}
