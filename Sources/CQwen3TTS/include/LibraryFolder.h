// SPDX-License-Identifier: MIT
#pragma once

/// The file that this code was loaded from; a NULL pointer where the system does not know.
const char *qwen3tts_library_file(void);
