// SPDX-License-Identifier: MIT
//
// Speaks by the C interface: all functions, what they refuse, and many threads.

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qwen3tts.h"

#define EXPECT(condition)                                                        \
  do {                                                                           \
    if (!(condition)) {                                                          \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);   \
      exit(1);                                                                   \
    }                                                                            \
  } while (0)

typedef struct {
  size_t chunks, samples, limit;
} heard;

static int32_t hear(void *context, const float *samples, size_t count) {
  heard *all = context;
  for (size_t i = 0; i < count; i++) EXPECT(samples[i] >= -1 && samples[i] <= 1);
  all->chunks += 1;
  all->samples += count;
  return all->limit != 0 && all->samples >= all->limit;
}

static void *speak(void *synthesizer) {
  for (uint64_t seed = 0; seed < 5; seed++) {
    qwen3tts_options options = {.size = sizeof options, .has_seed = 1, .seed = seed};
    heard all = {0};
    EXPECT(qwen3tts_speak(synthesizer, "Good morning.", &options, hear, &all, NULL, NULL) == QWEN3TTS_OK);
    EXPECT(all.samples > 1920);
  }
  return NULL;
}

int main(void) {
  qwen3tts_error error;
  memset(&error, 0xff, sizeof error);
  EXPECT(qwen3tts_open("/nowhere", NULL, &error) == NULL);
  EXPECT(error.code == QWEN3TTS_INVALID_MODEL && strstr(error.message, "/nowhere") != NULL);
  printf("%d: %s\n", error.code, error.message);
  qwen3tts_open_options wrong = {.size = 4};
  EXPECT(qwen3tts_open(NULL, &wrong, &error) == NULL && error.code == QWEN3TTS_INVALID_INPUT);
  printf("%d: %s\n", error.code, error.message);

  qwen3tts_open_options open = {.size = sizeof open, .device = "cpu", .voices = 4};
  qwen3tts_synthesizer *synthesizer = qwen3tts_open(NULL, &open, &error);
  EXPECT(synthesizer != NULL && error.code == QWEN3TTS_OK && error.message[0] == 0);
  printf("release %s, %d Hz, %s, voice %s\n", qwen3tts_version(), qwen3tts_sample_rate(),
         qwen3tts_device(synthesizer), qwen3tts_voice(synthesizer, 0));
  EXPECT(qwen3tts_voice(synthesizer, 1000) == NULL && qwen3tts_language(synthesizer, 0) != NULL);

  heard all = {0};
  qwen3tts_summary summary = {.size = sizeof summary};
  qwen3tts_options options = {.size = sizeof options, .has_seed = 1, .seed = 1};
  EXPECT(qwen3tts_speak(synthesizer, "Good morning.", &options, hear, &all, &summary, &error) == QWEN3TTS_OK);
  EXPECT(all.chunks > 1 && all.samples == (size_t)summary.frames * 1920 && summary.seed == 1);
  EXPECT(fabs(summary.audio_seconds - (double)all.samples / 24000) < 1e-9);
  printf("%.2f s of speech in %.3f s, the first after %.1f ms\n", summary.audio_seconds, summary.wall_seconds,
         summary.first_audio_seconds * 1000);

  // A listener that has heard enough.
  heard some = {.limit = 1920};
  const char *words = "one two three four five six seven, one two three four five six seven, one two three.";
  EXPECT(qwen3tts_speak(synthesizer, words, NULL, hear, &some, &summary, &error) == QWEN3TTS_OK);
  EXPECT(summary.finish_reason == QWEN3TTS_CANCELLED);

  // A text in pieces is the same as one that is all there, read as it is written.
  qwen3tts_speech *speech = qwen3tts_begin(synthesizer, NULL, &options, &error);
  EXPECT(speech != NULL);
  summary.frames = 0;
  qwen3tts_summarize(speech, &summary);
  EXPECT(summary.frames == -1);
  EXPECT(qwen3tts_append(speech, "Good mor", &error) == QWEN3TTS_OK);
  EXPECT(qwen3tts_append(speech, "ning.", &error) == QWEN3TTS_OK);
  EXPECT(qwen3tts_finish(speech, &error) == QWEN3TTS_OK);
  EXPECT(qwen3tts_append(speech, "more", &error) == QWEN3TTS_STOPPED);
  const float *samples;
  size_t count, total = 0;
  do {
    EXPECT(qwen3tts_next(speech, &samples, &count, &error) == QWEN3TTS_OK);
    total += count;
  } while (count != 0);
  EXPECT(total > 1920);
  qwen3tts_summarize(speech, &summary);
  EXPECT((size_t)summary.frames * 1920 == total && qwen3tts_notices(speech) != NULL);
  qwen3tts_free(speech);

  // What is refused.
  options.voice = "nobody";
  EXPECT(qwen3tts_speak(synthesizer, "Hello.", &options, hear, &all, NULL, &error) == QWEN3TTS_INVALID_INPUT);
  EXPECT(strstr(error.message, "nobody") != NULL);
  EXPECT(qwen3tts_speak(synthesizer, "\xff\xfe", NULL, hear, &all, NULL, &error) == QWEN3TTS_INVALID_INPUT);
  EXPECT(qwen3tts_speak(synthesizer, NULL, NULL, hear, &all, NULL, &error) == QWEN3TTS_INVALID_INPUT);
  EXPECT(qwen3tts_speak(NULL, "Hello.", NULL, hear, &all, NULL, &error) == QWEN3TTS_INVALID_INPUT);
  // A message that is too long is cut after a whole character.
  char name[3000];
  memset(name, 0, sizeof name);
  for (size_t i = 0; i + 3 < sizeof name; i += 2) memcpy(name + i, "\xc3\xa9", 2);
  options.voice = name;
  EXPECT(qwen3tts_speak(synthesizer, "Hello.", &options, hear, &all, NULL, &error) == QWEN3TTS_INVALID_INPUT);
  size_t length = strlen(error.message);
  EXPECT(length >= 1017 && length <= 1019 && (unsigned char)error.message[length - 1] == 0xa9);

  pthread_t threads[8];
  for (int i = 0; i < 8; i++) EXPECT(pthread_create(&threads[i], NULL, speak, synthesizer) == 0);
  for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);

  // Closed in mid-speech.
  speech = qwen3tts_begin(synthesizer, words, NULL, &error);
  EXPECT(qwen3tts_next(speech, &samples, &count, &error) == QWEN3TTS_OK && count > 0);
  qwen3tts_close(synthesizer);
  qwen3tts_code code;
  do code = qwen3tts_next(speech, &samples, &count, &error);
  while (code == QWEN3TTS_OK && count != 0);
  qwen3tts_cancel(speech);
  qwen3tts_free(speech);
  qwen3tts_close(NULL);
  qwen3tts_free(NULL);
  printf("done\n");
  return 0;
}
