/* SPDX-License-Identifier: Apache-2.0 */
#ifndef USER_TA_HEADER_DEFINES_H
#define USER_TA_HEADER_DEFINES_H

/* Made by build.sh: UUID (the trusted application, or the one that runs the suites of its ports), sizes, signer. */
#include "build_config.h"

#define TA_UUID TH_TA_UUID
/* One session: what a process is to the process TEE. Its end ends the instance. */
#define TA_FLAGS TA_FLAG_SINGLE_INSTANCE
#define TA_STACK_SIZE (TH_STACK_KIB * 1024)
#define TA_DATA_SIZE (TH_HEAP_KIB * 1024)
#define TA_VERSION "0.1.0"
#define TA_DESCRIPTION "TrustHealth"

#endif
