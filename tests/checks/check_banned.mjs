// SPDX-License-Identifier: MIT
// Calls that the house has something better for.  The way out is a comment on the same or
// the line before: /* allowed: <reason> */
import { code, fault, files, finish, read } from './lib.mjs';

// name -> [instead, files that are its home]
const banned = {
	strcpy: ['str_copy() or a strbuf'], strcat: ['a strbuf'], stpcpy: ['a strbuf'], strncpy: ['str_copy()'], strncat: ['a strbuf'],
	sprintf: ['snprintf() or strbuf_addf()'], vsprintf: ['strbuf_vaddf()'], gets: ['read()'], scanf: ['str_to_i64()'],
	sscanf: ['str_to_i64() and friends', 'boxcore/init/'], atoi: ['str_to_i64()'], atol: ['str_to_i64()'], atoll: ['str_to_i64()'], atof: ['str_to_double()'],
	strtol: ['str_to_i64()', 'boxcore/init/'], strtoul: ['str_to_u64()', 'boxcore/init/'], strtok: ['strtok_r()'],
	system: ['argv and posix_spawn()'], popen: ['argv and posix_spawn()'], execlp: ['execve() with a full path'], execvp: ['execve() with a full path', 'boxcore/init/'],
	alloca: ['mem_alloc()'], tmpnam: ['mkostemp()'], mktemp: ['mkostemp()'], tempnam: ['mkostemp()'],
	malloc: ['mem_alloc()', 'boxcore/base/mem.c', 'boxcore/init/'], calloc: ['mem_zalloc() or mem_array()', 'boxcore/base/mem.c', 'boxcore/init/'],
	realloc: ['mem_grow()', 'boxcore/base/mem.c', 'boxcore/init/'], strdup: ['mem_strdup()', 'boxcore/init/'], strndup: ['mem_strndup()', 'boxcore/init/'], asprintf: ['mem_printf()'],
	time: ['clock_wall_s()', 'boxcore/base/clock.c'], gettimeofday: ['clock_wall_ms()', 'boxcore/base/clock.c'],
	clock_gettime: ['clock_mono_ms()', 'boxcore/base/clock.c', 'boxcore/base/thread.c', 'boxcore/init/'],
	localtime: ['gmtime_r()'], gmtime: ['gmtime_r()'], ctime: ['clock_iso()'], asctime: ['clock_iso()'],
	sleep: ['cancel_sleep()'], usleep: ['cancel_sleep()'], nanosleep: ['cancel_sleep()', 'boxcore/init/'], select: ['cancel_poll()'],
	rand: ['crypto_random()'], srand: ['crypto_random()'], random: ['crypto_random()'],
	memcmp_secret: ['crypto_equal()'], setenv: ['configuration'], putenv: ['configuration'],
	getenv: ['service/config', 'boxcore/engine/engine.c', 'boxcore/base/log.c', 'service/config/', 'service/cli/', 'boxcore/init/', 'service/main.c'],
	pthread_create: ['thread_start()', 'boxcore/base/thread.c'],
	pthread_mutex_lock: ['lock_take()', 'boxcore/base/thread.c'], pthread_cond_wait: ['cond_wait()', 'boxcore/base/thread.c'],
	setlocale: ['nothing: the C locale'], fork: ['posix_spawn()', 'boxcore/init/'], vfork: ['posix_spawn()', 'boxcore/init/'],
};
const inLibraries = { // return an error instead of talking
	printf: 1, puts: 1, putchar: 1, perror: 1, vprintf: 1, fprintf: 1, fputs: 1,
	log_info: 1, log_warn: 1, log_error: 1, exit: 1,
};
const libraries = /^(boxcore|webhooks|prompts|service\/(store|github|repo))\//;
const libraryHomes = /^boxcore\/(init\/|base\/log\.[ch])/;
const names = new RegExp(`(?<![\\w.>])(${[...Object.keys(banned), ...Object.keys(inLibraries)].join('|')})\\s*\\(`, 'g');

for (const file of files(/^(boxcore|service|webhooks|prompts)\/.*\.[ch]$/)) {
	const raw = read(file).split('\n');
	code(read(file)).split('\n').forEach((line, i) => {
		for (const m of line.matchAll(names)) {
			const name = m[1];
			if (/^(#|\s*\*)/.test(raw[i]) && !raw[i].includes(name + '(')) continue;
			if (/\b(int|void|char \*|bool|double)\s*$/.test(line.slice(0, m.index))) continue; // a declaration
			if (/^strto/.test(name) && /, (8|16)\)/.test(line)) continue; // str_to_u64() is decimal
			const excused = [raw[i - 1] ?? '', raw[i]].some(l => /\/\* allowed: \S.*/.test(l));
			if (excused) continue;
			if (name in banned) {
				const [instead, ...home] = banned[name];
				if (!home.some(h => file.startsWith(h))) fault(`${file}:${i + 1}`, `${name}(): use ${instead}`);
			} else if (libraries.test(file) && !libraryHomes.test(file)) {
				fault(`${file}:${i + 1}`, `${name}() in a library: return an error`);
			}
		}
		if (/\(\s*(log_\w+|err_set|err_wrap|snprintf|strbuf_addf|mem_printf)\s*\(\s*\w+\s*\)/.test(line)) fault(`${file}:${i + 1}`, 'a format that is data');
		if (/\bchar\s+\w+\[(\d{6,})\]/.test(line)) fault(`${file}:${i + 1}`, 'a buffer of this size does not belong on the stack');
	});
}
finish('banned calls');
