/* SPDX-License-Identifier: Apache-2.0 */
/* Directory calls of sfs.h: mkdir, rmdir, list. */
#include "sfs_internal.h"

int sfs_mkdir(struct sfs *fs, const char *path, unsigned mode)
{
	struct place place;
	struct vnode *vnode;
	uint32_t inode, slot;
	int rc;

	if (mode > MODE_PERMISSIONS)
		return SFS_BAD_ARGUMENT;
	rc = path_parent(fs, path, &place);
	if (rc)
		return rc;
	rc = entry_find(fs, place.directory, place.name, &inode, &slot);
	if (rc == SFS_OK && inode != 0)
		rc = SFS_EXISTS;
	if (rc == SFS_OK && !may(place.directory, SFS_MAY_WRITE))
		rc = SFS_DENIED;
	if (rc == SFS_OK)
		rc = change_begin(fs, 16);
	if (rc == SFS_OK) {
		rc = inode_create(fs, MODE_DIRECTORY | (mode & ~fs->umask), &vnode);
		if (rc == SFS_OK) {
			rc = entry_add(fs, place.directory, place.name, vnode->inode, true);
			inode_put(vnode);
			change_end(fs, rc);
		} else if (rc != SFS_FULL && rc != SFS_TOO_MANY_OPEN) {
			change_end(fs, rc);
		}
	}
	inode_put(place.directory);
	return rc;
}

int sfs_rmdir(struct sfs *fs, const char *path)
{
	struct place place;
	struct vnode *vnode = NULL;
	uint32_t inode, slot;
	bool empty;
	int rc = path_parent(fs, path, &place);

	if (rc)
		return rc;
	rc = entry_find(fs, place.directory, place.name, &inode, &slot);
	if (rc == SFS_OK)
		rc = inode == 0 ? SFS_NOT_FOUND : inode_get(fs, inode, &vnode);
	if (rc == SFS_OK && !is_directory(vnode))
		rc = SFS_NOT_DIRECTORY;
	if (rc == SFS_OK)
		rc = directory_empty(fs, vnode, &empty);
	if (rc == SFS_OK && !empty)
		rc = SFS_NOT_EMPTY;
	if (rc == SFS_OK && !may(place.directory, SFS_MAY_WRITE))
		rc = SFS_DENIED;
	if (rc == SFS_OK && vnode->pins > 1)
		rc = SFS_BUSY;
	if (rc == SFS_OK)
		rc = change_begin(fs, 0);
	if (rc == SFS_OK) {
		rc = entry_clear(fs, place.directory, slot);
		if (rc != SFS_FULL)
			rc = change_end(fs, rc ? rc : inode_remove(fs, vnode));
		if (rc == SFS_OK)
			vnode = NULL;
	}
	if (vnode)
		inode_put(vnode);
	inode_put(place.directory);
	return rc;
}

int sfs_list(struct sfs *fs, const char *path, uint32_t *cursor, struct sfs_entry *out)
{
	struct vnode *directory;
	bool end = false;
	int rc = path_get(fs, path, &directory);

	if (rc)
		return rc;
	if (!is_directory(directory))
		rc = SFS_NOT_DIRECTORY;
	else if (!may(directory, SFS_MAY_READ))
		rc = SFS_DENIED;
	out->inode = 0;
	while (rc == SFS_OK && !end && out->inode == 0)
		rc = entry_read(fs, directory, (*cursor)++, out, &end);
	inode_put(directory);
	return rc ? rc : end ? 0 : 1;
}
