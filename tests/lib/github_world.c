/* SPDX-License-Identifier: MIT */
/* The client under test and its fake peer, for each case anew. */
#include "tests/lib/github_world.h"

#include "boxcore/base/mem.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

static struct secret key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void drop_key(void)
{
	secret_release(&key);
}

static void make_key(void)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
	long len = BIO_get_mem_data(bio, &text);
	secret_set(&key, text, (size_t)len);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	atexit(drop_key);
}

const struct secret *test_rsa_key(void)
{
	pthread_once(&key_once, make_key);
	return &key;
}

void github_world_options(struct github_world *world, struct github_options options)
{
	char url[64];
	struct err err = {0};

	fake_github_url(&world->fake, url, sizeof url);
	if (!options.api_url)
		options.api_url = url;
	options.app_id = 4242;
	options.private_key = test_rsa_key();
	options.plain_http = true;
	github_free(world->gh);
	world->gh = NULL;
	if (github_new(&world->gh, &options, &err) < 0)
		abort();
}

int github_world_setup(void **state)
{
	struct github_world *world = mem_zalloc(sizeof *world);

	fake_github_start(&world->fake);
	github_world_options(world, (struct github_options){0});
	world->repo = (struct github_repo){
		.installation_id = 7, .id = 9, .owner = "octocat", .name = "hello"};
	*state = world;
	return 0;
}

int github_world_teardown(void **state)
{
	struct github_world *world = *state;

	github_free(world->gh);
	fake_github_stop(&world->fake);
	free(world);
	return 0;
}
