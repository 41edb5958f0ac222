/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of sfs.h against the model, with a cache too small for the files; limits; a volume that is full. */
#include <string.h>

#include "check.h"
#include "disk.h"
#include "model.h"

static struct sfs_config config_of(const struct sfs_backing *backing, uint32_t cache, uint32_t blocks)
{
	return (struct sfs_config){ .backing = backing, .key = "key", .cache_blocks = cache, .max_blocks = blocks };
}

/* A new volume, mounted: what most of these tests begin and end with. */
struct volume {
	struct disk disk;
	struct sfs_backing backing;
	struct sfs_config config;
	struct sfs *fs;
};

static struct sfs *volume_open(struct volume *volume, uint32_t blocks)
{
	volume->backing = disk_backing(&volume->disk);
	volume->config = config_of(&volume->backing, 64, blocks);
	disk_open(&volume->disk);
	CHECK_IS(sfs_format(&volume->config), SFS_OK);
	CHECK_IS(sfs_mount(&volume->config, &volume->fs), SFS_OK);
	return volume->fs;
}

/* As after a restart. */
static struct sfs *volume_mount_again(struct volume *volume)
{
	sfs_unmount(volume->fs);
	CHECK_IS(sfs_mount(&volume->config, &volume->fs), SFS_OK);
	return volume->fs;
}

static void volume_close(struct volume *volume)
{
	sfs_unmount(volume->fs);
	disk_close(&volume->disk);
}

static void against_model(uint64_t seed, unsigned steps)
{
	struct disk disk;
	struct sfs_backing backing = disk_backing(&disk);
	struct sfs_config config = config_of(&backing, 64, 20000);
	struct model model = { 0 }, synced = { 0 };
	struct sfs *fs;

	seed_random(seed);
	disk_open(&disk);
	model_open(&model);
	model_copy(&synced, &model);
	CHECK_IS(sfs_mount(&config, &fs), SFS_NO_VOLUME);
	CHECK_IS(sfs_format(&config), SFS_OK);
	CHECK_IS(sfs_format(&config), SFS_EXISTS);
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	for (unsigned i = 0; i < steps; i++) {
		uint32_t event = random_below(100);

		model_step(&model, fs);
		if (event < 4) {
			CHECK_IS(sfs_sync(fs), SFS_OK);
			model_copy(&synced, &model);
		}
		if (event == 4) {
			sfs_unmount(fs);
			CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
			model_copy(&model, &synced);
		}
		if (event == 5)
			model_check(&model, fs);
	}
	model_check(&model, fs);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	CHECK_IS(sfs_scrub(fs), SFS_OK);
	sfs_unmount(fs);
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	model_check(&model, fs);
	sfs_unmount(fs);
	model_close(&model);
	model_close(&synced);
	disk_close(&disk);
}

/* Nothing is lost of the map of free blocks: what is used after everything is removed is what was used before. */
static void gives_back(void)
{
	struct volume volume;
	struct sfs *fs = volume_open(&volume, 3000);
	struct sfs_state before, after, mounted;

	CHECK_IS(sfs_sync(fs), SFS_OK);
	sfs_get_state(fs, &before);
	for (int round = 0; round < 3; round++) {
		static uint8_t bytes[600 * 1024];
		int file = sfs_open(fs, "/f", SFS_READ | SFS_WRITE | SFS_CREATE, 0600);

		CHECK(file >= 0);
		CHECK_IS(sfs_write(fs, file, bytes, sizeof(bytes)), sizeof(bytes));
		CHECK_IS(sfs_sync(fs), SFS_OK);
		CHECK_IS(sfs_write_at(fs, file, "x", 1, 5000), 1);
		CHECK_IS(sfs_sync(fs), SFS_OK);
		sfs_get_state(fs, &after);
		fs = volume_mount_again(&volume);
		sfs_get_state(fs, &mounted);
		CHECK_IS(mounted.blocks_used, after.blocks_used);
		CHECK_IS(mounted.sequence, after.sequence);
		CHECK(memcmp(mounted.digest, after.digest, 32) == 0);
		CHECK_IS(sfs_unlink(fs, "/f"), SFS_OK);
		CHECK_IS(sfs_sync(fs), SFS_OK);
		sfs_get_state(fs, &after);
		/* The directory keeps a block for the entry that is free again. */
		CHECK_IS(after.blocks_used, before.blocks_used + 1);
	}
	volume_close(&volume);
}

