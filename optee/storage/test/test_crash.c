/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power cuts: a random run of calls is recorded, then cut after every single write of a block and every sync, in four
 * ways (disk.h). What mounts must be exactly the last synced state, or the one whose sync was in progress; and from
 * there the next run is recorded and cut again.
 */
#include <string.h>

#include "check.h"
#include "disk.h"
#include "model.h"

#define MAX_SYNCS 64

struct run {
	struct model states[MAX_SYNCS + 1]; /* [0]: as it was mounted */
	size_t ends[MAX_SYNCS + 1]; /* operations in the log when the sync returned */
	size_t syncs;
	size_t formatted; /* operations in the log when there was a volume for sure */
};

static unsigned long cuts;
static bool anchored;

static uint8_t anchor_record[SFS_ANCHOR_BYTES];
static bool anchor_present;

static int anchor_read(void *context, uint8_t record[SFS_ANCHOR_BYTES], bool *present)
{
	(void)context;
	memcpy(record, anchor_record, SFS_ANCHOR_BYTES);
	*present = anchor_present;
	return 0;
}

struct anchor_write {
	size_t at; /* operations in the log before it */
	uint8_t record[SFS_ANCHOR_BYTES];
};
static struct anchor_write anchor_log[4096];
static size_t anchor_count;
static struct disk *anchor_disk;

static int anchor_write(void *context, const uint8_t record[SFS_ANCHOR_BYTES])
{
	(void)context;
	memcpy(anchor_record, record, SFS_ANCHOR_BYTES);
	anchor_present = true;
	if (anchor_disk && anchor_count < 4096) {
		anchor_log[anchor_count].at = anchor_disk->log_count;
		memcpy(anchor_log[anchor_count++].record, record, SFS_ANCHOR_BYTES);
	}
	return 0;
}

static const struct sfs_anchor ANCHOR = { .read = anchor_read, .write = anchor_write };

static struct sfs_config config_of(const struct sfs_backing *backing)
{
	return (struct sfs_config){ .backing = backing,
				    .anchor = anchored ? &ANCHOR : NULL,
				    .key = "key",
				    .cache_blocks = 64,
				    .max_blocks = 8000 };
}

/* Runs calls on `disk` from `start` on and remembers the states that were synced. */
static void record(struct run *run, struct disk *disk, const struct model *start, unsigned syncs, unsigned steps)
{
	struct sfs_backing backing = disk_backing(disk);
	struct sfs_config config = config_of(&backing);
	struct model model = { 0 };
	struct sfs *fs;
	int rc;

	memset(run, 0, sizeof(*run));
	disk->recording = true;
	rc = sfs_mount(&config, &fs);
	if (rc == SFS_NO_VOLUME) {
		CHECK_IS(sfs_format(&config), SFS_OK);
		run->formatted = disk->log_count;
		rc = sfs_mount(&config, &fs);
	}
	CHECK_IS(rc, SFS_OK);
	model_copy(&model, start);
	model_copy(&run->states[0], start);
	while (run->syncs < syncs) {
		for (unsigned i = random_below(steps); i > 0; i--)
			model_step(&model, fs);
		CHECK_IS(sfs_sync(fs), SFS_OK);
		run->syncs++;
		model_copy(&run->states[run->syncs], &model);
		run->ends[run->syncs] = disk->log_count;
	}
	for (unsigned i = random_below(steps); i > 0; i--)
		model_step(&model, fs);
	sfs_unmount(fs);
	model_close(&model);
	disk->recording = false;
}

static void run_close(struct run *run)
{
	for (size_t i = 0; i <= run->syncs; i++)
		model_close(&run->states[i]);
}

static void explore(const struct disk *start, const struct model *start_model, unsigned depth);

static void check_cut(const struct run *run, const struct disk *cut, size_t at, unsigned depth)
{
	struct disk disk;
	struct sfs_backing backing = disk_backing(&disk);
	struct sfs_config config = config_of(&backing);
	struct sfs *fs;
	uint8_t record_then[SFS_ANCHOR_BYTES];
	bool present_then = anchor_present;
	size_t last = 0, is;
	int rc;

	memcpy(record_then, anchor_record, SFS_ANCHOR_BYTES);
	cuts++;
	disk_open(&disk);
	disk_copy(&disk, cut);
	while (last < run->syncs && run->ends[last + 1] <= at)
		last++;
	rc = sfs_mount(&config, &fs);
	if (rc == SFS_NO_VOLUME) {
		CHECK(at < run->formatted);
		disk_close(&disk);
		return;
	}
	CHECK_IS(rc, SFS_OK);
	is = last;
	if (!model_same((struct model *)&run->states[last], fs)) {
		CHECK(last < run->syncs);
		is = last + 1;
		CHECK(model_same((struct model *)&run->states[is], fs));
	}
	CHECK_IS(sfs_scrub(fs), SFS_OK);
	sfs_unmount(fs);
	if (depth > 0) {
		memcpy(anchor_record, record_then, SFS_ANCHOR_BYTES);
		anchor_present = present_then;
		explore(cut, &run->states[is], depth - 1);
	}
	disk_close(&disk);
}

