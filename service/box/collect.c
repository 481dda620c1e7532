/* SPDX-License-Identifier: MIT */
/* A command's output gathered for an answer in one piece. */
#include "service/box/drive.h"

/* JSON makes six bytes of a control character; the answer as a whole has a limit too. */
#define ESCAPED_MAX (LIMIT_HTTP_ANSWER - LIMIT_MIB)

struct collect {
	struct strbuf out, err_out;
	size_t left;         /* of LIMIT_EXEC_OUTPUT, for both */
	size_t escaped_left; /* of ESCAPED_MAX */
	uint64_t cut;
	const struct box_sink *outer;
	int64_t told_ms; /* when the waiting client was last told that it goes on */
};

static int tell(struct collect *c)
{
	c->told_ms = clock_mono_ms();
	return c->outer->silent(c->outer->arg);
}

/* What a byte may become in a JSON string, at most. */
static size_t escaped(unsigned char byte)
{
	if (byte < 0x20)
		return 6;
	if (byte >= 0x80)
		return 3; /* U+FFFD for one that is no UTF-8 */
	return byte == '"' || byte == '\\' || byte == 0x7f ? 2 : 1;
}

static size_t fits(struct collect *c, const unsigned char *data, size_t len)
{
	size_t n = 0;

	while (n < len && escaped(data[n]) <= c->escaped_left)
		c->escaped_left -= escaped(data[n++]);
	if (n < len) /* nothing behind a gap */
		c->escaped_left = 0;
	return n;
}

static int on_write(void *arg, bool err_out, const void *data, size_t len)
{
	struct collect *c = arg;
	size_t take = fits(c, data, len < c->left ? len : c->left);

	strbuf_add(err_out ? &c->err_out : &c->out, data, take);
	c->left -= take;
	c->cut += len - take;
	/* The output reaches nobody yet: the client hears nothing however much there is. */
	if (c->outer && c->outer->silent &&
		clock_mono_ms() - c->told_ms >= c->outer->silence_ms)
		tell(c); /* a client that is gone is no reason to stop gathering */
	return 0;
}

static int on_silent(void *arg)
{
	return tell(arg);
}

static json_t *text(const struct strbuf *sb)
{
	return json_text(strbuf_str(sb), sb->len);
}

void box_drive_collect(struct box_drive *drive, const struct box_sink *sink,
	json_t **ret_answer, struct box_run_end *ret_end)
{
	struct collect c = {
		.out = STRBUF_INIT(LIMIT_EXEC_OUTPUT),
		.err_out = STRBUF_INIT(LIMIT_EXEC_OUTPUT + LIMIT_KIB),
		.left = LIMIT_EXEC_OUTPUT,
		.escaped_left = ESCAPED_MAX,
		.outer = sink,
		.told_ms = clock_mono_ms(),
	};
	struct box_sink own = {
		.write = on_write,
		.silent = sink && sink->silent ? on_silent : NULL,
		.silence_ms = sink ? sink->silence_ms : 0,
		.arg = &c,
	};

	box_drive_pump(drive, &own, ret_end);
	*ret_answer = NULL;
	if (!ret_end->failed) {
		size_t kept = c.out.len + c.err_out.len;

		if (c.cut > 0)
			strbuf_addf(&c.err_out,
				"%sboxwright: the output was cut after %zu bytes; %llu "
				"more "
				"were dropped (exec-stream has no limit)\n",
				c.err_out.len && c.err_out.data[c.err_out.len - 1] != '\n'
					? "\n"
					: "",
				kept, (unsigned long long)c.cut);
		json_t *answer = json_object();
		json_put(answer, "exit_code", json_integer(ret_end->exit_code));
		json_put(answer, "output", text(&c.out));
		json_put(answer, "error", text(&c.err_out));
		*ret_answer = answer;
	}
	strbuf_release(&c.out);
	strbuf_release(&c.err_out);
}
