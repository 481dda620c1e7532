/* SPDX-License-Identifier: MIT */
/* What handlers see of a request; see request.h. */
#include "service/http/internal.h"

#include "boxcore/base/str.h"

#include <string.h>

const struct http_app *request_app(const struct request *request)
{
	return request->server->app;
}

struct server *request_server(const struct request *request)
{
	return request->server;
}

struct cancel *request_cancel(const struct request *request)
{
	return request->server->cancel;
}

const struct box_caller *request_caller(const struct request *request)
{
	return &request->caller;
}

const char *request_pattern(const struct request *request)
{
	return request->found.route->pattern;
}

size_t request_param_count(const struct request *request)
{
	return request->found.param_count;
}

const char *request_tail(const struct request *request)
{
	return request->tail;
}

const char *request_boundary(const struct request *request)
{
	return request->boundary;
}

const char *request_method(const struct request *request)
{
	return request->method;
}

const char *request_param(const struct request *request, size_t n)
{
	if (n >= request->found.param_count)
		abort(); /* the route's pattern has no such part */
	return request->found.params[n];
}

int request_param_id(
	const struct request *request, size_t n, int64_t *ret, struct err *err)
{
	if (!str_to_i64(request_param(request, n), 1, INT64_MAX, ret))
		return err_set(err, ERR_NOT_FOUND,
			"There is no \"%.40s\": ids are numbers",
			request_param(request, n));
	return 0;
}

const char *request_query(const struct request *request, const char *name)
{
	return target_query(&request->target, name);
}

int request_query_int(const struct request *request, const char *name, int64_t min,
	int64_t max, int64_t fallback, int64_t *ret, struct err *err)
{
	const char *text = request_query(request, name);

	if (!text)
		*ret = fallback;
	else if (!str_to_i64(text, min, max, ret))
		return err_set(err, ERR_INPUT,
			"`%s` must be a number between %lld and %lld", name,
			(long long)min, (long long)max);
	return 0;
}

json_t *request_query_json(const struct request *request)
{
	json_t *all = json_object();

	for (size_t i = 0; i < request->target.query_count; i++)
		json_put(all, request->target.queries[i].name,
			json_str(request->target.queries[i].value));
	return all;
}

const char *request_header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *request_body(const struct request *request, size_t *ret_len)
{
	*ret_len = request->body.len;
	return strbuf_str(&request->body);
}

json_t *request_json(const struct request *request, struct err *err)
{
	CLEANUP(json) json_t *json = NULL;

	if (request->body.len == 0)
		return json_object();
	json = json_parse_strict(strbuf_str(&request->body), request->body.len, err);
	if (!json)
		return NULL;
	if (!json_is_object(json)) {
		err_set(err, ERR_INPUT, "The body must be a JSON object");
		return NULL;
	}
	return TAKE(json);
}

json_t *request_json_take(struct request *request, struct err *err)
{
	json_t *json = request_json(request, err);

	strbuf_release(&request->body);
	return json;
}
