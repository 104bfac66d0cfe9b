// SPDX-License-Identifier: MIT

#include "CSoundFile.h"

#include <dlfcn.h>
#include <stdlib.h>

/// SF_INFO of sndfile.h.
typedef struct {
  int64_t frames;
  int samplerate, channels, format, sections, seekable;
} sf_info;

enum { SFM_READ = 0x10 };

struct qt_sound_library {
  qt_sound_file *(*open)(const char *path, int mode, sf_info *info);
  int64_t (*readf_float)(qt_sound_file *file, float *samples, int64_t frames);
  int (*close)(qt_sound_file *file);
  const char *(*strerror)(qt_sound_file *file);
};

qt_sound_library *qt_sound_library_load(const char *name) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return NULL;
  qt_sound_library *library = calloc(1, sizeof *library);
  if (!library) return NULL;
  *(void **)&library->open = dlsym(handle, "sf_open");
  *(void **)&library->readf_float = dlsym(handle, "sf_readf_float");
  *(void **)&library->close = dlsym(handle, "sf_close");
  *(void **)&library->strerror = dlsym(handle, "sf_strerror");
  if (library->open && library->readf_float && library->close && library->strerror) return library;
  free(library);
  dlclose(handle);
  return NULL;
}

qt_sound_file *qt_sound_open(const qt_sound_library *library, const char *path,
                             qt_sound_info *info) {
  sf_info details = {0};
  qt_sound_file *file = library->open(path, SFM_READ, &details);
  *info = (qt_sound_info){details.samplerate, details.channels, details.format};
  return file;
}

int64_t qt_sound_read(const qt_sound_library *library, qt_sound_file *file, float *samples,
                      int64_t count) {
  return library->readf_float(file, samples, count);
}

void qt_sound_close(const qt_sound_library *library, qt_sound_file *file) { library->close(file); }

const char *qt_sound_error(const qt_sound_library *library, qt_sound_file *file) {
  return library->strerror(file);
}
