/* SPDX-License-Identifier: MIT */
/*
 * Network policies of real boxes, as their programs see them.  The outside is this machine:
 * the gate is made to believe that a name leads to a listener of the test, so nothing here
 * needs the internet.
 */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/egress/egress.h"
#include "boxcore/networks-internal.h"
#include "tests/lib/peer.h"
#include "tests/lib/real_box.h"
#include "tests/lib/tls_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct boxcore *core;
static struct peer *web;     /* HTTP: answers with the Host */
static struct peer *echo;    /* says back what it hears, never first */
static struct peer *greeter; /* speaks first */
static struct tls_peer *tls;
static atomic_int told, told_allowed;

#define OK(call)                                                                         \
	do {                                                                             \
		struct err err = {0};                                                    \
		if ((call) < 0)                                                          \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, err.text);             \
	} while (0)

static const struct box_policy deny_all = {.mode = BOX_NETWORK_GATED};
static const struct box_policy allow_all = {.mode = BOX_NETWORK_ALL};
static const char *const domains[] = {"web.example", "tls.example", "*.below.example",
	"echo.example", "greeter.example", "front.example", "inner.example", NULL};
/* Everything that a policy can list, so that what is refused is refused for good. */
static const char *const everywhere[] = {"0.0.0.0/0", "::/0", NULL};
static const struct box_policy custom = {
	.mode = BOX_NETWORK_GATED, .allowed_domains = domains};

/* ---- peers ----------------------------------------------------------------------------- */

static void serve_web(void *arg, struct peer *peer, int fd)
{
	struct peer_request request;
	char host[200], body[256];

	(void)arg;
	(void)peer;
	while (peer_request(fd, &request)) {
		if (!peer_header(&request, "host", host, sizeof host))
			host[0] = '\0';
		snprintf(body, sizeof body, "this is %s\n", host);
		peer_answer(fd, 200, "text/plain", body);
		peer_request_release(&request);
	}
}

static void serve_echo(void *arg, struct peer *peer, int fd)
{
	char buf[4096];
	ssize_t n;

	(void)arg;
	(void)peer;
	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		if (!peer_write(fd, buf, (size_t)n))
			return;
}

static void serve_greeting(void *arg, struct peer *peer, int fd)
{
	(void)arg;
	(void)peer;
	peer_printf(fd, "220 hello\r\n");
	peer_hang(fd);
}

static void on_egress(void *arg, const char *box, const struct egress_verdict *verdict)
{
	(void)arg;
	assert_true(box[0] && verdict->reason);
	atomic_fetch_add(&told, 1);
	atomic_fetch_add(&told_allowed, verdict->allowed);
}

/* ---- boxes ----------------------------------------------------------------------------- */

static void pretend(const char *name, uint16_t port)
{
	egress_pretend(networks_egress(core->networks), name, "127.0.0.1", port);
}

static struct boxcore *open_core_again(void)
{
	struct boxcore_options options = {
		.instance = real_instance(), .on_egress = on_egress};
	struct boxcore *opened = NULL;

	OK(boxcore_open(&opened, &options, NULL, &err));
	return opened;
}

static void make_box(const char *id, const struct box_policy *policy)
{
	struct box_spec spec = {.id = id,
		.image = real_image(),
		.memory_bytes = 512LL << 20,
		.policy = policy};

	OK(box_create(core, &spec, NULL, &err));
}

static void set_policy(const char *id, const struct box_policy *policy)
{
	OK(box_network_set(core, id, policy, NULL, &err));
}

static void put_file(const char *box, const char *path, const char *from)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(65536);

	OK(file_read(&text, from, &err));
	OK(box_file_put(core, box, path, 0644, text.data, text.len, NULL, &err));
}

