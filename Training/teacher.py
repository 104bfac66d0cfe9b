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
SR, FRAME, LEAD = 24000, 1920, 1  # one codec frame of silence stands in front
STEPS = 16  # parameter frames (5 ms) in a codec frame (80 ms)
GAIN = 0.75


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
        """Features of whole codec frames [n, STEPS * 32] and, if asked for, 24 kHz int16 samples [n * FRAME]."""
        self.tap.tap_configure(self.own if audio else None, self.empty)
        u = self.flite.flite_synth_text(text.encode("ascii", "ignore"), self.voice)
        if not u:
            return None
        w = self.flite.utt_wave(u).contents
        x = np.ctypeslib.as_array(w.s, shape=(w.n,)).astype(np.float32) if audio and w.n > 0 else None
        self.flite.delete_utterance(u)
        p, e = self._track(0), self._track(1)
        # Two sentences in one text are two tracks; only single-track texts are used.
        if len(p) < 20 or (audio and (x is None or abs(len(x) - 80 * len(p)) > 400)):
            return None
        f = features(p, e)
        n = LEAD + -(-len(f) // STEPS)
        f = np.concatenate([np.repeat(f[:1], LEAD * STEPS, 0), f, np.repeat(f[-1:], n * STEPS - LEAD * STEPS - len(f), 0)]).reshape(n, -1)
        if not audio:
            return f, None
        from scipy.signal import resample_poly
        x = resample_poly(x * GAIN, 3, 2, window=("kaiser", 8.0))[: (n - LEAD) * FRAME]
        y = np.zeros(n * FRAME, np.int16)
        y[LEAD * FRAME:LEAD * FRAME + len(x)] = np.clip(np.round(x), -32767, 32767).astype(np.int16)
        return f, y


def features(p, e):
    """[t, 26] F0 and mel-cepstrum, [t, 5] voicing strengths -> [t, 32], weighted for Euclidean distance.

    A cepstral distance is a log-spectral one. F0 enters as its logarithm, bridged over unvoiced frames,
    times 4: a semitone then weighs as much as a clearly audible change of the spectrum."""
    f0, v = p[:, 0], p[:, 0] > 0
    t = np.arange(len(p))
    lf = np.interp(t, t[v], np.log(f0[v])) if v.any() else np.full(len(p), 5.1)
    e = e if len(e) == len(p) else np.zeros((len(p), 5), np.float32)
    return np.concatenate([p[:, 1:26], 4 * (lf[:, None] - 5.1), 0.7 * v[:, None], 0.5 * e], 1).astype(np.float32)
