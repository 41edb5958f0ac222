/* SPDX-License-Identifier: Apache-2.0 */
#include "vfs.h"

#include <stdio.h>
#include <string.h>
#include <trusthealth/platform.h>

#include "sqlite3.h"

#define MAX_PATH 128
#define MAX_DATABASES 8
#define JULIAN_EPOCH_MS 210866760000000LL /* 1970-01-01 in milliseconds of the Julian day */

struct vfs_file {
	sqlite3_file base;
	int file;
	int database; /* slot in `databases`, or -1 */
	int temporary; /* goes when closed */
	char path[MAX_PATH];
};

static struct sfs *volume;
static char databases[MAX_DATABASES][MAX_PATH];
static unsigned temporary_number;

/* `other`: what the operation answers when the normal world or the volume failed. */
static int result_of(int64_t rc, int other)
{
	if (rc >= 0)
		return SQLITE_OK;
	switch (rc) {
	case SFS_TAMPERED:
	case SFS_ROLLED_BACK:
		return SQLITE_IOERR_DATA;
	case SFS_FULL:
	case SFS_TOO_BIG:
		return SQLITE_FULL;
	case SFS_NO_MEMORY:
		return SQLITE_IOERR_NOMEM;
	default:
		return other;
	}
}

static int vfs_close(sqlite3_file *base)
{
	struct vfs_file *file = (struct vfs_file *)base;

	if (!volume || file->file < 0)
		return SQLITE_OK;
	sfs_close(volume, file->file);
	if (file->database >= 0)
		databases[file->database][0] = 0;
	if (file->temporary)
		sfs_unlink(volume, file->path);
	file->file = -1;
	return SQLITE_OK;
}

static int vfs_read(sqlite3_file *base, void *out, int bytes, sqlite3_int64 offset)
{
	struct vfs_file *file = (struct vfs_file *)base;
	int64_t got = sfs_read_at(volume, file->file, out, (size_t)bytes, (uint64_t)offset);

	if (got < 0)
		return result_of(got, SQLITE_IOERR_READ);
	if (got == bytes)
		return SQLITE_OK;
	memset((char *)out + got, 0, (size_t)(bytes - got));
	return SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *base, const void *in, int bytes, sqlite3_int64 offset)
{
	struct vfs_file *file = (struct vfs_file *)base;

	return result_of(sfs_write_at(volume, file->file, in, (size_t)bytes, (uint64_t)offset), SQLITE_IOERR_WRITE);
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 bytes)
{
	struct vfs_file *file = (struct vfs_file *)base;

	return result_of(sfs_truncate(volume, file->file, (uint64_t)bytes), SQLITE_IOERR_TRUNCATE);
}

static int vfs_sync(sqlite3_file *base, int flags)
{
	(void)base;
	(void)flags;
	return SQLITE_OK;
}

static int vfs_size(sqlite3_file *base, sqlite3_int64 *bytes)
{
	int64_t size = sfs_size(volume, ((struct vfs_file *)base)->file);

	*bytes = size < 0 ? 0 : size;
	return result_of(size, SQLITE_IOERR_FSTAT);
}

static int vfs_lock(sqlite3_file *base, int lock)
{
	(void)base;
	(void)lock;
	return SQLITE_OK;
}

static int vfs_reserved(sqlite3_file *base, int *out)
{
	(void)base;
	*out = 0;
	return SQLITE_OK;
}

static int vfs_control(sqlite3_file *base, int operation, void *argument)
{
	(void)argument;
	if (operation == SQLITE_FCNTL_COMMIT_PHASETWO && ((struct vfs_file *)base)->database >= 0)
		return result_of(sfs_sync(volume), SQLITE_IOERR_FSYNC);
	return SQLITE_NOTFOUND;
}

static int vfs_sector(sqlite3_file *base)
{
	(void)base;
	return SFS_BLOCK_BYTES;
}

static int vfs_characteristics(sqlite3_file *base)
{
	(void)base;
	/* A cut never shows a part of what was written, in whatever order: it shows the last commit. */
	return SQLITE_IOCAP_SAFE_APPEND | SQLITE_IOCAP_SEQUENTIAL | SQLITE_IOCAP_POWERSAFE_OVERWRITE |
	       SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN;
}