static int open_all(void **state)
{
	(void)state;
	core = open_core_again();
	web = peer_start(NULL, serve_web, NULL);
	echo = peer_start(NULL, serve_echo, NULL);
	greeter = peer_start(NULL, serve_greeting, NULL);
	tls = tls_peer_start(peer_port(web));
	pretend("web.example", peer_port(web));
	pretend("tls.example", tls_peer_port(tls));
	pretend("echo.example", peer_port(echo));
	pretend("greeter.example", peer_port(greeter));
	/* Listed, and leads to the metadata service: judged after it was looked up. */
	egress_pretend(
		networks_egress(core->networks), "inner.example", "169.254.169.254", 0);
	make_box("closed", &deny_all);
	make_box("custom", &custom);
	put_file("custom", "/tmp/cert.pem", tls_peer_file(tls, "cert.pem"));
	put_file("custom", "/tmp/key.pem", tls_peer_file(tls, "key.pem"));
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	real_core_close(TAKE(core));
	tls_peer_stop(tls);
	peer_stop(web);
	peer_stop(echo);
	peer_stop(greeter);
	return 0;
}

static char output[8192];
static int sh(const char *box, const char *script)
{
	return real_sh(core, box, false, script, output, sizeof output);
}

#define TLS "curl -sk --max-time 5 --cert /tmp/cert.pem --key /tmp/key.pem "

/* ---- deny-all -------------------------------------------------------------------------- */

static void a_closed_box_gets_the_hello_cut(void **state)
{
	(void)state;
	int64_t start = clock_mono_ms();
	assert_int_equal(sh("closed", "curl -s --max-time 5 https://example.com"), 35);
	assert_string_equal(output, "");
	print_message("refused after %lld ms\n", (long long)(clock_mono_ms() - start));
	assert_true(clock_mono_ms() - start < 5000);
	assert_int_equal(sh("closed", "curl -sk --max-time 5 https://1.1.1.1/"), 35);
	assert_int_equal(
		sh("closed", "curl -sk --max-time 5 https://example.com:8443"), 35);
}

static void a_closed_box_still_resolves(void **state)
{
	(void)state;
	assert_int_equal(sh("closed", "getent hosts example.com"), 0);
	assert_true(str_starts(output, "198.1"));
	assert_int_equal(
		sh("closed", "getent ahosts anything.at-all.example >/dev/null"), 0);
	assert_int_equal(sh("closed", "getent hosts localhost closed | wc -l"), 0);
	assert_string_equal(output, "2\n");
}

static void a_closed_box_sees_why_over_plain_http(void **state)
{
	(void)state;
	assert_int_equal(sh("closed", "curl -s --max-time 5 -w ' %{http_code}' "
				      "http://example.com/"),
		0);
	assert_non_null(strstr(output, "network policy of this box refuses example.com"));
	assert_non_null(strstr(output, " 403"));
}

#define RAW(send, host, port)                                                            \
	"timeout 5 bash -c 'exec 3<>/dev/tcp/" host "/" port " && printf " send          \
	" >&3; cat <&3'"

static void a_closed_box_gets_no_other_tcp(void **state)
{
	int before = peer_connections(echo) + peer_connections(greeter);

	(void)state;
	sh("closed", RAW("hello", "8.8.8.8", "53"));
	assert_string_equal(output, "");
	sh("closed", RAW("hello", "echo.example", "7"));
	assert_string_equal(output, "");
	sh("closed", "timeout 5 bash -c 'cat < /dev/tcp/greeter.example/25'");
	assert_string_equal(output, "");
	assert_int_equal(peer_connections(echo) + peer_connections(greeter), before);
}

