/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes: 128 bytes each in a file of their own, whose inode is in the header. In memory they are vnodes, as many as
 * MAX_VNODES; those nobody uses make room. Contents of a vnode are read and written here.
 */
#include "sfs_internal.h"

/* mode 4, height 4, bytes 8, root 32; the rest is zero */
static void encode(const struct vnode *vnode, uint8_t *out)
{
	memset(out, 0, INODE_BYTES);
	put32(out, vnode->mode);
	put32(out + 4, vnode->height);
	put64(out + 8, vnode->bytes);
	put_pointer(out + 16, &vnode->root);
}

static int decode(const uint8_t *in, struct vnode *vnode)
{
	vnode->mode = get32(in);
	vnode->height = (uint8_t)get32(in + 4);
	vnode->bytes = get64(in + 8);
	get_pointer(in + 16, &vnode->root);
	return get32(in + 4) <= MAX_HEIGHT ? SFS_OK : SFS_TAMPERED;
}

static int write_inode(struct sfs *fs, struct vnode *vnode)
{
	uint32_t block = vnode->inode / INODES_PER_BLOCK;
	struct node *node;
	int rc = cache_grow(fs, &fs->table, block);

	if (rc == SFS_OK)
		rc = cache_get(fs, &fs->table, 0, block, true, &node);
	if (rc == SFS_OK)
		rc = cache_dirty(fs, node, true);
	if (rc)
		return rc;
	encode(vnode, node->data + vnode->inode % INODES_PER_BLOCK * INODE_BYTES);
	if (fs->table.bytes < (uint64_t)(vnode->inode + 1) * INODE_BYTES)
		fs->table.bytes = (uint64_t)(vnode->inode + 1) * INODE_BYTES;
	vnode->dirty = false;
	return SFS_OK;
}

int inode_flush(struct sfs *fs, struct vnode *vnode)
{
	int rc = cache_flush(fs, vnode);

	if (rc == SFS_OK && vnode->dirty)
		rc = write_inode(fs, vnode);
	return rc;
}

int inode_flush_all(struct sfs *fs)
{
	int rc = SFS_OK;

	for (size_t i = 0; i < MAX_VNODES && rc == SFS_OK; i++)
		if (fs->vnodes[i].used)
			rc = inode_flush(fs, &fs->vnodes[i]);
	return rc ? rc : cache_flush(fs, &fs->table);
}

static int take_vnode(struct sfs *fs, struct vnode **out)
{
	struct vnode *oldest = NULL;
	int rc;

	for (size_t i = 0; i < MAX_VNODES; i++) {
		struct vnode *at = &fs->vnodes[i];

		if (!at->used) {
			oldest = at;
			break;
		}
		if (at->opens == 0 && at->pins == 0 && (!oldest || at->last_use < oldest->last_use))
			oldest = at;
	}
	if (!oldest)
		return SFS_TOO_MANY_OPEN;
	if (oldest->used) {
		if (fs->stopped && oldest->dirty)
			return fs->stopped;
		rc = inode_flush(fs, oldest);
		if (rc)
			return rc;
		cache_forget(fs, oldest);
	}
	memset(oldest, 0, sizeof(*oldest));
	*out = oldest;
	return SFS_OK;
}

static int read_inode(struct sfs *fs, uint32_t inode, struct vnode *vnode)
{
	struct node *node;
	int rc;

	vnode->inode = inode;
	vnode->mode = 0;
	if ((uint64_t)(inode + 1) * INODE_BYTES > fs->table.bytes)
		return SFS_OK;
	rc = cache_get(fs, &fs->table, 0, inode / INODES_PER_BLOCK, false, &node);
	if (rc || !node)
		return rc;
	return decode(node->data + inode % INODES_PER_BLOCK * INODE_BYTES, vnode);
}

int inode_get(struct sfs *fs, uint32_t inode, struct vnode **out)
{
	struct vnode *vnode = NULL;
	int rc;

	for (size_t i = 0; i < MAX_VNODES; i++)
		if (fs->vnodes[i].used && fs->vnodes[i].inode == inode)
			vnode = &fs->vnodes[i];
	if (!vnode) {
		rc = take_vnode(fs, &vnode);
		if (rc == SFS_OK)
			rc = read_inode(fs, inode, vnode);
		/* A name of a free inode: our own fault or a forged tree. */
		if (rc == SFS_OK && vnode->mode == 0)
			rc = SFS_TAMPERED;
		if (rc)
			return rc;
		vnode->used = true;
	}
	vnode->pins++;
	vnode->last_use = ++fs->use_clock;
	*out = vnode;
	return SFS_OK;
}

void inode_put(struct vnode *vnode)
{
	vnode->pins--;
}

int inode_create(struct sfs *fs, uint32_t mode, struct vnode **out)
{
	struct vnode *vnode;
	uint32_t inode;
	int rc = take_vnode(fs, &vnode);

	if (rc)
		return rc;
	/* Written at once, so the inode file itself tells which are free. */
	for (inode = fs->inode_hint; inode < MAX_INODES; inode++) {
		rc = read_inode(fs, inode, vnode);
		if (rc || vnode->mode == 0)
			break;
	}
	if (rc == SFS_OK && inode == MAX_INODES)
		rc = SFS_FULL;
	if (rc)
		return rc;
	memset(vnode, 0, sizeof(*vnode));
	vnode->inode = inode;
	vnode->mode = mode;
	rc = write_inode(fs, vnode);
	if (rc)
		return rc;
	fs->inode_hint = inode + 1;
	vnode->used = true;
	vnode->pins = 1;
	vnode->last_use = ++fs->use_clock;
	*out = vnode;
	return SFS_OK;
}

