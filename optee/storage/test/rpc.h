/* SPDX-License-Identifier: Apache-2.0 */
/* Where th_rpc leads in the native tests: a simulated disk, or the plugin's own code and a file. */
#ifndef TEST_RPC_H
#define TEST_RPC_H

#include "disk.h"

extern struct disk *rpc_disk; /* null: the plugin's code */

#endif