static void a_closed_box_gets_nothing_else(void **state)
{
	static const char script[] =
		"python3 - <<'E'\n"
		"import socket,struct\n"
		"q=b'"
		"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7example\\3com\\0\\0\\1\\0\\"
		"1'\n"
		"for to in "
		"(('8.8.8.8',53),('1.1.1.1',443),('10.0.0.1',53),('127.0.0.11',54)):\n"
		" s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(1)\n"
		" try: s.sendto(q,to); s.recv(600); print('answer from',to)\n"
		" except OSError: pass\n"
		"for k in (socket.SOCK_DGRAM,socket.SOCK_RAW):\n"
		" try:\n"
		"  s=socket.socket(socket.AF_INET,k,socket.IPPROTO_ICMP); "
		"s.settimeout(1)\n"
		"  s.sendto(b'\\x08\\0\\xf7\\xff\\0\\0\\0\\0',('8.8.8.8',0)); "
		"s.recv(99)\n"
		"  print('ping')\n"
		" except OSError: pass\n"
		"s=socket.socket(socket.AF_INET6); s.settimeout(1)\n"
		"if s.connect_ex(('2606:4700:4700::1111',443))==0: print('ipv6')\n"
		/* The engine's resolver asks outside; any question that it gets is a leak.  Its
		   real port is what its own rules turn port 53 to. */
		"for line in open('/proc/net/udp').read().split('\\n')[1:]:\n"
		" f=line.split()\n"
		" if f and f[1].startswith('0B00007F'):\n"
		"  s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(1)\n"
		"  try: s.sendto(q,('127.0.0.11',int(f[1][9:],16))); s.recv(600); "
		"print('engine')\n"
		"  except OSError: print('kept from it')\n"
		"E";

	(void)state;
	assert_int_equal(sh("closed", script), 0);
	assert_string_equal(output, "kept from it\n");
	assert_int_equal(real_sh(core, "closed", true, script, output, sizeof output), 0);
	assert_string_equal(output, "kept from it\n");
}

static void root_cannot_undo_it(void **state)
{
	static const char *const tries[] = {"ip link set eth0 up", "nft flush ruleset",
		"iptables -t nat -F", "ip route flush table local",
		"ip route add default dev eth0", "unshare -n true", "unshare -Un true"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		assert_int_not_equal(real_sh(core, "closed", true, tries[i], NULL, 0), 0);
	}
	assert_int_equal(sh("closed", "! grep -q eth0 /proc/net/route"), 0);
	assert_int_equal(real_sh(core, "closed", true,
				 "curl -s --max-time 5 --interface eth0 https://1.1.1.1; "
				 "test $? -ne 0",
				 NULL, 0),
		0);
}

/* ---- custom ---------------------------------------------------------------------------- */

static void listed_names_are_reached(void **state)
{
	(void)state;
	assert_int_equal(sh("custom", TLS "https://tls.example/"), 0);
	assert_string_equal(output, "this is tls.example\n");
	assert_int_equal(sh("custom", TLS "https://TLS.Example:9443/"), 0);
	assert_int_equal(sh("custom", "curl -s --max-time 5 http://web.example/"), 0);
	assert_string_equal(output, "this is web.example\n");
	sh("custom",
		"timeout 5 bash -c 'exec 3<>/dev/tcp/echo.example/7; printf ping >&3;"
		" head -c 4 <&3'");
	assert_string_equal(output, "ping");
	sh("custom", "timeout 5 bash -c 'head -c 9 < /dev/tcp/greeter.example/25'");
	assert_string_equal(output, "220 hello");
	assert_true(atomic_load(&told_allowed) >= 1);
}

static void other_names_are_not(void **state)
{
	static const char *const names[] = {"example.com", "below.example",
		"xweb.example", "inner.example", "web.example.evil.example",
		"sub.web.example"};
	char script[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(script, sizeof script, "curl -sk --max-time 5 https://%s/",
			names[i]);
		assert_int_equal(sh("custom", script), 35);
	}
}

static void a_hello_that_lies_is_cut(void **state)
{
	(void)state;
	int before = peer_connections(web);
	/* Asks for an allowed name's address and names another server there. */
	assert_int_equal(sh("custom", TLS "--connect-to evil.example:443:tls.example:443 "
					  "https://evil.example/"),
		35);
	/* An address of nobody's, with an allowed name in the hello. */
	assert_int_equal(sh("custom", TLS "--connect-to tls.example:443:1.2.3.4:443 "
					  "https://tls.example/"),
		35);
	assert_int_equal(peer_connections(web), before);
	/* Both allowed: as a client with connections that it shares does. */
	assert_int_equal(
		sh("custom", TLS "--connect-to front.example:443:tls.example:443 "
				 "https://front.example/"),
		0);
}

