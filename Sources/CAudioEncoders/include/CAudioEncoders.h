// SPDX-License-Identifier: MIT
//
// LAME, libopus and libFLAC, found at run time: nothing is needed to build, and a machine without
// them still writes WAV, PCM and G.711. The declarations are our own and follow the libraries'
// documented interfaces (lame.h of 3.100, opus.h of 1.3, FLAC/stream_encoder.h of 1.3 and 1.4).
//
// Each library is a table of functions, loaded once and never unloaded, and an encoder is used by
// one thread at a time. Functions that can fail return a negative number, `qt_*_open` NULL.

#ifndef CAUDIOENCODERS_H
#define CAUDIOENCODERS_H

#include <stddef.h>
#include <stdint.h>

// MARK: MPEG layer III

typedef struct qt_lame_library qt_lame_library;
typedef struct qt_lame_encoder qt_lame_encoder;

/// Loads LAME by its file name; NULL when it is missing or is another library.
qt_lame_library *qt_lame_load(const char *name);
/// A mono encoder of constant bit rate, in kbit/s, without a tag frame or bit reservoir, so that
/// each frame can be played by itself. `quality` is 0 (best) to 9 (fastest).
qt_lame_encoder *qt_lame_open(const qt_lame_library *library, int sample_rate, int bit_rate,
                              int quality);
/// Encodes samples; returns the bytes written to `out`, whose capacity must be at least
/// 1.25 · count + 7,200.
int qt_lame_encode(const qt_lame_library *library, qt_lame_encoder *encoder, const int16_t *samples,
                   int count, uint8_t *out, int capacity);
/// Encodes what is left; `capacity` must be at least 7,200.
int qt_lame_flush(const qt_lame_library *library, qt_lame_encoder *encoder, uint8_t *out,
                  int capacity);
void qt_lame_close(const qt_lame_library *library, qt_lame_encoder *encoder);

// MARK: Opus

typedef struct qt_opus_library qt_opus_library;
typedef struct qt_opus_encoder qt_opus_encoder;

/// Loads libopus by its file name; NULL when it is missing or is another library.
qt_opus_library *qt_opus_load(const char *name);
/// A mono encoder for 8, 12, 16, 24 or 48 kHz. `bit_rate` is in bit/s, `complexity` 0 to 10.
/// `lookahead` receives the samples by which decoded sound is late.
qt_opus_encoder *qt_opus_open(const qt_opus_library *library, int sample_rate, int bit_rate,
                              int complexity, int *lookahead);
/// Encodes one packet of `count` samples (20 ms); returns its bytes.
int qt_opus_encode(const qt_opus_library *library, qt_opus_encoder *encoder, const int16_t *samples,
                   int count, uint8_t *out, int capacity);
void qt_opus_close(const qt_opus_library *library, qt_opus_encoder *encoder);

// MARK: FLAC

typedef struct qt_flac_library qt_flac_library;
typedef struct qt_flac_encoder qt_flac_encoder;

/// Loads libFLAC by its file name; NULL when it is missing or is another library.
qt_flac_library *qt_flac_load(const char *name);
/// A 16-bit mono encoder that never seeks: the stream states no length and no checksum.
qt_flac_encoder *qt_flac_open(const qt_flac_library *library, int sample_rate, int level,
                              int block_size);
/// Encodes samples; 0, or negative when encoding failed.
int qt_flac_encode(qt_flac_encoder *encoder, const int16_t *samples, int count);
/// Encodes what is left; 0, or negative.
int qt_flac_finish(qt_flac_encoder *encoder);
/// The bytes made since `qt_flac_clear`.
const uint8_t *qt_flac_bytes(const qt_flac_encoder *encoder, size_t *count);
void qt_flac_clear(qt_flac_encoder *encoder);
void qt_flac_close(qt_flac_encoder *encoder);

#endif
