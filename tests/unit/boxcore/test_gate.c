/* SPDX-License-Identifier: MIT */
/*
 * The gate of boxinit in a network namespace of its own: which connections come to the host
 * and what is said of them, the answers to questions of names, what is refused in the box
 * itself.  No engine is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/boxcore-internal.h"
#include "boxcore/link/link.h"
#include "tests/lib/init_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake_core *fake;
static struct boxcore *core;
static struct link *link_;
static struct stream *gate;

static __thread struct err failed;
#define E (&failed)
#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) < 0)                                                          \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, failed.text);          \
	} while (0)

/* Tells the connection where it was to go, and ends it. */
static void tell_target(void *arg, int fd, const struct link_target *target)
{
	char text[400];
	int len = snprintf(text, sizeof text, "%s %08x %u\n",
		target->name[0] ? target->name : "-", target->address, target->port);

	(void)arg;
	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
	close(fd);
}

static void open_gate(void)
{
	OK(stream_gate(link_, tell_target, NULL, &gate, NULL, E));
}

static int setup(void **state)
{
	(void)state;
	if (!init_box_possible())
		return -1;
	fake = fake_core_new();
	core = fake_core(fake);
	OK(core_link_get(core, "test", true, &link_, NULL, E));
	OK(link_network_setup(link_, PROTO_NETWORK_GATED, NULL, NULL, E));
	open_gate();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (gate)
		stream_close(gate);
	if (link_)
		core_link_put(core, link_);
	if (fake)
		fake_core_free(fake);
	fake = NULL;
	gate = NULL;
	link_ = NULL;
	return 0;
}

static int sh(const char *script, char *out, size_t size)
{
	const char *argv[] = {"bash", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/", .root = true};
	CLEANUP(run_result)
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};

	OK(run_capture(core, "test", &spec, NULL, 0, &result, NULL, E));
	if (result.exit_code != 0)
		print_message("%s", strbuf_str(&result.err_out));
	if (out)
		str_copy(out, size, strbuf_str(&result.out));
	return result.exit_code;
}

static void expect(const char *script, const char *want)
{
	char out[4096];

	assert_int_equal(sh(script, out, sizeof out), 0);
	assert_string_equal(out, want);
}

#define GO(host, port)                                                                   \
	"exec 3<>/dev/tcp/" host "/" port " && read -t 5 line <&3 && echo \"$line\""

static void test_any_address_and_port_comes_to_the_gate(void **state)
{
	(void)state;
	expect(GO("1.2.3.4", "5678"), "- 01020304 5678\n");
	expect(GO("8.8.8.8", "53"), "- 08080808 53\n");
	expect(GO("169.254.169.254", "80"), "- a9fea9fe 80\n");
	expect(GO("10.0.0.1", "1"), "- 0a000001 1\n");
	expect(GO("127.0.0.11", "53"), "- 7f00000b 53\n"); /* the engine's resolver */
}

#define ASK                                                                              \
	"import socket,struct,sys\n"                                                     \
	"def ask(name, kind=1, to=('127.0.0.11',53)):\n"                                 \
	" q=b'\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0'\n"                             \
	" for l in name.split('.'): q+=bytes([len(l)])+l.encode()\n"                     \
	" q+=b'\\0'+struct.pack('>HH',kind,1)\n"                                         \
	" s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(3)\n"          \
	" s.connect(to); s.send(q); return s.recv(600)\n"                                \
	"def addr(name): return socket.inet_ntoa(ask(name)[-4:])\n"

static int python(const char *script, char *out, size_t size)
{
	CLEANUP(mem)
	char *all = mem_printf("python3 - <<'EOF'\n%s\n%s\nEOF", ASK, script);

	return sh(all, out, size);
}

static void expect_python(const char *script, const char *want)
{
	char out[4096];

	assert_int_equal(python(script, out, sizeof out), 0);
	assert_string_equal(out, want);
}

static void test_names_get_addresses_that_lead_to_them(void **state)
{
	(void)state;
	expect_python(
		"a=addr('Example.COM'); b=addr('other.example'); c=addr('example.com')\n"
		"assert a==c and a!=b and a.startswith('198.1'), (a,b,c)\n"
		"s=socket.create_connection((a,443)); print(s.recv(99).decode(),end='')\n"
		"s=socket.create_connection((b,80)); print(s.recv(99).decode(),end='')",
		"example.com 00000000 443\nother.example 00000000 80\n");
	/* One that was given to nobody is an address like any other. */
	expect(GO("198.19.200.1", "443"), "- c613c801 443\n");
}

static void test_other_questions(void **state)
{
	(void)state;
	expect_python("r=ask('example.com',28); print(r[3]&15, r[6:8].hex(), len(r))\n"
		      "r=ask('example.com',16); print(r[3]&15, r[6:8].hex())\n"
		      "r=ask('bad name.com',1); print(r[3]&15, r[6:8].hex())\n",
		"0 0000 29\n0 0000\n3 0000\n");
}

