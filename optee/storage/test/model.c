/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <string.h>

#include "check.h"

#define MAX_BYTES (700u * 1024u)

static const char *const NAMES[] = { "a", "b", "c", "a-rather-long-name-for-a-file" };

void model_open(struct model *model)
{
	memset(model, 0, sizeof(*model));
	model->entries[0] = (struct model_entry){ .used = true, .directory = true, .mode = 0700, .path = "/" };
}

void model_close(struct model *model)
{
	for (size_t i = 0; i < MODEL_ENTRIES; i++)
		free(model->entries[i].bytes);
	memset(model, 0, sizeof(*model));
}

void model_copy(struct model *to, const struct model *from)
{
	model_close(to);
	*to = *from;
	for (size_t i = 0; i < MODEL_ENTRIES; i++) {
		if (!from->entries[i].bytes)
			continue;
		to->entries[i].bytes = malloc(from->entries[i].length + 1);
		memcpy(to->entries[i].bytes, from->entries[i].bytes, from->entries[i].length);
	}
}

struct model_entry *model_find(struct model *model, const char *path)
{
	for (size_t i = 0; i < MODEL_ENTRIES; i++)
		if (model->entries[i].used && strcmp(model->entries[i].path, path) == 0)
			return &model->entries[i];
	return NULL;
}

static struct model_entry *add(struct model *model, const char *path, bool directory, unsigned mode)
{
	for (size_t i = 0; i < MODEL_ENTRIES; i++) {
		struct model_entry *entry = &model->entries[i];

		if (entry->used)
			continue;
		memset(entry, 0, sizeof(*entry));
		entry->used = true;
		entry->directory = directory;
		entry->mode = mode & ~077u;
		strcpy(entry->path, path);
		return entry;
	}
	CHECK(!"more entries than the model has");
	return NULL;
}

static void drop(struct model_entry *entry)
{
	free(entry->bytes);
	memset(entry, 0, sizeof(*entry));
}

static bool below(const char *path, const char *above)
{
	size_t length = strlen(above);

	return strcmp(above, "/") == 0 ? strcmp(path, "/") != 0 :
					 strncmp(path, above, length) == 0 && path[length] == '/';
}

static void parent_of(const char *path, char out[160])
{
	strcpy(out, path);
	*strrchr(out, '/') = 0;
	if (!out[0])
		strcpy(out, "/");
}

/* What finding the directory of `path` answers, and the directory. */
static int parent_result(struct model *model, const char *path, struct model_entry **out)
{
	char above[160], at[160] = "";
	struct model_entry *entry = model_find(model, "/");
	const char *rest;

	parent_of(path, above);
	rest = above;
	while (strcmp(above, "/") != 0 && *rest) {
		const char *end = strchr(rest + 1, '/');
		size_t length = end ? (size_t)(end - above) : strlen(above);

		if (!entry->directory)
			return SFS_NOT_DIRECTORY;
		if (!(entry->mode & 0100))
			return SFS_DENIED;
		memcpy(at, above, length);
		at[length] = 0;
		entry = model_find(model, at);
		if (!entry)
			return SFS_NOT_FOUND;
		rest = above + length;
	}
	if (!entry->directory)
		return SFS_NOT_DIRECTORY;
	if (!(entry->mode & 0100))
		return SFS_DENIED;
	*out = entry;
	return SFS_OK;
}

static bool has_children(struct model *model, const char *path)
{
	for (size_t i = 0; i < MODEL_ENTRIES; i++)
		if (model->entries[i].used && below(model->entries[i].path, path))
			return true;
	return false;
}

static void random_path(char out[160])
{
	uint32_t depth = 1 + random_below(3);

	out[0] = 0;
	while (depth-- > 0) {
		strcat(out, "/");
		strcat(out, NAMES[random_below(depth > 0 ? 2 : 4)]);
	}
}

static unsigned random_mode(void)
{
	static const unsigned modes[] = { 0700, 0700, 0700, 0600, 0755, 0500, 0400, 0300 };

	return modes[random_below(8)];
}

