/* SPDX-License-Identifier: Apache-2.0 */
/* Permission calls of sfs.h: access, chmod, umask. */
#include "sfs_internal.h"

int sfs_access(struct sfs *fs, const char *path, unsigned wanted)
{
	struct vnode *vnode;
	int rc;

	if (wanted > (SFS_MAY_READ | SFS_MAY_WRITE | SFS_MAY_SEARCH))
		return SFS_BAD_ARGUMENT;
	rc = path_get(fs, path, &vnode);
	if (rc)
		return rc;
	rc = may(vnode, wanted) ? SFS_OK : SFS_DENIED;
	inode_put(vnode);
	return rc;
}

int sfs_chmod(struct sfs *fs, const char *path, unsigned mode)
{
	struct vnode *vnode;
	int rc;

	if (mode > MODE_PERMISSIONS)
		return SFS_BAD_ARGUMENT;
	rc = change_begin(fs, 0);
	if (rc)
		return rc;
	rc = path_get(fs, path, &vnode);
	if (rc)
		return rc;
	vnode->mode = (vnode->mode & ~MODE_PERMISSIONS) | mode;
	vnode->dirty = true;
	inode_put(vnode);
	return SFS_OK;
}

int sfs_umask(struct sfs *fs, unsigned mask)
{
	unsigned old = fs->umask;

	if (mask > MODE_PERMISSIONS)
		return SFS_BAD_ARGUMENT;
	fs->umask = mask;
	return (int)old;
}
