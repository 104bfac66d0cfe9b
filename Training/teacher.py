"""The teacher: flite's cmu_us_slt, as waveforms and as the parameters its vocoder reads.

The parameters are the whole secret of this pipeline. They come every 5 ms, are smooth and low
dimensional, and cost a quarter of the waveform's time (flite_tap.c). Codes are quantized parameters, so
data for the talker needs neither audio nor a GPU.
"""
import ctypes
import os
import subprocess
from pathlib import Path

import numpy as np

VOICES = ["slt"]
SR, FRAME = 24000, 1920
LEAD = 1  # codec frames of silence in front of the speech
WAIT = 5  # more of them where the text comes a token a frame: about fourteen letters are then known
STEPS = 16  # parameter frames (5 ms) in a codec frame (80 ms)
SLOT = 8  # parameter frames in a slot: half a codec frame, which belongs to one phone
GAIN = 0.75
PHONES = ("pau aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh").split()


class Wave(ctypes.Structure):
    _fields_ = [("type", ctypes.c_char_p), ("sr", ctypes.c_int), ("n", ctypes.c_int), ("ch", ctypes.c_int),
                ("s", ctypes.POINTER(ctypes.c_short))]


class Teacher:
    def __init__(self, libs):
        libs, p, s = Path(libs), ctypes.c_void_p, ctypes.c_char_p
        so = Teacher.build(libs)
        # The tap must come before flite in the linker's global order.
        self.tap = ctypes.CDLL(str(so), mode=ctypes.RTLD_GLOBAL)
        for n in ("libasound.so.2", "libflite.so.1", "libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            ctypes.CDLL(str(libs / n), mode=ctypes.RTLD_GLOBAL)
        f = self.flite = ctypes.CDLL(str(libs / "libflite.so.1"))
        f.flite_init()
        for name, res, args in [("flite_synth_text", p, [s, p]), ("utt_wave", ctypes.POINTER(Wave), [p]), ("delete_utterance", None, [p])]:
            fn = getattr(f, name)
            fn.restype, fn.argtypes = res, args
        lib = ctypes.CDLL(str(libs / "libflite_cmu_us_slt.so.1"), mode=ctypes.RTLD_GLOBAL)
        lib.register_cmu_us_slt.restype, lib.register_cmu_us_slt.argtypes = p, [s]
        self.voice = lib.register_cmu_us_slt(None)
        self.tap.tap_configure.argtypes = [p, p]
        self.ends, self.names = (ctypes.c_float * 1000)(), ctypes.create_string_buffer(8000)
        self.tap.tap_phones.argtypes = [p, p, p, ctypes.c_int]
        self.tap.tap_replace.argtypes = [ctypes.c_int, p, ctypes.c_int, ctypes.c_int]
        self.tap.tap_data.restype = ctypes.POINTER(ctypes.c_float)
        self.own, self.empty = ctypes.cast(f.mlsa_resynthesis, p).value, ctypes.cast(f.new_wave, p).value

    @staticmethod
    def build(libs):
        so = Path(libs) / "libtap.so"
        if not so.exists():
            tmp = Path(libs) / f"libtap.{os.getpid()}.so"
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", tmp, Path(__file__).parent / "flite_tap.c"], check=True)
            os.replace(tmp, so)
        return so

    def _track(self, which):
        n, c = self.tap.tap_frames(which), self.tap.tap_channels(which)
        return np.ctypeslib.as_array(self.tap.tap_data(which), (n, c)).copy() if n and c else np.zeros((0, c), np.float32)

    def say(self, text, audio=False):
        """The text spoken in slots: features of whole codec frames [n, STEPS * 32], the phones of their slots
        [n, 2] and, if asked for, 24 kHz int16 samples [n * FRAME]. None for what cannot be used."""
        u = self._synthesize(text, None)
        if not u:
            return None
        count = self.tap.tap_phones(u, self.ends, self.names, len(self.ends))
        self.flite.delete_utterance(u)
        p, e = self._track(0), self._track(1)
        ends = np.round(np.array(self.ends[:count]) * 200).astype(int)
        # Two sentences in one text are two tracks; only single-track texts are used.
        if len(p) < 20 or abs(len(p) - ends[-1]) > 4 or len(e) != len(p):
            return None
        at, slots = pace(ends, len(p))
        names = self.names.raw
        phone = [PHONES.index(names[8 * i:8 * i + 8].rstrip(b"\0").decode()) for i in range(count)]
        phone = np.repeat(phone, slots)
        p, e = warp(p, at, p[:, 0] > 0), warp(e, at)
        f = features(p, e)
        n = -(-len(f) // STEPS)
        f = np.concatenate([f, np.repeat(f[-1:], n * STEPS - len(f), 0)]).reshape(n, -1)
        phone = np.concatenate([phone, phone[-1:]])[:2 * n].reshape(n, 2).astype(np.uint8)
        if not audio:
            return f, phone, None
        self._replace(p, e)
        x = self._sound(text)[:n * FRAME]
        self._replace(p[:0], e[:0])
        y = np.zeros(n * FRAME, np.int16)
        y[:len(x)] = np.clip(np.round(x), -32767, 32767).astype(np.int16)
        return f, phone, y

    def plain(self, text):
        """24 kHz samples as flite speaks them, between -1 and 1"""
        return self._sound(text) / 32768

    def _sound(self, text):
        from scipy.signal import resample_poly
        u = self._synthesize(text, self.own)
        w = self.flite.utt_wave(u).contents
        x = np.ctypeslib.as_array(w.s, shape=(w.n,)).astype(np.float32)
        self.flite.delete_utterance(u)
        return resample_poly(x * GAIN, 3, 2, window=("kaiser", 8.0))

    def _synthesize(self, text, vocoder):
        self.tap.tap_configure(vocoder, self.empty)
        return self.flite.flite_synth_text(text.encode("ascii", "ignore"), self.voice)

    def _replace(self, p, e):
        self.kept = [np.ascontiguousarray(v, np.float32) for v in (p, e)]
        for i, v in enumerate(self.kept):
            self.tap.tap_replace(i, v.ctypes.data, *v.shape)


def pace(ends, n):
    """Every phone gets a whole number of slots, at least one and rather more than fewer: of 4.3 % word errors 4.65
    come that way, 5.4 with the nearest number. How long a phone takes then does not depend on where the frames fall,
    and each slot has one phone: what a talker can learn to say.
    -> where each new step stands among the n old ones, slots of each phone"""
    begins = np.r_[0, ends[:-1]]
    length = np.maximum(ends - begins, 1)
    slots = np.maximum(1, np.floor(length / SLOT + 0.65).astype(int))
    slots[0] = LEAD * STEPS // SLOT  # the silence in front, of about 0.22 s
    within = np.concatenate([np.arange(k * SLOT) for k in slots])
    per = slots * SLOT
    at = np.repeat(begins, per) + (within + 0.5) * np.repeat(length / per, per) - 0.5
    return at.clip(0, n - 1), slots


def warp(x, at, voiced=None):
    """Rows of x at the places `at`, between two rows in proportion; the first column only where it is voiced."""
    i = np.minimum(at.astype(int), len(x) - 2)
    w = (at - i)[:, None].astype(np.float32)
    y = x[i] * (1 - w) + x[i + 1] * w
    if voiced is not None:
        near = np.round(at).astype(int)
        between = voiced[i] & voiced[i + 1]
        y[:, 0] = np.where(voiced[near], np.where(between, y[:, 0], x[near, 0]), 0)
    return y


def features(p, e):
    """[t, 26] F0 and mel-cepstrum, [t, 5] voicing strengths -> [t, 32], weighted for Euclidean distance.

    A cepstral distance is a log-spectral one. F0 enters as its logarithm, bridged over unvoiced frames,
    times 4: a semitone then weighs as much as a clearly audible change of the spectrum."""
    f0, v = p[:, 0], p[:, 0] > 0
    t = np.arange(len(p))
    lf = np.interp(t, t[v], np.log(f0[v])) if v.any() else np.full(len(p), 5.1)
    return np.concatenate([p[:, 1:26], 4 * (lf[:, None] - 5.1), 0.7 * v[:, None], 0.5 * e], 1).astype(np.float32)