static void resize(struct model_entry *entry, size_t length)
{
	entry->bytes = realloc(entry->bytes, length + 1);
	if (length > entry->length)
		memset(entry->bytes + entry->length, 0, length - entry->length);
	entry->length = length;
}

/* Sizes around the limits of blocks and of the pointer blocks' 512 KiB. */
static size_t random_place(size_t length)
{
	switch (random_below(5)) {
	case 0:
		return random_below(200);
	case 1:
		return length;
	case 2:
		return random_below(8) * SFS_BLOCK_BYTES + random_below(3);
	case 3:
		return 128 * SFS_BLOCK_BYTES - random_below(2 * SFS_BLOCK_BYTES);
	default:
		return random_below(MAX_BYTES - 70000);
	}
}

static void use_file(struct sfs *fs, struct model_entry *entry, int file, unsigned flags)
{
	uint8_t buffer[20000], seen[20000];
	size_t at = random_place(entry->length), bytes = random_below(4) ? random_below(300) : random_below(20000);
	int64_t size;

	CHECK_IS(sfs_size(fs, file), entry->length);
	if ((flags & SFS_WRITE) && random_below(4) == 0) {
		size_t length = random_place(entry->length);

		CHECK_IS(sfs_truncate(fs, file, length), SFS_OK);
		resize(entry, length);
	} else if (flags & SFS_WRITE) {
		for (size_t i = 0; i < bytes; i++)
			buffer[i] = (uint8_t)random_below(256);
		if (flags & SFS_APPEND)
			at = entry->length;
		else
			CHECK_IS(sfs_seek(fs, file, (int64_t)at, SFS_SET), at);
		CHECK_IS(sfs_write(fs, file, buffer, bytes), bytes);
		if (bytes > 0 && at + bytes > entry->length)
			resize(entry, at + bytes);
		if (bytes > 0)
			memcpy(entry->bytes + at, buffer, bytes);
		size = sfs_seek(fs, file, 0, SFS_END);
		CHECK_IS(size, entry->length);
	} else {
		CHECK_IS(sfs_write(fs, file, buffer, 1), SFS_DENIED);
		CHECK_IS(sfs_truncate(fs, file, 0), SFS_DENIED);
	}
	at = random_place(entry->length);
	if (flags & SFS_READ) {
		size_t wanted = at >= entry->length ? 0 : entry->length - at < bytes ? entry->length - at : bytes;

		CHECK_IS(sfs_read_at(fs, file, seen, bytes, at), wanted);
		CHECK(wanted == 0 || memcmp(seen, entry->bytes + at, wanted) == 0);
	} else {
		CHECK_IS(sfs_read_at(fs, file, seen, 1, 0), SFS_DENIED);
	}
}

static void step_open(struct model *model, struct sfs *fs)
{
	static const unsigned kinds[] = { SFS_READ,
					  SFS_READ | SFS_WRITE,
					  SFS_READ | SFS_WRITE | SFS_CREATE,
					  SFS_READ | SFS_WRITE | SFS_CREATE,
					  SFS_WRITE | SFS_CREATE | SFS_APPEND,
					  SFS_READ | SFS_WRITE | SFS_CREATE | SFS_EXCLUSIVE,
					  SFS_WRITE | SFS_CREATE | SFS_TRUNCATE };
	unsigned flags = kinds[random_below(7)], mode = random_mode();
	struct model_entry *parent, *entry;
	char path[160];
	int wanted, got;

	random_path(path);
	wanted = parent_result(model, path, &parent);
	entry = model_find(model, path);
	if (wanted == SFS_OK && !entry)
		wanted = !(flags & SFS_CREATE) ? SFS_NOT_FOUND : !(parent->mode & 0200) ? SFS_DENIED : SFS_OK;
	else if (wanted == SFS_OK && (flags & SFS_EXCLUSIVE))
		wanted = SFS_EXISTS;
	else if (wanted == SFS_OK && entry->directory)
		wanted = SFS_IS_DIRECTORY;
	else if (wanted == SFS_OK && (((flags & SFS_READ) && !(entry->mode & 0400)) ||
				      ((flags & SFS_WRITE) && !(entry->mode & 0200))))
		wanted = SFS_DENIED;
	got = sfs_open(fs, path, flags, mode);
	CHECK_IS(got < 0 ? got : SFS_OK, wanted);
	if (got < 0)
		return;
	if (!entry)
		entry = add(model, path, false, mode);
	else if (flags & SFS_TRUNCATE)
		resize(entry, 0);
	use_file(fs, entry, got, flags);
	CHECK_IS(sfs_unlink(fs, path), parent->mode & 0200 ? SFS_BUSY : SFS_DENIED);
	CHECK_IS(sfs_close(fs, got), SFS_OK);
}

