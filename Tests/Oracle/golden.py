#!/usr/bin/env python3
"""Run the official qwen-tts package (float32, CPU, greedy) on a checkpoint and record intermediates.

  golden.py --checkpoint DIR --out DIR                      every default case of that variant
  golden.py --checkpoint DIR --case base_icl --out DIR      one default case
  golden.py --checkpoint DIR --case case.json --out DIR     a case of your own (see CASES for keys)
  golden.py --checkpoint DIR --case tokenizer --out DIR     token ids of a text corpus
  golden.py --checkpoint DIR --list

Each case writes NAME.safetensors (arrays) and NAME.json (strings, ids, scalars, shapes).
"""
import argparse
import importlib
import importlib.machinery
import json
import os
import sys
import time
import types
import warnings

import numpy as np

warnings.filterwarnings("ignore")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def stand_in(name, **attributes):
    """The 25 Hz tokenizer's imports are not needed for the 12 Hz family; fake what is missing."""
    try:
        importlib.import_module(name)
        return
    except Exception:
        pass
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        full = ".".join(parts[:i])
        if full not in sys.modules:
            module = types.ModuleType(full)
            module.__spec__ = importlib.machinery.ModuleSpec(full, None)
            module.__path__ = []
            sys.modules[full] = module
            if i > 1:
                setattr(sys.modules[".".join(parts[:i - 1])], parts[i - 1], module)
    for key, value in attributes.items():
        setattr(sys.modules[name], key, value)


stand_in("torchaudio.compliance.kaldi")
sys.modules.setdefault("sox", types.ModuleType("sox"))  # it complains at import without its program
stand_in("onnxruntime")

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

CASES = {
    "custom_voice": {
        "cv_auto": dict(mode="custom_voice", text="Hello world, this is a test.", speaker="Vivian"),
        "cv_english": dict(mode="custom_voice", text="Good morning. What are you doing today?",
                           speaker="ryan", language="English", max_new_tokens=40),
        "cv_dialect_auto": dict(mode="custom_voice", text="\u4f60\u597d\uff0c\u4e16\u754c\u3002", speaker="Eric",
                                language="Auto"),
        "cv_dialect_chinese_stream": dict(mode="custom_voice", text="\u4f60\u597d\uff0c\u4e16\u754c\u3002",
                                          speaker="dylan", language="Chinese", non_streaming_mode=False),
        "cv_stream_short": dict(mode="custom_voice", text="Hello", speaker="Uncle_Fu", language="Japanese",
                                non_streaming_mode=False, max_new_tokens=8),
        "cv_stream_long": dict(mode="custom_voice", speaker="sohee", language="Korean", non_streaming_mode=False,
                               text="The quick brown fox jumps over the lazy dog, and the dog is slow today.",
                               max_new_tokens=20),
        "cv_instruct": dict(mode="custom_voice", text="Hello world.", speaker="Serena", language="English",
                            instruct="Speak slowly, in a warm and deep voice.", sizes=["1b7"]),
    },
    "voice_design": {
        "vd_instruct": dict(mode="voice_design", text="Hello world, this is a test.", language="English",
                            instruct="A young woman with a bright voice."),
        "vd_no_instruct": dict(mode="voice_design", text="Good morning.", instruct=""),
        "vd_stream": dict(mode="voice_design", text="What are you doing today?", language="German",
                          instruct="An old man.", non_streaming_mode=False),
    },
    "base": {
        "base_xvec": dict(mode="voice_clone", text="Hello world, this is a test.", language="English",
                          x_vector_only_mode=True, ref_seconds=1.5),
        "base_xvec_nonstream": dict(mode="voice_clone", text="Hello world.", x_vector_only_mode=True,
                                    ref_seconds=1.5, non_streaming_mode=True),
        "base_icl_short_text": dict(mode="voice_clone", text="Hello.", language="English", ref_text="This is a test.",
                                    ref_seconds=2.75),
        "base_icl_long_text": dict(mode="voice_clone", language="Auto", ref_text="This is a reference recording.",
                                   text="The quick brown fox jumps over the lazy dog.", ref_seconds=0.9,
                                   max_new_tokens=24),
        "base_icl_nonstream": dict(mode="voice_clone", text="Hello world.", language="Chinese",
                                   ref_text="\u4f60\u597d\u3002", ref_seconds=1.3, non_streaming_mode=True),
        "audio": dict(mode="audio", ref_seconds=3.21),
        "audio_long": dict(mode="audio", ref_seconds=13.0, small_only=True),
    },
    "any": {
        "codec": dict(mode="codec", frames=40, taps=True),
        "codec_chunked": dict(mode="codec", frames=640, taps=False, small_only=True),
    },
}

