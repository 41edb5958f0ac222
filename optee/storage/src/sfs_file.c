/* SPDX-License-Identifier: Apache-2.0 */
/* File calls of sfs.h: open, close, read, write, seek, truncate, size, stat, rename, unlink. */
#include "sfs_internal.h"

static struct open_file *file_of(struct sfs *fs, int file)
{
	if (file < 0 || (uint32_t)file >= MAX_OPEN || !fs->files[file].vnode)
		return NULL;
	return &fs->files[file];
}

static int create(struct sfs *fs, struct place *place, unsigned mode, struct vnode **out)
{
	int rc;

	if (!may(place->directory, SFS_MAY_WRITE))
		return SFS_DENIED;
	rc = change_begin(fs, 16);
	if (rc)
		return rc;
	rc = inode_create(fs, MODE_FILE | (mode & MODE_PERMISSIONS & ~fs->umask), out);
	if (rc == SFS_TOO_MANY_OPEN || rc == SFS_FULL)
		return rc;
	if (rc == SFS_OK) {
		rc = entry_add(fs, place->directory, place->name, (*out)->inode, false);
		if (rc)
			inode_put(*out);
	}
	return change_end(fs, rc);
}

static int find_or_create(struct sfs *fs, const char *path, unsigned flags, unsigned mode, struct vnode **out)
{
	struct place place;
	uint32_t inode, slot;
	int rc = path_parent(fs, path, &place);

	if (rc)
		return rc;
	rc = entry_find(fs, place.directory, place.name, &inode, &slot);
	if (rc == SFS_OK && inode == 0)
		rc = flags & SFS_CREATE ? create(fs, &place, mode, out) : SFS_NOT_FOUND;
	else if (rc == SFS_OK)
		rc = (flags & SFS_CREATE) && (flags & SFS_EXCLUSIVE) ? SFS_EXISTS : inode_get(fs, inode, out);
	if (rc == SFS_OK && inode != 0) {
		unsigned wanted = (flags & SFS_READ ? SFS_MAY_READ : 0) | (flags & SFS_WRITE ? SFS_MAY_WRITE : 0);

		if (is_directory(*out))
			rc = SFS_IS_DIRECTORY;
		else if (!may(*out, wanted))
			rc = SFS_DENIED;
		if (rc)
			inode_put(*out);
	}
	inode_put(place.directory);
	return rc;
}

int sfs_open(struct sfs *fs, const char *path, unsigned flags, unsigned mode)
{
	struct vnode *vnode;
	int file = 0, rc;

	if (!(flags & (SFS_READ | SFS_WRITE)) || ((flags & (SFS_TRUNCATE | SFS_APPEND)) && !(flags & SFS_WRITE)) ||
	    mode > MODE_PERMISSIONS)
		return SFS_BAD_ARGUMENT;
	while (file < (int)MAX_OPEN && fs->files[file].vnode)
		file++;
	if (file == (int)MAX_OPEN)
		return SFS_TOO_MANY_OPEN;
	rc = find_or_create(fs, path, flags, mode, &vnode);
	if (rc)
		return rc;
	if (flags & SFS_TRUNCATE) {
		rc = change_begin(fs, 0);
		if (rc == SFS_OK)
			rc = change_end(fs, vnode_truncate(fs, vnode, 0));
		if (rc) {
			inode_put(vnode);
			return rc;
		}
	}
	vnode->opens++;
	inode_put(vnode);
	fs->files[file] = (struct open_file){ .vnode = vnode, .flags = flags, .position = 0 };
	return file;
}

int sfs_close(struct sfs *fs, int file)
{
	struct open_file *open = file_of(fs, file);

	if (!open)
		return SFS_BAD_ARGUMENT;
	open->vnode->opens--;
	open->vnode = NULL;
	return SFS_OK;
}