static void step_mkdir(struct model *model, struct sfs *fs)
{
	struct model_entry *parent;
	unsigned mode = random_mode();
	char path[160];
	int wanted;

	random_path(path);
	wanted = parent_result(model, path, &parent);
	if (wanted == SFS_OK && model_find(model, path))
		wanted = SFS_EXISTS;
	else if (wanted == SFS_OK && !(parent->mode & 0200))
		wanted = SFS_DENIED;
	CHECK_IS(sfs_mkdir(fs, path, mode), wanted);
	if (wanted == SFS_OK)
		add(model, path, true, mode);
}

static void step_remove(struct model *model, struct sfs *fs, bool directory)
{
	struct model_entry *parent, *entry;
	char path[160];
	int wanted;

	random_path(path);
	wanted = parent_result(model, path, &parent);
	entry = model_find(model, path);
	if (wanted == SFS_OK) {
		if (!entry)
			wanted = SFS_NOT_FOUND;
		else if (directory && !entry->directory)
			wanted = SFS_NOT_DIRECTORY;
		else if (!directory && entry->directory)
			wanted = SFS_IS_DIRECTORY;
		else if (directory && has_children(model, path))
			wanted = SFS_NOT_EMPTY;
		else if (!(parent->mode & 0200))
			wanted = SFS_DENIED;
	}
	CHECK_IS(directory ? sfs_rmdir(fs, path) : sfs_unlink(fs, path), wanted);
	if (wanted == SFS_OK)
		drop(entry);
}

static int rename_result(struct model *model, const char *from, const char *to)
{
	struct model_entry *old_parent, *new_parent, *entry = model_find(model, from), *target = model_find(model, to);
	int wanted = parent_result(model, from, &old_parent);

	if (wanted)
		return wanted;
	if (!entry)
		return SFS_NOT_FOUND;
	if (entry->directory && below(to, from))
		return SFS_BAD_ARGUMENT;
	wanted = parent_result(model, to, &new_parent);
	if (wanted)
		return wanted;
	if (target && target != entry) {
		if (target->directory && !entry->directory)
			return SFS_IS_DIRECTORY;
		if (!target->directory && entry->directory)
			return SFS_NOT_DIRECTORY;
		if (target->directory && has_children(model, to))
			return SFS_NOT_EMPTY;
	}
	return (old_parent->mode & 0200) && (new_parent->mode & 0200) ? SFS_OK : SFS_DENIED;
}

static void step_rename(struct model *model, struct sfs *fs)
{
	char from[160], to[160];
	int wanted;

	random_path(from);
	random_path(to);
	/* Trees that would grow deeper than the test's paths are left where they are. */
	for (size_t i = 0; i < MODEL_ENTRIES; i++)
		if (model->entries[i].used && below(model->entries[i].path, from) &&
		    strlen(model->entries[i].path) - strlen(from) + strlen(to) >= sizeof(model->entries[i].path) - 1)
			return;
	wanted = rename_result(model, from, to);
	CHECK_IS(sfs_rename(fs, from, to), wanted);
	if (wanted != SFS_OK || strcmp(from, to) == 0)
		return;
	if (model_find(model, to))
		drop(model_find(model, to));
	for (size_t i = 0; i < MODEL_ENTRIES; i++) {
		struct model_entry *entry = &model->entries[i];
		char moved[320];

		if (!entry->used || !(strcmp(entry->path, from) == 0 || below(entry->path, from)))
			continue;
		snprintf(moved, sizeof(moved), "%s%s", to, entry->path + strlen(from));
		memcpy(entry->path, moved, strlen(moved) + 1);
	}
}

