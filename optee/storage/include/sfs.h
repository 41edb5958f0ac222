/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The secure file system of the trusted application: the file calls of the paper's Table 3 over one volume of opaque
 * blocks that the normal world keeps.
 *
 * What it promises, against a normal world that reads, writes and replays the volume at will:
 *  - contents, names, sizes and shape are encrypted; the normal world sees block numbers, counts and times;
 *  - a block that is not the newest one written at its place is SFS_TAMPERED, and nothing is written after that;
 *  - sfs_sync is atomic over all files: after a power cut at any write the volume is as the last finished sfs_sync
 *    left it, or as the one in progress would have;
 *  - an older *whole* volume is noticed by an anchor (struct sfs_anchor) or by comparing sfs_state with a value kept
 *    elsewhere, such as the ledger's checkpoint. Without either it is not.
 * It does not hide access patterns, and it cannot keep the normal world from deleting the volume.
 *
 * One thread. Paths are absolute ("/a/b"), at most 255 bytes, names at most 120; "." and ".." do not exist.
 * Every call answers a number >= 0, or one of enum sfs_error. Format: docs/operations/optee-files.md.
 */
#ifndef SFS_H
#define SFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SFS_BLOCK_BYTES 4096u
#define SFS_NAME_MAX 120u
#define SFS_PATH_MAX 255u
#define SFS_ANCHOR_BYTES 96u

enum sfs_error {
	SFS_OK = 0,
	SFS_NOT_FOUND = -1,
	SFS_EXISTS = -2,
	SFS_DENIED = -3, /* the mode of the file or of a directory on the way does not allow it */
	SFS_IS_DIRECTORY = -4,
	SFS_NOT_DIRECTORY = -5,
	SFS_NOT_EMPTY = -6,
	SFS_BUSY = -7, /* the file is open */
	SFS_BAD_ARGUMENT = -8,
	SFS_NAME_TOO_LONG = -9,
	SFS_FULL = -10, /* no free block, or no free inode */
	SFS_TOO_BIG = -11,
	SFS_TOO_MANY_OPEN = -12,
	SFS_NO_MEMORY = -13,
	SFS_NO_VOLUME = -14, /* nothing was ever written here: sfs_format may */
	SFS_BACKING = -15, /* the normal world did not read, write or sync */
	SFS_TAMPERED = -16, /* a block is not what was last written there */
	SFS_ROLLED_BACK = -17, /* the volume is older than its anchor */
	SFS_CRYPTO = -18, /* the platform's cryptography failed */
	SFS_STOPPED = -19, /* an earlier write failed; mount again to get the last synced state */
};

/*
 * Where the blocks are. The trusted application reaches it by RPC (src/backing_rpc.c); the tests simulate one that
 * fails (test/disk.c). Addresses and counts are in blocks. Each function answers 0 or a negative number.
 */
struct sfs_backing {
	void *context;
	/* `*got` is the number of bytes that exist, at most count * SFS_BLOCK_BYTES; the rest is beyond the end. */
	int (*read)(void *context, uint32_t address, uint32_t count, uint8_t *out, size_t *got);
	/* May be kept in any order, in part, or not at all until sync. */
	int (*write)(void *context, uint32_t address, uint32_t count, const uint8_t *blocks);
	/* All writes so far are durable when this returns. */
	int (*sync)(void *context);
};

/*
 * A small memory that the normal world cannot turn back: RPMB of an eMMC, for example. `write` replaces all bytes or
 * none. It holds the digest of the newest state and of the one being written; docs/operations/optee-files.md.
 */
struct sfs_anchor {
	void *context;
	/* `*present` is false when nothing was ever written. */
	int (*read)(void *context, uint8_t record[SFS_ANCHOR_BYTES], bool *present);
	int (*write)(void *context, const uint8_t record[SFS_ANCHOR_BYTES]);
};

struct sfs_config {
	const struct sfs_backing *backing;
	const struct sfs_anchor *anchor; /* or null */
	uint8_t key[32]; /* from the TA-unique key; the volume's own key is derived from it and the volume's salt */
	uint32_t cache_blocks; /* memory for decrypted blocks, at least 64: about 4.2 KiB each */
	uint32_t max_blocks; /* the volume never grows beyond this; 2 bits of memory each */
};

struct sfs;

