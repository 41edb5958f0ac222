/* SPDX-License-Identifier: Apache-2.0 */
/* What quickjs.h needs of math.h, for files that are compiled with OP-TEE's headers. */
#ifndef TRUSTHEALTH_MATH_H
#define TRUSTHEALTH_MATH_H

#define NAN __builtin_nanf("")
#define INFINITY __builtin_inff()
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)

#endif
