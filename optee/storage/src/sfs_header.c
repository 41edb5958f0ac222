/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header: format, mount, sync, scrub. Blocks 0 and 1 hold the states with even numbers, 2 and 3 those with odd
 * ones, twice each. A sync writes its blocks, waits for the backing, then writes the first copy, waits, and writes the
 * second. So a power cut leaves
 *   - the newest state N in both copies of its pair, or only in the first, and N - 1 in the other pair, or
 *   - N in both copies, and in the other pair a torn first copy and N - 1 in the second.
 * Anything else was not us: SFS_TAMPERED, and nothing is written.
 */
#include <mbedtls/md.h>
#include <stdlib.h>

#include "sfs_internal.h"

#define SALT_AT 8
#define NONCE_AT 24
#define TAG_AT 36
#define BODY_AT 64
#define BODY_BYTES (SFS_BLOCK_BYTES - BODY_AT)
#define STATE_BYTES 64 /* of the body: what counts; zeros follow */

static const uint8_t MAGIC[8] = { 'T', 'H', 'S', 'F', 'S', 0, 0, 1 };

struct copy {
	bool valid;
	uint64_t sequence;
	uint8_t state[STATE_BYTES];
	uint8_t salt[16];
};

static int open_key(const struct sfs_config *config, const uint8_t salt[16], struct th_aead **out)
{
	static const uint8_t label[] = "trusthealth/sfs/1/blocks\x01";
	const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
	uint8_t extracted[DIGEST_BYTES], key[DIGEST_BYTES];
	int rc = SFS_CRYPTO;

	/* HKDF (RFC 5869) with one block of output. */
	if (mbedtls_md_hmac(sha256, salt, 16, config->key, sizeof(config->key), extracted) == 0 &&
	    mbedtls_md_hmac(sha256, extracted, sizeof(extracted), label, sizeof(label) - 1, key) == 0 &&
	    th_aead_open(key, out) == 0)
		rc = SFS_OK;
	memset(extracted, 0, sizeof(extracted));
	memset(key, 0, sizeof(key));
	return rc;
}

static int state_digest(const uint8_t salt[16], const uint8_t state[STATE_BYTES], uint8_t out[DIGEST_BYTES])
{
	uint8_t input[24 + 16 + STATE_BYTES] = "trusthealth/sfs/1/state";

	memcpy(input + 24, salt, 16);
	memcpy(input + 40, state, STATE_BYTES);
	return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), input, sizeof(input), out) ? SFS_CRYPTO :
												       SFS_OK;
}

static void encode_state(const struct sfs *fs, uint64_t sequence, uint8_t out[STATE_BYTES])
{
	memset(out, 0, STATE_BYTES);
	put64(out, sequence);
	put32(out + 8, fs->extent);
	put32(out + 12, fs->table.height);
	put64(out + 16, fs->table.bytes);
	put_pointer(out + 24, &fs->table.root);
}

static int decode_state(struct sfs *fs, const uint8_t in[STATE_BYTES], uint32_t *extent)
{
	fs->sequence = get64(in);
	*extent = get32(in + 8);
	fs->table.height = (uint8_t)get32(in + 12);
	fs->table.bytes = get64(in + 16);
	get_pointer(in + 24, &fs->table.root);
	return get32(in + 12) <= MAX_HEIGHT ? SFS_OK : SFS_TAMPERED;
}

/* Magic, salt and "header": the additional data of every header. */
static void header_aad(const uint8_t salt[16], uint8_t out[32])
{
	memset(out, 0, 32);
	memcpy(out, MAGIC, sizeof(MAGIC));
	memcpy(out + 8, salt, 16);
	memcpy(out + 24, "header", 6);
}

