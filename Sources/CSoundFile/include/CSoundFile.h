// SPDX-License-Identifier: MIT
//
// libsndfile, found at run time: nothing is needed to build, and a machine without it still reads
// WAV. The declarations are our own and follow the library's documented interface, version 1.

#ifndef CSOUNDFILE_H
#define CSOUNDFILE_H

#include <stdint.h>

/// The library's functions; loaded once and never unloaded.
typedef struct qt_sound_library qt_sound_library;

/// An open file of the library.
typedef struct qt_sound_file qt_sound_file;

/// What a file says about itself.
typedef struct {
  int sample_rate;
  int channels;
  /// Container in bits 16..27, encoding in bits 0..15.
  int format;
} qt_sound_info;

/// Loads a library by its file name; NULL when it is missing or is another library.
qt_sound_library *qt_sound_library_load(const char *name);

/// Opens a file for reading; NULL when the library cannot.
qt_sound_file *qt_sound_open(const qt_sound_library *library, const char *path,
                             qt_sound_info *info);
/// Reads up to `count` frames of interleaved samples; returns how many.
int64_t qt_sound_read(const qt_sound_library *library, qt_sound_file *file, float *samples,
                      int64_t count);
void qt_sound_close(const qt_sound_library *library, qt_sound_file *file);
/// The library's words for a file's last failure, or with NULL for the last failed opening.
const char *qt_sound_error(const qt_sound_library *library, qt_sound_file *file);

#endif