static void a_hello_in_pieces_is_read(void **state)
{
	static const char script[] =
		"python3 - <<'E'\n"
		"import socket,ssl,time\n"
		"def hello(name):\n"
		" c=ssl.create_default_context(); c.check_hostname=False; "
		"c.verify_mode=0\n"
		" i,o=ssl.MemoryBIO(),ssl.MemoryBIO()\n"
		" s=c.wrap_bio(i,o,server_hostname=name)\n"
		" try: s.do_handshake()\n"
		" except ssl.SSLWantReadError: pass\n"
		" return o.read()\n"
		"for name in ('tls.example','evil.example'):\n"
		" h=hello(name); s=socket.create_connection(('tls.example',443)); "
		"s.settimeout(5)\n"
		" rec=b''.join(b'\\x16\\x03\\1'+len(p).to_bytes(2,'big')+p for p in "
		"(h[5:][i:i+50] for i in range(0,len(h)-5,50)))\n"
		" for i in range(0,len(rec),40): s.sendall(rec[i:i+40]); "
		"time.sleep(0.01)\n"
		" try: print(name, s.recv(1)==b'\\x16')\n"
		" except OSError: print(name, False)\n"
		"E";

	(void)state;
	assert_int_equal(sh("custom", script), 0);
	assert_string_equal(output, "tls.example True\nevil.example False\n");
}

static void each_request_is_judged(void **state)
{
	(void)state;
	/* On one connection: the second request names another host. */
	sh("custom", "python3 - <<'E'\n"
		     "import socket\n"
		     "def ask(hosts):\n"
		     " s=socket.create_connection(('web.example',80)); s.settimeout(5)\n"
		     " got=b''\n"
		     " for h in hosts:\n"
		     "  try:\n"
		     "   s.sendall(b'POST / HTTP/1.1\\r\\nHost: "
		     "'+h+b'\\r\\nContent-Length: 3\\r\\n\\r\\nabc')\n"
		     "   b=s.recv(9999)\n"
		     "  except OSError: b=b''\n"
		     "  got+=b.split(b'\\r\\n\\r\\n')[-1]\n"
		     " print(got)\n"
		     "ask([b'web.example',b'web.example:80',b'WEB.example.'])\n"
		     "ask([b'web.example',b'evil.example'])\n"
		     "ask([b'evil.example'])\n"
		     "E");
	assert_non_null(strstr(output, "b'this is web.example\\nthis is "
				       "web.example:80\\nthis is WEB.example.\\n'"));
	assert_non_null(strstr(output, "b'this is web.example\\n'\n"));
	assert_non_null(strstr(output, "refuses web.example"));
	assert_null(strstr(output, "this is evil"));
}

static void the_host_and_private_ranges_are_never_reached(void **state)
{
	static const struct box_policy all_cidrs = {
		.mode = BOX_NETWORK_GATED, .allowed_cidrs = everywhere};
	char script[300];
	int before = peer_connections(web);

	(void)state;
	make_box("wide", &all_cidrs);
	const char *hosts[] = {core->gateway, "127.0.0.11", "10.0.0.1", "192.168.1.1",
		"169.254.169.254", "100.100.100.200", "198.18.0.1"};
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		snprintf(script, sizeof script,
			"curl -s --max-time 5 -w ' %%{http_code}' http://%s:%u/",
			hosts[i], peer_port(web));
		sh("wide", script);
		if (!strstr(output, "403"))
			fail_msg("%s: %s", hosts[i], output);
	}
	assert_int_equal(peer_connections(web), before);
	OK(box_delete(core, "wide", NULL, &err));
}

/* ---- changes --------------------------------------------------------------------------- */

static void first_packets_are_judged(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		make_box("fresh", i % 2 ? &custom : &deny_all);
		assert_int_equal(
			sh("fresh", "curl -s --max-time 5 https://example.com"), 35);
		OK(box_delete(core, "fresh", NULL, &err));
	}
}