static int seal_header(struct sfs *fs, const uint8_t state[STATE_BYTES], uint8_t out[SFS_BLOCK_BYTES])
{
	uint8_t *body = calloc(1, 2 * BODY_BYTES + TAG_BYTES);
	uint8_t *sealed, aad[32];
	int rc;

	if (!body)
		return SFS_NO_MEMORY;
	sealed = body + BODY_BYTES;
	memcpy(body, state, STATE_BYTES);
	memset(out, 0, SFS_BLOCK_BYTES);
	memcpy(out, MAGIC, sizeof(MAGIC));
	memcpy(out + SALT_AT, fs->salt, sizeof(fs->salt));
	header_aad(fs->salt, aad);
	rc = block_next_nonce(fs, out + NONCE_AT);
	if (rc == SFS_OK && th_aead_encrypt(fs->aead, out + NONCE_AT, aad, sizeof(aad), body, BODY_BYTES, sealed))
		rc = SFS_CRYPTO;
	memcpy(out + BODY_AT, sealed, BODY_BYTES);
	memcpy(out + TAG_AT, sealed + BODY_BYTES, TAG_BYTES);
	free(body);
	return rc;
}

static int open_header(const struct sfs_config *config, const uint8_t block[SFS_BLOCK_BYTES], unsigned pair,
		       struct copy *out)
{
	uint8_t *sealed, *body, aad[32];
	struct th_aead *aead;
	int rc;

	out->valid = false;
	if (memcmp(block, MAGIC, sizeof(MAGIC)) != 0)
		return SFS_OK;
	memcpy(out->salt, block + SALT_AT, sizeof(out->salt));
	sealed = malloc(2 * BODY_BYTES + TAG_BYTES);
	if (!sealed)
		return SFS_NO_MEMORY;
	body = sealed + BODY_BYTES + TAG_BYTES;
	rc = open_key(config, out->salt, &aead);
	if (rc == SFS_OK) {
		memcpy(sealed, block + BODY_AT, BODY_BYTES);
		memcpy(sealed + BODY_BYTES, block + TAG_AT, TAG_BYTES);
		header_aad(out->salt, aad);
		rc = th_aead_decrypt(aead, block + NONCE_AT, aad, sizeof(aad), sealed, BODY_BYTES + TAG_BYTES, body);
		if (rc == 0) {
			memcpy(out->state, body, STATE_BYTES);
			out->sequence = get64(body);
			out->valid = out->sequence % 2 == pair;
		}
		rc = rc == 0 || rc == TH_ERROR_AUTH ? SFS_OK : SFS_CRYPTO;
		th_aead_close(aead);
	}
	free(sealed);
	return rc;
}

static int write_blocks(struct sfs *fs, uint32_t address, const uint8_t *block)
{
	fs->backing_writes++;
	return fs->config.backing->write(fs->config.backing->context, address, 1, block) ? SFS_BACKING : SFS_OK;
}

static int sync_backing(struct sfs *fs)
{
	fs->backing_syncs++;
	return fs->config.backing->sync(fs->config.backing->context) ? SFS_BACKING : SFS_OK;
}

static int write_anchor(struct sfs *fs, const uint8_t next[DIGEST_BYTES])
{
	const struct sfs_anchor *anchor = fs->config.anchor;
	uint8_t record[SFS_ANCHOR_BYTES] = { 0 };

	if (!anchor)
		return SFS_OK;
	memcpy(record, MAGIC, sizeof(MAGIC));
	memcpy(record + 8, fs->digest, DIGEST_BYTES);
	memcpy(record + 8 + DIGEST_BYTES, next, DIGEST_BYTES);
	return anchor->write(anchor->context, record) ? SFS_BACKING : SFS_OK;
}

/*
 * Either the state that was current at the last anchor write or the one that was to follow: the write may have been
 * cut off between anchor and header. The next sync replaces both, so an unfinished state is no alternative for long.
 */
