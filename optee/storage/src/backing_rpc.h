/* SPDX-License-Identifier: Apache-2.0 */
/* The volume in the normal world, by th_rpc. One user at a time: the buffer is shared. */
#ifndef BACKING_RPC_H
#define BACKING_RPC_H

#include "sfs.h"

/* Allocates the buffer. 0, or -1 when there is no memory. */
int backing_rpc_open(struct sfs_backing *out);
void backing_rpc_close(struct sfs_backing *backing);

#endif
