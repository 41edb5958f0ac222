/* SPDX-License-Identifier: Apache-2.0 */
/* The file system as a list in memory: what each call has to answer, and what has to be there afterwards. */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include <stdbool.h>

#include "sfs.h"

#define MODEL_ENTRIES 64

struct model_entry {
	bool used, directory;
	unsigned mode;
	char path[160];
	uint8_t *bytes;
	size_t length;
};

struct model {
	struct model_entry entries[MODEL_ENTRIES];
};

void model_open(struct model *model);
void model_close(struct model *model);
void model_copy(struct model *to, const struct model *from);
struct model_entry *model_find(struct model *model, const char *path);
/* One random call on both; the answers must be the same. */
void model_step(struct model *model, struct sfs *fs);
/* Every path, mode, size and byte is the same on both sides. */
void model_check(struct model *model, struct sfs *fs);
/* As model_check, but tells instead of ending. */
bool model_same(struct model *model, struct sfs *fs);

#endif