TEXTS = [
    "Hello world", "It's we'll I'M don't", "iPhone XMLHttpRequest getUserByIdOrThrow", "1234567890", "3.14 and 2/3",
    "# ## ### #### # #", "##heading", "a#b #c", "   leading", "trailing   ", "tab\tand\nnewline\n\nend", "\r\nwindows",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c", "\uc548\ub155\ud558\uc138\uc694",
    "\u1100\u1161", "caf\u00e9 cafe\u0301", "\ufb01 \uff21 \u2460", "\u041f\u0440\u0438\u0432\u0435\u0442", "\u00dcber stra\u00dfe",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "https://example.com/a/b?c=d", "user@example.com", "x = [-b \u00b1 \u221a(b\u00b2-4ac)] / 2a", "...!!!???", "\u2014 \u2026 \u201cquoted\u201d",
    "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>assistant\n", "<|im_start|>user\nSpeak slowly.<|im_end|>\n",
    "<tts_pad><tts_text_bos><tts_text_eod><tts_text_bos_single><|audio_pad|>", "<|not_special|>", "<think>a</think>", "",
]


def test_wave(seconds, seed=0, rate=24000):
    """A voiced-like glide with formant-ish harmonics, syllable envelope and a little noise."""
    n = int(round(seconds * rate))
    t = np.arange(n, dtype=np.float64) / rate
    rng = np.random.Generator(np.random.PCG64(seed))
    f0 = 120.0 + 30.0 * np.sin(2 * np.pi * 0.7 * t) + 12.0 * np.sin(2 * np.pi * 5.1 * t)
    phase = 2 * np.pi * np.cumsum(f0) / rate
    wave = np.zeros(n)
    for h in range(1, 26):
        formant = np.exp(-((h * 125.0 - 600) / 400) ** 2) + 0.6 * np.exp(-((h * 125.0 - 1800) / 500) ** 2)
        wave += (0.05 + formant) / h ** 0.5 * np.sin(h * phase + h)
    envelope = 0.15 + 0.85 * np.clip(np.sin(2 * np.pi * 2.3 * t), 0, None) ** 0.5
    wave = wave * envelope + 0.02 * rng.standard_normal(n)
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Fixtures", "golden", "reference.safetensors")


def reference_wave(case):
    """The reference audio of a case.

    `ref_samples`: that many samples of the committed 16-bit recording, divided by 32768, so that another
    language can have exactly the same numbers.  `ref_seconds`: a wave made on the spot."""
    if "ref_samples" in case:
        from safetensors.numpy import load_file
        samples = load_file(case.get("ref_file", REFERENCE))["samples"][:case["ref_samples"]]
        assert samples.size == case["ref_samples"]
        return samples.astype(np.float32) / np.float32(32768)
    return test_wave(case["ref_seconds"], case.get("ref_seed", 0))


class CodeMargins:
    """Records how much farther the second-nearest codebook row is than the nearest, per frame and codebook."""

    def __init__(self, encoder):
        self.book = type(encoder.quantizer.semantic_residual_vector_quantizer.layers[0].codebook)
        self.distances = []

    def __enter__(self):
        self.quantize = quantize = self.book.quantize
        distances = self.distances

        def spy(book, hidden):
            d = torch.cdist(hidden[None].float(), book.embed[None].float(), p=2)[0]
            two = d.topk(2, dim=-1, largest=False).values
            distances.append(two[:, 1] - two[:, 0])
            return quantize(book, hidden)

        self.book.quantize = spy
        return self

    def __exit__(self, *_):
        self.book.quantize = self.quantize

    def table(self, frames, codebooks):
        return torch.stack(self.distances)[:codebooks, :frames].T


