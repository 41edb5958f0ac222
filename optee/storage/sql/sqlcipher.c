/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLCipher, unchanged but for crypto_cc.c (sql/amalgamation.sh): this defines the function that file would have
 * defined. Compiled without warnings and sanitizers' complaints about other people's code.
 */
#include "sqlcipher_config.h"
/* The generated source comes from the build's folder. */
#include "sqlcipher_amalgamation.c"

#include "provider.h"

/* SQLCIPHER_OMIT_LOG leaves out the function and keeps its calls. The trusted application writes no log. */
void sqlcipher_log(unsigned int level, const char *message, ...)
{
	(void)level;
	(void)message;
}

static int nothing(void *context)
{
	(void)context;
	return SQLITE_OK;
}

static int no_context(void **context)
{
	*context = NULL;
	return SQLITE_OK;
}

static int add_random(void *context, void *buffer, int length)
{
	(void)context;
	(void)buffer;
	(void)length;
	return SQLITE_OK;
}

static const char *name(void *context)
{
	(void)context;
	return "trusthealth";
}

static const char *cipher_name(void *context)
{
	(void)context;
	return "aes-256-cbc";
}

static const char *version(void *context)
{
	(void)context;
	return "1";
}

static int key_bytes(void *context)
{
	(void)context;
	return 32;
}

static int block_bytes(void *context)
{
	(void)context;
	return 16;
}

int sqlcipher_cc_setup(sqlcipher_provider *provider)
{
	provider->activate = nothing;
	provider->deactivate = nothing;
	provider->get_provider_name = name;
	provider->add_random = add_random;
	provider->random = provider_random;
	provider->hmac = provider_hmac;
	provider->kdf = provider_kdf;
	provider->cipher = provider_cipher;
	provider->get_cipher = cipher_name;
	provider->get_key_sz = key_bytes;
	provider->get_iv_sz = block_bytes;
	provider->get_block_sz = block_bytes;
	provider->get_hmac_sz = provider_hash_bytes;
	provider->ctx_init = no_context;
	provider->ctx_free = no_context;
	provider->fips_status = nothing;
	provider->get_provider_version = version;
	return SQLITE_OK;
}
