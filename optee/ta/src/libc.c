// SPDX-License-Identifier: Apache-2.0
/*
 * What the JavaScript engine asks of a C library and OP-TEE's does not have. Local time is UTC; what prints prints
 * nothing, because a console belongs to the normal world.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tee_internal_api.h>

#include <dtoa.h>

#include "trusthealth/platform.h"

/* As musl's headers, with which the engine is compiled, declare them. */
struct tm {
	int seconds, minutes, hours, month_day, month, year, week_day, year_day, is_summer_time;
	long offset_seconds;
	const char *zone;
};
struct timeval {
	int64_t seconds, microseconds;
};
struct timespec {
	int64_t seconds;
	long nanoseconds;
};

void __assert_fail(const char *text, const char *file, int line, const char *function);
struct tm *localtime_r(const int64_t *time, struct tm *out);
int gettimeofday(struct timeval *out, void *zone);
int clock_gettime(int clock, struct timespec *out);
size_t malloc_usable_size(void *at);
int fprintf(void *file, const char *format, ...);
int vfprintf(void *file, const char *format, va_list list);
double strtod(const char *text, char **end);

void __assert_fail(const char *text, const char *file, int line, const char *function)
{
	TEE_Panic(TEE_ERROR_BAD_STATE);
}

struct tm *localtime_r(const int64_t *time, struct tm *out)
{
	memset(out, 0, sizeof(*out));
	return out;
}

int gettimeofday(struct timeval *out, void *zone)
{
	uint64_t now = th_unix_ms();

	out->seconds = (int64_t)(now / 1000);
	out->microseconds = (int64_t)(now % 1000) * 1000;
	return 0;
}

int clock_gettime(int clock, struct timespec *out)
{
	uint64_t now = th_monotonic_ms();

	out->seconds = (int64_t)(now / 1000);
	out->nanoseconds = (long)(now % 1000) * 1000000;
	return 0;
}

size_t malloc_usable_size(void *at)
{
	return 0;
}

int fprintf(void *file, const char *format, ...)
{
	return 0;
}

int vfprintf(void *file, const char *format, va_list list)
{
	return 0;
}

/* The engine checks the form first and wants the value only. */
double strtod(const char *text, char **end)
{
	JSATODTempMem scratch;

	return js_atod(text, NULL, 10, 0, &scratch);
}
