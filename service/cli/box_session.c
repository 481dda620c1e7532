/* SPDX-License-Identifier: MIT */
/*
 * boxwright box exec and shell: a command in a box whose stdin, output, signals and terminal
 * are ours, over the service's exec-session WebSocket.
 *
 * One thread, one poll loop over stdin, signals and the connection.  What stdin brings waits
 * while the service does not take it, and output blocks us when our own reader is slow.
 */
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"
#include "service/cli/box_cmd.h"
#include "service/cli/ws_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define PIECE (32 * LIMIT_KIB)
#define UNSENT_MAX (1 * LIMIT_MIB) /* of stdin, before we stop reading it */
#define EXIT_LOST 255              /* as ssh: the connection ended before the command */

struct session {
	struct http_duplex *duplex;
	struct strbuf in, out;
	bool tty;
	bool started, input_ended, ended;
	int exit_code;
	int signals;
	struct termios before; /* of our terminal, while it is raw */
	bool raw;
};

/* ---- our terminal ---------------------------------------------------------------------- */

static void terminal_raw(struct session *s)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &s->before) < 0)
		return;
	raw = s->before;
	cfmakeraw(&raw);
	s->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void session_release(struct session *s)
{
	if (s->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &s->before);
	if (s->signals >= 0)
		close(s->signals);
	http_duplex_free(s->duplex);
	strbuf_release(&s->in);
	strbuf_release(&s->out);
}
DEFINE_CLEANUP(session, struct session, session_release(value))

static void put_size(json_t *message)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return;
	json_put(message, "rows", json_integer(size.ws_row));
	json_put(message, "cols", json_integer(size.ws_col));
}

/* ---- messages -------------------------------------------------------------------------- */

static void send_json(struct session *s, json_t *message)
{
	CLEANUP(json) json_t *taken = message;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MIB);
	struct err ignored = {0};

	if (json_print(&text, taken, &ignored) == 0)
		ws_put(&s->out, WS_TEXT, strbuf_str(&text), text.len);
}

static json_t *message_of(const char *type)
{
	json_t *message = json_object();

	json_put(message, "type", json_str(type));
	return message;
}

static int write_out(int fd, const json_t *message, struct err *err)
{
	CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT(LIMIT_MIB);
	const char *data = json_or_string(message, "data", "");
	size_t done = 0;

	if (!str_unbase64(&bytes, data, strlen(data)))
		return err_set(
			err, ERR_INTERNAL, "the service sent output that is no base64");
	while (done < bytes.len) {
		ssize_t n = write(fd, bytes.data + done, bytes.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "write");
		done += (size_t)n;
	}
	return 0;
}

static int take_message(struct session *s, const struct ws_frame *frame, struct err *err)
{
	CLEANUP(json) json_t *message = json_parse(frame->data, frame->len, err);
	const char *type = json_or_string(message, "type", "");

	if (!message)
		return -1;
	if (str_eq(type, "stdout"))
		return write_out(STDOUT_FILENO, message, err);
	if (str_eq(type, "stderr"))
		return write_out(STDERR_FILENO, message, err);
	if (str_eq(type, "started"))
		s->started = true;
	if (str_eq(type, "error"))
		return err_set(err, ERR_INPUT, "%s",
			json_or_string(message, "message", "the command was refused"));
	if (str_eq(type, "exit")) {
		s->ended = true;
		s->exit_code = (int)json_or_int(message, "code", EXIT_LOST);
	}
	return 0;
}

static int take_frames(struct session *s, struct err *err)
{
	struct ws_frame frame;
	int rc;

	while (!s->ended && (rc = ws_next(&s->in, &frame, err)) != 0) {
		if (rc < 0)
			return -1;
		if (frame.kind == WS_PING)
			ws_put(&s->out, WS_PONG, frame.data, frame.len);
		else if (frame.kind == WS_CLOSE)
			return err_set(
				err, ERR_TRANSIENT, "the service ended the session");
		else if (frame.kind == WS_TEXT && take_message(s, &frame, err) < 0)
			return -1;
		ws_drop(&s->in, &frame);
	}
	return 0;
}

/* ---- bytes ----------------------------------------------------------------------------- */

static int receive(struct session *s, struct err *err)
{
	while (!s->ended) {
		char *room = strbuf_room(&s->in, PIECE);
		ssize_t n = room ? http_duplex_read(s->duplex, room, PIECE) : -1;

		if (!room)
			return strbuf_check(&s->in, "a message", err);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return err_set(err, ERR_TRANSIENT,
				"the connection to the service was lost");
		strbuf_grown(&s->in, (size_t)n);
		if (take_frames(s, err) < 0)
			return -1;
	}
	return 0;
}

static int flush_out(struct session *s, struct err *err)
{
	while (s->out.len > 0) {
		ssize_t n = http_duplex_write(s->duplex, s->out.data, s->out.len);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return err_errno(err, errno, "the connection to the service");
		strbuf_consume(&s->out, (size_t)n);
	}
	return 0;
}

