/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements whose time is taken where they run: the same in the secure world and, for comparison, in the normal world of
 * the same machine (bench/optee/guest).
 */
#ifndef TIMED_H
#define TIMED_H

#include <stddef.h>
#include <stdint.h>

struct sqlite3;

/*
 * `text` is "COUNT LIMIT SQL": runs one statement COUNT times, with ?1 the number of the turn from 1, and ?2 a number
 * from 0 up to LIMIT, the same sequence in every run. More turns than one are one transaction. Several statements, each
 * ended by a semicolon, when COUNT is 1. All rows are read. `rows` becomes how many. @returns an SQLite result code.
 */
int timed_run(struct sqlite3 *database, const char *text, uint64_t *rows);

#endif
