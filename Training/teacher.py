"""The teacher: hibari-tts (PyPI), a small network after Kokoro-82M's voice af_heart, as sound and as parameters.

Its network says how long each phone takes and gives a spectrum and F0 every 12.5 ms, before any sound. Reduced to a
smooth description (`features`), these are what the codes quantize, so data for the talker needs neither sound nor a GPU.
"""
import numpy as np

VOICES = ["heart"]
SR, FRAME = 24000, 1920
LEAD = 1  # codec frames of silence in front of the speech
WAIT = 5  # more of them where the text comes a token a frame: about fourteen letters are then known
STEPS = 8  # parameter frames (10 ms) in a codec frame (80 ms)
SLOT = 4  # parameter frames in a slot: half a codec frame, which belongs to one phone
CEPSTRA, BANDS = 40, 5
WIDTH = CEPSTRA + 2 + BANDS  # of a parameter frame
PAUSE = 12  # slots that a pause within a line takes at most
QUIET = -6.5  # log amplitude below which nothing is told apart: 55 dB under loud speech
GAIN = 0.75
PHONES = ["pau", *"AIOTWYbdfhijklmnpstuvwzæðŋɐɑɔəɛɜɡɪɹʃʊʌʒʤʧθᵊᵻ"]
STRESS, MARKS = "ˈˌ", ';:,.!?—…"()“”'


