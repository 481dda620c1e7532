/* SPDX-License-Identifier: MIT */
/* A `struct github` that talks to a fake one: setup, teardown and the usual answers. */
#ifndef TESTS_LIB_GITHUB_WORLD_H
#define TESTS_LIB_GITHUB_WORLD_H

#include "service/github/github.h"
#include "tests/lib/fake_github.h"

/* A 2048-bit RSA key, made once for a whole process; PEM. */
const struct secret *test_rsa_key(void);

struct github_world {
	struct fake_github fake;
	struct github *gh;
	struct github_repo repo; /* octocat/hello, 9, installation 7 */
};

/* cmocka's; *state is the world. */
int github_world_setup(void **state);
int github_world_teardown(void **state);
/* The client anew with other options; api_url, key, app and plain_http are set. */
void github_world_options(struct github_world *world, struct github_options options);

#define FAKE_USER "{\"login\":\"mona\",\"id\":5,\"type\":\"User\"}"
#define FAKE_ISSUE                                                                       \
	"{\"id\":11,\"number\":3,\"title\":\"T\",\"body\":\"B\",\"state\":\"open\","     \
	"\"user\":" FAKE_USER ",\"html_url\":\"https://x/3\"}"
#define FAKE_COMMENT_OF(id, user, body)                                                  \
	"{\"id\":" #id ",\"user\":" user ",\"body\":\"" body "\","                       \
	"\"created_at\":\"2026-11-22T20:35:01Z\",\"html_url\":\"https://x/c\"}"
#define FAKE_COMMENT FAKE_COMMENT_OF(77, FAKE_USER, "hi")
#define FAKE_PULL_OF(number, state, ref, repo, base)                                     \
	"{\"id\":9" #number ",\"number\":" #number ",\"title\":\"P" #number              \
	"\",\"state\":\"" state "\",\"user\":" FAKE_USER                                 \
	",\"draft\":true,\"head\":{\"ref\":\"" ref "\",\"sha\":\"abc\","                 \
	"\"repo\":{\"id\":" #repo "}},\"base\":{\"ref\":\"" base "\"},"                  \
	"\"html_url\":\"https://x/p\"}"

#endif
