/* SPDX-License-Identifier: Apache-2.0 */
/* How SQLCipher is built for the trusted application, the same in the native tests. */
#ifndef SQLCIPHER_CONFIG_H
#define SQLCIPHER_CONFIG_H

/* Files: ours (sql/vfs.c). Temporary ones lie in the sealed volume too, so that sorting needs no memory. */
#define SQLITE_OS_OTHER 1
#define SQLITE_TEMP_STORE 2
#define SQLITE_MAX_MMAP_SIZE 0
#define SQLITE_OMIT_WAL 1
#define SQLITE_OMIT_LOAD_EXTENSION 1

/* One thread, little memory. */
#define SQLITE_THREADSAFE 0
#define SQLITE_DEFAULT_MEMSTATUS 1
#define SQLITE_DEFAULT_CACHE_SIZE -512
#define SQLITE_DEFAULT_PCACHE_INITSZ 0
#define SQLITE_DEFAULT_LOOKASIDE 1200, 40
#define SQLITE_OMIT_SHARED_CACHE 1
#define SQLITE_OMIT_PROGRESS_CALLBACK 1
#define SQLITE_OMIT_TRACE 1
#define SQLITE_OMIT_DEPRECATED 1
#define SQLITE_OMIT_LOCALTIME 1
#define SQLITE_OMIT_DESERIALIZE 1
#define SQLITE_UNTESTABLE 1

/* As the schema expects it. */
#define SQLITE_DQS 0
#define SQLITE_DEFAULT_SYNCHRONOUS 2
#define SQLITE_ENABLE_FTS5 1
/*
 * How much of its words FTS5 keeps in memory until a transaction ends. By itself a MiB, counted without what it takes for
 * each word, which is 128 bytes at least for the some five that count: the heap does not have that beside the rest.
 */
#define FTS5_DEFAULT_HASHSIZE (4 * 1024)

/* The cipher, with our provider in the place of one of its own. */
#define SQLITE_HAS_CODEC 1
#define SQLCIPHER_CRYPTO_CC 1
#define SQLCIPHER_OMIT_LOG 1
#define OMIT_MEMLOCK 1

#define NDEBUG 1
#define HAVE_STDINT_H 1

#endif
