/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLCipher asks of a C library and OP-TEE's does not have; as C11 says. Weak: another part may bring its own. */
#include <stdlib.h>
#include <string.h>

#define WEAK __attribute__((weak))

int atoi(const char *text);
size_t strcspn(const char *text, const char *reject);
int rename(const char *from, const char *to);

WEAK int atoi(const char *text)
{
	unsigned value = 0;
	int negative = 0;

	while (*text == ' ' || (*text >= '\t' && *text <= '\r'))
		text++;
	if (*text == '-' || *text == '+')
		negative = *text++ == '-';
	while (*text >= '0' && *text <= '9')
		value = value * 10 + (unsigned)(*text++ - '0');
	return (int)(negative ? 0 - value : value);
}

WEAK size_t strcspn(const char *text, const char *reject)
{
	size_t length = 0;

	while (text[length] && !strchr(reject, text[length]))
		length++;
	return length;
}

/* Only PRAGMA cipher_migrate renames files, and there are none to rename: ours are sfs_rename's. */
WEAK int rename(const char *from, const char *to)
{
	(void)from;
	(void)to;
	return -1;
}