static void step_permission(struct model *model, struct sfs *fs)
{
	struct model_entry *parent, *entry;
	unsigned mode = random_below(2) ? 0700 : random_mode(), wish = random_below(8);
	struct sfs_stat stat;
	char path[160];
	int wanted;

	random_path(path);
	wanted = parent_result(model, path, &parent);
	entry = model_find(model, path);
	if (wanted == SFS_OK && !entry)
		wanted = SFS_NOT_FOUND;
	CHECK_IS(sfs_stat(fs, path, &stat), wanted);
	CHECK_IS(sfs_access(fs, path, wish),
		 wanted ? wanted : ((entry->mode >> 6) & wish) == wish ? SFS_OK : SFS_DENIED);
	CHECK_IS(sfs_chmod(fs, path, mode), wanted);
	if (wanted)
		return;
	CHECK(stat.directory == entry->directory && stat.mode == entry->mode);
	CHECK_IS(stat.bytes, entry->directory ? 0 : entry->length);
	entry->mode = mode;
}

void model_step(struct model *model, struct sfs *fs)
{
	uint32_t kind = random_below(20);

	if (kind < 10)
		step_open(model, fs);
	else if (kind < 13)
		step_mkdir(model, fs);
	else if (kind < 15)
		step_remove(model, fs, false);
	else if (kind < 16)
		step_remove(model, fs, true);
	else if (kind < 18)
		step_rename(model, fs);
	else
		step_permission(model, fs);
}

#define SAME(what)         \
	do {               \
		if (!(what)) \
			return false; \
	} while (0)

static bool same_file(struct model_entry *entry, struct sfs *fs)
{
	uint8_t *bytes = malloc(entry->length + 1);
	int file = sfs_open(fs, entry->path, SFS_READ, 0);
	bool same = file >= 0 && sfs_read(fs, file, bytes, entry->length + 1) == (int64_t)entry->length &&
		    (entry->length == 0 || memcmp(bytes, entry->bytes, entry->length) == 0);

	if (file >= 0)
		sfs_close(fs, file);
	free(bytes);
	return same;
}

static bool same_tree(struct model *model, struct sfs *fs, const char *path, unsigned *seen);

static bool same_children(struct model *model, struct sfs *fs, const char *path, unsigned *seen)
{
	struct sfs_entry child;
	uint32_t cursor = 0;
	int more;

	while ((more = sfs_list(fs, path, &cursor, &child)) != 0) {
		char next[320];

		SAME(more == 1);
		snprintf(next, sizeof(next), "%s/%s", strcmp(path, "/") ? path : "", child.name);
		SAME(same_tree(model, fs, next, seen));
	}
	return true;
}

static bool same_tree(struct model *model, struct sfs *fs, const char *path, unsigned *seen)
{
	struct model_entry *entry = model_find(model, path);
	struct sfs_stat stat;
	bool same;

	SAME(entry && sfs_stat(fs, path, &stat) == SFS_OK);
	SAME(stat.directory == entry->directory && stat.mode == entry->mode);
	(*seen)++;
	/* Looking must be allowed; nothing is synced, so this does not stay. */
	SAME(sfs_chmod(fs, path, 0700) == SFS_OK);
	same = entry->directory ? same_children(model, fs, path, seen) : same_file(entry, fs);
	return sfs_chmod(fs, path, stat.mode) == SFS_OK && same;
}

bool model_same(struct model *model, struct sfs *fs)
{
	unsigned seen = 0, wanted = 0;

	for (size_t i = 0; i < MODEL_ENTRIES; i++)
		wanted += model->entries[i].used;
	return same_tree(model, fs, "/", &seen) && seen == wanted;
}

void model_check(struct model *model, struct sfs *fs)
{
	CHECK(model_same(model, fs));
}
