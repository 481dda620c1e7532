/* SPDX-License-Identifier: MIT */
/*
 * What a box can reach.  Each "cannot" has its control: the same connection from a container
 * on the same bridge without our routes, or from the host, succeeds, so that a test that
 * passes has seen something being stopped.
 */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "tests/lib/peer.h"
#include "tests/lib/real_box.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct boxcore *core;
static struct err err;

static int open_core(void **state)
{
	(void)state;
	core = real_core_open();
	real_box(core, "net", BOX_NETWORK_ALL);
	return 0;
}

static int close_core(void **state)
{
	(void)state;
	real_core_close(TAKE(core));
	return 0;
}

/* ---- trying to connect ----------------------------------------------------------------- */

#define CONNECT "timeout 4 bash -c 'exec 3<>/dev/tcp/%s/%u' 2>/dev/null"

static bool box_reaches(const char *box, bool root, const char *host, unsigned port)
{
	char script[160];

	snprintf(script, sizeof script, CONNECT, host, port);
	return real_sh(core, box, root, script, NULL, 0) == 0;
}

/* From a container like any other on the box network. */
static bool container_reaches(const char *host, unsigned port)
{
	CLEANUP(json) json_t *config = json_object();
	json_t *cmd = json_array(), *host_config = json_object();
	char script[160], id[ENGINE_ID_SIZE];
	int code = -1;

	snprintf(script, sizeof script, CONNECT, host, port);
	json_array_append_new(cmd, json_str("sh"));
	json_array_append_new(cmd, json_str("-c"));
	json_array_append_new(cmd, json_str(script));
	json_put(host_config, "NetworkMode", json_str(core->network));
	json_put(config, "Image", json_str(real_image()));
	json_put(config, "Cmd", cmd);
	json_put(config, "HostConfig", host_config);
	if (engine_container_create(
		    core->engine, real_instance(), config, id, NULL, &err) < 0)
		fail_msg("%s", err.text);
	int rc = engine_container_start(core->engine, id, NULL, &err);
	if (rc == 0)
		rc = engine_container_wait(core->engine, id, &code, NULL, &err);
	engine_container_remove(core->engine, id, NULL, &(struct err){0});
	if (rc < 0)
		fail_msg("%s", err.text);
	return code == 0;
}

/* Listens on all addresses of the host; the kernel completes connections by itself. */
static int listen_everywhere(unsigned *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 64) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		fail_msg("listen: %s", strerror(errno));
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* ---- the host -------------------------------------------------------------------------- */

static void no_address_of_the_host_is_reached(void **state)
{
	struct ifaddrs *all = NULL;
	unsigned port = 0;
	int tried = 0;

	(void)state;
	if (!engine_is_local(core->engine))
		skip(); /* the engine's host is another machine */
	CLEANUP(fd) int fd = listen_everywhere(&port);
	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		char host[64];
		struct sockaddr_in in;
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
			i->ifa_flags & IFF_LOOPBACK)
			continue;
		memcpy(&in, i->ifa_addr, sizeof in);
		inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
		bool control = container_reaches(host, port);
		print_message("%s %s: a container %s\n", i->ifa_name, host,
			control ? "reaches it" : "does not reach it either");
		tried += control;
		assert_false(box_reaches("net", false, host, port));
		assert_false(box_reaches("net", true, host, port));
	}
	freeifaddrs(all);
	assert_true(tried >= 1); /* the gateway at least, or the test has shown nothing */
}

static void the_gateway_stays_closed_after_a_resume(void **state)
{
	unsigned port = 0;

	(void)state;
	if (!engine_is_local(core->engine))
		skip();
	CLEANUP(fd) int fd = listen_everywhere(&port);
	assert_true(container_reaches(core->gateway, port));
	assert_int_equal(box_pause(core, "net", NULL, &err), 0);
	assert_false(box_reaches("net", true, core->gateway, port)); /* wakes it */
}

static void root_in_the_box_cannot_open_it(void **state)
{
	static const char *const tries[] = {"ip route del unreachable 172.16.0.0/12",
		"ip route flush table main", "ip route add 169.254.169.254 via $GW",
		"ip link set eth0 down", "ip addr add 10.1.2.3/8 dev eth0",
		"unshare -n true", "unshare -Un true", "iptables -F"};
	unsigned port = 0;

	(void)state;
	if (real_sh(core, "net", true, "command -v ip >/dev/null", NULL, 0) != 0)
		fail_msg("the test's image has no ip command, so nothing can be tried");
	CLEANUP(fd) int fd = listen_everywhere(&port);
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		char script[200];
		snprintf(script, sizeof script, "GW=%s; sudo -n %s 2>/dev/null",
			core->gateway, tries[i]);
		assert_int_not_equal(real_sh(core, "net", false, script, NULL, 0), 0);
		snprintf(script, sizeof script, "GW=%s; %s 2>/dev/null", core->gateway,
			tries[i]);
		assert_int_not_equal(real_sh(core, "net", true, script, NULL, 0), 0);
	}
	assert_false(box_reaches("net", true, core->gateway, port));
}

/* ---- others ---------------------------------------------------------------------------- */