static void a_running_box_is_closed_and_opened(void **state)
{
	(void)state;
	make_box("moving", &allow_all);
	assert_int_equal(sh("moving", "grep -q eth0 /proc/net/route"), 0);
	for (int i = 0; i < 2; i++) {
		int64_t start = clock_mono_ms();
		set_policy("moving", &deny_all);
		print_message(
			"closed in %lld ms\n", (long long)(clock_mono_ms() - start));
		assert_int_equal(
			sh("moving", "curl -s --max-time 5 https://example.com"), 35);
		assert_int_equal(sh("moving", "! grep -q eth0 /proc/net/route"), 0);
		set_policy("moving", &custom);
		assert_int_equal(
			sh("moving", "curl -s --max-time 5 http://web.example/"), 0);
		start = clock_mono_ms();
		set_policy("moving", &allow_all);
		print_message(
			"opened in %lld ms\n", (long long)(clock_mono_ms() - start));
		assert_int_equal(
			sh("moving", "awk '$2$8==\"0000000000000000\"{n++} END{print n}' "
				     "/proc/net/route"),
			0);
		assert_string_equal(output, "1\n"); /* a default route again */
	}
	/* The gateway stays closed, as before. */
	char script[200];
	snprintf(script, sizeof script,
		"timeout 3 bash -c 'exec 3<>/dev/tcp/%s/%u' 2>/dev/null", core->gateway,
		peer_port(web));
	assert_int_not_equal(sh("moving", script), 0);
}

static struct run *start_reader(const char *box, const char *script)
{
	const char *argv[] = {"bash", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run *run = NULL;
	struct run_event event;

	OK(run_start(core, box, &spec, &run, NULL, &err));
	OK(run_read(run, &event, NULL, &err)); /* "ready" */
	assert_int_equal(event.kind, RUN_STDOUT);
	return run;
}

static int64_t wait_for_end(struct run *run)
{
	struct run_event event = {.kind = RUN_STDOUT};
	int64_t start = clock_mono_ms();
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);

	cancel_deadline(cancel, 10000, "the test");
	while (event.kind != RUN_EXIT)
		OK(run_read(run, &event, cancel, &err));
	run_close(run);
	return clock_mono_ms() - start;
}

static void open_connections_are_cut_by_a_change(void **state)
{
	static const char gated[] = "exec 3<>/dev/tcp/echo.example/7 && printf x >&3 && "
				    "head -c 1 <&3 && cat <&3";

	(void)state;
	struct run *run = start_reader("custom", gated);
	set_policy("custom", &custom); /* the same one cuts nothing */
	assert_int_equal(sh("custom", "curl -s --max-time 5 http://web.example/"), 0);
	set_policy("custom", &deny_all);
	print_message("cut after %lld ms\n", (long long)wait_for_end(run));
	assert_int_equal(sh("custom", "curl -s --max-time 5 https://tls.example/"), 35);
	set_policy("custom", &custom);
	run = start_reader("custom", gated);
	set_policy("custom", &allow_all);
	print_message("cut after %lld ms\n", (long long)wait_for_end(run));
	set_policy("custom", &custom);
}

/* A connection of the open network needs a peer outside: a container on the same bridge is
 * kept from boxes, so the test makes one to the box's own address, which counts as outside
 * of loopback. */
static void connections_of_the_open_network_are_cut(void **state)
{
	(void)state;
	struct run *run =
		start_reader("moving", "python3 -c \"\n"
				       "import socket\n"
				       "ip=socket.gethostbyname(socket.gethostname())\n"
				       "l=socket.create_server((ip,0)); "
				       "c=socket.create_connection(l.getsockname())\n"
				       "a,_=l.accept(); print('ready',flush=True)\n"
				       "try: c.recv(1)\n"
				       "except ConnectionAbortedError: pass\n"
				       "\"");
	set_policy("moving", &deny_all);
	int64_t ms = wait_for_end(run);
	print_message("cut after %lld ms\n", (long long)ms);
	OK(box_delete(core, "moving", NULL, &err));
}

