// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <dlfcn.h>

#include "LibraryFolder.h"
#include "qwen3tts.h"

// What callers in other languages have laid out by hand.
_Static_assert(sizeof(qwen3tts_error) == 1024, "the layout is part of the interface");
_Static_assert(sizeof(qwen3tts_open_options) == 24, "the layout is part of the interface");
_Static_assert(sizeof(qwen3tts_options) == 104, "the layout is part of the interface");
_Static_assert(sizeof(qwen3tts_summary) == 56, "the layout is part of the interface");

const char *qwen3tts_library_file(void) {
  Dl_info info;
  return dladdr((const void *)qwen3tts_library_file, &info) == 0 ? 0 : info.dli_fname;
}