class Recorder:
    def __init__(self):
        self.arrays, self.hooks = {}, []

    def put(self, name, value):
        if value is None:
            return
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        value = value.detach().cpu()
        value = value.to(torch.float32) if value.is_floating_point() else value.to(torch.int32)
        self.arrays[name] = value.contiguous().clone()

    def watch(self, module, fn, kwargs=False):
        self.hooks.append(module.register_forward_hook(fn, with_kwargs=kwargs))

    def close(self):
        for h in self.hooks:
            h.remove()

    def write(self, folder, name, info):
        path = os.path.join(folder, name + ".safetensors")
        save_file(self.arrays, path)
        os.chmod(path, 0o644)
        info = dict(info, arrays={k: [str(v.dtype).replace("torch.", ""), list(v.shape)]
                                  for k, v in sorted(self.arrays.items())})
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as f:
            json.dump(info, f, indent=1, ensure_ascii=False)


def load(checkpoint, pretokenizer):
    from qwen_tts import Qwen3TTSModel
    wrapper = Qwen3TTSModel.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager")
    if pretokenizer == "native":
        # A local folder whose config.json says 4.57.3 makes the loader swap the split pattern.
        from transformers import Qwen2TokenizerFast
        wrapper.processor.tokenizer = Qwen2TokenizerFast.from_pretrained(checkpoint)
    wrapper.model.eval()
    return wrapper


def talker_gap(logits, tokens, penalty, eos):
    """The smallest distance between the best and the second processed score, over all talker decisions."""
    gaps = []
    for step, token in enumerate(tokens):
        score = logits[step].double().clone()
        for old in set(tokens[:step]):
            score[old] = score[old] * penalty if score[old] < 0 else score[old] / penalty
        if step < 2:
            score[eos] = float("-inf")
        keep = score[eos].clone()
        score[-1024:] = float("-inf")
        score[eos] = keep
        two = score.topk(2)
        assert int(two.indices[0]) == token, (step, token, two)
        gaps.append(float(two.values[0] - two.values[1]))
    return min(gaps)


