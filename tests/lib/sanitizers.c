/* SPDX-License-Identifier: MIT */
/* What the sanitizers must know of libraries that are not ours; linked into every program
 * of the variants asan and tsan, since git children get no environment. */

const char *__lsan_default_suppressions(void);
const char *__tsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	/* libgit2 1.5 keeps the match data of libpcre2 for each pattern that it compiles
	 * while it reads a configuration; it ends with the child. */
	return "leak:libpcre2-8.so\n";
}

const char *__tsan_default_suppressions(void)
{
	return ""; /* none needed: nothing of the libraries was reported */
}
