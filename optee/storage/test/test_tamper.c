/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A normal world that changes what it keeps: flipped, swapped, old, foreign, cut off. Each is refused with a code or
 * does no harm, and whatever is refused is left on the disk exactly as it was found.
 */
#include <string.h>

#include "check.h"
#include "disk.h"
#include "model.h"

static const uint8_t CANARY[] = "penicillin-canary";
static unsigned long refused, harmless;

static struct sfs_config config_of(const struct sfs_backing *backing)
{
	return (struct sfs_config){ .backing = backing, .key = "key", .cache_blocks = 64, .max_blocks = 8000 };
}

/* Contents, names and a file that needs two levels of pointers. */
static void fill(struct disk *disk, struct model *model, unsigned steps)
{
	struct sfs_backing backing = disk_backing(disk);
	struct sfs_config config = config_of(&backing);
	struct sfs *fs;
	int rc = sfs_mount(&config, &fs);

	if (rc == SFS_NO_VOLUME) {
		CHECK_IS(sfs_format(&config), SFS_OK);
		rc = sfs_mount(&config, &fs);
	}
	CHECK_IS(rc, SFS_OK);
	for (unsigned i = 0; i < steps; i++) {
		model_step(model, fs);
		/* Even without a change: every sync is a state of its own. */
		CHECK_IS(sfs_chmod(fs, "/", 0700), SFS_OK);
		if (i % 10 == 9)
			CHECK_IS(sfs_sync(fs), SFS_OK);
	}
	CHECK_IS(sfs_sync(fs), SFS_OK);
	sfs_unmount(fs);
}

/* Mounts and reads everything. What is refused is left alone; what is not is exactly `model`. */
static int judge(struct disk *disk, struct model *model)
{
	struct sfs_backing backing = disk_backing(disk);
	struct sfs_config config = config_of(&backing);
	struct disk before;
	struct sfs *fs;
	int rc;

	disk_open(&before);
	disk_copy(&before, disk);
	rc = sfs_mount(&config, &fs);
	if (rc == SFS_OK) {
		rc = sfs_scrub(fs);
		if (rc == SFS_OK) {
			CHECK(model_same(model, fs));
		} else {
			/* From here on nothing is written, whatever is asked. */
			CHECK_IS(sfs_mkdir(fs, "/new", 0700), SFS_TAMPERED);
			CHECK_IS(sfs_chmod(fs, "/", 0700), SFS_TAMPERED);
			CHECK_IS(sfs_sync(fs), SFS_TAMPERED);
		}
		sfs_unmount(fs);
	}
	if (rc != SFS_OK) {
		refused++;
		/* Only a damaged copy of the header may have been mended from its twin. */
		CHECK(disk->length == before.length);
		for (size_t i = 4 * SFS_BLOCK_BYTES; i < disk->length; i++)
			if (disk->bytes[i] != before.bytes[i])
				CHECK(!"a refused disk was changed");
		checks++;
	} else {
		harmless++;
	}
	disk_close(&before);
	return rc;
}

