/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of the file service in the normal world: command numbers of th_rpc, between src/backing_rpc.c (secure world)
 * and plugin/ (normal world). Blocks are SFS_BLOCK_BYTES; numbers are 32 bits, little-endian.
 *
 *   READ    in: address, count                        out: the bytes that exist, at most count blocks
 *   WRITE   in: address, count, then count blocks     out: nothing; kept at the next SYNC at the latest
 *   SYNC    in: one byte, any                         out: nothing; all writes so far are on the disk
 *
 * The service reads and writes one file and understands nothing of it.
 */
#ifndef VOLUME_RPC_H
#define VOLUME_RPC_H

#define VOLUME_READ 1
#define VOLUME_WRITE 2
#define VOLUME_SYNC 3

#define VOLUME_PREFIX_BYTES 8
#define VOLUME_BLOCK_BYTES 4096
#define VOLUME_MAX_COUNT 32
/* 8 GiB: a bound for both sides. */
#define VOLUME_MAX_ADDRESS (2u * 1024 * 1024)

#endif