/* Makes an empty volume. SFS_EXISTS when there is one, damaged or not: nothing is ever written over. */
int sfs_format(const struct sfs_config *config);

/* Opens the volume and checks every pointer block. `*out` is set only when the answer is SFS_OK. */
int sfs_mount(const struct sfs_config *config, struct sfs **out);

/* Forgets everything since the last sfs_sync, closes all files, frees all memory. */
void sfs_unmount(struct sfs *fs);

/* --- Files --- */

#define SFS_READ 1u
#define SFS_WRITE 2u
#define SFS_CREATE 4u
#define SFS_EXCLUSIVE 8u
#define SFS_TRUNCATE 16u
#define SFS_APPEND 32u

enum sfs_whence { SFS_SET, SFS_CURRENT, SFS_END };

/* Opens, or creates with `mode` less the mask, a file. Answers a descriptor. */
int sfs_open(struct sfs *fs, const char *path, unsigned flags, unsigned mode);
int sfs_close(struct sfs *fs, int file);
/* Answers the number of bytes read, 0 at the end. */
int64_t sfs_read(struct sfs *fs, int file, void *out, size_t bytes);
int64_t sfs_read_at(struct sfs *fs, int file, void *out, size_t bytes, uint64_t offset);
/* Answers the number of bytes written: all of them. After an error some may have been. */
int64_t sfs_write(struct sfs *fs, int file, const void *in, size_t bytes);
int64_t sfs_write_at(struct sfs *fs, int file, const void *in, size_t bytes, uint64_t offset);
/* Answers the new position. Beyond the end is allowed; what lies between reads as zeros. */
int64_t sfs_seek(struct sfs *fs, int file, int64_t offset, enum sfs_whence whence);
int sfs_truncate(struct sfs *fs, int file, uint64_t bytes);
int64_t sfs_size(struct sfs *fs, int file);
/* Replaces a file (or an empty directory by a directory) at `to`; SFS_BUSY when that file is open. */
int sfs_rename(struct sfs *fs, const char *from, const char *to);
int sfs_unlink(struct sfs *fs, const char *path);

struct sfs_stat {
	bool directory;
	unsigned mode; /* nine permission bits */
	uint64_t bytes;
	uint32_t inode;
};
int sfs_stat(struct sfs *fs, const char *path, struct sfs_stat *out);

/* --- Directories --- */

struct sfs_entry {
	char name[SFS_NAME_MAX + 1];
	bool directory;
	uint32_t inode;
};
int sfs_mkdir(struct sfs *fs, const char *path, unsigned mode);
int sfs_rmdir(struct sfs *fs, const char *path);
/* One entry a call: `*cursor` starts at 0. Answers 1 with an entry, 0 at the end. In no particular order. */
int sfs_list(struct sfs *fs, const char *path, uint32_t *cursor, struct sfs_entry *out);

/* --- Permission. The trusted application is the only user: the owner's three bits count. --- */

#define SFS_MAY_READ 4u
#define SFS_MAY_WRITE 2u
#define SFS_MAY_SEARCH 1u

/* SFS_OK when the path exists and all of `wanted` (0: existence only) is allowed, else SFS_NOT_FOUND or SFS_DENIED. */
int sfs_access(struct sfs *fs, const char *path, unsigned wanted);
int sfs_chmod(struct sfs *fs, const char *path, unsigned mode);
/* Bits that new files and directories do not get; 077 at mount. Answers the old mask. */
int sfs_umask(struct sfs *fs, unsigned mask);

/* --- Synchronisation --- */

/* Makes everything written so far durable, all files at once or none. */
int sfs_sync(struct sfs *fs);

/* --- State, for checks --- */

struct sfs_state {
	uint64_t sequence; /* number of the last finished sync; only goes up */
	uint8_t digest[32]; /* SHA-256 over the header that leads to every block of that state */
	uint32_t blocks_used;
	uint32_t blocks_free; /* of max_blocks */
	bool repaired; /* one of the two copies of the newest header was damaged */
	uint64_t backing_reads, backing_writes, backing_syncs, blocks_written;
};
void sfs_get_state(const struct sfs *fs, struct sfs_state *out);

/* Reads and checks every block of the committed state. SFS_TAMPERED names no block: the caller can only stop. */
int sfs_scrub(struct sfs *fs);

#endif