static void boxes_do_not_reach_each_other(void **state)
{
	CLEANUP(engine_container) struct engine_container peer = {0};
	bool up = false;

	(void)state;
	real_box(core, "peer", BOX_NETWORK_ALL);
	assert_int_equal(box_inspect(core, "peer", &peer, NULL, &err), 0);
	assert_int_equal(
		real_sh(core, "peer", false,
			"setsid python3 -m http.server 8000 >/dev/null 2>&1 &", NULL, 0),
		0);
	for (int i = 0; i < 100 && !up; i++) {
		up = real_sh(core, "peer", false,
			     "bash -c 'exec 3<>/dev/tcp/127.0.0.1/8000' 2>/dev/null",
			     NULL, 0) == 0;
		usleep(50000);
	}
	assert_true(up);
	/* Kept apart twice: by the routes in the box and by the engine's icc=false. */
	assert_false(box_reaches("net", false, peer.ip, 8000));
	assert_false(container_reaches(peer.ip, 8000));
	assert_int_equal(real_sh(core, "net", false,
				 "python3 - <<'E'\n"
				 "import errno, socket\n"
				 "s = socket.socket()\n"
				 "s.settimeout(3)\n"
				 "try: s.connect(('172.31.255.254', 80))\n"
				 "except OSError as e: assert e.errno in "
				 "(errno.EHOSTUNREACH, errno.ENETUNREACH), e\n"
				 "else: raise SystemExit(1)\n"
				 "E",
				 NULL, 0),
		0);
}

static void private_ranges_and_metadata_are_refused_at_once(void **state)
{
	static const char *const hosts[] = {"169.254.169.254", "100.100.100.200",
		"10.0.0.1", "192.168.0.1", "172.31.0.1", "198.18.0.1", "0.1.2.3",
		"192.0.0.192", "224.0.0.1", "250.0.0.1"};
	char script[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		/* "unreachable" at once is a route of ours; a time-out would be luck. */
		snprintf(script, sizeof script,
			"python3 -c \"import socket,sys,errno\ns=socket.socket()\n"
			"s.settimeout(2)\ne=s.connect_ex(('%s',80))\n"
			"sys.exit(e not in (errno.EHOSTUNREACH, errno.ENETUNREACH, "
			"errno.EACCES, errno.EINVAL))\"",
			hosts[i]);
		if (real_sh(core, "net", false, script, NULL, 0) != 0)
			fail_msg("%s is not refused at once", hosts[i]);
	}
}

static void there_is_no_ipv6(void **state)
{
	(void)state;
	assert_int_equal(real_sh(core, "net", false,
				 "! grep -v ' lo$' /proc/net/if_inet6", NULL, 0),
		0);
}

static void no_raw_packets(void **state)
{
	static const char script[] = "python3 -c \"import socket\n"
				     "for f,t,p in ((socket.AF_PACKET,socket.SOCK_RAW,0),"
				     "(socket.AF_INET,socket.SOCK_RAW,1)):\n"
				     " try: socket.socket(f,t,p)\n"
				     " except PermissionError: continue\n"
				     " raise SystemExit(1)\"";

	(void)state;
	assert_int_equal(real_sh(core, "net", true, script, NULL, 0), 0);
	assert_int_equal(real_sh(core, "net", false, script, NULL, 0), 0);
}

/* ---- what must work -------------------------------------------------------------------- */

/* The host of the Debian mirror that the box itself is set to, when this host can reach it;
 * else the test is skipped, saying so. */
static void need_mirror(char *host, size_t size)
{
	char script[300];

	assert_int_equal(
		real_sh(core, "net", false,
			"cat /etc/apt/sources.list /etc/apt/sources.list.d/* "
			"2>/dev/null | grep -om1 'https\\?://[^/ ]*' | cut -d/ -f3 | "
			"tr -d '\\n'",
			host, size),
		0);
	snprintf(script, sizeof script,
		"timeout 8 bash -c 'exec 3<>/dev/tcp/%s/80' 2>/dev/null", host);
	if (system(script) != 0) {
		print_message("skipped: this host itself cannot reach `%s`\n", host);
		skip();
	}
}

static void the_public_network_is_reached_by_name(void **state)
{
	char host[200], script[300];

	(void)state;
	need_mirror(host, sizeof host);
	snprintf(script, sizeof script, "getent hosts %s", host);
	assert_int_equal(real_sh(core, "net", false, script, NULL, 0), 0);
	assert_true(box_reaches("net", false, host, 80));
}

static void packages_can_be_installed(void **state)
{
	char host[200];

	(void)state;
	need_mirror(host, sizeof host);
	assert_int_equal(real_sh(core, "net", false,
				 "sudo -n apt-get -qq update >/dev/null && sudo -n "
				 "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "
				 "--no-install-recommends hello >/dev/null 2>&1 && hello",
				 NULL, 0),
		0);
}

static void a_tunnel_box_has_loopback_alone(void **state)
{
	char out[64];

	(void)state;
	real_box(core, "alone", BOX_NETWORK_TUNNEL);
	assert_int_equal(real_sh(core, "alone", false,
				 "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '",
				 out, sizeof out),
		0);
	assert_string_equal(out, "lo\n");
	assert_false(box_reaches("alone", true, "1.1.1.1", 80));
	assert_false(box_reaches("alone", true, core->gateway, 80));
	assert_int_equal(real_sh(core, "alone", false,
				 "python3 -c \"import socket\n"
				 "l=socket.create_server(('127.0.0.1',0))\n"
				 "socket.create_connection(l.getsockname())\"",
				 NULL, 0),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_address_of_the_host_is_reached),
		cmocka_unit_test(the_gateway_stays_closed_after_a_resume),
		cmocka_unit_test(root_in_the_box_cannot_open_it),
		cmocka_unit_test(boxes_do_not_reach_each_other),
		cmocka_unit_test(private_ranges_and_metadata_are_refused_at_once),
		cmocka_unit_test(there_is_no_ipv6),
		cmocka_unit_test(no_raw_packets),
		cmocka_unit_test(the_public_network_is_reached_by_name),
		cmocka_unit_test(packages_can_be_installed),
		cmocka_unit_test(a_tunnel_box_has_loopback_alone),
	};

	return cmocka_run_group_tests(tests, open_core, close_core);
}
