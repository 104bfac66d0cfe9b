// SPDX-License-Identifier: MIT
//
// The few functions of libcurl that a download needs, found at run time: the package builds without
// libcurl, and a machine without it can do all the rest.

#ifndef CCURL_H
#define CCURL_H

#include <stdbool.h>
#include <stddef.h>

/// The functions of a loaded library.
typedef struct qt_curl_library qt_curl_library;
/// Connections that are kept from one request to the next. For one thread at a time.
typedef struct qt_curl_session qt_curl_session;

/// Answers of a callback: `false` ends the transfer.
typedef bool (*qt_curl_bytes)(void *context, const char *bytes, size_t count);
typedef bool (*qt_curl_wish)(void *context);

typedef struct {
  const char *url;
  const char *user_agent;
  /// Lines `Name: value`.
  const char *const *headers;
  size_t header_count;
  /// Asks for the head of the answer alone.
  bool head_only;
  long connect_seconds;
  /// The transfer fails when fewer bytes than `low_speed_bytes` come a second, for
  /// `low_speed_seconds`.
  long low_speed_bytes, low_speed_seconds;
  /// Given to the callbacks.
  void *context;
  /// Takes a line of the head, status line included.
  qt_curl_bytes take_header;
  qt_curl_bytes take_body;
  /// Asked about once a second, and more often while bytes come.
  qt_curl_wish wants_more;
} qt_curl_request;

typedef struct {
  /// libcurl's own number of the failure; 0 for none. A status such as 404 is no failure.
  int code;
  char message[256];
} qt_curl_result;

/// Loads a library by its file name; NULL when it is missing or is another library.
qt_curl_library *qt_curl_library_load(const char *name);
/// `libcurl/8.5.0 OpenSSL/3.0.13 …`
const char *qt_curl_version(const qt_curl_library *library);

/// NULL when memory is short.
qt_curl_session *qt_curl_session_new(const qt_curl_library *library);
void qt_curl_session_free(qt_curl_session *session);

/// Sends a GET or HEAD over http or https and waits for the end of the answer. Redirects are not
/// followed, and certificates are checked.
qt_curl_result qt_curl_send(qt_curl_session *session, const qt_curl_request *request);

#endif