int64_t sfs_read_at(struct sfs *fs, int file, void *out, size_t bytes, uint64_t offset)
{
	struct open_file *open = file_of(fs, file);
	size_t got;
	int rc;

	if (!open)
		return SFS_BAD_ARGUMENT;
	if (!(open->flags & SFS_READ))
		return SFS_DENIED;
	rc = vnode_read(fs, open->vnode, out, bytes, offset, &got);
	return rc ? rc : (int64_t)got;
}

int64_t sfs_read(struct sfs *fs, int file, void *out, size_t bytes)
{
	struct open_file *open = file_of(fs, file);
	int64_t got = sfs_read_at(fs, file, out, bytes, open ? open->position : 0);

	if (got > 0)
		open->position += (uint64_t)got;
	return got;
}

int64_t sfs_write_at(struct sfs *fs, int file, const void *in, size_t bytes, uint64_t offset)
{
	struct open_file *open = file_of(fs, file);
	int rc;

	if (!open)
		return SFS_BAD_ARGUMENT;
	if (!(open->flags & SFS_WRITE))
		return SFS_DENIED;
	rc = change_begin(fs, 0);
	if (rc == SFS_OK)
		rc = vnode_write(fs, open->vnode, in, bytes, offset);
	return rc ? rc : (int64_t)bytes;
}

int64_t sfs_write(struct sfs *fs, int file, const void *in, size_t bytes)
{
	struct open_file *open = file_of(fs, file);
	int64_t put;

	if (open && (open->flags & SFS_APPEND))
		open->position = open->vnode->bytes;
	put = sfs_write_at(fs, file, in, bytes, open ? open->position : 0);
	if (put > 0)
		open->position += (uint64_t)put;
	return put;
}

int64_t sfs_seek(struct sfs *fs, int file, int64_t offset, enum sfs_whence whence)
{
	struct open_file *open = file_of(fs, file);
	int64_t limit = (int64_t)MAX_FILE_BLOCKS * SFS_BLOCK_BYTES;
	int64_t base;

	if (!open)
		return SFS_BAD_ARGUMENT;
	base = whence == SFS_SET ? 0 : whence == SFS_CURRENT ? (int64_t)open->position : (int64_t)open->vnode->bytes;
	if (offset < -base || offset > limit - base)
		return SFS_BAD_ARGUMENT;
	open->position = (uint64_t)(base + offset);
	return base + offset;
}

int sfs_truncate(struct sfs *fs, int file, uint64_t bytes)
{
	struct open_file *open = file_of(fs, file);
	int rc;

	if (!open)
		return SFS_BAD_ARGUMENT;
	if (!(open->flags & SFS_WRITE))
		return SFS_DENIED;
	rc = change_begin(fs, 0);
	/* Frees blocks, so it may run on a full volume. */
	if (rc == SFS_FULL && bytes <= open->vnode->bytes)
		rc = SFS_OK;
	if (rc == SFS_OK) {
		rc = vnode_truncate(fs, open->vnode, bytes);
		if (rc != SFS_TOO_BIG)
			rc = change_end(fs, rc);
	}
	return rc;
}

int64_t sfs_size(struct sfs *fs, int file)
{
	struct open_file *open = file_of(fs, file);

	return open ? (int64_t)open->vnode->bytes : SFS_BAD_ARGUMENT;
}

int sfs_stat(struct sfs *fs, const char *path, struct sfs_stat *out)
{
	struct vnode *vnode;
	int rc = path_get(fs, path, &vnode);

	if (rc)
		return rc;
	out->directory = is_directory(vnode);
	out->mode = vnode->mode & MODE_PERMISSIONS;
	out->bytes = out->directory ? 0 : vnode->bytes;
	out->inode = vnode->inode;
	inode_put(vnode);
	return SFS_OK;
}