static void flips_and_swaps(const struct disk *good, struct model *model)
{
	uint32_t blocks = (uint32_t)(good->length / SFS_BLOCK_BYTES);
	struct disk bad;
	unsigned missed = 0;

	disk_open(&bad);
	for (uint32_t block = 0; block < blocks; block++) {
		int rc;

		disk_copy(&bad, good);
		bad.bytes[(size_t)block * SFS_BLOCK_BYTES + (block < 4 ? 100 : random_below(SFS_BLOCK_BYTES))] ^=
			(uint8_t)(1u << random_below(8));
		rc = judge(&bad, model);
		/* Four copies of the header: one of them damaged does no harm. Free blocks matter to nobody. */
		CHECK(rc == SFS_OK || rc == SFS_TAMPERED);
		if (block < 4)
			CHECK_IS(rc, SFS_OK);
		missed += block >= 4 && rc == SFS_OK;
		disk_copy(&bad, good);
		if (block >= 4) {
			uint32_t other = 4 + random_below(blocks - 4);

			memcpy(bad.bytes + (size_t)block * SFS_BLOCK_BYTES,
			       good->bytes + (size_t)other * SFS_BLOCK_BYTES, SFS_BLOCK_BYTES);
			memcpy(bad.bytes + (size_t)other * SFS_BLOCK_BYTES,
			       good->bytes + (size_t)block * SFS_BLOCK_BYTES, SFS_BLOCK_BYTES);
			rc = judge(&bad, model);
			CHECK(rc == SFS_OK || rc == SFS_TAMPERED);
		}
	}
	disk_copy(&bad, good);
	CHECK_IS(judge(&bad, model), SFS_OK);
	/* Every block that the state needs was noticed: as many as it says it uses. */
	{
		struct sfs_backing backing = disk_backing(&bad);
		struct sfs_config config = config_of(&backing);
		struct sfs_state state;
		struct sfs *fs;

		CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
		sfs_get_state(fs, &state);
		sfs_unmount(fs);
		CHECK_IS(blocks - 4 - missed, state.blocks_used);
	}
	disk_close(&bad);
}

static void put_old(struct disk *bad, const struct disk *old, uint32_t block)
{
	memcpy(bad->bytes + (size_t)block * SFS_BLOCK_BYTES, old->bytes + (size_t)block * SFS_BLOCK_BYTES,
	       SFS_BLOCK_BYTES);
}

static void old_blocks(const struct disk *old, const struct disk *new, struct model *model)
{
	uint32_t blocks = (uint32_t)(old->length / SFS_BLOCK_BYTES);
	struct disk bad;

	disk_open(&bad);
	for (uint32_t block = 0; block < blocks; block++) {
		disk_copy(&bad, new);
		put_old(&bad, old, block);
		CHECK(judge(&bad, model) != SFS_BACKING);
	}
	/* Everything but the header is old, and the header alone is old. */
	disk_copy(&bad, new);
	for (uint32_t block = 4; block < blocks; block++)
		put_old(&bad, old, block);
	CHECK_IS(judge(&bad, model), SFS_TAMPERED);
	/* (An old header over new blocks is the old state, if all its blocks happen to be there still: old_volume.) */
	/* Both copies of one pair, either pair. (One state older would fit: that is a rollback, for the anchor.) */
	for (uint32_t pair = 0; pair < 4; pair += 2) {
		disk_copy(&bad, new);
		put_old(&bad, old, pair);
		put_old(&bad, old, pair + 1);
		CHECK_IS(judge(&bad, model), SFS_TAMPERED);
		disk_copy(&bad, new);
		memset(bad.bytes + (size_t)pair * SFS_BLOCK_BYTES, 0, 2 * SFS_BLOCK_BYTES);
		CHECK_IS(judge(&bad, model), SFS_TAMPERED);
	}
	disk_close(&bad);
}

static uint8_t record[SFS_ANCHOR_BYTES];
static bool present, no_answer;

static int read_anchor(void *context, uint8_t out[SFS_ANCHOR_BYTES], bool *is)
{
	(void)context;
	memcpy(out, record, SFS_ANCHOR_BYTES);
	*is = present;
	return no_answer ? -1 : 0;
}

static int write_anchor(void *context, const uint8_t in[SFS_ANCHOR_BYTES])
{
	(void)context;
	memcpy(record, in, SFS_ANCHOR_BYTES);
	present = true;
	return no_answer ? -1 : 0;
}

static int try_mount(struct disk *disk, const struct sfs_anchor *anchor, struct sfs_state *state)
{
	struct sfs_backing backing = disk_backing(disk);
	struct sfs_config config = config_of(&backing);
	struct sfs *fs;
	int rc;

	config.anchor = anchor;
	rc = sfs_mount(&config, &fs);
	if (rc == SFS_OK) {
		sfs_get_state(fs, state);
		sfs_unmount(fs);
	}
	return rc;
}