int inode_remove(struct sfs *fs, struct vnode *vnode)
{
	int rc = cache_cut(fs, vnode, 0);

	if (rc)
		return rc;
	vnode->mode = 0;
	vnode->bytes = 0;
	rc = write_inode(fs, vnode);
	if (vnode->inode < fs->inode_hint)
		fs->inode_hint = vnode->inode;
	vnode->pins = 0;
	vnode->used = false;
	return rc;
}

static int walk_tree(struct sfs *fs, struct vnode *vnode, unsigned level, uint32_t index, bool claim, bool contents)
{
	struct pointer where;
	struct node *node, *parent;
	int rc;

	if (level == vnode->height) {
		where = vnode->root;
	} else {
		rc = cache_get(fs, vnode, level + 1, index / FANOUT, false, &parent);
		if (rc)
			return rc;
		get_pointer(parent->data + index % FANOUT * POINTER_BYTES, &where);
	}
	if (where.address == 0)
		return SFS_OK;
	if (claim) {
		rc = space_claim(fs, where.address);
		if (rc)
			return rc;
	}
	if (level == 0 && !contents)
		return SFS_OK;
	rc = cache_get(fs, vnode, level, index, false, &node);
	if (rc || level == 0)
		return rc;
	node->pins++;
	for (uint32_t i = 0; i < FANOUT && rc == SFS_OK; i++) {
		get_pointer(node->data + i * POINTER_BYTES, &where);
		if (where.address != 0)
			rc = walk_tree(fs, vnode, level - 1, index * FANOUT + i, claim, contents);
	}
	node->pins--;
	return rc;
}

int inode_walk(struct sfs *fs, bool claim, bool contents)
{
	int rc = walk_tree(fs, &fs->table, fs->table.height, 0, claim, true);

	for (uint32_t inode = 0; rc == SFS_OK && (uint64_t)inode * INODE_BYTES < fs->table.bytes; inode++) {
		struct vnode probe, *vnode;

		memset(&probe, 0, sizeof(probe));
		rc = read_inode(fs, inode, &probe);
		if (rc || probe.mode == 0)
			continue;
		rc = inode_get(fs, inode, &vnode);
		if (rc)
			break;
		rc = walk_tree(fs, vnode, vnode->height, 0, claim, contents);
		inode_put(vnode);
	}
	return rc;
}

int vnode_read(struct sfs *fs, struct vnode *vnode, void *out, size_t bytes, uint64_t offset, size_t *got)
{
	uint8_t *to = out;

	*got = 0;
	if (offset >= vnode->bytes)
		return SFS_OK;
	if (bytes > vnode->bytes - offset)
		bytes = (size_t)(vnode->bytes - offset);
	while (*got < bytes) {
		size_t within = (size_t)(offset % SFS_BLOCK_BYTES);
		size_t part = SFS_BLOCK_BYTES - within;
		struct node *node;
		int rc = cache_get(fs, vnode, 0, (uint32_t)(offset / SFS_BLOCK_BYTES), false, &node);

		if (rc)
			return rc;
		if (part > bytes - *got)
			part = bytes - *got;
		if (node)
			memcpy(to + *got, node->data + within, part);
		else
			memset(to + *got, 0, part);
		*got += part;
		offset += part;
	}
	return SFS_OK;
}

int vnode_write(struct sfs *fs, struct vnode *vnode, const void *in, size_t bytes, uint64_t offset)
{
	const uint8_t *from = in;

	if (bytes == 0)
		return SFS_OK;
	if (offset + bytes > (uint64_t)MAX_FILE_BLOCKS * SFS_BLOCK_BYTES || offset + bytes < offset)
		return SFS_TOO_BIG;
	while (bytes > 0) {
		uint32_t block = (uint32_t)(offset / SFS_BLOCK_BYTES);
		size_t within = (size_t)(offset % SFS_BLOCK_BYTES);
		size_t part = SFS_BLOCK_BYTES - within;
		struct node *node;
		int rc = cache_grow(fs, vnode, block);

		if (rc == SFS_OK)
			rc = cache_get(fs, vnode, 0, block, true, &node);
		if (rc == SFS_OK)
			rc = cache_dirty(fs, node, false);
		if (rc)
			return rc;
		if (part > bytes)
			part = bytes;
		memcpy(node->data + within, from, part);
		from += part;
		bytes -= part;
		offset += part;
		if (offset > vnode->bytes) {
			vnode->bytes = offset;
			vnode->dirty = true;
		}
	}
	return SFS_OK;
}

int vnode_truncate(struct sfs *fs, struct vnode *vnode, uint64_t bytes)
{
	size_t within = (size_t)(bytes % SFS_BLOCK_BYTES);
	struct node *node;
	int rc;

	if (bytes > (uint64_t)MAX_FILE_BLOCKS * SFS_BLOCK_BYTES)
		return SFS_TOO_BIG;
	if (bytes < vnode->bytes) {
		rc = cache_cut(fs, vnode, (uint32_t)((bytes + SFS_BLOCK_BYTES - 1) / SFS_BLOCK_BYTES));
		if (rc)
			return rc;
		if (within != 0) {
			/* What lay behind the new end must not come back when the file grows again. */
			rc = cache_get(fs, vnode, 0, (uint32_t)(bytes / SFS_BLOCK_BYTES), false, &node);
			if (rc == SFS_OK && node)
				rc = cache_dirty(fs, node, true);
			if (rc)
				return rc;
			if (node)
				memset(node->data + within, 0, SFS_BLOCK_BYTES - within);
		}
	}
	if (bytes != vnode->bytes)
		vnode->dirty = true;
	vnode->bytes = bytes;
	return SFS_OK;
}