static void read_stdin(struct session *s)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(2 * PIECE);
	char piece[PIECE / 2];
	ssize_t n = read(STDIN_FILENO, piece, sizeof piece);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		s->input_ended = true;
		send_json(s, message_of("stdin_close"));
		return;
	}
	str_base64(&text, piece, (size_t)n);
	json_t *message = message_of("stdin");
	json_put(message, "data", json_str(strbuf_str(&text)));
	send_json(s, message);
}

static void read_signal(struct session *s)
{
	static const struct {
		uint32_t number;
		const char *name;
	} names[] = {
		{SIGINT, "INT"}, {SIGTERM, "TERM"}, {SIGHUP, "HUP"}, {SIGQUIT, "QUIT"}};
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof info) != sizeof info)
		return;
	if (info.ssi_signo == SIGWINCH && s->tty) {
		json_t *message = message_of("resize");
		put_size(message);
		send_json(s, message);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].number != info.ssi_signo)
			continue;
		json_t *message = message_of("signal");
		json_put(message, "signal", json_str(names[i].name));
		send_json(s, message);
	}
}

static int session_loop(struct session *s, struct err *err)
{
	/* Bytes may lie ready without the descriptor saying so. */
	if (receive(s, err) < 0)
		return -1;
	while (!s->ended) {
		bool listen = s->started && !s->input_ended && s->out.len < UNSENT_MAX;
		struct pollfd fds[3] = {
			{.fd = http_duplex_fd(s->duplex),
				.events =
					(short)(POLLIN | (s->out.len > 0 ? POLLOUT : 0))},
			{.fd = s->signals, .events = POLLIN},
			{.fd = listen ? STDIN_FILENO : -1, .events = POLLIN},
		};
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			return err_errno(err, errno, "poll");
		if (fds[1].revents)
			read_signal(s);
		if (fds[2].revents)
			read_stdin(s);
		if (flush_out(s, err) < 0 || receive(s, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the commands ---------------------------------------------------------------------- */

struct wanted {
	const char *folder;
	struct option_list env;
	bool tty;
	struct words words; /* BOX COMMAND... */
};

static json_t *start_message(const struct wanted *wanted)
{
	json_t *start = message_of("start"), *argv = json_array(), *env = json_array();

	for (int i = 1; i < wanted->words.count; i++)
		json_array_append_new(argv, json_str(wanted->words.items[i]));
	for (size_t i = 0; i < wanted->env.count; i++)
		json_array_append_new(env, json_str(wanted->env.items[i]));
	json_put(start, "argv", argv);
	json_put(start, "env", env);
	if (wanted->folder)
		json_put(start, "cwd", json_str(wanted->folder));
	if (wanted->tty) {
		json_put(start, "tty", json_true());
		put_size(start);
	}
	return start;
}

static int watch_signals(struct session *s, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? err_errno(err, errno, "signals") : 0;
}

static int session_run(const struct wanted *wanted)
{
	CLEANUP(session)
	struct session s = {.in = STRBUF_INIT(2 * LIMIT_MIB),
		.out = STRBUF_INIT(4 * LIMIT_MIB),
		.tty = wanted->tty,
		.signals = -1,
		.exit_code = EXIT_LOST};
	struct err err = {0};
	CLEANUP(api) struct api *api = api_open(&err);
	CLEANUP(mem) char *path = box_path(wanted->words.items[0], "/exec-session");

	if (!api)
		return cli_fail(&err);
	s.duplex = api_websocket(api, path, &err);
	if (!s.duplex || watch_signals(&s, &err) < 0)
		return cli_fail(&err);
	send_json(&s, start_message(wanted));
	if (s.tty && isatty(STDIN_FILENO))
		terminal_raw(&s);
	if (flush_out(&s, &err) < 0 || session_loop(&s, &err) < 0) {
		if (s.raw)
			fputs("\r\n", stderr);
		cli_fail(&err);
		return EXIT_LOST;
	}
	return s.exit_code;
}

static int read_wanted(int argc, char **argv, struct wanted *wanted)
{
	const struct option_def defs[] = {{"folder", OPTION_TEXT, &wanted->folder},
		{"env", OPTION_LIST, &wanted->env}, {"tty", OPTION_FLAG, &wanted->tty},
		{NULL, OPTION_FLAG, NULL}};

	/* Options of ours stand before the command, around the box's name. */
	return options_read(argc, argv, defs, 1, &wanted->words);
}

int box_exec_cmd(int argc, char **argv)
{
	struct wanted wanted = {0};
	int rc = read_wanted(argc, argv, &wanted);

	if (rc != 0)
		return rc;
	if (wanted.words.count < 2)
		return cli_usage("box exec needs a box and a command");
	return session_run(&wanted);
}

int box_shell_cmd(int argc, char **argv)
{
	static char bash[] = "bash", login[] = "-l";
	struct wanted wanted = {0};
	int rc = read_wanted(argc, argv, &wanted);

	if (rc != 0)
		return rc;
	if (wanted.words.count < 1)
		return cli_usage("box shell needs a box");
	if (wanted.words.count == 1) {
		wanted.words.items[wanted.words.count++] = bash;
		wanted.words.items[wanted.words.count++] = login;
	}
	wanted.tty = true;
	return session_run(&wanted);
}
