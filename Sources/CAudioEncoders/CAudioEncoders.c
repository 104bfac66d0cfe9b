// SPDX-License-Identifier: MIT

#include "CAudioEncoders.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/// Fills a table of function pointers, in the order of `symbols`; NULL when one is missing.
static void *load(const char *name, const char *const *symbols, size_t count) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return NULL;
  void **table = calloc(count, sizeof *table);
  bool complete = table != NULL;
  for (size_t i = 0; complete && i < count; ++i) {
    table[i] = dlsym(handle, symbols[i]);
    complete = table[i] != NULL;
  }
  if (complete) return table;
  free(table);
  dlclose(handle);
  return NULL;
}

#define SYMBOL_COUNT(symbols) (sizeof(symbols) / sizeof *(symbols))

// MARK: MPEG layer III

struct qt_lame_library {
  qt_lame_encoder *(*init)(void);
  int (*set_in_samplerate)(qt_lame_encoder *, int);
  int (*set_out_samplerate)(qt_lame_encoder *, int);
  int (*set_num_channels)(qt_lame_encoder *, int);
  int (*set_mode)(qt_lame_encoder *, int);
  int (*set_VBR)(qt_lame_encoder *, int);
  int (*set_brate)(qt_lame_encoder *, int);
  int (*set_quality)(qt_lame_encoder *, int);
  int (*set_disable_reservoir)(qt_lame_encoder *, int);
  int (*set_bWriteVbrTag)(qt_lame_encoder *, int);
  int (*init_params)(qt_lame_encoder *);
  int (*encode_buffer)(qt_lame_encoder *, const short *, const short *, int, unsigned char *, int);
  int (*encode_flush)(qt_lame_encoder *, unsigned char *, int);
  int (*close)(qt_lame_encoder *);
};

static const char *const lame_symbols[] = {
  "lame_init", "lame_set_in_samplerate", "lame_set_out_samplerate", "lame_set_num_channels",
  "lame_set_mode", "lame_set_VBR", "lame_set_brate", "lame_set_quality",
  "lame_set_disable_reservoir", "lame_set_bWriteVbrTag", "lame_init_params", "lame_encode_buffer",
  "lame_encode_flush", "lame_close",
};
_Static_assert(sizeof(qt_lame_library) == sizeof lame_symbols, "a symbol for each function");

/// MPEG_mode MONO and vbr_mode vbr_off of lame.h.
enum { LAME_MONO = 3, LAME_VBR_OFF = 0 };

qt_lame_library *qt_lame_load(const char *name) {
  return load(name, lame_symbols, SYMBOL_COUNT(lame_symbols));
}

qt_lame_encoder *qt_lame_open(const qt_lame_library *library, int sample_rate, int bit_rate,
                              int quality) {
  qt_lame_encoder *encoder = library->init();
  if (!encoder) return NULL;
  library->set_in_samplerate(encoder, sample_rate);
  library->set_out_samplerate(encoder, sample_rate);
  library->set_num_channels(encoder, 1);
  library->set_mode(encoder, LAME_MONO);
  library->set_VBR(encoder, LAME_VBR_OFF);
  library->set_brate(encoder, bit_rate);
  library->set_quality(encoder, quality);
  library->set_disable_reservoir(encoder, 1);
  library->set_bWriteVbrTag(encoder, 0);
  if (library->init_params(encoder) >= 0) return encoder;
  library->close(encoder);
  return NULL;
}

int qt_lame_encode(const qt_lame_library *library, qt_lame_encoder *encoder, const int16_t *samples,
                   int count, uint8_t *out, int capacity) {
  return library->encode_buffer(encoder, samples, NULL, count, out, capacity);
}

int qt_lame_flush(const qt_lame_library *library, qt_lame_encoder *encoder, uint8_t *out,
                  int capacity) {
  return library->encode_flush(encoder, out, capacity);
}

void qt_lame_close(const qt_lame_library *library, qt_lame_encoder *encoder) {
  library->close(encoder);
}

// MARK: Opus

struct qt_opus_library {
  qt_opus_encoder *(*create)(int32_t rate, int channels, int application, int *error);
  int32_t (*encode)(qt_opus_encoder *, const int16_t *, int, unsigned char *, int32_t);
  int (*ctl)(qt_opus_encoder *, int request, ...);
  void (*destroy)(qt_opus_encoder *);
};

static const char *const opus_symbols[] = {
  "opus_encoder_create", "opus_encode", "opus_encoder_ctl", "opus_encoder_destroy",
};
_Static_assert(sizeof(qt_opus_library) == sizeof opus_symbols, "a symbol for each function");

/// Constants of opus_defines.h.
enum {
  OPUS_APPLICATION_AUDIO = 2049,
  OPUS_SET_BITRATE = 4002,
  OPUS_SET_COMPLEXITY = 4010,
  OPUS_GET_LOOKAHEAD = 4027,
};

qt_opus_library *qt_opus_load(const char *name) {
  return load(name, opus_symbols, SYMBOL_COUNT(opus_symbols));
}

qt_opus_encoder *qt_opus_open(const qt_opus_library *library, int sample_rate, int bit_rate,
                              int complexity, int *lookahead) {
  int error = 0;
  qt_opus_encoder *encoder = library->create(sample_rate, 1, OPUS_APPLICATION_AUDIO, &error);
  if (!encoder || error != 0) return NULL;
  int32_t late = 0;
  if (library->ctl(encoder, OPUS_SET_BITRATE, (int32_t)bit_rate) == 0 &&
      library->ctl(encoder, OPUS_SET_COMPLEXITY, (int32_t)complexity) == 0 &&
      library->ctl(encoder, OPUS_GET_LOOKAHEAD, &late) == 0) {
    *lookahead = late;
    return encoder;
  }
  library->destroy(encoder);
  return NULL;
}