/* Writing the same again and again does not make the volume grow. */
static void stays_small(void)
{
	struct volume volume;
	struct sfs *fs = volume_open(&volume, 20000);
	int file;

	file = sfs_open(fs, "/f", SFS_READ | SFS_WRITE | SFS_CREATE, 0600);
	for (int i = 0; i < 2000; i++) {
		CHECK_IS(sfs_write_at(fs, file, &i, sizeof(i), (uint64_t)random_below(50) * SFS_BLOCK_BYTES),
			 sizeof(i));
		CHECK_IS(sfs_sync(fs), SFS_OK);
	}
	CHECK_IS(sfs_scrub(fs), SFS_OK);
	CHECK(volume.disk.length < 200 * SFS_BLOCK_BYTES);
	volume_close(&volume);
}

/* A full volume refuses, keeps what was there, and takes new files when something is removed. */
static void full_volume(void)
{
	struct volume volume;
	struct sfs *fs = volume_open(&volume, 400);
	static uint8_t block[SFS_BLOCK_BYTES];
	unsigned written = 0;
	int file;

	file = sfs_open(fs, "/big", SFS_READ | SFS_WRITE | SFS_CREATE, 0600);
	CHECK(file >= 0);
	for (;;) {
		int64_t put;

		memset(block, (int)written, sizeof(block));
		put = sfs_write(fs, file, block, sizeof(block));
		if (put < 0) {
			CHECK_IS(put, SFS_FULL);
			break;
		}
		written++;
	}
	CHECK(written > 250 && written < 400);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	CHECK_IS(sfs_open(fs, "/other", SFS_WRITE | SFS_CREATE, 0600), SFS_FULL);
	CHECK_IS(sfs_mkdir(fs, "/other", 0700), SFS_FULL);
	CHECK_IS(sfs_close(fs, file), SFS_OK);
	fs = volume_mount_again(&volume);
	file = sfs_open(fs, "/big", SFS_READ | SFS_WRITE, 0);
	for (unsigned i = 0; i < written; i++) {
		CHECK_IS(sfs_read(fs, file, block, sizeof(block)), sizeof(block));
		CHECK_IS(block[17], i & 255);
	}
	CHECK_IS(sfs_truncate(fs, file, 10 * SFS_BLOCK_BYTES), SFS_OK);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	CHECK_IS(sfs_mkdir(fs, "/other", 0700), SFS_OK);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	CHECK_IS(sfs_scrub(fs), SFS_OK);
	volume_close(&volume);
}

static void arguments_and_limits(void)
{
	struct volume volume;
	struct sfs *fs = volume_open(&volume, 4000);
	struct sfs_config few_blocks = volume.config;
	struct sfs *none;
	char name[300], path[310];
	struct sfs_entry entry;
	struct sfs_stat stat;
	uint32_t cursor = 0;
	int64_t end = (int64_t)128 * 128 * 128 * SFS_BLOCK_BYTES;
	int file, files[64], count = 0;

	few_blocks.cache_blocks = 8;
	CHECK_IS(sfs_mount(&few_blocks, &none), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_format(&few_blocks), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "relative", SFS_READ, 0), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "/../x", SFS_READ, 0), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "//x", SFS_READ, 0), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "/x/", SFS_READ, 0), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "/", SFS_READ, 0), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "/x", 0, 0), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "/x", SFS_READ | SFS_TRUNCATE, 0), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_open(fs, "/x", SFS_WRITE | SFS_CREATE, 01000), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_chmod(fs, "/", 01000), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_umask(fs, 01000), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_access(fs, "/", 8), SFS_BAD_ARGUMENT);
	memset(name, 'n', sizeof(name));
	name[SFS_NAME_MAX + 1] = 0;
	snprintf(path, sizeof(path), "/%s", name);
	CHECK_IS(sfs_mkdir(fs, path, 0700), SFS_NAME_TOO_LONG);
	path[SFS_NAME_MAX + 1] = 0;
	CHECK_IS(sfs_mkdir(fs, path, 0700), SFS_OK);
	CHECK_IS(sfs_list(fs, "/", &cursor, &entry), 1);
	CHECK(strcmp(entry.name, path + 1) == 0 && entry.directory);
	CHECK_IS(sfs_list(fs, "/", &cursor, &entry), 0);
	CHECK_IS(sfs_rmdir(fs, path), SFS_OK);
	CHECK_IS(sfs_umask(fs, 0022), 0077);
	file = sfs_open(fs, "/f", SFS_READ | SFS_WRITE | SFS_CREATE, 0666);
	CHECK_IS(sfs_stat(fs, "/f", &stat), SFS_OK);
	CHECK_IS(stat.mode, 0644);
	CHECK_IS(sfs_seek(fs, file, -1, SFS_CURRENT), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_seek(fs, file, end, SFS_SET), end);
	CHECK_IS(sfs_write(fs, file, "x", 1), SFS_TOO_BIG);
	CHECK_IS(sfs_truncate(fs, file, (uint64_t)end + 1), SFS_TOO_BIG);
	/* A hole of almost 8 GiB, and both ends of it. */
	CHECK_IS(sfs_write_at(fs, file, "x", 1, (uint64_t)end - 1), 1);
	CHECK_IS(sfs_write_at(fs, file, "y", 1, 0), 1);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	CHECK_IS(sfs_read_at(fs, file, name, 2, (uint64_t)end - 2), 2);
	CHECK(name[0] == 0 && name[1] == 'x');
	CHECK_IS(sfs_size(fs, file), end);
	CHECK_IS(sfs_truncate(fs, file, 1), SFS_OK);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	CHECK_IS(sfs_close(fs, file), SFS_OK);
	CHECK_IS(sfs_close(fs, file), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_close(fs, -1), SFS_BAD_ARGUMENT);
	CHECK_IS(sfs_read(fs, 99, name, 1), SFS_BAD_ARGUMENT);
	while ((file = sfs_open(fs, "/f", SFS_READ, 0)) >= 0)
		files[count++] = file;
	CHECK_IS(file, SFS_TOO_MANY_OPEN);
	CHECK_IS(sfs_rename(fs, "/f", "/g"), SFS_OK);
	while (count > 0)
		CHECK_IS(sfs_close(fs, files[--count]), SFS_OK);
	CHECK_IS(sfs_access(fs, "/g", 0), SFS_OK);
	CHECK_IS(sfs_access(fs, "/f", 0), SFS_NOT_FOUND);
	volume_close(&volume);
}