/* A whole older volume: the state's number and digest show it to who remembers them, the anchor to everyone. */
static void old_volume(void)
{
	const struct sfs_anchor anchor = { .read = read_anchor, .write = write_anchor };
	struct disk disk, copies[6], bad;
	struct sfs_backing backing = disk_backing(&disk);
	struct sfs_config config = config_of(&backing);
	struct sfs_state states[6], state;
	struct sfs *fs;
	int file;

	disk_open(&disk);
	disk_open(&bad);
	present = no_answer = false;
	config.anchor = &anchor;
	CHECK_IS(sfs_format(&config), SFS_OK);
	for (int i = 0; i < 6; i++) {
		CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
		file = sfs_open(fs, "/f", SFS_WRITE | SFS_CREATE, 0600);
		CHECK_IS(sfs_write(fs, file, &i, sizeof(i)), sizeof(i));
		CHECK_IS(sfs_sync(fs), SFS_OK);
		sfs_get_state(fs, &states[i]);
		sfs_unmount(fs);
		disk_open(&copies[i]);
		disk_copy(&copies[i], &disk);
	}
	for (int i = 0; i < 6; i++) {
		disk_copy(&bad, &copies[i]);
		CHECK_IS(try_mount(&bad, NULL, &state), SFS_OK);
		CHECK(state.sequence == states[i].sequence && memcmp(state.digest, states[i].digest, 32) == 0);
		CHECK(i == 0 || (state.sequence > states[i - 1].sequence &&
				 memcmp(state.digest, states[i - 1].digest, 32) != 0));
		disk_copy(&bad, &copies[i]);
		/* The anchor has the newest state and the one before it, in case a sync is cut off between the two. */
		CHECK_IS(try_mount(&bad, &anchor, &state), i >= 4 ? SFS_OK : SFS_ROLLED_BACK);
		CHECK(i >= 4 || (bad.length == copies[i].length && memcmp(bad.bytes, copies[i].bytes, bad.length) == 0));
	}
	/* One further sync from the state before closes that door for the one that was never acknowledged. */
	disk_copy(&disk, &copies[4]);
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	CHECK_IS(sfs_mkdir(fs, "/d", 0700), SFS_OK);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	sfs_unmount(fs);
	disk_copy(&bad, &copies[5]);
	CHECK_IS(try_mount(&bad, &anchor, &state), SFS_ROLLED_BACK);
	/* A fresh volume beside an anchor that knows of another, and an anchor that does not answer. */
	disk_close(&bad);
	CHECK_IS(try_mount(&bad, &anchor, &state), SFS_NO_VOLUME);
	{
		struct sfs_backing fresh = disk_backing(&bad);
		struct sfs_config other = config_of(&fresh);

		CHECK_IS(sfs_format(&other), SFS_OK);
	}
	CHECK_IS(try_mount(&bad, &anchor, &state), SFS_ROLLED_BACK);
	no_answer = true;
	CHECK_IS(try_mount(&disk, &anchor, &state), SFS_BACKING);
	no_answer = false;
	present = false;
	CHECK_IS(try_mount(&disk, &anchor, &state), SFS_ROLLED_BACK);
	for (int i = 0; i < 6; i++)
		disk_close(&copies[i]);
	disk_close(&disk);
	disk_close(&bad);
}

