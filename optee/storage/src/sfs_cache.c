/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trees of files, as far as they are in memory: a fixed number of decrypted blocks, least recently used ones go
 * first. A block's parents stay as long as it does, so a changed block can always be written out: its new pointer goes
 * into the parent, which changes too. Written out early or not, it becomes part of the volume only with the header.
 */
#include <stdlib.h>

#include "sfs_internal.h"

int cache_open(struct sfs *fs)
{
	uint32_t count = fs->config.cache_blocks;
	uint32_t buckets = 64;

	while (buckets < count)
		buckets *= 2;
	fs->nodes = calloc(count, sizeof(*fs->nodes));
	fs->node_data = malloc((size_t)count * SFS_BLOCK_BYTES);
	fs->buckets = calloc(buckets, sizeof(struct node *));
	fs->run = malloc((size_t)RUN_BLOCKS * SFS_BLOCK_BYTES + TAG_BYTES);
	fs->ahead = malloc((size_t)AHEAD_BLOCKS * SFS_BLOCK_BYTES);
	if (!fs->nodes || !fs->node_data || !fs->buckets || !fs->run || !fs->ahead)
		return SFS_NO_MEMORY;
	fs->bucket_mask = buckets - 1;
	for (uint32_t i = 0; i < count; i++) {
		fs->nodes[i].data = fs->node_data + (size_t)i * SFS_BLOCK_BYTES;
		fs->nodes[i].older = fs->free_nodes;
		fs->free_nodes = &fs->nodes[i];
	}
	return SFS_OK;
}

void cache_close(struct sfs *fs)
{
	/* Contents of files: not left in the heap. */
	if (fs->node_data)
		memset(fs->node_data, 0, (size_t)fs->config.cache_blocks * SFS_BLOCK_BYTES);
	free(fs->nodes);
	free(fs->node_data);
	free(fs->buckets);
	free(fs->run);
	free(fs->ahead);
}

static struct node **bucket_of(struct sfs *fs, const struct vnode *vnode, unsigned level, uint32_t index)
{
	uint32_t hash = (vnode->inode * 4 + level) * 2654435761u + index * 2246822519u;

	return &fs->buckets[(hash ^ hash >> 15) & fs->bucket_mask];
}

static struct node *find(struct sfs *fs, const struct vnode *vnode, unsigned level, uint32_t index)
{
	struct node *node = *bucket_of(fs, vnode, level, index);

	while (node && !(node->vnode == vnode && node->level == level && node->index == index))
		node = node->next_hash;
	return node;
}

static void unlink_use(struct sfs *fs, struct node *node)
{
	if (node->newer)
		node->newer->older = node->older;
	else
		fs->newest = node->older;
	if (node->older)
		node->older->newer = node->newer;
	else
		fs->oldest = node->newer;
}

static void link_use(struct sfs *fs, struct node *node)
{
	node->newer = NULL;
	node->older = fs->newest;
	if (fs->newest)
		fs->newest->newer = node;
	else
		fs->oldest = node;
	fs->newest = node;
}

/* Forgets a block, changed or not. Its place on the volume stays claimed. */
static void release(struct sfs *fs, struct node *node)
{
	struct node **slot = bucket_of(fs, node->vnode, node->level, node->index);

	while (*slot != node)
		slot = &(*slot)->next_hash;
	*slot = node->next_hash;
	unlink_use(fs, node);
	if (node->dirty)
		fs->dirty_nodes--;
	if (node->parent)
		node->parent->children--;
	node->vnode->nodes--;
	node->vnode = NULL;
	node->older = fs->free_nodes;
	fs->free_nodes = node;
}

static void set_pointer(struct node *node, const struct pointer *where)
{
	if (node->parent) {
		put_pointer(node->parent->data + (node->index % FANOUT) * POINTER_BYTES, where);
	} else {
		node->vnode->root = *where;
		node->vnode->dirty = true;
	}
}

static int write_out(struct sfs *fs, struct node *node)
{
	struct pointer where;
	int rc = block_write(fs, node->vnode, node->level, node->index, node->data, &where);

	if (rc) {
		fs->stopped = fs->stopped ? fs->stopped : SFS_STOPPED;
		return rc;
	}
	if (node->where.address != 0)
		space_give(fs, node->where.address);
	node->where = where;
	node->dirty = false;
	fs->dirty_nodes--;
	set_pointer(node, &where);
	return SFS_OK;
}

/* Files in order, and within a file contents in order: consecutive addresses, few calls. */
static int by_place(const void *a, const void *b)
{
	const struct node *one = *(struct node *const *)a, *two = *(struct node *const *)b;

	if (one->level != two->level)
		return one->level < two->level ? -1 : 1;
	if (one->vnode != two->vnode)
		return one->vnode < two->vnode ? -1 : 1;
	return one->index < two->index ? -1 : one->index > two->index;
}