/* Reading a large file from start to end asks the normal world for several blocks at a time. */
static void reads_ahead(void)
{
	struct volume volume;
	struct sfs *fs = volume_open(&volume, 4000);
	struct sfs_state before, after;
	uint8_t block[SFS_BLOCK_BYTES];
	int file;

	file = sfs_open(fs, "/f", SFS_READ | SFS_WRITE | SFS_CREATE, 0600);
	for (int i = 0; i < 1000; i++) {
		memset(block, i, sizeof(block));
		CHECK_IS(sfs_write(fs, file, block, sizeof(block)), sizeof(block));
	}
	CHECK_IS(sfs_sync(fs), SFS_OK);
	fs = volume_mount_again(&volume);
	file = sfs_open(fs, "/f", SFS_READ, 0);
	sfs_get_state(fs, &before);
	for (int i = 0; i < 1000; i++) {
		CHECK_IS(sfs_read(fs, file, block, sizeof(block)), sizeof(block));
		CHECK(block[0] == (i & 255) && block[SFS_BLOCK_BYTES - 1] == (i & 255));
	}
	sfs_get_state(fs, &after);
	CHECK(after.backing_reads - before.backing_reads < 200);
	volume_close(&volume);
}

/* More files than inodes are kept in memory. */
static void many_files(void)
{
	struct volume volume;
	struct sfs *fs = volume_open(&volume, 8000);
	char path[32], seen[32];

	CHECK_IS(sfs_mkdir(fs, "/d", 0700), SFS_OK);
	for (int i = 0; i < 300; i++) {
		int file;

		snprintf(path, sizeof(path), "/d/file-%d", i);
		file = sfs_open(fs, path, SFS_WRITE | SFS_CREATE, 0600);
		CHECK(file >= 0);
		CHECK_IS(sfs_write(fs, file, path, sizeof(path)), sizeof(path));
		CHECK_IS(sfs_close(fs, file), SFS_OK);
	}
	CHECK_IS(sfs_sync(fs), SFS_OK);
	fs = volume_mount_again(&volume);
	for (int i = 0; i < 300; i++) {
		int file;

		snprintf(path, sizeof(path), "/d/file-%d", i);
		file = sfs_open(fs, path, SFS_READ, 0);
		CHECK(file >= 0);
		CHECK_IS(sfs_read(fs, file, seen, sizeof(seen)), sizeof(seen));
		CHECK(strcmp(seen, path) == 0);
		CHECK_IS(sfs_close(fs, file), SFS_OK);
		CHECK_IS(sfs_unlink(fs, path), SFS_OK);
	}
	CHECK_IS(sfs_rmdir(fs, "/d"), SFS_OK);
	volume_close(&volume);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 6;

	printf("calls: seed %llu\n", (unsigned long long)seed);
	arguments_and_limits();
	gives_back();
	stays_small();
	full_volume();
	many_files();
	reads_ahead();
	for (unsigned i = 0; i < rounds; i++)
		against_model(seed + i, 1500);
	printf("calls: %lu checks\n", checks);
	return 0;
}
