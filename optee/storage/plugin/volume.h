/* SPDX-License-Identifier: Apache-2.0 */
/* The file service of the normal world, apart from tee-supplicant: also linked into the native tests. */
#ifndef VOLUME_H
#define VOLUME_H

#include <stddef.h>

/* Opens or creates the file; 0, or -1 with errno. */
int volume_open(const char *path);
void volume_close(void);
/*
 * One call of include/volume_rpc.h. `data` holds the request and takes the answer; `bytes` is the room of both.
 * @returns 0, or -1 when the request is not one of ours or the file failed.
 */
int volume_call(unsigned command, unsigned char *data, size_t bytes, size_t *answer_bytes);

#endif
