// SPDX-License-Identifier: MIT

#include "CCurl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void CURL;
struct curl_slist;

/// Numbers of curl.h, which are part of the library's binary interface.
enum {
  CURLE_OUT_OF_MEMORY = 27,
  CURL_GLOBAL_DEFAULT = 3,
  CURLOPT_LOW_SPEED_LIMIT = 19,
  CURLOPT_LOW_SPEED_TIME = 20,
  CURLOPT_NOPROGRESS = 43,
  CURLOPT_NOBODY = 44,
  CURLOPT_CONNECTTIMEOUT = 78,
  CURLOPT_BUFFERSIZE = 98,
  CURLOPT_NOSIGNAL = 99,
  CURLOPT_PROTOCOLS = 181,
  CURLOPT_TCP_KEEPALIVE = 213,
  CURLOPT_SUPPRESS_CONNECT_HEADERS = 265,
  CURLOPT_WRITEDATA = 10001,
  CURLOPT_URL = 10002,
  CURLOPT_ERRORBUFFER = 10010,
  CURLOPT_USERAGENT = 10018,
  CURLOPT_HTTPHEADER = 10023,
  CURLOPT_HEADERDATA = 10029,
  CURLOPT_XFERINFODATA = 10057,
  CURLOPT_WRITEFUNCTION = 20011,
  CURLOPT_HEADERFUNCTION = 20079,
  CURLOPT_XFERINFOFUNCTION = 20219,
  CURLPROTO_HTTP_AND_HTTPS = 3,
};

struct qt_curl_library {
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *);
  void (*easy_reset)(CURL *);
  int (*easy_setopt)(CURL *, int, ...);
  int (*easy_perform)(CURL *);
  const char *(*easy_strerror)(int);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
  char *(*version)(void);
};

struct qt_curl_session {
  const qt_curl_library *library;
  CURL *handle;
};

qt_curl_library *qt_curl_library_load(const char *name) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return NULL;
  qt_curl_library *library = calloc(1, sizeof *library);
  if (!library) return NULL;
  int (*global_init)(long) = NULL;
  *(void **)&global_init = dlsym(handle, "curl_global_init");
  *(void **)&library->easy_init = dlsym(handle, "curl_easy_init");
  *(void **)&library->easy_cleanup = dlsym(handle, "curl_easy_cleanup");
  *(void **)&library->easy_reset = dlsym(handle, "curl_easy_reset");
  *(void **)&library->easy_setopt = dlsym(handle, "curl_easy_setopt");
  *(void **)&library->easy_perform = dlsym(handle, "curl_easy_perform");
  *(void **)&library->easy_strerror = dlsym(handle, "curl_easy_strerror");
  *(void **)&library->slist_append = dlsym(handle, "curl_slist_append");
  *(void **)&library->slist_free_all = dlsym(handle, "curl_slist_free_all");
  *(void **)&library->version = dlsym(handle, "curl_version");
  if (global_init && library->easy_init && library->easy_cleanup && library->easy_reset &&
      library->easy_setopt && library->easy_perform && library->easy_strerror &&
      library->slist_append && library->slist_free_all && library->version &&
      global_init(CURL_GLOBAL_DEFAULT) == 0)
    return library;
  free(library);
  dlclose(handle);
  return NULL;
}

const char *qt_curl_version(const qt_curl_library *library) { return library->version(); }

qt_curl_session *qt_curl_session_new(const qt_curl_library *library) {
  qt_curl_session *session = calloc(1, sizeof *session);
  if (!session) return NULL;
  session->library = library;
  session->handle = library->easy_init();
  if (session->handle) return session;
  free(session);
  return NULL;
}

void qt_curl_session_free(qt_curl_session *session) {
  session->library->easy_cleanup(session->handle);
  free(session);
}

// libcurl's callbacks answer with numbers of its own; anything but the count ends the transfer.

static size_t on_header(char *bytes, size_t size, size_t count, void *data) {
  const qt_curl_request *request = data;
  return request->take_header(request->context, bytes, size * count) ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data) {
  const qt_curl_request *request = data;
  // Zero bytes are no end: 0 is then the count that libcurl expects.
  if (size * count == 0) return 0;
  return request->take_body(request->context, bytes, size * count) ? size * count : 0;
}

static int on_progress(void *data, long long a, long long b, long long c, long long d) {
  (void)a, (void)b, (void)c, (void)d;
  const qt_curl_request *request = data;
  return request->wants_more(request->context) ? 0 : 1;
}

qt_curl_result qt_curl_send(qt_curl_session *session, const qt_curl_request *request) {
  const qt_curl_library *curl = session->library;
  CURL *handle = session->handle;
  qt_curl_result result = {0};
  struct curl_slist *headers = NULL;
  for (size_t i = 0; i < request->header_count; i++) {
    struct curl_slist *longer = curl->slist_append(headers, request->headers[i]);
    if (!longer) {
      curl->slist_free_all(headers);
      result.code = CURLE_OUT_OF_MEMORY;
      return result;
    }
    headers = longer;
  }
  // A reset forgets options and keeps connections.
  curl->easy_reset(handle);
  curl->easy_setopt(handle, CURLOPT_ERRORBUFFER, result.message);
  int code = curl->easy_setopt(handle, CURLOPT_URL, request->url);
  // Without it, a name that takes long to resolve is aborted by a signal.
  curl->easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl->easy_setopt(handle, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTP_AND_HTTPS);
  curl->easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl->easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl->easy_setopt(handle, CURLOPT_BUFFERSIZE, 1L << 18);
  curl->easy_setopt(handle, CURLOPT_USERAGENT, request->user_agent);
  curl->easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl->easy_setopt(handle, CURLOPT_NOBODY, (long)request->head_only);
  curl->easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, request->connect_seconds);
  curl->easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, request->low_speed_bytes);
  curl->easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, request->low_speed_seconds);
  curl->easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl->easy_setopt(handle, CURLOPT_HEADERDATA, (void *)request);
  curl->easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl->easy_setopt(handle, CURLOPT_WRITEDATA, (void *)request);
  curl->easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl->easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl->easy_setopt(handle, CURLOPT_XFERINFODATA, (void *)request);
  if (code == 0) code = curl->easy_perform(handle);
  // The buffer and the request live no longer than this call.
  curl->easy_reset(handle);
  curl->slist_free_all(headers);
  result.code = code;
  if (code && !result.message[0])
    snprintf(result.message, sizeof result.message, "%s", curl->easy_strerror(code));
  return result;
}
