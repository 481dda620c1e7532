/* SPDX-License-Identifier: MIT */
/*
 * TLS in front of a plain port, with a CA, a server's and a client's certificate made for the
 * test (openssl's command, in a folder that goes away) and a client certificate demanded.
 * Tests run in the repository's root.
 */
#ifndef TESTS_LIB_TLS_PEER_H
#define TESTS_LIB_TLS_PEER_H

#include <stdint.h>

struct tls_peer;
struct tls_peer *tls_peer_start(uint16_t target_port);
void tls_peer_stop(struct tls_peer *tls);
uint16_t tls_peer_port(const struct tls_peer *tls); /* for "localhost" and 127.0.0.1 */
const char *tls_peer_dir(const struct tls_peer *tls);
/* "ca.pem", "cert.pem", "key.pem": its path; borrowed, three at a time. */
const char *tls_peer_file(struct tls_peer *tls, const char *name);

#endif