int qt_opus_encode(const qt_opus_library *library, qt_opus_encoder *encoder, const int16_t *samples,
                   int count, uint8_t *out, int capacity) {
  return library->encode(encoder, samples, count, out, capacity);
}

void qt_opus_close(const qt_opus_library *library, qt_opus_encoder *encoder) {
  library->destroy(encoder);
}

// MARK: FLAC

/// FLAC__StreamEncoder of FLAC/stream_encoder.h.
typedef struct flac_stream_encoder flac_stream_encoder;

typedef int (*flac_write)(const flac_stream_encoder *, const uint8_t bytes[], size_t count,
                          uint32_t samples, uint32_t frame, void *client);

struct qt_flac_library {
  flac_stream_encoder *(*create)(void);
  int (*set_channels)(flac_stream_encoder *, uint32_t);
  int (*set_bits_per_sample)(flac_stream_encoder *, uint32_t);
  int (*set_sample_rate)(flac_stream_encoder *, uint32_t);
  int (*set_compression_level)(flac_stream_encoder *, uint32_t);
  int (*set_blocksize)(flac_stream_encoder *, uint32_t);
  int (*set_streamable_subset)(flac_stream_encoder *, int);
  int (*init_stream)(flac_stream_encoder *, flac_write, void *seek, void *tell, void *metadata,
                     void *client);
  int (*process_interleaved)(flac_stream_encoder *, const int32_t *, uint32_t);
  int (*finish)(flac_stream_encoder *);
  void (*destroy)(flac_stream_encoder *);
};

static const char *const flac_symbols[] = {
  "FLAC__stream_encoder_new",
  "FLAC__stream_encoder_set_channels",
  "FLAC__stream_encoder_set_bits_per_sample",
  "FLAC__stream_encoder_set_sample_rate",
  "FLAC__stream_encoder_set_compression_level",
  "FLAC__stream_encoder_set_blocksize",
  "FLAC__stream_encoder_set_streamable_subset",
  "FLAC__stream_encoder_init_stream",
  "FLAC__stream_encoder_process_interleaved",
  "FLAC__stream_encoder_finish",
  "FLAC__stream_encoder_delete",
};
_Static_assert(sizeof(qt_flac_library) == sizeof flac_symbols, "a symbol for each function");

struct qt_flac_encoder {
  const qt_flac_library *library;
  flac_stream_encoder *stream;
  /// What the library has written since `qt_flac_clear`.
  uint8_t *bytes;
  size_t count, capacity;
};

qt_flac_library *qt_flac_load(const char *name) {
  return load(name, flac_symbols, SYMBOL_COUNT(flac_symbols));
}

/// FLAC__STREAM_ENCODER_WRITE_STATUS_OK and _FATAL_ERROR.
enum { FLAC_WRITTEN = 0, FLAC_NOT_WRITTEN = 1 };

static int keep(const flac_stream_encoder *stream, const uint8_t bytes[], size_t count,
                uint32_t samples, uint32_t frame, void *client) {
  (void)stream, (void)samples, (void)frame;
  qt_flac_encoder *encoder = client;
  if (encoder->count + count > encoder->capacity) {
    size_t capacity = 2 * (encoder->count + count);
    uint8_t *larger = realloc(encoder->bytes, capacity);
    if (!larger) return FLAC_NOT_WRITTEN;
    encoder->bytes = larger;
    encoder->capacity = capacity;
  }
  memcpy(encoder->bytes + encoder->count, bytes, count);
  encoder->count += count;
  return FLAC_WRITTEN;
}

qt_flac_encoder *qt_flac_open(const qt_flac_library *library, int sample_rate, int level,
                              int block_size) {
  qt_flac_encoder *encoder = calloc(1, sizeof *encoder);
  if (!encoder) return NULL;
  encoder->library = library;
  flac_stream_encoder *stream = encoder->stream = library->create();
  if (stream && library->set_channels(stream, 1) && library->set_bits_per_sample(stream, 16) &&
      library->set_sample_rate(stream, (uint32_t)sample_rate) &&
      library->set_compression_level(stream, (uint32_t)level) &&
      library->set_blocksize(stream, (uint32_t)block_size) &&
      library->set_streamable_subset(stream, 1) &&
      library->init_stream(stream, keep, NULL, NULL, NULL, encoder) == 0) {
    return encoder;
  }
  qt_flac_close(encoder);
  return NULL;
}

int qt_flac_encode(qt_flac_encoder *encoder, const int16_t *samples, int count) {
  int32_t wide[1024];
  for (int start = 0; start < count; start += 1024) {
    int length = count - start < 1024 ? count - start : 1024;
    for (int i = 0; i < length; ++i) wide[i] = samples[start + i];
    if (!encoder->library->process_interleaved(encoder->stream, wide, (uint32_t)length)) return -1;
  }
  return 0;
}

int qt_flac_finish(qt_flac_encoder *encoder) {
  return encoder->library->finish(encoder->stream) ? 0 : -1;
}

const uint8_t *qt_flac_bytes(const qt_flac_encoder *encoder, size_t *count) {
  *count = encoder->count;
  return encoder->bytes;
}

void qt_flac_clear(qt_flac_encoder *encoder) { encoder->count = 0; }

void qt_flac_close(qt_flac_encoder *encoder) {
  if (encoder->stream) encoder->library->destroy(encoder->stream);
  free(encoder->bytes);
  free(encoder);
}