static int check_anchor(const struct sfs *fs)
{
	const struct sfs_anchor *anchor = fs->config.anchor;
	uint8_t record[SFS_ANCHOR_BYTES];
	bool present = false;

	if (!anchor)
		return SFS_OK;
	if (anchor->read(anchor->context, record, &present))
		return SFS_BACKING;
	if (!present)
		return fs->sequence <= 1 ? SFS_OK : SFS_ROLLED_BACK;
	if (memcmp(record, MAGIC, sizeof(MAGIC)) == 0 &&
	    (memcmp(record + 8, fs->digest, DIGEST_BYTES) == 0 ||
	     memcmp(record + 8 + DIGEST_BYTES, fs->digest, DIGEST_BYTES) == 0))
		return SFS_OK;
	return SFS_ROLLED_BACK;
}

/* Everything the state leads to is durable already. */
static int write_header(struct sfs *fs, uint64_t sequence)
{
	uint8_t state[STATE_BYTES], digest[DIGEST_BYTES];
	uint8_t *block = malloc(SFS_BLOCK_BYTES);
	uint32_t pair = (uint32_t)(sequence % 2) * 2;
	int rc = block ? SFS_OK : SFS_NO_MEMORY;

	encode_state(fs, sequence, state);
	if (rc == SFS_OK)
		rc = state_digest(fs->salt, state, digest);
	if (rc == SFS_OK)
		rc = seal_header(fs, state, block);
	if (rc == SFS_OK)
		rc = write_anchor(fs, digest);
	if (rc == SFS_OK)
		rc = write_blocks(fs, pair, block);
	if (rc == SFS_OK)
		rc = sync_backing(fs);
	/* The next sync waits for this one before it touches the other pair. */
	if (rc == SFS_OK)
		rc = write_blocks(fs, pair + 1, block);
	free(block);
	if (rc == SFS_OK) {
		fs->sequence = sequence;
		memcpy(fs->digest, digest, DIGEST_BYTES);
	}
	return rc;
}

static struct sfs *new_fs(const struct sfs_config *config)
{
	struct sfs *fs = calloc(1, sizeof(*fs));

	if (fs) {
		fs->config = *config;
		fs->umask = 077;
		fs->inode_hint = ROOT_INODE + 1;
		fs->table.used = true;
		fs->table.mode = MODE_FILE;
	}
	return fs;
}

static int check_config(const struct sfs_config *config)
{
	return config->backing && config->cache_blocks >= 64 && config->max_blocks > HEADER_BLOCKS + RESERVED_BLOCKS ?
		       SFS_OK :
		       SFS_BAD_ARGUMENT;
}

static int read_headers(const struct sfs_config *config, uint8_t *blocks, size_t *got)
{
	int rc = config->backing->read(config->backing->context, 0, HEADER_BLOCKS, blocks, got);

	if (rc || *got > HEADER_BLOCKS * SFS_BLOCK_BYTES)
		return SFS_BACKING;
	memset(blocks + *got, 0, HEADER_BLOCKS * SFS_BLOCK_BYTES - *got);
	return SFS_OK;
}

int sfs_format(const struct sfs_config *config)
{
	uint8_t *blocks = malloc(HEADER_BLOCKS * SFS_BLOCK_BYTES);
	uint8_t state[STATE_BYTES];
	struct sfs *fs = new_fs(config);
	size_t got;
	int rc = check_config(config);

	if (rc == SFS_OK && (!blocks || !fs))
		rc = SFS_NO_MEMORY;
	if (rc == SFS_OK)
		rc = read_headers(config, blocks, &got);
	/* Only block 0 is ever there without block 1, in a format that was cut off. */
	if (rc == SFS_OK && got > SFS_BLOCK_BYTES)
		rc = SFS_EXISTS;
	if (rc == SFS_OK) {
		th_random(fs->salt, sizeof(fs->salt));
		rc = open_key(config, fs->salt, &fs->aead);
	}
	if (rc == SFS_OK) {
		fs->extent = HEADER_BLOCKS;
		encode_state(fs, 0, state);
		rc = state_digest(fs->salt, state, fs->digest);
	}
	if (rc == SFS_OK)
		rc = seal_header(fs, state, blocks);
	for (uint32_t i = 0; i < 2 && rc == SFS_OK; i++) {
		rc = write_blocks(fs, i, blocks);
		if (rc == SFS_OK)
			rc = sync_backing(fs);
	}
	if (rc == SFS_OK)
		rc = write_header(fs, 1);
	if (rc == SFS_OK)
		rc = sync_backing(fs);
	free(blocks);
	sfs_unmount(fs);
	return rc;
}