static const sqlite3_io_methods METHODS = {
	.iVersion = 1,
	.xClose = vfs_close,
	.xRead = vfs_read,
	.xWrite = vfs_write,
	.xTruncate = vfs_truncate,
	.xSync = vfs_sync,
	.xFileSize = vfs_size,
	.xLock = vfs_lock,
	.xUnlock = vfs_lock,
	.xCheckReservedLock = vfs_reserved,
	.xFileControl = vfs_control,
	.xSectorSize = vfs_sector,
	.xDeviceCharacteristics = vfs_characteristics,
};

static int claim_database(const char *path)
{
	int slot = -1;

	for (int i = 0; i < MAX_DATABASES; i++) {
		if (strcmp(databases[i], path) == 0)
			return -1;
		if (!databases[i][0])
			slot = i;
	}
	if (slot >= 0)
		strcpy(databases[slot], path);
	return slot;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags)
{
	struct vfs_file *file = (struct vfs_file *)base;
	unsigned wanted = SFS_READ | (flags & SQLITE_OPEN_READWRITE ? SFS_WRITE : 0) |
			  (flags & SQLITE_OPEN_CREATE ? SFS_WRITE | SFS_CREATE : 0) |
			  (flags & SQLITE_OPEN_EXCLUSIVE ? SFS_EXCLUSIVE : 0);

	(void)vfs;
	memset(file, 0, sizeof(*file));
	file->file = file->database = -1;
	if (!volume)
		return SQLITE_CANTOPEN;
	if (path)
		snprintf(file->path, sizeof(file->path), "%s", path);
	else
		snprintf(file->path, sizeof(file->path), "/tmp/%u", ++temporary_number);
	if (path && strlen(path) >= sizeof(file->path))
		return SQLITE_CANTOPEN;
	if (flags & SQLITE_OPEN_MAIN_DB) {
		file->database = claim_database(file->path);
		if (file->database < 0)
			return SQLITE_CANTOPEN;
	}
	file->temporary = !path || (flags & SQLITE_OPEN_DELETEONCLOSE);
	file->file = sfs_open(volume, file->path, wanted, 0600);
	if (file->file < 0) {
		if (file->database >= 0)
			databases[file->database][0] = 0;
		return result_of(file->file, SQLITE_CANTOPEN);
	}
	file->base.pMethods = &METHODS;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	int rc = volume ? sfs_unlink(volume, path) : SFS_STOPPED;

	(void)vfs;
	(void)sync;
	return rc == SFS_NOT_FOUND ? SQLITE_IOERR_DELETE_NOENT : result_of(rc, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	int rc = volume ? sfs_access(volume, path,
				     flags == SQLITE_ACCESS_READWRITE ? SFS_MAY_READ | SFS_MAY_WRITE : 0) :
			  SFS_STOPPED;

	(void)vfs;
	*out = rc == SFS_OK;
	return rc == SFS_NOT_FOUND || rc == SFS_DENIED ? SQLITE_OK : result_of(rc, SQLITE_IOERR_ACCESS);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int room, char *out)
{
	(void)vfs;
	if ((int)strlen(path) + 2 > room)
		return SQLITE_CANTOPEN;
	snprintf(out, (size_t)room, "%s%s", path[0] == '/' ? "" : "/", path);
	return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int bytes, char *out)
{
	(void)vfs;
	th_random(out, (size_t)bytes);
	return bytes;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
	(void)vfs;
	return microseconds;
}

static int vfs_time64(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	(void)vfs;
	*out = JULIAN_EPOCH_MS + (sqlite3_int64)th_unix_ms();
	return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
	sqlite3_int64 now;

	vfs_time64(vfs, &now);
	*out = (double)now / 86400000.0;
	return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int bytes, char *out)
{
	(void)vfs;
	if (bytes > 0)
		out[0] = 0;
	return 0;
}

static sqlite3_vfs vfs = {
	.iVersion = 2,
	.szOsFile = sizeof(struct vfs_file),
	.mxPathname = MAX_PATH - 16, /* "-journal" fits */
	.zName = "sfs",
	.xOpen = vfs_open,
	.xDelete = vfs_delete,
	.xAccess = vfs_access,
	.xFullPathname = vfs_full_path,
	.xRandomness = vfs_random,
	.xSleep = vfs_sleep,
	.xCurrentTime = vfs_time,
	.xGetLastError = vfs_last_error,
	.xCurrentTimeInt64 = vfs_time64,
};

void vfs_use(struct sfs *fs)
{
	volume = fs;
	temporary_number = 0;
	memset(databases, 0, sizeof(databases));
}

int sqlite3_os_init(void)
{
	return sqlite3_vfs_register(&vfs, 1);
}

int sqlite3_os_end(void)
{
	return SQLITE_OK;
}