def run_generation(wrapper, case, rec):
    model, talker = wrapper.model, wrapper.model.talker
    predictor = talker.code_predictor
    seen = dict(talker_in=[], talker_out=[], logits=[], layers=None, positions=[], pred_in=[], pred_logits=[], pred_out=[])

    def on_talker(module, args, kwargs, output):
        x = kwargs["inputs_embeds"]
        seen["talker_in"].append(x[0])
        seen["positions"].append(kwargs["position_ids"][0, 0])
        seen["talker_out"].append(output.last_hidden_state[0])
        if x.shape[1] > 1:
            seen["layers"] = torch.stack([h[0] for h in output.hidden_states])

    def on_predictor(module, args, kwargs, output):
        if kwargs["inputs_embeds"].shape[1] == 2:
            seen["pred_in"].append([])
            seen["pred_out"].append([])
            seen["pred_logits"].append([])
        seen["pred_in"][-1].append(kwargs["inputs_embeds"][0])
        seen["pred_out"][-1].append(output.last_hidden_state[0])

    rec.watch(talker.model, on_talker, kwargs=True)
    rec.watch(predictor.model, on_predictor, kwargs=True)
    rec.watch(talker.codec_head, lambda m, a, o: seen["logits"].append(o[0, -1]))
    for head in predictor.lm_head:
        rec.watch(head, lambda m, a, o: seen["pred_logits"][-1].append(o[0, -1]))

    calls, inner, talker_calls, talker_generate = {}, model.generate, {}, talker.generate

    def generate(**kw):
        calls.update(kw)
        calls["result"] = inner(**kw)
        return calls["result"]

    def record_talker(**kw):
        talker_calls.update(kw)
        talker_calls["result"] = talker_generate(**kw)
        return talker_calls["result"]

    model.generate, talker.generate = generate, record_talker
    options = dict(do_sample=False, subtalker_dosample=False, max_new_tokens=case.get("max_new_tokens", 16))
    if "repetition_penalty" in case:
        options["repetition_penalty"] = case["repetition_penalty"]
    if case.get("non_streaming_mode") is not None:
        options["non_streaming_mode"] = case["non_streaming_mode"]
    mode, info = case["mode"], {}
    try:
        if mode == "custom_voice":
            wavs, rate = wrapper.generate_custom_voice(text=case["text"], speaker=case["speaker"],
                                                       language=case.get("language"), instruct=case.get("instruct"), **options)
        elif mode == "voice_design":
            wavs, rate = wrapper.generate_voice_design(text=case["text"], instruct=case["instruct"],
                                                       language=case.get("language"), **options)
        else:
            ref = reference_wave(case)
            rec.put("ref_wav", ref)
            with CodeMargins(model.speech_tokenizer.model.encoder) as margins:
                items = wrapper.create_voice_clone_prompt(
                    ref_audio=(ref, 24000), ref_text=case.get("ref_text"),
                    x_vector_only_mode=case.get("x_vector_only_mode", False))
            if items[0].ref_code is not None:
                info["smallest_code_margin"] = float(margins.table(*items[0].ref_code.shape).min())
            rec.put("speaker_embedding", items[0].ref_spk_embedding)
            rec.put("ref_codes", items[0].ref_code)
            wavs, rate = wrapper.generate_voice_clone(text=case["text"], language=case.get("language"),
                                                      voice_clone_prompt=items, **options)
    finally:
        del model.generate
        del talker.generate
    rec.put("input_ids", calls["input_ids"][0][0])
    if calls.get("instruct_ids") and calls["instruct_ids"][0] is not None:
        rec.put("instruct_ids", calls["instruct_ids"][0][0])
    if calls.get("ref_ids") and calls["ref_ids"][0] is not None:
        rec.put("ref_ids", calls["ref_ids"][0][0])
    codes = calls["result"][0][0]
    steps = codes.shape[0]
    rec.put("codes", codes)
    rec.put("wav", wavs[0])
    rec.put("prefill_embeds", seen["talker_in"][0])
    rec.put("prefill_positions", seen["positions"][0].to(torch.int32))
    rec.put("prefill_layers", seen["layers"])
    rec.put("trailing_text_hidden", talker_calls["trailing_text_hidden"][0])
    rec.put("tts_pad_embed", talker_calls["tts_pad_embed"][0, 0])
    rec.put("talker_hidden", torch.stack([h[-1] for h in seen["talker_out"]]))
    rec.put("talker_logits", torch.stack(seen["logits"]))
    rec.put("step_tokens", talker_calls["result"].sequences[0])
    if steps:
        # Row t: the talker input built from frame t (the input of the step after it).
        rec.put("step_embeds", torch.stack([x[0] for x in seen["talker_in"][1:]]))
        rec.put("step_positions", torch.stack([p[0] for p in seen["positions"][1:]]).to(torch.int32))
        rec.put("predictor_inputs", torch.stack([torch.cat(f) for f in seen["pred_in"]]))
        rec.put("predictor_hidden", torch.stack([torch.cat([x[-1:] for x in f]) for f in seen["pred_out"]]))
        rec.put("predictor_logits", torch.stack([torch.stack(f) for f in seen["pred_logits"]]))
    tokens = talker_calls["result"].sequences[0].tolist()
    eos = model.config.talker_config.codec_eos_token_id
    info["smallest_talker_top2_gap"] = talker_gap(seen["logits"], tokens, case.get("repetition_penalty", 1.05), eos)
    info.update(sample_rate=rate, frames=steps, prefill_length=int(seen["talker_in"][0].shape[0]),
                stopped_by="eos" if tokens and tokens[-1] == eos else "max_new_tokens",
                generate={k: v for k, v in options.items()},
                languages=calls.get("languages"), speakers=calls.get("speakers"),
                non_streaming_mode=bool(calls["non_streaming_mode"]),
                suppressed=[model.config.talker_config.vocab_size - 1024, model.config.talker_config.vocab_size, eos])
    if steps:
        every = torch.stack([torch.stack(f) for f in seen["pred_logits"]])
        top = every.topk(2, dim=-1).values
        info["smallest_predictor_top2_gap"] = float((top[..., 0] - top[..., 1]).min())
    return info


