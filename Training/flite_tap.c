// SPDX-License-Identifier: Apache-2.0
// Stands between flite's statistical voices and their vocoder.
//
// flite calls `mlsa_resynthesis` through the dynamic linker, so a library loaded before it may answer
// instead. This one keeps a copy of the parameter track (F0 in Hz, then mel-cepstrum, every 5 ms; and
// the voicing strengths of five bands, if the voice has them) and then either runs the real vocoder or
// returns an empty wave. The vocoder is most of flite's time, and training the talker needs only the
// parameters. Another track may be put in the place of flite's own (the same speech at another pace).
// Structures: flite/include/cst_track.h.
#define _GNU_SOURCE // RTLD_DEFAULT
#include <dlfcn.h>
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
static Track kept[2];            // flat copies: frames[0] is the whole block
static Track replaced[2];        // vocoded in place of flite's own, if there are any frames

void tap_configure(Vocoder own, void *(*newWave)(void)) {
  vocoder = own;
  emptyWave = newWave;
}

/// Vocode these rows, 5 ms each, from now on; no rows: flite's own again. `rows` must live until then.
void tap_replace(int which, float *rows, int count, int channels) {
  Track *t = &replaced[which];
  t->frameCount = count;
  t->channelCount = channels;
  t->frames = realloc(t->frames, (count + 1) * sizeof(float *));
  t->times = realloc(t->times, (count + 1) * sizeof(float));
  for (int i = 0; i < count; i++) {
    t->frames[i] = rows + (size_t)i * channels;
    t->times[i] = (i + 1) * 0.005f;
  }
}

/// The phones of an utterance, at most `most`: where each ends, in seconds, and its name, at most 7 letters.
int tap_phones(void *utterance, float *ends, char *names, int most) {
  void *(*relation)(void *, const char *) = dlsym(RTLD_DEFAULT, "utt_relation");
  void *(*head)(void *) = dlsym(RTLD_DEFAULT, "relation_head");
  void *(*next)(void *) = dlsym(RTLD_DEFAULT, "item_next");
  float (*number)(void *, const char *) = dlsym(RTLD_DEFAULT, "item_feat_float");
  const char *(*string)(void *, const char *) = dlsym(RTLD_DEFAULT, "item_feat_string");
  int n = 0;
  for (void *i = head(relation(utterance, "Segment")); i && n < most; i = next(i), n++) {
    ends[n] = number(i, "end");
    strncpy(names + 8 * n, string(i, "name"), 7);
  }
  return n;
}

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
  if (replaced[0].frameCount) return vocoder(&replaced[0], strengths ? &replaced[1] : NULL, db, stream, speed);
  return vocoder(params, strengths, db, stream, speed);
}