int sfs_unlink(struct sfs *fs, const char *path)
{
	struct place place;
	struct vnode *vnode = NULL;
	uint32_t inode, slot;
	int rc = path_parent(fs, path, &place);

	if (rc)
		return rc;
	rc = entry_find(fs, place.directory, place.name, &inode, &slot);
	if (rc == SFS_OK)
		rc = inode == 0 ? SFS_NOT_FOUND : inode_get(fs, inode, &vnode);
	if (rc == SFS_OK) {
		if (is_directory(vnode))
			rc = SFS_IS_DIRECTORY;
		else if (!may(place.directory, SFS_MAY_WRITE))
			rc = SFS_DENIED;
		else if (vnode->opens > 0)
			rc = SFS_BUSY;
		else
			rc = change_begin(fs, 0);
		/* Frees blocks, so it may run on a full volume. */
		if (rc == SFS_OK || rc == SFS_FULL) {
			rc = entry_clear(fs, place.directory, slot);
			if (rc != SFS_FULL)
				rc = change_end(fs, rc ? rc : inode_remove(fs, vnode));
			if (rc == SFS_OK)
				vnode = NULL;
		}
		if (vnode)
			inode_put(vnode);
	}
	inode_put(place.directory);
	return rc;
}

/* Is `directory` the vnode `above` or below it? Paths are plain, so a prefix tells. */
static bool is_below(const char *path, const char *above)
{
	size_t length = strlen(above);

	return strncmp(path, above, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int replaceable(struct sfs *fs, const struct vnode *from, struct vnode *target)
{
	bool empty;
	int rc;

	if (target->opens > 0)
		return SFS_BUSY;
	if (is_directory(target) != is_directory(from))
		return is_directory(target) ? SFS_IS_DIRECTORY : SFS_NOT_DIRECTORY;
	if (!is_directory(target))
		return SFS_OK;
	rc = directory_empty(fs, target, &empty);
	return rc ? rc : empty ? SFS_OK : SFS_NOT_EMPTY;
}

static int move(struct sfs *fs, struct place *old, struct place *new)
{
	struct vnode *vnode = NULL, *target = NULL;
	uint32_t inode = 0, slot = 0, target_inode = 0, target_slot = 0;
	bool directory;
	int rc = entry_find(fs, old->directory, old->name, &inode, &slot);

	if (rc == SFS_OK)
		rc = inode == 0 ? SFS_NOT_FOUND : inode_get(fs, inode, &vnode);
	if (rc == SFS_OK)
		rc = entry_find(fs, new->directory, new->name, &target_inode, &target_slot);
	if (rc == SFS_OK && target_inode != 0 && target_inode != inode) {
		rc = inode_get(fs, target_inode, &target);
		if (rc == SFS_OK)
			rc = replaceable(fs, vnode, target);
	}
	if (rc == SFS_OK && !(may(old->directory, SFS_MAY_WRITE) && may(new->directory, SFS_MAY_WRITE)))
		rc = SFS_DENIED;
	if (rc == SFS_OK && target_inode != inode) {
		directory = is_directory(vnode);
		rc = change_begin(fs, 16);
		if (rc == SFS_OK) {
			if (target)
				rc = entry_clear(fs, new->directory, target_slot);
			if (rc == SFS_OK)
				rc = entry_clear(fs, old->directory, slot);
			if (rc == SFS_OK)
				rc = entry_add(fs, new->directory, new->name, inode, directory);
			if (rc == SFS_OK && target) {
				rc = inode_remove(fs, target);
				target = NULL;
			}
			change_end(fs, rc);
		}
	}
	if (target)
		inode_put(target);
	if (vnode)
		inode_put(vnode);
	return rc;
}

int sfs_rename(struct sfs *fs, const char *from, const char *to)
{
	struct place old, new;
	struct sfs_stat stat;
	int rc = sfs_stat(fs, from, &stat);

	if (rc)
		return rc;
	if (stat.directory && strcmp(from, to) != 0 && is_below(to, from))
		return SFS_BAD_ARGUMENT;
	rc = path_parent(fs, from, &old);
	if (rc)
		return rc;
	rc = path_parent(fs, to, &new);
	if (rc == SFS_OK) {
		rc = move(fs, &old, &new);
		inode_put(new.directory);
	}
	inode_put(old.directory);
	return rc;
}
