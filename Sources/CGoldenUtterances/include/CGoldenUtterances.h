// SPDX-License-Identifier: MIT
//
// What the official package said on random weights, and the recording that voices are cloned from:
// safetensors files inside the program, so that a machine without the repository can be verified.
// `Tests/Oracle/pack_golden.py` makes golden.safetensors from `Tests/Fixtures/golden`.
#pragma once

#include <stddef.h>

/// The utterances: their options as JSON in the metadata, token ids and codes as tensors.
const unsigned char *cgoldenUtterances(size_t *size);
/// The recording: tensor `samples`, 16 bits, 24 kHz.
const unsigned char *cgoldenRecording(size_t *size);