static void explore(const struct disk *start, const struct model *start_model, unsigned depth)
{
	uint8_t record_before[SFS_ANCHOR_BYTES];
	bool present_before = anchor_present;
	struct disk disk, before, cut;
	struct run *run = malloc(sizeof(*run));
	size_t synced = 0, kept = anchor_count, anchors, next_anchor;

	memcpy(record_before, anchor_record, SFS_ANCHOR_BYTES);
	disk_open(&disk);
	disk_open(&before);
	disk_open(&cut);
	disk_copy(&disk, start);
	disk_copy(&before, start);
	anchor_disk = &disk;
	record(run, &disk, start_model, depth > 0 ? 12 : 2, depth > 0 ? 12 : 3);
	anchor_disk = NULL;
	anchors = anchor_count;
	next_anchor = kept;
	for (size_t at = 0; at <= disk.log_count; at++) {
		/* Everything up to the last sync before `at` is there whatever happens. */
		if (at > 0 && disk.log[at - 1].is_sync) {
			for (size_t i = synced; i < at; i++)
				if (!disk.log[i].is_sync)
					disk_put(&before, disk.log[i].address, disk.log[i].bytes, SFS_BLOCK_BYTES);
			synced = at;
		}
		while (next_anchor < anchors && anchor_log[next_anchor].at <= at) {
			memcpy(record_before, anchor_log[next_anchor++].record, SFS_ANCHOR_BYTES);
			present_before = true;
		}
		for (enum crash kind = 0; kind < CRASH_KINDS; kind++) {
			if (depth == 0 && kind != (enum crash)(at % CRASH_KINDS))
				continue;
			memcpy(anchor_record, record_before, SFS_ANCHOR_BYTES);
			anchor_present = present_before;
			disk_crash(&cut, &before, disk.log + synced, at - synced, kind);
			check_cut(run, &cut, at, random_below(16) == 0 ? depth : 0);
		}
	}
	run_close(run);
	free(run);
	anchor_count = kept;
	disk_close(&disk);
	disk_close(&before);
	disk_close(&cut);
}

/* A disk that forgets its syncs can lose states and blocks, but what opens whole is a state that once was. */
static void lying_disk(void)
{
	struct disk disk, empty, cut;
	struct run *run = malloc(sizeof(*run));
	struct sfs_backing backing = disk_backing(&cut);
	struct sfs_config config = config_of(&backing);
	struct model start = { 0 };
	unsigned refused = 0, whole = 0;

	disk_open(&disk);
	disk_open(&empty);
	disk_open(&cut);
	model_open(&start);
	disk.lost_sync = true;
	record(run, &disk, &start, 12, 12);
	for (size_t at = run->formatted; at <= disk.log_count; at++) {
		struct sfs *fs;
		bool same = false;
		int rc;

		disk_crash(&cut, &empty, disk.log, at, at % 2 ? CRASH_REORDERED : CRASH_REORDERED_TORN);
		rc = sfs_mount(&config, &fs);
		if (rc == SFS_OK) {
			rc = sfs_scrub(fs);
			for (size_t i = 0; rc == SFS_OK && i <= run->syncs && !same; i++)
				same = model_same(&run->states[i], fs);
			sfs_unmount(fs);
		}
		CHECK(same || rc == SFS_TAMPERED || rc == SFS_NO_VOLUME);
		refused += !same;
		whole += same;
	}
	CHECK(refused > 0);
	run_close(run);
	free(run);
	model_close(&start);
	disk_close(&disk);
	disk_close(&empty);
	disk_close(&cut);
}

/* The normal world refuses from the n-th call on: an error, no more writes, and the last synced state after mounting. */
static void failing_backing(void)
{
	for (long fail_after = 0; fail_after < 120; fail_after++) {
		struct disk disk;
		struct sfs_backing backing = disk_backing(&disk);
		struct sfs_config config = config_of(&backing);
		uint8_t block[SFS_BLOCK_BYTES] = { 7 };
		struct sfs *fs;
		int file, rc = SFS_OK, done = 0;
		uint8_t seen = 0;

		disk_open(&disk);
		CHECK_IS(sfs_format(&config), SFS_OK);
		CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
		file = sfs_open(fs, "/f", SFS_READ | SFS_WRITE | SFS_CREATE, 0600);
		CHECK_IS(sfs_write_at(fs, file, "\0", 1, 0), 1);
		CHECK_IS(sfs_sync(fs), SFS_OK);
		disk.fail_after = fail_after;
		while (rc == SFS_OK && done < 100) {
			uint8_t number = (uint8_t)(done + 1);

			rc = (int)sfs_write_at(fs, file, &number, 1, 0);
			for (uint32_t i = 1; i < 100 && rc > 0; i++)
				rc = (int)sfs_write_at(fs, file, block, sizeof(block), i * SFS_BLOCK_BYTES);
			rc = rc < 0 ? rc : sfs_sync(fs);
			done += rc == SFS_OK;
		}
		CHECK_IS(rc, SFS_BACKING);
		/* Only a read has failed, and there was nothing to sync: not stopped, but nothing gets through either. */
		rc = sfs_sync(fs);
		CHECK(rc == SFS_STOPPED || rc == SFS_BACKING || rc == SFS_OK);
		CHECK(rc == SFS_OK || sfs_write_at(fs, file, "x", 1, 0) == SFS_STOPPED);
		CHECK(sfs_mkdir(fs, "/g", 0700) < 0 && sfs_chmod(fs, "/f", 0) < 0);
		sfs_unmount(fs);
		disk.fail_after = -1;
		CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
		file = sfs_open(fs, "/f", SFS_READ, 0);
		CHECK_IS(sfs_read(fs, file, &seen, 1), 1);
		CHECK(seen == done || seen == done + 1);
		sfs_unmount(fs);
		disk_close(&disk);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 3;

	printf("crash: seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < rounds; i++) {
		struct disk empty;
		struct model model = { 0 };

		seed_random(seed + i);
		anchored = i % 2 == 1;
		anchor_present = false;
		anchor_count = 0;
		disk_open(&empty);
		model_open(&model);
		explore(&empty, &model, 1);
		model_close(&model);
		anchored = false;
		lying_disk();
	}
	failing_backing();
	printf("crash: %lu power cuts, %lu checks\n", cuts, checks);
	return 0;
}
