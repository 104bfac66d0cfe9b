// SPDX-License-Identifier: Apache-2.0
// Stands between flite's statistical voices and their vocoder.
//
// flite calls `mlsa_resynthesis` through the dynamic linker, so a library loaded before it may answer
// instead. This one keeps a copy of the parameter track (F0 in Hz, then mel-cepstrum, every 5 ms; and
// the voicing strengths of five bands, if the voice has them) and then either runs the real vocoder or
// returns an empty wave. The vocoder is most of flite's time, and training the talker needs only the
// parameters. Structures: flite/include/cst_track.h.
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *type;
  int frameCount, channelCount;
  float *times;
  float **frames;
} Track;

typedef void *(*Vocoder)(const Track *, const Track *, void *, void *, int);

static Vocoder vocoder;          // flite's own, or NULL: parameters only
static void *(*emptyWave)(void); // flite's new_wave
static const Track *replacement; // vocoded in place of flite's own parameters, if set
static Track kept[2];            // flat copies: frames[0] is the whole block

void tap_configure(Vocoder own, void *(*newWave)(void)) {
  vocoder = own;
  emptyWave = newWave;
}

void tap_replace(const Track *track) { replacement = track; }

static void keep(Track *to, const Track *from) {
  size_t row = from ? from->channelCount : 0, count = from ? from->frameCount : 0;
  if (!to->frames) to->frames = calloc(1, sizeof(float *));
  to->frames[0] = realloc(to->frames[0], (row * count + 1) * sizeof(float));
  to->frameCount = count;
  to->channelCount = row;
  for (size_t i = 0; i < count; i++)
    memcpy(to->frames[0] + i * row, from->frames[i], row * sizeof(float));
}

int tap_frames(int which) { return kept[which].frameCount; }
int tap_channels(int which) { return kept[which].channelCount; }
const float *tap_data(int which) { return kept[which].frames[0]; }

void *mlsa_resynthesis(const Track *params, const Track *strengths, void *db, void *stream, int speed) {
  keep(&kept[0], params);
  keep(&kept[1], strengths);
  if (!vocoder) return emptyWave();
  return vocoder(replacement ? replacement : params, strengths, db, stream, speed);
}