def run_audio(wrapper, case, rec):
    import librosa
    model, tok = wrapper.model, wrapper.model.speech_tokenizer
    wav = reference_wave(case)
    rec.put("wav", wav)
    enc = tok.model.encoder
    rec.watch(enc.encoder, lambda m, a, o: rec.put("encoder_conv", o[0]))
    for i, layer in enumerate(enc.encoder.layers):
        if case.get("taps", True) and wav.size <= 100000:
            rec.watch(layer, lambda m, a, o, i=i: rec.put(f"encoder_layer_{i}", o[0]))
    rec.watch(enc.encoder_transformer, lambda m, a, o: rec.put("encoder_transformer", o[0][0].T))
    rec.watch(enc.downsample, lambda m, a, o: rec.put("encoder_latent", o[0]))
    with CodeMargins(enc) as margins:
        codes = tok.encode(wav, sr=24000).audio_codes[0]
    rec.put("codes", codes)
    rec.put("code_margins", margins.table(*codes.shape))
    mels = {}
    speaker = model.speaker_encoder
    rec.watch(speaker, lambda m, a, o: mels.update(mel=a[0][0]))
    for i, block in enumerate(speaker.blocks):
        rec.watch(block, lambda m, a, o, i=i: rec.put(f"speaker_block_{i}", o[0]))
    rec.watch(speaker.mfa, lambda m, a, o: rec.put("speaker_mfa", o[0]))
    rec.watch(speaker.asp, lambda m, a, o: rec.put("speaker_pooled", o[0, :, 0]))
    embedding = model.extract_speaker_embedding(wav, 24000)
    rec.put("mel", mels["mel"])
    rec.put("speaker_embedding", embedding)
    low = test_wave(min(wav.size / 24000, 3.0), case.get("ref_seed", 0), rate=16000)
    rec.put("resample_in_16k", low)
    rec.put("resample_out_24k", librosa.resample(y=low, orig_sr=16000, target_sr=24000))
    from librosa.filters import mel as mel_filter
    rec.put("mel_filter", mel_filter(sr=24000, n_fft=1024, n_mels=128, fmin=0, fmax=12000))
    return dict(samples=int(wav.size), frames=int(codes.shape[0]),
                smallest_code_margin=float(rec.arrays["code_margins"].min()))


def run_codec(wrapper, case, rec):
    tok = wrapper.model.speech_tokenizer
    dec = tok.model.decoder
    rng = np.random.Generator(np.random.PCG64(case.get("seed", 7)))
    codes = torch.from_numpy(rng.integers(0, dec.config.codebook_size, (case["frames"], 16)))
    codes[0, :] = 5   # the entries whose stored usage is under the floor
    codes[1, :] = 9
    rec.put("codes", codes)
    if case.get("taps"):
        quantize = dec.quantizer.decode

        def spy(c):
            out = quantize(c)
            rec.put("quantized", out[0])
            return out

        dec.quantizer.decode = spy
        rec.watch(dec.pre_conv, lambda m, a, o: rec.put("pre_conv", o[0]))
        rec.watch(dec.pre_transformer, lambda m, a, o: rec.put("pre_transformer", o.last_hidden_state[0].T))
        for i, layer in enumerate(dec.pre_transformer.layers):
            rec.watch(layer, lambda m, a, o, i=i: rec.put(f"pre_transformer_layer_{i}", (o[0] if isinstance(o, tuple) else o)[0].T))
        for i, stage in enumerate(dec.upsample):
            for j, part in enumerate(stage):
                rec.watch(part, lambda m, a, o, n=f"upsample_{i}_{j}": rec.put(n, o[0]))
        for i, part in enumerate(dec.decoder):
            rec.watch(part, lambda m, a, o, i=i: rec.put(f"decoder_{i}", o[0]))
    try:
        wavs, rate = tok.decode([{"audio_codes": codes}])
    finally:
        if case.get("taps"):
            del dec.quantizer.decode
    rec.close()
    rec.put("wav", wavs[0])
    with torch.inference_mode():
        rec.put("wav_single_pass", dec(codes.T[None])[0, 0])
    diff = (rec.arrays["wav"] - rec.arrays["wav_single_pass"]).abs()
    return dict(sample_rate=rate, frames=case["frames"], clipped=int((rec.arrays["wav"].abs() >= 1).sum()),
                max_abs_difference_chunked_vs_single_pass=float(diff.max()),
                first_sample_differing=int((diff > 1e-4).float().argmax()) if float(diff.max()) > 1e-4 else -1)