static void a_pause_changes_nothing(void **state)
{
	(void)state;
	OK(box_pause(core, "custom", NULL, &err));
	assert_int_equal(sh("custom", "curl -s --max-time 5 https://example.com"), 35);
	assert_int_equal(sh("custom", "curl -s --max-time 5 http://web.example/"), 0);
	/* Set while it is paused: from its next start. */
	OK(box_pause(core, "custom", NULL, &err));
	set_policy("custom", &deny_all);
	assert_int_equal(sh("custom", "curl -s --max-time 5 https://tls.example"), 35);
	set_policy("custom", &custom);
}

static void boxes_have_policies_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(sh("custom", "curl -s --max-time 5 http://web.example/"), 0);
	assert_string_equal(output, "this is web.example\n");
	assert_int_equal(sh("closed", "curl -s --max-time 5 https://web.example/"), 35);
}

static void a_new_process_keeps_boxes_closed(void **state)
{
	(void)state;
	boxcore_close(core);
	core = open_core_again();
	pretend("web.example", peer_port(web));
	/* Nothing is known: what connects waits, and is not let through. */
	assert_int_equal(sh("custom", "curl -s --max-time 1 http://web.example/"), 28);
	OK(box_pause(core, "custom", NULL, &err));
	assert_int_equal(sh("custom", "curl -s --max-time 1 http://web.example/"), 28);
	set_policy("custom", &custom);
	assert_int_equal(sh("custom", "curl -s --max-time 5 http://web.example/"), 0);
	assert_string_equal(output, "this is web.example\n");
	set_policy("closed", &deny_all);
	assert_int_equal(sh("closed", "curl -s --max-time 5 https://example.com"), 35);
}

static void on_relay(void *arg, const char *box, int fd)
{
	(void)arg;
	(void)box;
	peer_printf(fd, "relayed\n");
	close(fd);
}

static void relays_go_on_in_every_mode(void **state)
{
	static const struct box_policy *const all[] = {&deny_all, &allow_all, &custom};

	(void)state;
	OK(box_listen(core, "custom", 7332, on_relay, NULL, NULL, &err));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		set_policy("custom", all[i]);
		assert_int_equal(
			sh("custom", "timeout 5 bash -c 'cat < /dev/tcp/127.0.0.1/7332'"),
			0);
		assert_string_equal(output, "relayed\n");
	}
	box_unlisten(core, "custom", 7332);
}

static void boxes_without_a_policy_keep_their_network(void **state)
{
	struct err err = {0};

	(void)state;
	real_box(core, "task", BOX_NETWORK_TUNNEL);
	assert_int_equal(box_network_set(core, "task", &allow_all, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(box_network_set(core, "nobody", &deny_all, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_box_gets_the_hello_cut),
		cmocka_unit_test(a_closed_box_still_resolves),
		cmocka_unit_test(a_closed_box_sees_why_over_plain_http),
		cmocka_unit_test(a_closed_box_gets_no_other_tcp),
		cmocka_unit_test(a_closed_box_gets_nothing_else),
		cmocka_unit_test(root_cannot_undo_it),
		cmocka_unit_test(listed_names_are_reached),
		cmocka_unit_test(other_names_are_not),
		cmocka_unit_test(a_hello_that_lies_is_cut),
		cmocka_unit_test(a_hello_in_pieces_is_read),
		cmocka_unit_test(each_request_is_judged),
		cmocka_unit_test(the_host_and_private_ranges_are_never_reached),
		cmocka_unit_test(first_packets_are_judged),
		cmocka_unit_test(a_running_box_is_closed_and_opened),
		cmocka_unit_test(open_connections_are_cut_by_a_change),
		cmocka_unit_test(connections_of_the_open_network_are_cut),
		cmocka_unit_test(a_pause_changes_nothing),
		cmocka_unit_test(boxes_have_policies_of_their_own),
		cmocka_unit_test(a_new_process_keeps_boxes_closed),
		cmocka_unit_test(relays_go_on_in_every_mode),
		cmocka_unit_test(boxes_without_a_policy_keep_their_network),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
