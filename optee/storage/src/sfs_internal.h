/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes shared by the parts of the secure file system. Nothing outside src/sfs_*.c includes this.
 *
 * A file is a tree of blocks with 128 pointers a block; the inodes are a file too, whose own inode is in the header.
 * A pointer is address, nonce and GCM tag, so each block authenticates its children and the header all of them.
 * Blocks are never written in place: sfs_sync writes changed ones elsewhere, then the header.
 */
#ifndef SFS_INTERNAL_H
#define SFS_INTERNAL_H

#include <string.h>

#include <trusthealth/platform.h>

#include "sfs.h"

#define NONCE_BYTES 12
#define TAG_BYTES 16
#define DIGEST_BYTES 32

#define FANOUT 128u
#define POINTER_BYTES 32u
#define MAX_HEIGHT 3u
#define MAX_FILE_BLOCKS (FANOUT * FANOUT * FANOUT)
#define INODE_BYTES 128u
#define INODES_PER_BLOCK (SFS_BLOCK_BYTES / INODE_BYTES)
#define MAX_INODES 65536u
#define ROOT_INODE 1u
#define ENTRY_BYTES 128u
#define ENTRIES_PER_BLOCK (SFS_BLOCK_BYTES / ENTRY_BYTES)
#define HEADER_BLOCKS 4u
#define RUN_BLOCKS 32u
#define AHEAD_BLOCKS 16u
#define MAX_VNODES 48u
#define MAX_OPEN 32u
/* Kept free for what a sync itself writes: one inode block a vnode, their pointer blocks, some to spare. */
#define RESERVED_BLOCKS 64u
#define MODE_DIRECTORY 01000u
#define MODE_FILE 02000u
#define MODE_PERMISSIONS 0777u

struct pointer {
	uint32_t address; /* 0: a hole, reads as zeros */
	uint8_t nonce[NONCE_BYTES];
	uint8_t tag[TAG_BYTES];
};

/* An inode in memory. */
struct vnode {
	bool used;
	bool dirty; /* differs from what the inode file has */
	uint32_t inode;
	uint32_t mode; /* 0: free */
	uint64_t bytes;
	uint8_t height;
	struct pointer root;
	uint32_t opens; /* descriptors */
	uint32_t pins; /* calls that hold it right now */
	uint32_t nodes; /* cached blocks */
	uint64_t last_use;
};

/* A decrypted block in memory. A cached block's parent is cached too. */
struct node {
	struct vnode *vnode; /* null: free */
	struct node *parent; /* null: the vnode's root */
	uint32_t index; /* first block of the file below it, divided by 128^level */
	uint8_t level; /* 0: contents */
	bool dirty; /* then its parents are dirty as well */
	uint32_t children; /* cached ones */
	uint32_t pins;
	struct pointer where; /* as its parent has it */
	struct node *newer, *older; /* by use; free ones are chained by `older` */
	struct node *next_hash;
	uint8_t *data;
};

struct open_file {
	struct vnode *vnode; /* null: free */
	unsigned flags;
	uint64_t position;
};

struct sfs {
	struct sfs_config config;
	struct th_aead *aead;
	uint8_t salt[16];
	uint8_t nonce_prefix[8]; /* random for each mount; the rest of the nonce counts */
	uint32_t nonce_counter;
	int stopped; /* error that ended writing */
	unsigned umask;

	/* space.c */
	uint8_t *committed; /* a bit a block: the last synced state needs it */
	uint8_t *current; /* a bit a block: the state in memory has it */
	uint32_t extent; /* first block never used */
	uint32_t cursor;
	uint32_t free_blocks; /* in neither */
	uint32_t held_blocks; /* committed, and not current */

	/* block.c */
	uint8_t *run; /* RUN_BLOCKS and a tag: ciphertexts waiting to be written at consecutive addresses */
	uint32_t run_address, run_count;
	uint8_t *ahead; /* AHEAD_BLOCKS: sealed blocks as they were last read, some not asked for yet */
	uint32_t ahead_address, ahead_count;
	uint32_t last_read;

	/* cache.c */
	struct node *nodes;
	uint8_t *node_data;
	struct node **buckets;
	uint32_t bucket_mask;
	struct node *newest, *oldest, *free_nodes;
	uint32_t dirty_nodes;

	/* inode.c */
	struct vnode table; /* the inode file */
	struct vnode vnodes[MAX_VNODES];
	uint32_t inode_hint;
	uint64_t use_clock;
	struct open_file files[MAX_OPEN];

	/* header.c */
	uint64_t sequence;
	uint8_t digest[DIGEST_BYTES];
	bool repaired;

	uint64_t backing_reads, backing_writes, backing_syncs, blocks_written;
};