def run_tokenizer(checkpoint, folder):
    from transformers import Qwen2Tokenizer, Qwen2TokenizerFast
    native = Qwen2TokenizerFast.from_pretrained(checkpoint)
    slow = Qwen2Tokenizer.from_pretrained(checkpoint)
    patched = Qwen2TokenizerFast.from_pretrained(checkpoint, fix_mistral_regex=True)
    rows = []
    for text in TEXTS:
        ids = native(text)["input_ids"]
        rows.append(dict(text=text, ids=ids, ids_local_folder=patched(text)["input_ids"], slow_agrees=slow(text)["input_ids"] == ids))
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(dict(vocab=len(native), cases=rows), f, indent=1, ensure_ascii=False)
    print(f"tokenizer: {len(rows)} texts, {sum(r['ids'] != r['ids_local_folder'] for r in rows)} differ under the patched pattern")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--checkpoint", required=True)
    ap.add_argument("--case", default="all")
    ap.add_argument("--out", default=".")
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--pretokenizer", choices=["native", "patched"], default="native",
                    help="native: the Qwen2 split pattern (what a hub id loads); patched: what the package loads from a local folder")
    ap.add_argument("--threads", type=int, default=1, help="1 keeps float32 sums reproducible")
    args = ap.parse_args()

    with open(os.path.join(args.checkpoint, "config.json")) as f:
        config = json.load(f)
    known = {**CASES[config["tts_model_type"]], **CASES["any"]}
    if args.list:
        print("\n".join(list(known) + ["tokenizer"]))
        return
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    if args.case == "tokenizer":
        return run_tokenizer(args.checkpoint, args.out)
    if args.case == "all":
        small = config["talker_config"]["hidden_size"] <= 256
        chosen = {k: v for k, v in known.items()
                  if (small or not v.get("small_only")) and config["tts_model_size"] in v.get("sizes", ["0b6", "1b7"])}
    elif args.case in known:
        chosen = {args.case: known[args.case]}
    else:
        with open(args.case, encoding="utf-8") as f:
            case = json.load(f)
        chosen = {case.get("name", "case"): case}
    wrapper = load(args.checkpoint, args.pretokenizer)
    import transformers
    versions = dict(torch=torch.__version__, transformers=transformers.__version__, numpy=np.__version__)
    for name, case in chosen.items():
        start, rec = time.time(), Recorder()
        run = {"audio": run_audio, "codec": run_codec}.get(case["mode"], run_generation)
        try:
            info = run(wrapper, case, rec)
        finally:
            rec.close()
        rec.write(args.out, name, dict(case=case, versions=versions, model_size=config["tts_model_size"],
                                       model_type=config["tts_model_type"], pretokenizer=args.pretokenizer, **info))
        brief = {k: v for k, v in info.items() if k in ("frames", "stopped_by", "prefill_length", "clipped",
                 "smallest_predictor_top2_gap", "smallest_code_margin", "max_abs_difference_chunked_vs_single_pass", "first_sample_differing")}
        print(f"{name}: {brief} {time.time() - start:.1f} s", flush=True)
    if args.case == "all":
        run_tokenizer(args.checkpoint, args.out)


if __name__ == "__main__":
    main()
