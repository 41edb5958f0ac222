/* SPDX-License-Identifier: Apache-2.0 */
#ifndef USER_TA_HEADER_DEFINES_H
#define USER_TA_HEADER_DEFINES_H

/* The product's, so that proxy and driver open it. */
#define TA_UUID { 0x809a44f6, 0x3a1c, 0x4e40, { 0x86, 0x0d, 0x4a, 0xb2, 0x3a, 0xbd, 0x8c, 0xcb } }
#define TA_FLAGS TA_FLAG_SINGLE_INSTANCE
#define TA_STACK_SIZE (128 * 1024)
#define TA_DATA_SIZE (4 * 1024 * 1024)
#define TA_VERSION "0.1.0"
#define TA_DESCRIPTION "TrustHealth storage test"

#endif