static bool evictable(const struct node *node)
{
	return node->pins == 0 && node->children == 0;
}

/* Writes the oldest changed blocks together, so that the next evictions find clean ones. */
static int write_behind(struct sfs *fs)
{
	struct node *batch[RUN_BLOCKS] = { NULL };
	size_t count = 0;

	for (struct node *node = fs->oldest; node && count < RUN_BLOCKS; node = node->newer)
		if (node->dirty && evictable(node))
			batch[count++] = node;
	qsort(batch, count, sizeof(batch[0]), by_place);
	for (size_t i = 0; i < count; i++) {
		int rc = write_out(fs, batch[i]);

		if (rc)
			return rc;
	}
	return SFS_OK;
}

static int take_node(struct sfs *fs, struct node **out)
{
	if (!fs->free_nodes) {
		struct node *victim = fs->oldest;

		/* After a failure nothing more is written, but what is there can still be read. */
		while (victim && (!evictable(victim) || (fs->stopped && victim->dirty)))
			victim = victim->newer;
		if (!victim)
			return fs->stopped ? fs->stopped : SFS_NO_MEMORY;
		if (victim->dirty) {
			int rc = write_behind(fs);

			if (rc)
				return rc;
		}
		release(fs, victim);
	}
	*out = fs->free_nodes;
	fs->free_nodes = (*out)->older;
	return SFS_OK;
}

int cache_dirty(struct sfs *fs, struct node *node, bool force)
{
	uint32_t more = 0;

	for (struct node *at = node; at && !at->dirty; at = at->parent)
		more++;
	if (more == 0)
		return SFS_OK;
	if (!force && node->vnode != &fs->table && !space_room(fs, more))
		return SFS_FULL;
	for (struct node *at = node; at && !at->dirty; at = at->parent) {
		at->dirty = true;
		fs->dirty_nodes++;
	}
	node->vnode->dirty = true;
	return SFS_OK;
}

int cache_get(struct sfs *fs, struct vnode *vnode, unsigned level, uint32_t index, bool create, struct node **out)
{
	struct node *node = find(fs, vnode, level, index);
	struct node *parent = NULL;
	struct node **bucket;
	struct pointer where;
	int rc;

	*out = NULL;
	if (node) {
		unlink_use(fs, node);
		link_use(fs, node);
		*out = node;
		return SFS_OK;
	}
	if (level > vnode->height || (level == vnode->height && index != 0))
		return create ? SFS_BAD_ARGUMENT : SFS_OK;
	if (level == vnode->height) {
		where = vnode->root;
	} else {
		rc = cache_get(fs, vnode, level + 1, index / FANOUT, create, &parent);
		if (rc || !parent)
			return rc;
		get_pointer(parent->data + (index % FANOUT) * POINTER_BYTES, &where);
	}
	if (where.address == 0 && !create)
		return SFS_OK;
	if (parent)
		parent->pins++;
	rc = take_node(fs, &node);
	if (parent)
		parent->pins--;
	if (rc)
		return rc;
	if (where.address == 0)
		memset(node->data, 0, SFS_BLOCK_BYTES);
	else
		rc = block_read(fs, vnode, level, index, &where, node->data);
	if (rc) {
		node->older = fs->free_nodes;
		fs->free_nodes = node;
		return rc;
	}
	node->vnode = vnode;
	node->parent = parent;
	node->index = index;
	node->level = (uint8_t)level;
	node->dirty = false;
	node->children = 0;
	node->pins = 0;
	node->where = where;
	if (parent)
		parent->children++;
	vnode->nodes++;
	bucket = bucket_of(fs, vnode, level, index);
	node->next_hash = *bucket;
	*bucket = node;
	link_use(fs, node);
	if (where.address == 0) {
		rc = cache_dirty(fs, node, false);
		if (rc) {
			release(fs, node);
			return rc;
		}
	}
	*out = node;
	return SFS_OK;
}

static uint64_t capacity(unsigned height)
{
	uint64_t blocks = 1;

	while (height-- > 0)
		blocks *= FANOUT;
	return blocks;
}

int cache_grow(struct sfs *fs, struct vnode *vnode, uint32_t index)
{
	while (capacity(vnode->height) <= index) {
		struct node *old = find(fs, vnode, vnode->height, 0);
		struct pointer root = vnode->root;
		struct node *top;
		int rc;

		if (vnode->height == MAX_HEIGHT)
			return SFS_TOO_BIG;
		vnode->dirty = true;
		if (!old && root.address == 0) {
			vnode->height++;
			continue;
		}
		if (old)
			old->pins++;
		vnode->height++;
		memset(&vnode->root, 0, sizeof(vnode->root));
		rc = cache_get(fs, vnode, vnode->height, 0, true, &top);
		if (old)
			old->pins--;
		if (rc) {
			vnode->height--;
			vnode->root = root;
			return rc;
		}
		put_pointer(top->data, &root);
		if (old) {
			old->parent = top;
			top->children++;
		}
	}
	return SFS_OK;
}

