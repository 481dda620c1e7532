/* SPDX-License-Identifier: MIT */
/* The pipes or the terminal between us and a run. */
#include "boxcore/init/init.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

void ends_close(int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static int make_pipe(struct ends *ends, int i)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	ends->ours[i] = fds[i == 0];
	ends->theirs[i] = fds[i != 0];
	return fcntl(ends->ours[i], F_SETFL, O_NONBLOCK);
}

static int make_pipes(struct ends *ends, bool stdin_open)
{
	if (stdin_open && make_pipe(ends, 0) < 0)
		return -1;
	if (!stdin_open && (ends->theirs[0] = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		return -1;
	return make_pipe(ends, 1) < 0 || make_pipe(ends, 2) < 0 ? -1 : 0;
}

/* One terminal: ours twice, for reading and for writing. */
static int make_terminal(struct ends *ends, bool root, uint16_t rows, uint16_t cols)
{
	struct winsize size = {.ws_row = rows ? rows : 24, .ws_col = cols ? cols : 80};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	char path[64];

	if (master < 0)
		return -1;
	ends->ours[1] = master;
	if (grantpt(master) < 0 || unlockpt(master) < 0 ||
		ptsname_r(master, path, sizeof path) != 0)
		return -1;
	ends->theirs[0] = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ends->ours[0] = fcntl(master, F_DUPFD_CLOEXEC, 0);
	if (ends->theirs[0] < 0 || ends->ours[0] < 0)
		return -1;
	ioctl(master, TIOCSWINSZ, &size);
	return fchown(ends->theirs[0], root ? 0 : 1000, (gid_t)-1);
}

int ends_make(struct ends *ends, uint8_t flags, uint16_t rows, uint16_t cols)
{
	*ends = (struct ends){{-1, -1, -1}, {-1, -1, -1}};
	if (flags & PROTO_RUN_PTY)
		return make_terminal(ends, flags & PROTO_RUN_ROOT, rows, cols);
	return make_pipes(ends, flags & PROTO_RUN_STDIN);
}
