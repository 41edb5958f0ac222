/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths and the entries of directories: 128 bytes each, inode 4, kind 1, length 1, name. Inode 0 is a free entry.
 */
#include "sfs_internal.h"

static int check_name(const char *name, size_t length)
{
	if (length > SFS_NAME_MAX)
		return SFS_NAME_TOO_LONG;
	if (length == 0 || (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.'))
		return SFS_BAD_ARGUMENT;
	return SFS_OK;
}

static int step(struct sfs *fs, struct vnode *directory, const char *name, struct vnode **out)
{
	uint32_t inode, slot;
	int rc;

	if (!is_directory(directory))
		return SFS_NOT_DIRECTORY;
	if (!may(directory, SFS_MAY_SEARCH))
		return SFS_DENIED;
	rc = entry_find(fs, directory, name, &inode, &slot);
	if (rc == SFS_OK && inode == 0)
		rc = SFS_NOT_FOUND;
	return rc ? rc : inode_get(fs, inode, out);
}

/* The directory of the last name of `path`, and that name; empty for "/". */
static int walk(struct sfs *fs, const char *path, struct place *out)
{
	struct vnode *at;
	int rc;

	if (!path || path[0] != '/')
		return SFS_BAD_ARGUMENT;
	if (strlen(path) > SFS_PATH_MAX)
		return SFS_NAME_TOO_LONG;
	rc = inode_get(fs, ROOT_INODE, &at);
	if (rc)
		return rc;
	out->name[0] = 0;
	path++;
	while (*path) {
		size_t length = 0;
		struct vnode *next;

		while (path[length] && path[length] != '/')
			length++;
		rc = check_name(path, length);
		if (rc)
			break;
		memcpy(out->name, path, length);
		out->name[length] = 0;
		path += length;
		if (!*path)
			break;
		path++;
		rc = *path ? step(fs, at, out->name, &next) : SFS_BAD_ARGUMENT;
		if (rc)
			break;
		inode_put(at);
		at = next;
	}
	if (rc) {
		inode_put(at);
		return rc;
	}
	out->directory = at;
	return SFS_OK;
}

int path_parent(struct sfs *fs, const char *path, struct place *out)
{
	int rc = walk(fs, path, out);

	if (rc)
		return rc;
	if (out->name[0] == 0)
		rc = SFS_BAD_ARGUMENT;
	else if (!is_directory(out->directory))
		rc = SFS_NOT_DIRECTORY;
	else if (!may(out->directory, SFS_MAY_SEARCH))
		rc = SFS_DENIED;
	if (rc)
		inode_put(out->directory);
	return rc;
}

int path_get(struct sfs *fs, const char *path, struct vnode **out)
{
	struct place place;
	int rc = walk(fs, path, &place);

	if (rc)
		return rc;
	if (place.name[0] == 0) {
		*out = place.directory;
		return SFS_OK;
	}
	rc = step(fs, place.directory, place.name, out);
	inode_put(place.directory);
	return rc;
}

int entry_find(struct sfs *fs, struct vnode *directory, const char *name, uint32_t *inode, uint32_t *slot)
{
	uint32_t count = (uint32_t)(directory->bytes / ENTRY_BYTES);
	size_t length = strlen(name);
	struct node *node = NULL;

	*inode = 0;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *entry;

		if (i % ENTRIES_PER_BLOCK == 0) {
			int rc = cache_get(fs, directory, 0, i / ENTRIES_PER_BLOCK, false, &node);

			if (rc)
				return rc;
		}
		if (!node)
			continue;
		entry = node->data + i % ENTRIES_PER_BLOCK * ENTRY_BYTES;
		if (get32(entry) != 0 && entry[5] == length && memcmp(entry + 6, name, length) == 0) {
			*inode = get32(entry);
			*slot = i;
			return SFS_OK;
		}
	}
	return SFS_OK;
}

int entry_read(struct sfs *fs, struct vnode *directory, uint32_t slot, struct sfs_entry *out, bool *end)
{
	uint8_t entry[ENTRY_BYTES];
	size_t got;
	int rc = vnode_read(fs, directory, entry, sizeof(entry), (uint64_t)slot * ENTRY_BYTES, &got);

	*end = got == 0;
	out->inode = 0;
	if (rc || *end)
		return rc;
	if (got != sizeof(entry) || entry[5] > SFS_NAME_MAX)
		return SFS_TAMPERED;
	out->inode = get32(entry);
	out->directory = entry[4] != 0;
	memcpy(out->name, entry + 6, entry[5]);
	out->name[entry[5]] = 0;
	return SFS_OK;
}

int entry_add(struct sfs *fs, struct vnode *directory, const char *name, uint32_t inode, bool is_dir)
{
	uint8_t entry[ENTRY_BYTES] = { 0 };
	struct sfs_entry old;
	uint32_t slot = 0;
	bool end = false;

	for (;; slot++) {
		int rc = entry_read(fs, directory, slot, &old, &end);

		if (rc)
			return rc;
		if (end || old.inode == 0)
			break;
	}
	put32(entry, inode);
	entry[4] = is_dir ? 1 : 0;
	entry[5] = (uint8_t)strlen(name);
	memcpy(entry + 6, name, entry[5]);
	return vnode_write(fs, directory, entry, sizeof(entry), (uint64_t)slot * ENTRY_BYTES);
}

int entry_clear(struct sfs *fs, struct vnode *directory, uint32_t slot)
{
	static const uint8_t nothing[ENTRY_BYTES];

	return vnode_write(fs, directory, nothing, sizeof(nothing), (uint64_t)slot * ENTRY_BYTES);
}

int directory_empty(struct sfs *fs, struct vnode *directory, bool *empty)
{
	struct sfs_entry entry;
	bool end = false;

	*empty = true;
	for (uint32_t slot = 0; !end && *empty; slot++) {
		int rc = entry_read(fs, directory, slot, &entry, &end);

		if (rc)
			return rc;
		*empty = entry.inode == 0;
	}
	return SFS_OK;
}

/* Names are found by reading the whole directory: right for the handful of files of a trusted application. */
int change_begin(struct sfs *fs, uint32_t blocks)
{
	if (fs->stopped)
		return fs->stopped == SFS_TAMPERED ? SFS_TAMPERED : SFS_STOPPED;
	return space_room(fs, blocks) ? SFS_OK : SFS_FULL;
}

int change_end(struct sfs *fs, int result)
{
	if (result < 0 && fs->stopped == SFS_OK)
		fs->stopped = SFS_STOPPED;
	return result;
}