static void foreign_and_cut(const struct disk *good, struct model *model)
{
	struct disk bad, other;
	struct sfs_backing backing = disk_backing(&bad);
	struct sfs_config config = config_of(&backing);
	struct model empty = { 0 };
	struct sfs *fs;

	disk_open(&bad);
	disk_open(&other);
	/* Another device. */
	disk_copy(&bad, good);
	config.key[0] ^= 1;
	CHECK_IS(sfs_mount(&config, &fs), SFS_TAMPERED);
	CHECK_IS(sfs_format(&config), SFS_EXISTS);
	CHECK(bad.length == good->length && memcmp(bad.bytes, good->bytes, bad.length) == 0);
	/* Another volume of this device: its headers, its blocks, one of its pairs of headers. */
	model_open(&empty);
	fill(&other, &empty, 200);
	for (uint32_t from = 0; from < 4; from += 2) {
		disk_copy(&bad, good);
		put_old(&bad, &other, from);
		put_old(&bad, &other, from + 1);
		CHECK_IS(judge(&bad, model), SFS_TAMPERED);
	}
	disk_copy(&bad, good);
	for (uint32_t block = 0; block < 4; block++)
		put_old(&bad, &other, block);
	{
		struct sfs_backing mixed = disk_backing(&bad);
		struct sfs_config with_other = config_of(&mixed);

		CHECK_IS(sfs_mount(&with_other, &fs), SFS_TAMPERED);
	}
	/* The end is missing, at every place that still leaves a header. */
	for (size_t length = 2 * SFS_BLOCK_BYTES; length < good->length; length += 1 + random_below(40000)) {
		int rc;

		disk_copy(&bad, good);
		bad.length = length;
		rc = judge(&bad, model);
		CHECK(rc == SFS_TAMPERED || rc == SFS_OK);
	}
	disk_copy(&bad, good);
	bad.length = 4 * SFS_BLOCK_BYTES;
	CHECK_IS(judge(&bad, model), SFS_TAMPERED);
	model_close(&empty);
	disk_close(&bad);
	disk_close(&other);
}

/* Neither contents nor names are on the disk, and equal blocks do not look equal. */
static void confidential(void)
{
	struct disk disk;
	struct sfs_backing backing = disk_backing(&disk);
	struct sfs_config config = config_of(&backing);
	uint8_t same[SFS_BLOCK_BYTES];
	struct sfs *fs;
	int file;

	disk_open(&disk);
	CHECK_IS(sfs_format(&config), SFS_OK);
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	file = sfs_open(fs, "/penicillin-canary", SFS_WRITE | SFS_CREATE, 0600);
	memset(same, 'c', sizeof(same));
	memcpy(same + 50, CANARY, sizeof(CANARY));
	for (int i = 0; i < 300; i++)
		CHECK_IS(sfs_write(fs, file, same, sizeof(same)), sizeof(same));
	CHECK_IS(sfs_sync(fs), SFS_OK);
	sfs_unmount(fs);
	for (size_t i = 0; i + sizeof(CANARY) <= disk.length; i++)
		if (memcmp(disk.bytes + i, CANARY, sizeof(CANARY) - 1) == 0)
			CHECK(!"plain text on the disk");
	/* The two copies of a header are the only equal blocks. */
	for (size_t i = 4; i < disk.length / SFS_BLOCK_BYTES; i++)
		for (size_t j = 0; j < i; j++)
			CHECK(memcmp(disk.bytes + i * SFS_BLOCK_BYTES, disk.bytes + j * SFS_BLOCK_BYTES, 64) != 0);
	disk_close(&disk);
}

static int read_start(const struct sfs_config *config, const char *path)
{
	uint8_t byte;
	struct sfs *fs;
	int rc = sfs_mount(config, &fs);

	if (rc == SFS_OK) {
		rc = (int)sfs_read_at(fs, sfs_open(fs, path, SFS_READ, 0), &byte, 1, 0);
		sfs_unmount(fs);
	}
	return rc;
}

