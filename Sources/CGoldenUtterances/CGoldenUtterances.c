// SPDX-License-Identifier: MIT
#include "CGoldenUtterances.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char utterances[] = {
#embed "golden.safetensors"
};
static const unsigned char recording[] = {
#embed "../../Tests/Fixtures/golden/reference.safetensors"
};

const unsigned char *cgoldenUtterances(size_t *size) {
  *size = sizeof utterances;
  return utterances;
}

const unsigned char *cgoldenRecording(size_t *size) {
  *size = sizeof recording;
  return recording;
}