/* Gives back a block and all below it. `where`: as its parent has it. */
static int free_tree(struct sfs *fs, struct vnode *vnode, unsigned level, uint32_t index, const struct pointer *where)
{
	struct node *node = find(fs, vnode, level, index);
	uint32_t address = where->address;

	if (!node && address == 0)
		return SFS_OK;
	if (level > 0) {
		int rc = cache_get(fs, vnode, level, index, false, &node);

		if (rc || !node)
			return rc;
		node->pins++;
		for (uint32_t i = 0; i < FANOUT && rc == SFS_OK; i++) {
			struct pointer child;

			get_pointer(node->data + i * POINTER_BYTES, &child);
			rc = free_tree(fs, vnode, level - 1, index * FANOUT + i, &child);
		}
		node->pins--;
		if (rc)
			return rc;
	}
	if (node) {
		/* Reading on may have written the block elsewhere meanwhile. */
		address = node->where.address;
		release(fs, node);
	}
	if (address != 0)
		space_give(fs, address);
	return SFS_OK;
}

static int cut(struct sfs *fs, struct node *node, uint32_t first)
{
	uint64_t below = capacity(node->level - 1u);
	int rc = cache_dirty(fs, node, true);

	node->pins++;
	for (uint32_t i = 0; i < FANOUT && rc == SFS_OK; i++) {
		uint32_t index = node->index * FANOUT + i;
		uint8_t *slot = node->data + i * POINTER_BYTES;
		struct pointer child;

		if ((index + 1) * below <= first)
			continue;
		get_pointer(slot, &child);
		if (index * below >= first) {
			rc = free_tree(fs, node->vnode, node->level - 1u, index, &child);
			memset(slot, 0, POINTER_BYTES);
		} else {
			struct node *half;

			rc = cache_get(fs, node->vnode, node->level - 1u, index, false, &half);
			if (rc == SFS_OK && half)
				rc = cut(fs, half, first);
		}
	}
	node->pins--;
	return rc;
}

int cache_cut(struct sfs *fs, struct vnode *vnode, uint32_t first)
{
	struct node *top;
	int rc;

	if (first >= capacity(vnode->height))
		return SFS_OK;
	if (first == 0) {
		rc = free_tree(fs, vnode, vnode->height, 0, &vnode->root);
		memset(&vnode->root, 0, sizeof(vnode->root));
		vnode->height = 0;
		vnode->dirty = true;
		return rc;
	}
	rc = cache_get(fs, vnode, vnode->height, 0, false, &top);
	if (rc || !top)
		return rc;
	return cut(fs, top, first);
}

int cache_flush(struct sfs *fs, struct vnode *vnode)
{
	struct node *batch[RUN_BLOCKS] = { NULL };

	for (unsigned level = 0; level <= vnode->height; level++) {
		/* In pieces, because memory is small: the smallest RUN_BLOCKS indexes that are left. */
		for (;;) {
			size_t count = 0;

			for (uint32_t i = 0; i < fs->config.cache_blocks; i++) {
				struct node *node = &fs->nodes[i];

				if (node->vnode != vnode || node->level != level || !node->dirty)
					continue;
				if (count < RUN_BLOCKS) {
					batch[count++] = node;
					if (count == RUN_BLOCKS)
						qsort(batch, count, sizeof(batch[0]), by_place);
				} else if (node->index < batch[RUN_BLOCKS - 1]->index) {
					size_t at = RUN_BLOCKS - 1;

					for (; at > 0 && batch[at - 1]->index > node->index; at--)
						batch[at] = batch[at - 1];
					batch[at] = node;
				}
			}
			if (count == 0)
				break;
			qsort(batch, count, sizeof(batch[0]), by_place);
			for (size_t i = 0; i < count; i++) {
				int rc = write_out(fs, batch[i]);

				if (rc)
					return rc;
			}
		}
	}
	return SFS_OK;
}

void cache_forget(struct sfs *fs, struct vnode *vnode)
{
	for (unsigned level = 0; level <= vnode->height && vnode->nodes > 0; level++)
		for (uint32_t i = 0; i < fs->config.cache_blocks; i++)
			if (fs->nodes[i].vnode == vnode && fs->nodes[i].level == level)
				release(fs, &fs->nodes[i]);
}
