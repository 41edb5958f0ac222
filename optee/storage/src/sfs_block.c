/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed blocks: AES-256-GCM with a nonce used once. The tag lies in the parent, never beside the block, so an old
 * block put back does not open. The additional data names the place in the tree (file, level, index).
 *
 * Nonces: 8 random bytes for each mount and a counter. A counter alone would repeat after a crash or a rollback, with
 * other contents under the same key.
 */
#include "sfs_internal.h"

#define AAD_BYTES 16

int block_next_nonce(struct sfs *fs, uint8_t nonce[NONCE_BYTES])
{
	if (fs->nonce_counter == 0)
		th_random(fs->nonce_prefix, sizeof(fs->nonce_prefix));
	memcpy(nonce, fs->nonce_prefix, sizeof(fs->nonce_prefix));
	put32(nonce + sizeof(fs->nonce_prefix), fs->nonce_counter);
	fs->nonce_counter++;
	return SFS_OK;
}

static void place_of(const struct vnode *vnode, unsigned level, uint32_t index, uint8_t aad[AAD_BYTES])
{
	memset(aad, 0, AAD_BYTES);
	memcpy(aad, "blk", 3);
	aad[3] = (uint8_t)level;
	put32(aad + 4, vnode->inode);
	put32(aad + 8, index);
}

/* Reading upwards, block after block, goes on for a while: one call to the normal world for several. */
static int read_ahead(struct sfs *fs, uint32_t address)
{
	const struct sfs_backing *backing = fs->config.backing;
	uint32_t count = 1;
	size_t got = 0;
	int rc;

	if (address == fs->last_read + 1)
		count = fs->extent - address < AHEAD_BLOCKS ? fs->extent - address : AHEAD_BLOCKS;
	fs->ahead_count = 0;
	fs->backing_reads++;
	rc = backing->read(backing->context, address, count, fs->ahead, &got);
	/* Perhaps it is one of the blocks that nobody has asked for. */
	if (rc && count > 1) {
		count = 1;
		fs->backing_reads++;
		rc = backing->read(backing->context, address, count, fs->ahead, &got);
	}
	if (rc)
		return SFS_BACKING;
	if (got > (size_t)count * SFS_BLOCK_BYTES || got < SFS_BLOCK_BYTES)
		return SFS_TAMPERED;
	fs->ahead_address = address;
	fs->ahead_count = (uint32_t)(got / SFS_BLOCK_BYTES);
	return SFS_OK;
}

static bool within(uint32_t address, uint32_t start, uint32_t count)
{
	return address >= start && address - start < count;
}

static int read_raw(struct sfs *fs, uint32_t address, uint8_t *out)
{
	const uint8_t *from = fs->ahead;
	uint32_t start;
	int rc;

	if (within(address, fs->run_address, fs->run_count)) {
		from = fs->run;
		start = fs->run_address;
	} else {
		rc = within(address, fs->ahead_address, fs->ahead_count) ? SFS_OK : read_ahead(fs, address);
		if (rc)
			return rc;
		start = fs->ahead_address;
		fs->last_read = address;
	}
	memcpy(out, from + (size_t)(address - start) * SFS_BLOCK_BYTES, SFS_BLOCK_BYTES);
	return SFS_OK;
}

int block_read(struct sfs *fs, const struct vnode *vnode, unsigned level, uint32_t index, const struct pointer *where,
	       uint8_t *out)
{
	static uint8_t sealed[SFS_BLOCK_BYTES + TAG_BYTES];
	uint8_t aad[AAD_BYTES];
	int rc;

	if (where->address < HEADER_BLOCKS || where->address >= fs->extent)
		rc = SFS_TAMPERED;
	else
		rc = read_raw(fs, where->address, sealed);
	if (rc == SFS_OK) {
		memcpy(sealed + SFS_BLOCK_BYTES, where->tag, TAG_BYTES);
		place_of(vnode, level, index, aad);
		rc = th_aead_decrypt(fs->aead, where->nonce, aad, sizeof(aad), sealed, sizeof(sealed), out);
		if (rc)
			rc = rc == TH_ERROR_AUTH ? SFS_TAMPERED : SFS_CRYPTO;
	}
	/* Damage may be passing (a cable, a host that was restored): leave everything as it is. */
	if (rc == SFS_TAMPERED && fs->stopped == SFS_OK)
		fs->stopped = SFS_TAMPERED;
	return rc;
}

int block_flush(struct sfs *fs)
{
	uint32_t count = fs->run_count;

	if (count == 0)
		return SFS_OK;
	fs->run_count = 0;
	/* What was read ahead may be of these places. */
	fs->ahead_count = 0;
	fs->backing_writes++;
	fs->blocks_written += count;
	if (fs->config.backing->write(fs->config.backing->context, fs->run_address, count, fs->run)) {
		fs->stopped = SFS_STOPPED;
		return SFS_BACKING;
	}
	return SFS_OK;
}

int block_write(struct sfs *fs, const struct vnode *vnode, unsigned level, uint32_t index, const uint8_t *data,
		struct pointer *where)
{
	uint8_t aad[AAD_BYTES];
	uint8_t *out;
	uint32_t address = space_take(fs);
	int rc;

	if (address == 0)
		return SFS_FULL;
	if (fs->run_count == RUN_BLOCKS || (fs->run_count > 0 && address != fs->run_address + fs->run_count)) {
		rc = block_flush(fs);
		if (rc)
			return rc;
	}
	if (fs->run_count == 0)
		fs->run_address = address;
	where->address = address;
	rc = block_next_nonce(fs, where->nonce);
	if (rc)
		return rc;
	place_of(vnode, level, index, aad);
	out = fs->run + (size_t)fs->run_count * SFS_BLOCK_BYTES;
	if (th_aead_encrypt(fs->aead, where->nonce, aad, sizeof(aad), data, SFS_BLOCK_BYTES, out)) {
		fs->stopped = SFS_STOPPED;
		return SFS_CRYPTO;
	}
	/* The tag lies where the next block of the run goes: the buffer is a tag longer than the run. */
	memcpy(where->tag, out + SFS_BLOCK_BYTES, TAG_BYTES);
	fs->run_count++;
	return SFS_OK;
}