static inline void put32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static inline void put64(uint8_t *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t get32(const uint8_t *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static inline uint64_t get64(const uint8_t *in)
{
	return (uint64_t)get32(in) | (uint64_t)get32(in + 4) << 32;
}

static inline void put_pointer(uint8_t *out, const struct pointer *pointer)
{
	put32(out, pointer->address);
	memcpy(out + 4, pointer->nonce, NONCE_BYTES);
	memcpy(out + 4 + NONCE_BYTES, pointer->tag, TAG_BYTES);
}

static inline void get_pointer(const uint8_t *in, struct pointer *out)
{
	out->address = get32(in);
	memcpy(out->nonce, in + 4, NONCE_BYTES);
	memcpy(out->tag, in + 4 + NONCE_BYTES, TAG_BYTES);
}

/* sfs_space.c: which blocks are free */
int space_open(struct sfs *fs, uint32_t extent);
void space_close(struct sfs *fs);
bool space_room(const struct sfs *fs, uint32_t more);
/* Marks a block that the mounted state has. SFS_TAMPERED when it cannot be one. */
int space_claim(struct sfs *fs, uint32_t address);
uint32_t space_take(struct sfs *fs);
void space_give(struct sfs *fs, uint32_t address);
/* The state in memory is the synced one now. */
void space_commit(struct sfs *fs);

/* sfs_block.c: sealed blocks to and from the normal world */
int block_next_nonce(struct sfs *fs, uint8_t nonce[NONCE_BYTES]);
int block_read(struct sfs *fs, const struct vnode *vnode, unsigned level, uint32_t index, const struct pointer *where,
	       uint8_t *out);
/* Seals `data` for a fresh address; durable only after block_flush and a sync of the backing. */
int block_write(struct sfs *fs, const struct vnode *vnode, unsigned level, uint32_t index, const uint8_t *data,
		struct pointer *where);
int block_flush(struct sfs *fs);

/* sfs_cache.c: the tree of a file, in memory as far as it is used */
int cache_open(struct sfs *fs);
void cache_close(struct sfs *fs);
/* `*out` is null for a hole when `create` is false. The node may go at the next call unless pinned. */
int cache_get(struct sfs *fs, struct vnode *vnode, unsigned level, uint32_t index, bool create, struct node **out);
/* Before a change of its data. `force`: may use the reserve (frees space, or belongs to the sync). */
int cache_dirty(struct sfs *fs, struct node *node, bool force);
/* Makes the tree high enough for block `index`. */
int cache_grow(struct sfs *fs, struct vnode *vnode, uint32_t index);
/* Drops all blocks from `first` on. */
int cache_cut(struct sfs *fs, struct vnode *vnode, uint32_t first);
/* Writes the vnode's changed blocks, children first. */
int cache_flush(struct sfs *fs, struct vnode *vnode);
/* Forgets the vnode's clean blocks. */
void cache_forget(struct sfs *fs, struct vnode *vnode);

/* sfs_inode.c: inodes in the inode file */
/* Pins the vnode; let go with inode_put. */
int inode_get(struct sfs *fs, uint32_t inode, struct vnode **out);
void inode_put(struct vnode *vnode);
int inode_create(struct sfs *fs, uint32_t mode, struct vnode **out);
/* Frees the contents and the inode. Its only pin is the caller's, which goes. */
int inode_remove(struct sfs *fs, struct vnode *vnode);
/* Writes the changed blocks and the inode itself. */
int inode_flush(struct sfs *fs, struct vnode *vnode);
int inode_flush_all(struct sfs *fs);
/* Marks every block of every inode and checks all pointers; `contents`: reads the contents as well. */
int inode_walk(struct sfs *fs, bool claim, bool contents);
int vnode_read(struct sfs *fs, struct vnode *vnode, void *out, size_t bytes, uint64_t offset, size_t *got);
int vnode_write(struct sfs *fs, struct vnode *vnode, const void *in, size_t bytes, uint64_t offset);
int vnode_truncate(struct sfs *fs, struct vnode *vnode, uint64_t bytes);

/* sfs_path.c: names to inodes */
struct place {
	struct vnode *directory; /* pinned */
	char name[SFS_NAME_MAX + 1];
};
int path_parent(struct sfs *fs, const char *path, struct place *out);
int path_get(struct sfs *fs, const char *path, struct vnode **out);
/* `*inode` 0: no such name. */
int entry_find(struct sfs *fs, struct vnode *directory, const char *name, uint32_t *inode, uint32_t *slot);
int entry_add(struct sfs *fs, struct vnode *directory, const char *name, uint32_t inode, bool is_directory);
int entry_clear(struct sfs *fs, struct vnode *directory, uint32_t slot);
int entry_read(struct sfs *fs, struct vnode *directory, uint32_t slot, struct sfs_entry *out, bool *end);
int directory_empty(struct sfs *fs, struct vnode *directory, bool *empty);

/* Before a call that changes the volume. */
int change_begin(struct sfs *fs, uint32_t blocks);
/* After it: an error in the middle of a change stops the mount, so that half a change is never synced. */
int change_end(struct sfs *fs, int result);

static inline bool may(const struct vnode *vnode, unsigned wanted)
{
	return ((vnode->mode >> 6) & wanted) == wanted;
}

static inline bool is_directory(const struct vnode *vnode)
{
	return (vnode->mode & MODE_DIRECTORY) != 0;
}

#endif
