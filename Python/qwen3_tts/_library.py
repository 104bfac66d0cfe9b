# SPDX-License-Identifier: MIT
"""The C library: qwen3tts.h as ctypes sees it."""
from __future__ import annotations

import ctypes
import os
from ctypes import (
    POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int32, c_size_t, c_uint32, c_uint64, c_void_p)


class Error(Structure):
    _fields_ = [("code", c_int32), ("message", c_char * 1020)]


class OpenOptions(Structure):
    _fields_ = [("size", c_uint32), ("voices", c_int32), ("queue", c_int32), ("capacity", c_int32),
                ("device", c_char_p)]


class Options(Structure):
    _fields_ = [
        ("size", c_uint32), ("greedy", c_int32), ("voice", c_char_p), ("language", c_char_p),
        ("instruction", c_char_p), ("normalization", c_char_p), ("layout", c_char_p),
        ("temperature", c_double), ("top_p", c_double), ("repetition_penalty", c_double), ("top_k", c_int32),
        ("maximum_frames", c_int32), ("first_chunk_frames", c_int32), ("chunk_frames", c_int32),
        ("has_seed", c_int32), ("reserved", c_int32), ("seed", c_uint64)]


class Summary(Structure):
    _fields_ = [
        ("size", c_uint32), ("finish_reason", c_int32), ("frames", c_int32), ("text_tokens", c_int32),
        ("seed", c_uint64), ("audio_seconds", c_double), ("wall_seconds", c_double),
        ("first_audio_seconds", c_double), ("queue_seconds", c_double)]


Samples = POINTER(c_float)
FOLDER = os.path.dirname(os.path.abspath(__file__))


def load() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ.get("QWEN3_TTS_LIBRARY") or os.path.join(FOLDER, "libqwen3tts.so"))
    error = POINTER(Error)
    for name, result, arguments in [
            ("version", c_char_p, []),
            ("sample_rate", c_int32, []),
            ("open", c_void_p, [c_char_p, POINTER(OpenOptions), error]),
            ("close", None, [c_void_p]),
            ("device", c_char_p, [c_void_p]),
            ("voice", c_char_p, [c_void_p, c_size_t]),
            ("language", c_char_p, [c_void_p, c_size_t]),
            ("begin", c_void_p, [c_void_p, c_char_p, POINTER(Options), error]),
            ("append", c_int32, [c_void_p, c_char_p, error]),
            ("finish", c_int32, [c_void_p, error]),
            ("next", c_int32, [c_void_p, POINTER(Samples), POINTER(c_size_t), error]),
            ("summarize", None, [c_void_p, POINTER(Summary)]),
            ("notices", c_char_p, [c_void_p]),
            ("cancel", None, [c_void_p]),
            ("free", None, [c_void_p])]:
        function = getattr(library, "qwen3tts_" + name)
        function.restype, function.argtypes = result, arguments
    return library