class Teacher:
    def __init__(self):
        import hibari
        import onnx
        import onnxruntime
        from hibari import dsp
        self.hibari, self.dsp = hibari.Hibari(), dsp
        graph = onnx.load(self.hibari.model_path)
        # The lengths of the phones, in units of two frames, are in the graph and not among its outputs.
        graph.graph.output.append(onnx.helper.make_tensor_value_info("/Clip_output_0", onnx.TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.net = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(self, text):
        """What the network says of each sentence: its phones, where each ends in frames, the six parts of the spectrum [601, n]."""
        for symbols in self.hibari.phonemize(text):
            known = [c for c in symbols if c in self.hibari.vocab]
            *parts, length = self.net.run(None, {"ids": np.array([self.hibari.ids(known)]), "speed": np.ones(1, np.float32)})
            phones, ends = group(known, 2 * length.reshape(-1).astype(int))
            yield phones, ends, [p[0] for p in parts]

    def say(self, text, audio=False):
        """The text, written out in words, spoken in slots: features of whole codec frames [n, STEPS * WIDTH], the phones of
        their slots [n, 2] and, if asked for, 24 kHz int16 samples [n * FRAME]. None for what cannot be used."""
        sentences = list(self.run(text))
        if not sentences or any(p not in PHONES for phones, _, _ in sentences for p in phones):
            return None
        phones, ends, parts = join(sentences)
        at, slots = pace(phones, ends)
        phone = np.repeat([PHONES.index(p) for p in phones], slots)
        n = -(-len(phone) // 2)
        phone = np.concatenate([phone, phone[-1:]])[:2 * n].reshape(n, 2).astype(np.uint8)
        f = features(*parts)
        f = resample(f, at(np.arange(n * STEPS) + 0.5, STEPS), f[:, CEPSTRA + 1] > 0).reshape(n, -1)
        if not audio:
            return f, phone, None
        count = -(-n * FRAME // self.dsp.HOP)
        where = at((np.arange(count) + 0.5) * self.dsp.HOP * STEPS / FRAME, STEPS)
        x = self.dsp.synth(*move(*parts, where), np.random.default_rng(0))[:n * FRAME]
        return f, phone, np.clip(np.round(32768 * GAIN * x), -32767, 32767).astype(np.int16)

    def plain(self, text):
        """24 kHz samples as hibari speaks them, between -1 and 1"""
        rng = np.random.default_rng(0)
        x = [self.dsp.synth(*parts, rng) for _, _, parts in self.run(text)]
        return np.clip(GAIN * np.concatenate(x), -1, 1) if x else np.zeros(0, np.float32)

    def vocode(self, f):
        """Sound of features [n, STEPS * WIDTH] alone, with the phases of a minimum-phase filter: a judge of the codes that
        needs no decoder, and no match for one."""
        f = f.reshape(-1, WIDTH)
        n = -(-len(f) * FRAME // STEPS // self.dsp.HOP)
        f = resample(f, ((np.arange(n) + 0.5) * self.dsp.HOP * STEPS / FRAME - 0.5).clip(0, len(f) - 1))
        mel = f[:, :CEPSTRA] / LIFT @ DCT[:CEPSTRA] * MEL
        log = np.stack([np.interp(BINS, CENTERS, m) for m in mel])
        share = np.stack([np.interp(BINS, EDGES[:-1] + np.diff(EDGES) / 2, m) for m in 6 * f[:, CEPSTRA + 2:]]).clip(-3, -0.001)
        f0 = np.where(f[:, CEPSTRA + 1] > VOICING / 2, np.exp(f[:, CEPSTRA] / PITCH + 5.3), 0)
        voiced = np.maximum(f0, 60)[:, None]
        harmonic = log + 0.5 * np.log(1 - np.exp(2 * share)) + 0.5 * np.log(voiced / 30)
        c = np.fft.irfft(log, axis=1)
        c[:, 1:600] *= 2
        c[:, 601:] = 0
        phase = np.angle(np.exp(1j * np.fft.rfft(c, axis=1).imag))
        t = lambda x: np.ascontiguousarray(x.T, np.float32)  # noqa: E731
        return GAIN * self.dsp.synth(t(harmonic), t(np.arctanh(phase / np.pi * 0.9999)), t(log + share - 0.35), t(np.full_like(log, -20)),
                                     t(np.zeros_like(log)), f0.astype(np.float32), np.random.default_rng(0))


def group(symbols, lengths):
    """The symbols between the network's two silent ends, and the lengths of all -> phones and where each ends. A stress
    mark belongs to the vowel after it, a space to the phone before it; punctuation and the ends are pauses."""
    phones, ends, end, carried = ["pau"], [lengths[0]], lengths[0], False
    for c, n in zip(symbols, lengths[1:]):
        end += n
        if c in STRESS:
            carried = True
            phones.append(c)
            ends.append(end)
        elif c in MARKS or c == " " and not carried:
            if c != " " and phones[-1] != "pau":
                phones.append("pau")
                ends.append(end)
            ends[-1] = end
        elif carried:
            phones[-1], ends[-1], carried = c, end, False
        else:
            phones.append(c)
            ends.append(end)
    if phones[-1] != "pau":
        phones.append("pau")
        ends.append(end)
    ends[-1] += lengths[-1]
    return phones, ends


def join(sentences):
    """Several sentences as one; the end of one and the beginning of the next are one pause."""
    phones, ends = [], []
    for p, e, parts in sentences:
        begin = ends[-1] if ends else 0
        if phones:
            phones.pop()
            ends.pop()
        phones += p
        ends += [begin + x for x in e]
    return phones, np.array(ends), [np.concatenate(x, -1) for x in zip(*(s[2] for s in sentences))]


def pace(phones, ends):
    """Every phone gets a whole number of slots, at least one and rather more than fewer. How long a phone takes then does
    not depend on where the codec's frames fall, and each slot has one phone: what a talker can learn to say.
    -> a function from places in the slots, in steps, to places among the network's frames; the slots of each phone"""
    begins = np.r_[0, ends[:-1]]
    slots = np.maximum(1, np.floor((ends - begins) / 3.2 + 0.65).astype(int))  # a slot is 3.2 frames of 12.5 ms
    slots[np.array(phones) == "pau"] = slots[np.array(phones) == "pau"].clip(max=PAUSE)
    slots[0] = 2 * LEAD
    begins[0] = max(0, ends[0] - 6.4 * LEAD)  # of the silence in front the last part
    to, start = np.r_[0, np.cumsum(slots) * SLOT], np.r_[begins[0], ends]
    return lambda place, steps: (np.interp(place, to, start) - 0.5).clip(0, ends[-1] - 1), slots


def resample(x, at, voiced=None):
    """Rows of x at the places `at`, between two rows in proportion."""
    i = np.minimum(at.astype(int), len(x) - 2)
    w = (at - i)[:, None].astype(np.float32)
    y = x[i] * (1 - w) + x[i + 1] * w
    if voiced is not None:
        y[:, CEPSTRA + 1] = VOICING * voiced[np.round(at).astype(int)]
    return y


def move(lh, theta, ln, lr, phi, f0, at):
    """The network's parts at other places: amplitudes and the harmonics' phases between two frames in proportion, the phases
    of the noise as they are in the nearest, F0 only where it is voiced."""
    near, voiced = np.round(at).astype(int), f0 > 40
    amplitude = resample(np.concatenate([lh, np.tanh(theta), ln, lr]).T, at).T
    i = np.minimum(at.astype(int), len(f0) - 2)
    f = np.where(voiced[i] & voiced[i + 1], resample(f0[:, None], at)[:, 0], f0[near])
    lh, th, ln, lr = np.split(amplitude, 4)
    return lh, np.arctanh(th.clip(-0.999999, 0.999999)), ln, lr, np.ascontiguousarray(phi[:, near]), np.where(voiced[near], f, 0)


def mel_bands(count):
    """triangles [count, 601] that average power, and their centers"""
    hz = np.linspace(0, 12000, 601)
    mel = np.linspace(0, 2595 * np.log10(1 + 12000 / 700), count + 2)
    at = 700 * (10 ** (mel / 2595) - 1)
    lo, ce, hi = at[:-2, None], at[1:-1, None], at[2:, None]
    w = np.maximum(0, np.minimum((hz - lo) / (ce - lo), (hi - hz) / (hi - ce)))
    # The lowest bands are narrower than the spectrum's bins: those take the nearest one.
    w[np.arange(count), np.round(at[1:-1] / 20).astype(int)] += 1e-3
    return (w / w.sum(1, keepdims=True)).astype(np.float32), at[1:-1]


MEL = 96
BINS = np.linspace(0, 12000, 601)
FILTER, CENTERS = mel_bands(MEL)
# Rows scaled so that a distance of cepstra is the root mean square difference of log amplitudes.
DCT = (np.cos(np.pi / MEL * np.arange(MEL)[:, None] * (np.arange(MEL) + 0.5)) * np.sqrt(np.where(np.arange(MEL) == 0, 1, 2))[:, None] / MEL).astype(np.float32)
EDGES = np.array([0, 1000, 2500, 5000, 8000, 12000])
SHARE = np.stack([((BINS >= a) & (BINS < b)) / ((BINS >= a) & (BINS < b)).sum() for a, b in zip(EDGES, EDGES[1:] + (EDGES[1:] == 12000))]).astype(np.float32)
# What the quantizer is to mind: loudness less than the rest, the fine shape of a spectrum more than its size would have it.
LIFT = (1 + np.arange(CEPSTRA) / 30).astype(np.float32)
LIFT[0] = 0.8
PITCH, VOICING = 3.2, 0.6
VOICED = 90  # Hz; below it F0 is on its way to none


def features(lh, theta, ln, lr, phi, f0):
    """The network's parts -> [t, WIDTH]: mel-cepstrum, F0, voicing and noise shares, weighted for Euclidean distance.

    A cepstral distance is a log-spectral one. F0 enters as its logarithm, bridged over unvoiced frames,
    times PITCH: a semitone then weighs as much as a clearly audible change of the spectrum."""
    v = f0 > VOICED
    t = np.arange(len(f0))
    # A harmonic of amplitude 1 is 1.5 in power, spread over f0 / 20 bins. Where nothing is voiced, lh is not heard.
    power = np.exp(2 * np.minimum(lh, 7)) * np.where(f0 > 40, 30 / np.maximum(f0, 40), 0)
    noise = np.exp(2 * np.minimum(lr, 7)) + 2 * np.exp(2 * np.minimum(ln, 7))
    total = power + noise
    log = np.maximum(0.5 * np.log(FILTER @ total + 1e-12), QUIET)
    share = (0.5 * np.log((SHARE @ noise + 1e-12) / (SHARE @ total + 1e-12))).clip(-3, 0)
    lf = np.interp(t, t[v], np.log(f0[v])) if v.any() else np.full(len(t), 5.3)
    return np.concatenate([(DCT[:CEPSTRA] @ log).T * LIFT, PITCH * (lf[:, None] - 5.3), VOICING * v[:, None], share.T / 6], 1).astype(np.float32)


# A frame in which nothing is heard.
SILENCE = np.tile(np.concatenate([DCT[:CEPSTRA] @ np.full(MEL, QUIET, np.float32) * LIFT, np.zeros(2 + BANDS)]), STEPS).astype(np.float32)
