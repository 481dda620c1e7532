/* SPDX-License-Identifier: MIT */
/* Certificates by openssl's command, the TLS server by Node: no TLS code of our own. */
#include "tests/lib/tls_peer.h"

#include "boxcore/base/cleanup.h"

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct tls_peer {
	char dir[64];
	char paths[3][128];
	int next_path;
	pid_t pid;
	uint16_t port;
};

static pid_t spawn(const char *const *argv, int out)
{
	posix_spawn_file_actions_t actions;
	char *args[32] = {0};
	pid_t pid = 0;

	for (int i = 0; argv[i]; i++)
		args[i] = mem_strdup(argv[i]);
	posix_spawn_file_actions_init(&actions);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(
		&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, args, environ) != 0)
		abort();
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; args[i]; i++)
		free(args[i]);
	return pid;
}

static void run(const char *const *argv)
{
	int status = 0;

	waitpid(spawn(argv, -1), &status, 0);
	if (status != 0) {
		fprintf(stderr, "%s %s failed\n", argv[0], argv[1]);
		abort();
	}
}

const char *tls_peer_file(struct tls_peer *tls, const char *name)
{
	char *path = tls->paths[tls->next_path++ % 3];

	/* By way of a copy: gcc -O1 takes dir and paths for one object. */
	CLEANUP(mem) char *made = mem_printf("%s/%s", tls->dir, name);
	str_copy(path, sizeof tls->paths[0], made);
	return path;
}

static void make_ca(struct tls_peer *tls)
{
	const char *argv[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=test CA",
		"-keyout", tls_peer_file(tls, "ca-key.pem"), "-out",
		tls_peer_file(tls, "ca.pem"), NULL};

	run(argv);
}

/* A certificate signed by the CA, for a server and for a client alike. */
static void make_certificate(struct tls_peer *tls, const char *key, const char *cert)
{
	char key_path[128], cert_path[128], csr[128], ca[128], ca_key[128], ext[128];
	static const char san[] = "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
	struct err err = {0};

	snprintf(key_path, sizeof key_path, "%s/%s", tls->dir, key);
	snprintf(cert_path, sizeof cert_path, "%s/%s", tls->dir, cert);
	snprintf(csr, sizeof csr, "%s/csr.pem", tls->dir);
	snprintf(ca, sizeof ca, "%s/ca.pem", tls->dir);
	snprintf(ca_key, sizeof ca_key, "%s/ca-key.pem", tls->dir);
	snprintf(ext, sizeof ext, "%s/ext", tls->dir);
	if (file_write(ext, san, sizeof san - 1, 0600, &err) < 0)
		abort();
	const char *request[] = {"openssl", "req", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout",
		key_path, "-out", csr, NULL};
	const char *sign[] = {"openssl", "x509", "-req", "-in", csr, "-CA", ca, "-CAkey",
		ca_key, "-CAcreateserial", "-days", "1", "-extfile", ext, "-out",
		cert_path, NULL};
	run(request);
	run(sign);
}

struct tls_peer *tls_peer_start(uint16_t target_port)
{
	struct tls_peer *tls = mem_zalloc(sizeof *tls);
	char target[8];
	unsigned port = 0;
	int out[2];

	snprintf(tls->dir, sizeof tls->dir, "/tmp/boxwright-tls-XXXXXX");
	if (!mkdtemp(tls->dir) || pipe2(out, O_CLOEXEC) < 0)
		abort();
	make_ca(tls);
	make_certificate(tls, "key.pem", "cert.pem");
	make_certificate(tls, "server-key.pem", "server.pem");
	snprintf(target, sizeof target, "%u", target_port);
	const char *argv[] = {"node", "tests/lib/tls_peer.mjs", tls->dir, target, NULL};
	tls->pid = spawn(argv, out[1]);
	close(out[1]);
	FILE *said = fdopen(out[0], "r");
	if (!said || fscanf(said, "%u", &port) != 1)
		abort();
	fclose(said);
	tls->port = (uint16_t)port;
	return tls;
}

void tls_peer_stop(struct tls_peer *tls)
{
	struct err err = {0};

	if (!tls)
		return;
	kill(tls->pid, SIGKILL);
	waitpid(tls->pid, NULL, 0);
	file_remove_tree(tls->dir, &err);
	free(tls);
}

uint16_t tls_peer_port(const struct tls_peer *tls)
{
	return tls->port;
}

const char *tls_peer_dir(const struct tls_peer *tls)
{
	return tls->dir;
}
