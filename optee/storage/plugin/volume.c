/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads, writes and syncs blocks of one file for the trusted application. Nothing here is trusted: what the file holds
 * is sealed, and a wrong answer is noticed in the secure world. It only has to be durable when it says so.
 */
#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "volume_rpc.h"

static int file = -1;

/* A file whose name is not on the disk is as lost as its blocks. */
static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int folder = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY) : -1;
	int rc = folder < 0 ? -1 : fsync(folder);

	if (folder >= 0)
		close(folder);
	free(copy);
	/* Some shared file systems cannot sync a folder. */
	return rc == 0 || errno == EINVAL ? 0 : -1;
}

int volume_open(const char *path)
{
	if (file >= 0)
		return 0;
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return -1;
	if (sync_folder(path)) {
		volume_close();
		return -1;
	}
	return 0;
}

void volume_close(void)
{
	if (file >= 0)
		close(file);
	file = -1;
}

static uint32_t get32(const unsigned char *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* @returns the bytes moved, fewer only at the end of the file or after an error (then errno is not 0). */
static size_t move_bytes(int writing, unsigned char *data, size_t bytes, off_t at)
{
	size_t done = 0;

	errno = 0;
	while (done < bytes) {
		ssize_t part = writing ? pwrite(file, data + done, bytes - done, at + (off_t)done) :
					 pread(file, data + done, bytes - done, at + (off_t)done);

		if (part < 0 && errno == EINTR) {
			errno = 0;
			continue;
		}
		if (part <= 0)
			break;
		done += (size_t)part;
	}
	return done;
}

int volume_call(unsigned command, unsigned char *data, size_t bytes, size_t *answer_bytes)
{
	uint32_t address, count;
	size_t wanted;
	off_t at;

	*answer_bytes = 0;
	if (file < 0)
		return -1;
	if (command == VOLUME_SYNC)
		return fdatasync(file);
	if ((command != VOLUME_READ && command != VOLUME_WRITE) || bytes < VOLUME_PREFIX_BYTES)
		return -1;
	address = get32(data);
	count = get32(data + 4);
	if (count == 0 || count > VOLUME_MAX_COUNT || address >= VOLUME_MAX_ADDRESS)
		return -1;
	wanted = (size_t)count * VOLUME_BLOCK_BYTES;
	at = (off_t)address * VOLUME_BLOCK_BYTES;
	if (command == VOLUME_READ) {
		if (bytes < wanted)
			return -1;
		*answer_bytes = move_bytes(0, data, wanted, at);
		return errno ? -1 : 0;
	}
	if (bytes - VOLUME_PREFIX_BYTES < wanted)
		return -1;
	return move_bytes(1, data + VOLUME_PREFIX_BYTES, wanted, at) == wanted ? 0 : -1;
}