/* The number of the newest state among the copies; see the head of this file for what is right. */
static int choose(const struct copy copies[4], unsigned *best, bool *unfinished)
{
	bool found = false;
	uint64_t newest;
	unsigned pair, other;

	for (unsigned i = 0; i < 4; i++) {
		if (!copies[i].valid)
			continue;
		if (!found || copies[i].sequence > copies[*best].sequence)
			*best = i;
		found = true;
	}
	*unfinished = false;
	if (!found)
		return SFS_TAMPERED;
	newest = copies[*best].sequence;
	pair = *best & 2;
	other = pair ^ 2;
	for (unsigned i = 0; i < 4; i++)
		if (copies[i].valid && memcmp(copies[i].salt, copies[*best].salt, 16) != 0)
			return SFS_TAMPERED;
	/* An old second copy is right while the first is new; the other way round it cannot be. */
	if (copies[pair].valid && copies[pair].sequence != newest)
		return SFS_TAMPERED;
	if (copies[pair + 1].valid && copies[pair + 1].sequence != newest && copies[pair + 1].sequence + 2 != newest)
		return SFS_TAMPERED;
	for (unsigned i = other; i < other + 2; i++)
		if (copies[i].valid && copies[i].sequence + 1 != newest)
			return SFS_TAMPERED;
	if (!copies[other].valid && !copies[other + 1].valid) {
		*unfinished = newest == 0;
		return newest == 0 ? SFS_OK : SFS_TAMPERED;
	}
	return SFS_OK;
}

/* A second copy that was cut off, or a first that rotted: both are whole again before the next header is written. */
static int heal(struct sfs *fs, const struct copy copies[4], unsigned best, const uint8_t *blocks)
{
	unsigned pair = best & 2;
	int rc = SFS_OK;

	fs->repaired = !copies[pair].valid;
	for (unsigned i = pair; i < pair + 2 && rc == SFS_OK; i++) {
		if (copies[i].valid && copies[i].sequence == copies[best].sequence)
			continue;
		rc = write_blocks(fs, i, blocks + (size_t)best * SFS_BLOCK_BYTES);
		if (rc == SFS_OK)
			rc = sync_backing(fs);
	}
	return rc;
}

static int load(struct sfs *fs, uint8_t *blocks)
{
	struct copy copies[4] = { { .valid = false } };
	struct vnode root;
	unsigned best = 0;
	uint32_t extent;
	bool unfinished;
	size_t got;
	int rc = read_headers(&fs->config, blocks, &got);

	for (unsigned i = 0; i < 4 && rc == SFS_OK; i++)
		rc = open_header(&fs->config, blocks + (size_t)i * SFS_BLOCK_BYTES, i / 2, &copies[i]);
	if (rc)
		return rc;
	rc = choose(copies, &best, &unfinished);
	if (rc)
		return rc == SFS_TAMPERED && got <= SFS_BLOCK_BYTES && !copies[0].valid ? SFS_NO_VOLUME : rc;
	memcpy(fs->salt, copies[best].salt, sizeof(fs->salt));
	rc = decode_state(fs, copies[best].state, &extent);
	if (rc == SFS_OK)
		rc = state_digest(fs->salt, copies[best].state, fs->digest);
	if (rc == SFS_OK)
		rc = check_anchor(fs);
	if (rc == SFS_OK)
		rc = open_key(&fs->config, fs->salt, &fs->aead);
	if (rc == SFS_OK)
		rc = space_open(fs, extent);
	if (rc == SFS_OK)
		rc = cache_open(fs);
	if (rc == SFS_OK && unfinished) {
		/* A format that was cut off has written nothing but headers. */
		rc = fs->config.backing->read(fs->config.backing->context, HEADER_BLOCKS, 1,
					      blocks + 3 * SFS_BLOCK_BYTES, &got) ?
			     SFS_BACKING :
			     got == 0 ? SFS_OK : SFS_TAMPERED;
		if (rc == SFS_OK)
			rc = heal(fs, copies, best, blocks);
		if (rc == SFS_OK)
			rc = write_header(fs, 1);
	}
	if (rc == SFS_OK)
		rc = inode_walk(fs, true, false);
	if (rc == SFS_OK && !unfinished)
		rc = heal(fs, copies, best, blocks);
	if (rc == SFS_OK && fs->table.bytes == 0) {
		memset(&root, 0, sizeof(root));
		root.inode = ROOT_INODE;
		root.mode = MODE_DIRECTORY | 0700;
		root.dirty = true;
		rc = inode_flush(fs, &root);
	}
	return rc;
}