/* Those who ask very much get other addresses, and an old one leads nowhere else. */
static void test_names_are_bounded(void **state)
{
	(void)state;
	expect_python(
		"a=addr('first.example')\n"
		"for i in range(4200): addr('n%d.example'%i)\n"
		"s=socket.create_connection((a,443)); t=s.recv(99).decode()\n"
		"assert t.startswith('- c61'), t\n"
		"b=addr('first.example'); assert a!=b\n"
		"s=socket.create_connection((b,443)); print(s.recv(99).decode(),end='')",
		"first.example 00000000 443\n");
}

static void test_nothing_but_tcp(void **state)
{
	(void)state;
	expect_python(
		"import errno\n"
		"for to in (('8.8.8.8',53),('127.0.0.11',54),('1.2.3.4',443)):\n"
		" s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(1)\n"
		" try: s.connect(to); s.send(b'x'); s.recv(9); print('answer')\n"
		" except PermissionError: print('refused')\n"
		" except OSError as e: print(e)\n"
		"try: socket.socket(socket.AF_INET,socket.SOCK_RAW,1); print('raw')\n"
		"except OSError as e: print('no raw')\n",
		"refused\nrefused\nrefused\nno raw\n");
	expect_python("s=socket.socket(socket.AF_INET6); s.settimeout(2)\n"
		      "print(s.connect_ex(('2001:db8::1',443)) != 0)",
		"True\n");
}

static void test_loopback_is_the_box_itself(void **state)
{
	(void)state;
	expect_python(
		"l=socket.create_server(('127.0.0.1',0)); c=socket.create_connection("
		"l.getsockname()); a,_=l.accept(); a.send(b'own'); print(c.recv(9))\n"
		"u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); "
		"u.bind(('127.0.0.2',0))\n"
		"v=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
		"v.sendto(b'udp',u.getsockname()); print(u.recv(9))",
		"b'own'\nb'udp'\n");
}

/* A connection to the gate's own port has no destination: it is closed. */
static void test_the_gates_own_port(void **state)
{
	(void)state;
	expect_python("import re\n"
		      "for line in open('/proc/net/tcp').read().split('\\n')[1:]:\n"
		      " f=line.split()\n"
		      " if f and f[3]=='0A':\n"
		      "  s=socket.create_connection(('127.0.0.1',int(f[1][9:],16)))\n"
		      "  s.settimeout(3); print(s.recv(99))",
		"b''\n");
}

static void test_waits_for_a_host(void **state)
{
	(void)state;
	stream_close(gate);
	gate = NULL;
	assert_int_equal(
		sh("exec 3<>/dev/tcp/1.2.3.4/99; read -t 1 x <&3; test -z \"$x\"", NULL,
			0),
		0);
	assert_int_equal(sh("(exec 3<>/dev/tcp/1.2.3.4/99; cat <&3 >/tmp/bw-gate-test) &"
			    " for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; done",
				 NULL, 0),
		0);
	open_gate();
	expect("for i in $(seq 50); do test -s /tmp/bw-gate-test && break; sleep 0.1; "
	       "done;"
	       " cat /tmp/bw-gate-test; rm /tmp/bw-gate-test",
		"- 01020304 99\n");
}

static void test_many_at_once(void **state)
{
	(void)state;
	expect_python(
		"c=[socket.create_connection(('1.2.3.4',1000+i)) for i in range(400)]\n"
		"n=0\n"
		"for i,s in enumerate(c):\n"
		" s.settimeout(10); t=s.recv(99).decode()\n"
		" assert t=='- 01020304 %d\\n'%(1000+i), t; n+=1; s.close()\n"
		"print(n)",
		"400\n");
}

/* The host has ended each, the box keeps them all: the oldest make room. */
static void test_kept_ones_make_room(void **state)
{
	(void)state;
	expect_python(
		"c=[]\n"
		"for i in range(300):\n"
		" s=socket.create_connection(('1.2.3.4',1000+i)); s.settimeout(10)\n"
		" while s.recv(99): pass\n"
		" c.append(s)\n"
		"print(len(c))",
		"300\n");
}

static void test_back_and_forth(void **state)
{
	static const char *const cidrs[] = {"10.0.0.0/8", NULL};

	(void)state;
	for (int i = 0; i < 3; i++) {
		OK(link_network_setup(link_, PROTO_NETWORK_ALL, cidrs, NULL, E));
		assert_false(link_network_gated(link_));
		stream_close(gate);
		expect_python("s=socket.socket(); s.settimeout(2)\n"
			      "print(s.connect_ex(('1.2.3.4',80)) in (101,113))",
			"True\n"); /* ENETUNREACH: this box has no interface */
		OK(link_network_setup(link_, PROTO_NETWORK_GATED, NULL, NULL, E));
		assert_true(link_network_gated(link_));
		open_gate();
		expect(GO("1.2.3.4", "5678"), "- 01020304 5678\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_address_and_port_comes_to_the_gate),
		cmocka_unit_test(test_names_get_addresses_that_lead_to_them),
		cmocka_unit_test(test_other_questions),
		cmocka_unit_test(test_names_are_bounded),
		cmocka_unit_test(test_nothing_but_tcp),
		cmocka_unit_test(test_loopback_is_the_box_itself),
		cmocka_unit_test(test_the_gates_own_port),
		cmocka_unit_test(test_waits_for_a_host),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_kept_ones_make_room),
		cmocka_unit_test(test_back_and_forth),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
