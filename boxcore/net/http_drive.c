/* SPDX-License-Identifier: MIT */
/* Waiting for a transfer: for its end, for a cancel from any thread, or for silence. */
#include "boxcore/net/http-internal.h"

#include "boxcore/base/clock.h"

static void wake(void *multi)
{
	curl_multi_wakeup(multi);
}

static int check_silence(const int64_t *last_ms, int64_t silence_ms, struct err *err)
{
	if (last_ms && silence_ms >= 0 && clock_mono_ms() - *last_ms >= silence_ms)
		return err_set(err, ERR_TRANSIENT, "no byte came or went for %lld ms",
			(long long)silence_ms);
	return 0;
}

static int64_t longest_wait(
	const int64_t *last_ms, int64_t silence_ms, struct cancel *cancel)
{
	int64_t most = 3600000;

	if (last_ms && silence_ms >= 0) {
		int64_t left = *last_ms + silence_ms - clock_mono_ms();
		most = left < 0 ? 0 : left < most ? left : most;
	}
	return cancel_remaining_ms(cancel, most);
}

static int drive(CURLM *multi, const int64_t *last_ms, int64_t silence_ms,
	struct cancel *cancel, struct err *err)
{
	int running = 1;

	while (running) {
		CURLMcode code = curl_multi_perform(multi, &running);
		if (code != CURLM_OK)
			return err_set(err, ERR_INTERNAL, "libcurl: %s",
				curl_multi_strerror(code));
		if (!running)
			break;
		if (cancel_check(cancel, err) < 0 ||
			check_silence(last_ms, silence_ms, err) < 0)
			return -1;
		int64_t wait = longest_wait(last_ms, silence_ms, cancel);
		curl_multi_poll(multi, NULL, 0, (int)wait, NULL);
	}
	return 0;
}

int http_drive(CURLM *multi, const int64_t *last_ms, int64_t silence_ms,
	CURLcode *ret_code, struct cancel *cancel, struct err *err)
{
	struct cancel_watch watch;
	int left = 0;

	if (cancel_check(cancel, err) < 0)
		return -1;
	cancel_watch(cancel, &watch, wake, multi);
	int rc = drive(
		multi, last_ms, silence_ms ? silence_ms : HTTP_SILENCE_MS, cancel, err);
	cancel_unwatch(&watch);
	if (rc < 0)
		return -1;
	for (CURLMsg *msg; (msg = curl_multi_info_read(multi, &left)) != NULL;) {
		if (msg->msg == CURLMSG_DONE) {
			*ret_code = msg->data.result;
			return 0;
		}
	}
	return err_set(err, ERR_INTERNAL, "libcurl lost a transfer");
}