int sfs_mount(const struct sfs_config *config, struct sfs **out)
{
	uint8_t *blocks = malloc(HEADER_BLOCKS * SFS_BLOCK_BYTES);
	struct sfs *fs = new_fs(config);
	int rc = check_config(config);

	*out = NULL;
	if (rc == SFS_OK)
		rc = blocks && fs ? load(fs, blocks) : SFS_NO_MEMORY;
	free(blocks);
	if (rc)
		sfs_unmount(fs);
	else
		*out = fs;
	return rc;
}

void sfs_unmount(struct sfs *fs)
{
	if (!fs)
		return;
	cache_close(fs);
	space_close(fs);
	if (fs->aead)
		th_aead_close(fs->aead);
	memset(fs->config.key, 0, sizeof(fs->config.key));
	free(fs);
}

static bool changed(const struct sfs *fs)
{
	if (fs->dirty_nodes > 0 || fs->table.dirty)
		return true;
	for (size_t i = 0; i < MAX_VNODES; i++)
		if (fs->vnodes[i].used && fs->vnodes[i].dirty)
			return true;
	return false;
}

int sfs_sync(struct sfs *fs)
{
	int rc;

	if (fs->stopped)
		return fs->stopped == SFS_TAMPERED ? SFS_TAMPERED : SFS_STOPPED;
	if (!changed(fs))
		return SFS_OK;
	rc = inode_flush_all(fs);
	if (rc == SFS_OK)
		rc = block_flush(fs);
	if (rc == SFS_OK)
		rc = sync_backing(fs);
	if (rc == SFS_OK)
		rc = write_header(fs, fs->sequence + 1);
	if (rc) {
		/* Whether the header is there, only mounting again can tell. */
		if (fs->stopped == SFS_OK)
			fs->stopped = SFS_STOPPED;
		return rc;
	}
	fs->table.dirty = false;
	space_commit(fs);
	return SFS_OK;
}

int sfs_scrub(struct sfs *fs)
{
	int rc = sfs_sync(fs);

	if (rc)
		return rc;
	for (size_t i = 0; i < MAX_VNODES; i++)
		if (fs->vnodes[i].used)
			cache_forget(fs, &fs->vnodes[i]);
	cache_forget(fs, &fs->table);
	fs->ahead_count = 0;
	return inode_walk(fs, false, true);
}

void sfs_get_state(const struct sfs *fs, struct sfs_state *out)
{
	out->sequence = fs->sequence;
	memcpy(out->digest, fs->digest, sizeof(out->digest));
	out->blocks_free = fs->free_blocks;
	out->blocks_used = fs->config.max_blocks - HEADER_BLOCKS - fs->free_blocks;
	out->repaired = fs->repaired;
	out->backing_reads = fs->backing_reads;
	out->backing_writes = fs->backing_writes;
	out->backing_syncs = fs->backing_syncs;
	out->blocks_written = fs->blocks_written;
}