/* A damaged block of one file: an error there, the other file still reads, and nothing is written any more. */
static void one_file_of_two(void)
{
	struct disk disk, before;
	struct sfs_backing backing = disk_backing(&disk);
	struct sfs_config config = config_of(&backing);
	static uint8_t bytes[200 * SFS_BLOCK_BYTES];
	struct sfs *fs;
	size_t at = 4 * SFS_BLOCK_BYTES;
	int a, b;

	disk_open(&disk);
	disk_open(&before);
	CHECK_IS(sfs_format(&config), SFS_OK);
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	a = sfs_open(fs, "/a", SFS_READ | SFS_WRITE | SFS_CREATE, 0600);
	b = sfs_open(fs, "/b", SFS_READ | SFS_WRITE | SFS_CREATE, 0600);
	CHECK_IS(sfs_write(fs, a, bytes, sizeof(bytes)), sizeof(bytes));
	CHECK_IS(sfs_write(fs, b, bytes, 100), 100);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	sfs_unmount(fs);
	/* The block that has the start of /a, and nothing else. */
	for (;; at += SFS_BLOCK_BYTES) {
		CHECK(at < disk.length);
		disk.bytes[at] ^= 1;
		if (read_start(&config, "/a") == SFS_TAMPERED && read_start(&config, "/b") == 1)
			break;
		disk.bytes[at] ^= 1;
	}
	disk_copy(&before, &disk);
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	a = sfs_open(fs, "/a", SFS_READ | SFS_WRITE, 0);
	b = sfs_open(fs, "/b", SFS_READ | SFS_WRITE, 0);
	CHECK_IS(sfs_read_at(fs, a, bytes, SFS_BLOCK_BYTES, 150 * SFS_BLOCK_BYTES), SFS_BLOCK_BYTES);
	CHECK_IS(sfs_write_at(fs, b, bytes, 100, 0), 100);
	CHECK_IS(sfs_read_at(fs, a, bytes, SFS_BLOCK_BYTES, 0), SFS_TAMPERED);
	CHECK_IS(sfs_read_at(fs, b, bytes, 100, 0), 100);
	CHECK_IS(sfs_write_at(fs, b, bytes, 100, 0), SFS_TAMPERED);
	CHECK_IS(sfs_truncate(fs, a, 0), SFS_TAMPERED);
	CHECK_IS(sfs_unlink(fs, "/b"), SFS_BUSY);
	CHECK_IS(sfs_close(fs, b), SFS_OK);
	CHECK_IS(sfs_unlink(fs, "/b"), SFS_TAMPERED);
	CHECK_IS(sfs_rename(fs, "/b", "/c"), SFS_TAMPERED);
	CHECK_IS(sfs_sync(fs), SFS_TAMPERED);
	sfs_unmount(fs);
	CHECK(disk.length == before.length && memcmp(disk.bytes, before.bytes, disk.length) == 0);
	/* The host brings the block back: everything is there again. */
	disk.bytes[at] ^= 1;
	CHECK_IS(sfs_mount(&config, &fs), SFS_OK);
	a = sfs_open(fs, "/a", SFS_READ | SFS_WRITE, 0);
	CHECK_IS(sfs_read(fs, a, bytes, sizeof(bytes)), sizeof(bytes));
	CHECK_IS(sfs_truncate(fs, a, 0), SFS_OK);
	CHECK_IS(sfs_sync(fs), SFS_OK);
	sfs_unmount(fs);
	disk_close(&disk);
	disk_close(&before);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	struct disk disk, old;
	struct model model = { 0 };

	printf("tamper: seed %llu\n", (unsigned long long)seed);
	seed_random(seed);
	disk_open(&disk);
	disk_open(&old);
	model_open(&model);
	fill(&disk, &model, 300);
	disk_copy(&old, &disk);
	fill(&disk, &model, 60);
	flips_and_swaps(&disk, &model);
	old_blocks(&old, &disk, &model);
	foreign_and_cut(&disk, &model);
	old_volume();
	confidential();
	one_file_of_two();
	model_close(&model);
	disk_close(&disk);
	disk_close(&old);
	printf("tamper: %lu refused, %lu without harm, %lu checks\n", refused, harmless, checks);
	return 0;
}
