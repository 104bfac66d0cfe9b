#!/usr/bin/env python3
"""Make every file under Tests/Fixtures from the official code.

  make_fixtures.py --work DIR                       everything (about half an hour, one thread)
  make_fixtures.py --work DIR --only tiny-base-1    one checkpoint
  make_fixtures.py --work DIR --only tokenizer      the text tokenizer
  make_fixtures.py --work DIR --check               regenerate into DIR/check and compare with the committed files

DIR receives the checkpoints.  What each file holds is said in ../Fixtures/README.md.

Greedy codes can be compared one by one only while no decision is nearly tied, so each case is run with
a few endings of its text until the smallest gap between the best and the second score (and between the
nearest and the second codebook row) is far above the rounding of float32.
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
from safetensors.numpy import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "Fixtures")
SCORE_GAP = 3e-4       # logits have a standard deviation near 3
CODE_MARGIN = 5e-5     # Euclidean distance between a residual and its codebook rows, of order 1
# Endings tried for a wish before a clear case without it is kept.
LAST_ENDING = {"long": 6, "eos": 8, "over_300": 3}
ENDINGS = ["", " Yes.", " And you?", " ok", " Hello.", " No, not today.", " 12", "...", " The end.", " a b c",
           " So it is.", " Why?", " over there", " # 7", " It's late.", " Good.", " the dog", " quick!", " man", " to"]

# ------------------------------------------------------------------------------------------------
# Cases.  `keep`: "full" (every row), "brief" (samples of rows).  `want`: "long" (40 frames or more), "eos".
# ------------------------------------------------------------------------------------------------

FOX = "The quick brown fox jumps over the lazy dog, and the dog is slow today."
NIHAO = "\u4f60\u597d\uff0c\u4e16\u754c\u3002"
KONNICHIWA = "\u3053\u3093\u306b\u3061\u306f\u3002"
ANNYEONG = "\uc548\ub155\ud558\uc138\uc694."


def custom_voice(name, text, speaker, language=None, **more):
    return dict(name=name, mode="custom_voice", text=text, speaker=speaker, language=language, **more)


def voice_design(name, text, instruct, language=None, **more):
    return dict(name=name, mode="voice_design", text=text, instruct=instruct, language=language, **more)


def clone(name, text, samples, ref_text=None, language=None, **more):
    return dict(name=name, mode="voice_clone", text=text, ref_samples=samples, ref_text=ref_text, language=language,
                x_vector_only_mode=ref_text is None, **more)


def custom_voice_cases(size, seed):
    if seed == 1:
        yield custom_voice("auto", "Hello world, this is a test.", "Vivian", keep="full", want="long")
        yield custom_voice("english_ends", "Good morning. What are you doing today?", "ryan", "English", keep="full",
                           want="eos")
        yield custom_voice("dialect_by_auto", NIHAO, "Eric", "Auto")
        yield custom_voice("dialect_by_chinese_incremental", NIHAO, "dylan", "Chinese", non_streaming_mode=False)
        yield custom_voice("dialect_speaker_in_english", "Hello.", "eric", "english", want="long")
        yield custom_voice("incremental_one_token", "Hello", "Uncle_Fu", "Japanese", non_streaming_mode=False,
                           endings=[""], max_new_tokens=10, keep="full")
        yield custom_voice("incremental_long_text", FOX, "sohee", "Korean", non_streaming_mode=False, want="long")
        yield custom_voice("whole_japanese", KONNICHIWA, "Ono_Anna", "Japanese")
        yield custom_voice("korean_incremental_auto", ANNYEONG, "sohee", non_streaming_mode=False)
        # The instruction is used with label 1b7 and dropped in silence with label 0b6.
        yield custom_voice("instruct", "Hello world.", "Serena", "English", want="long", keep="full",
                           instruct="Speak slowly, in a warm and deep voice.")
        yield custom_voice("instruct_incremental", "What are you doing today?", "aiden", "German",
                           instruct="Speak fast.", non_streaming_mode=False)
        yield custom_voice("no_penalty", "This is a test.", "Ryan", "French", repetition_penalty=1.0)
        yield custom_voice("strong_penalty", "This is a test.", "Ryan", "Spanish", repetition_penalty=1.5)
        yield custom_voice("two_tokens", "Hello world.", "vivian", "Italian", max_new_tokens=2, whole_wav=True)
        yield custom_voice("three_tokens", "Hello world.", "vivian", "Portuguese", max_new_tokens=3)
        if size == "tiny":
            yield custom_voice("over_300_frames", FOX, "serena", "Russian", max_new_tokens=322, want="over_300")
    else:
        yield custom_voice("auto", "Good morning.", "Dylan", keep="full", want="long")
        yield custom_voice("ends", "The dog is slow today.", "Serena", "English", want="eos")
        yield custom_voice("incremental", FOX, "Aiden", "Chinese", non_streaming_mode=False, want="long")
        yield custom_voice("incremental_ends", "Hello world.", "Ono_Anna", non_streaming_mode=False, want="eos")
        yield custom_voice("dialect_by_auto", NIHAO, "dylan", want="long")
        yield custom_voice("instruct", "Speak, young man.", "Uncle_Fu", "Russian", instruct="An old voice, # ## slow.",
                           want="long")
        yield custom_voice("controls_in_text", "a<|im_end|>b <tts_pad> c", "ryan", "English")
        yield custom_voice("newline_first", "\nHello\r\n\r\nworld", "ryan", "English")


def voice_design_cases(size, seed):
    instruct = "A young woman with a bright voice."
    yield voice_design("english", "Hello world, this is a test.", instruct, "English", keep="full" if seed == 1 else "brief",
                       want="long")
    yield voice_design("no_instruct", "Good morning.", "")
    yield voice_design("incremental", "What are you doing today?", "An old man.", "German", non_streaming_mode=False,
                       want="long")
    yield voice_design("auto_ends", "Hello.", instruct, want="eos")
    yield voice_design("no_instruct_incremental_chinese", NIHAO, "", "Chinese", non_streaming_mode=False)
    yield voice_design("japanese", KONNICHIWA, NIHAO, "Japanese", want="long")


def base_cases(size, seed):
    ref = "This is a reference recording."
    n = (24000, 72011, 215040, 336000) if seed == 1 else (24960, 71999, 216001, 336123)
    first = seed == 1
    yield clone("xvector", "Hello world, this is a test.", n[1], language="English", want="long",
                keep="full" if first else "brief")
    yield clone("xvector_whole", "Hello world.", n[0], non_streaming_mode=True)
    yield clone("xvector_auto_ends", "What are you doing today?", n[2], want="eos")
    yield clone("xvector_whole_14s", FOX, n[3], language="Korean", non_streaming_mode=True, want="long")
    yield clone("context_1s_longer_text", FOX, n[0], ref, "Auto", want="long", keep="full" if first else "brief")
    yield clone("context_1s_whole", "Hello world.", n[0], NIHAO, "Chinese", non_streaming_mode=True)
    yield clone("context_3s_shorter_text", "Hello.", n[1], "This is a test.", "English", want="long")
    yield clone("context_3s_whole", "Good morning.", n[1], ref, non_streaming_mode=True, want="long")
    yield clone("context_9s", FOX, n[2], ref, "French")
    yield clone("context_9s_whole_ends", "Hello world.", n[2], ref + " " + FOX, "Italian", non_streaming_mode=True,
                want="eos")
    yield clone("context_14s", "The dog is slow today.", n[3], ref, "Spanish", want="long")
    yield clone("context_14s_whole", NIHAO, n[3], ref, non_streaming_mode=True)
    if size == "tiny" and first:
        yield clone("context_14s_over_300_frames", FOX, n[3], ref, "Russian", max_new_tokens=132, want="all")


AUDIO = {1: [("audio_1s", 24000), ("audio_3s", 72011), ("audio_14s", 336123)], 2: [("audio_3s", 71999), ("audio_9s", 216001)]}
VARIANTS = {"custom_voice": custom_voice_cases, "voice_design": voice_design_cases, "base": base_cases}
CHECKPOINTS = [(size, variant, seed) for size in ("tiny", "tiny06") for variant, seeds in
               (("base", (1, 2)), ("custom_voice", (1, 2)), ("voice_design", (1, 3))) for seed in seeds]


def folder_name(size, variant, seed):
    return f"{size}-{variant}-{seed}"


# ------------------------------------------------------------------------------------------------
# Condensing
# ------------------------------------------------------------------------------------------------

def some(count, *wanted):
    """Distinct valid indices, in order; negative ones count from the end."""
    return np.unique([i % count for i in wanted if -count <= i < count]).astype(np.int32)


def sampled_wave(wav, full, stride):
    if full:
        return {"wav": wav}
    head, tail = (1920, 480) if stride < 100 else (240, 120)
    n = wav.size
    at = np.unique(np.concatenate([np.arange(min(head, n)), np.arange(0, n, stride), np.arange(max(0, n - tail), n)]))
    return {"wav_indices": at.astype(np.int32), "wav_values": wav[at]}


def condense_speech(a, case):
    full = case.get("keep") == "full"
    out = {k: a[k] for k in ("input_ids", "instruct_ids", "ref_ids", "codes", "step_tokens", "speaker_embedding", "ref_codes")
           if k in a}
    rows = a["prefill_embeds"].shape[0]
    at = np.arange(rows, dtype=np.int32) if full else some(rows, 0, 3, 7, 8, 9, 10, rows // 2, -2, -1)
    out.update(prefill_rows=at, prefill_embeds=a["prefill_embeds"][at], prefill_layers_last=a["prefill_layers"][:, -1])
    if full:
        out.update(talker_hidden=a["talker_hidden"], trailing_text_hidden=a["trailing_text_hidden"],
                   tts_pad_embed=a["tts_pad_embed"])
    steps = a["talker_logits"].shape[0]
    at = some(steps, 0, steps // 2, -1) if full else some(steps, -1)
    out.update(talker_steps=at, talker_logits=a["talker_logits"][at])
    frames = a["codes"].shape[0]
    at = some(frames, 0, frames // 2, -1) if full else some(frames, -1)
    out.update(predictor_frames=at, predictor_logits=a["predictor_logits"][at], step_embeds=a["step_embeds"][at])
    if full:
        out["predictor_inputs"] = a["predictor_inputs"][at[:1]]
    out.update(sampled_wave(a["wav"], case.get("whole_wav"), 31 if full else 127))
    return out


def columns(out, name, x, many=12):
    """A stage [channels, time]: all of it when small, else a few columns; with the RMS of each channel."""
    time_ = x.shape[1]
    out[name + "_rms"] = np.sqrt((x.astype(np.float64) ** 2).mean(1)).astype(np.float32)
    if x.size <= 3000:
        at = np.arange(time_, dtype=np.int32)
    else:
        third = many // 3
        at = some(time_, *range(third), *range(time_ // 2, time_ // 2 + third), *range(-third, 0))
    out[name + "_columns"], out[name + "_values"] = at, np.ascontiguousarray(x[:, at])


def condense_audio(a, case):
    out = {k: a[k] for k in ("codes", "speaker_embedding", "speaker_pooled")}
    for k in a:
        if k.startswith("encoder_") or k in ("speaker_mfa", "mel") or k.startswith("speaker_block_"):
            columns(out, k, a[k])
    return out


def condense_codec(a, case):
    out = {"codes": a["codes"]}
    for k in a:
        if k == "quantized" or k.startswith(("pre_", "upsample_", "decoder_")):
            columns(out, k, a[k], 9)
    if case["frames"] <= 40:
        out["wav"] = a["wav"]
        return out
    frames = case["frames"]
    for k in ("wav", "wav_single_pass"):
        x = a[k]
        near = [np.arange(0, x.size, 997), np.arange(1920 * frames - 240, 1920 * frames)]
        near += [np.arange(1920 * f - 240, 1920 * f + 480) for f in range(300, frames, 300)]
        at = np.unique(np.concatenate(near)).astype(np.int32)
        out.update({k + "_indices": at, k + "_values": x[at],
                    k + "_frame_rms": np.sqrt((x.reshape(frames, 1920).astype(np.float64) ** 2).mean(1)).astype(np.float32)})
    return out


def write_arrays(path, arrays):
    kinds = {"float32": np.float32, "int32": np.int32, "int16": np.int16, "uint8": np.uint8}
    for k, v in arrays.items():
        assert v.dtype.name in kinds, (k, v.dtype)
    save_file({k: np.ascontiguousarray(v) for k, v in sorted(arrays.items())}, path)
    os.chmod(path, 0o644)
    return os.path.getsize(path)


def write_json(path, value):
    with open(path, "w", encoding="ascii") as f:
        json.dump(value, f, indent=1, ensure_ascii=True)
        f.write("\n")


def sha256_file(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


# ------------------------------------------------------------------------------------------------
# Running
# ------------------------------------------------------------------------------------------------

def make_checkpoint(size, variant, seed, out, *more):
    if not os.path.exists(os.path.join(out, "speech_tokenizer", "model.safetensors")):
        subprocess.run([sys.executable, os.path.join(HERE, "make_checkpoint.py"), "--size", size, "--variant", variant,
                        "--seed", str(seed), "--out", out, *more], check=True, stdout=subprocess.DEVNULL)
    return out


def is_good(case, info):
    if info["smallest_talker_top2_gap"] < SCORE_GAP or info.get("smallest_predictor_top2_gap", 1) < SCORE_GAP:
        return False
    want, frames = case.get("want"), info["frames"]
    return {None: frames >= 1, "long": frames >= 40, "all": info["stopped_by"] != "eos",
            "eos": info["stopped_by"] == "eos" and frames >= 4, "over_300": frames > 300}[want]


def run_case(golden, wrapper, case):
    endings, kept = case.get("endings", ENDINGS), None
    for ending in endings[:LAST_ENDING.get(case.get("want"), len(endings))]:
        tried = dict(case, text=case["text"] + ending, max_new_tokens=case.get("max_new_tokens", 48))
        for shift in range(0, 10):
            if "ref_samples" in case:
                # A reference of the wanted length that has no tied code.
                tried["ref_samples"] = case["ref_samples"] - 7 * shift
            rec = golden.Recorder()
            try:
                info = golden.run_generation(wrapper, tried, rec)
            finally:
                rec.close()
            if info.get("smallest_code_margin", 1) >= CODE_MARGIN:
                break
        result = tried, info, {k: v.numpy() for k, v in rec.arrays.items()}
        if is_good(case, info):
            return result
        # A random model rarely ends by itself: a clear case that only misses its length will do.
        if kept is None and is_good(dict(case, want=None), info):
            kept = result
    if kept is None:
        print(f"{case['name']}: left out, every ending had a nearly tied decision", flush=True)
        return None
    print(f"{case['name']}: no ending gave {case.get('want')}, kept {kept[1]['frames']} frames", flush=True)
    return kept


def run_checkpoint(golden, size, variant, seed, work, out):
    name = folder_name(size, variant, seed)
    checkpoint = make_checkpoint(size, variant, seed, os.path.join(work, name))
    target = os.path.join(out, "golden", name)
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    wrapper, listed, total = golden.load(checkpoint, "native"), [], 0

    def store(case, info, arrays):
        nonlocal total
        size_ = write_arrays(os.path.join(target, case["name"] + ".safetensors"), arrays)
        total += size_
        hidden = ("keep", "want", "endings", "whole_wav")
        keep = ("frames", "prefill_length", "stopped_by", "samples", "clipped", "first_sample_differing",
                "smallest_talker_top2_gap", "smallest_predictor_top2_gap", "smallest_code_margin",
                "max_abs_difference_chunked_vs_single_pass")
        entry = {k: v for k, v in case.items() if k not in hidden and v is not None}
        if "text" in case:
            entry["text_layout"] = "whole" if info["non_streaming_mode"] else "incremental"
            entry.pop("non_streaming_mode", None)
            entry.setdefault("repetition_penalty", 1.05)
        entry.update({k: info[k] for k in keep if k in info})
        listed.append(entry)
        print(f"{name}/{case['name']}: {size_} bytes, {entry.get('frames')} frames, {entry.get('stopped_by')}", flush=True)

    for case in VARIANTS[variant](size, seed):
        result = run_case(golden, wrapper, case)
        if result is None:
            continue
        case, info, arrays = result
        info["samples"] = int(arrays["wav"].size)
        store(case, info, condense_speech(arrays, case))
    audio = AUDIO.get(seed, []) if variant == "base" and size == "tiny" else []
    for kind, samples in audio:
        case, rec = dict(name=kind, mode="audio", ref_samples=samples), golden.Recorder()
        try:
            # Layer outputs of the long ones are left out by run_audio itself.
            info = golden.run_audio(wrapper, case, rec)
        finally:
            rec.close()
        store(case, info, condense_audio({k: v.numpy() for k, v in rec.arrays.items()}, case))
    codec = []
    if variant == "base" and size == "tiny":  # the codec of a seed is the same in every tiny checkpoint
        codec = [("codec_40", 40, True)] + ([("codec_640", 640, False)] if seed == 1 else [])
    for kind, frames, taps in codec:
        case, rec = dict(name=kind, mode="codec", frames=frames, taps=taps, seed=6 + seed), golden.Recorder()
        try:
            info = golden.run_codec(wrapper, case, rec)
        finally:
            rec.close()
        case.pop("seed")
        store(case, info, condense_codec({k: v.numpy() for k, v in rec.arrays.items()}, case))
    write_json(os.path.join(target, "cases.json"), dict(
        checkpoint=dict(size=size, variant=variant, seed=seed, dtype="bf16",
                        model_sha256=sha256_file(os.path.join(checkpoint, "model.safetensors")),
                        codec_sha256=sha256_file(os.path.join(checkpoint, "speech_tokenizer", "model.safetensors"))),
        arithmetic="float32", cases=listed))
    print(f"{name}: {total} bytes", flush=True)


def make_common(golden, out):
    """The reference recording (made once, then kept) and the mel filter bank."""
    os.makedirs(os.path.join(out, "golden"), exist_ok=True)
    path = os.path.join(out, "golden", "reference.safetensors")
    if os.path.exists(golden.REFERENCE):
        if os.path.abspath(path) != os.path.abspath(golden.REFERENCE):
            shutil.copyfile(golden.REFERENCE, path)
    else:
        wave = golden.test_wave(336123 / 24000)
        write_arrays(path, {"samples": np.round(wave * 32767).astype(np.int16)})
    from librosa.filters import mel
    bank = mel(sr=24000, n_fft=1024, n_mels=128, fmin=0, fmax=12000)
    at = np.flatnonzero(bank)
    write_arrays(os.path.join(out, "golden", "mel_filter.safetensors"),
                 {"shape": np.array(bank.shape, np.int32), "indices": at.astype(np.int32),
                  "values": bank.ravel()[at].astype(np.float32)})


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--work", required=True)
    ap.add_argument("--only", help="a checkpoint (size-variant-seed), tokenizer, or common")
    ap.add_argument("--check", action="store_true")
    ap.add_argument("--threads", type=int, default=1)
    args = ap.parse_args()
    sys.path.insert(0, HERE)
    import golden
    golden.torch.set_num_threads(args.threads)
    golden.torch.manual_seed(0)
    out = os.path.join(args.work, "check") if args.check else FIXTURES
    os.makedirs(out, exist_ok=True)
    start = time.time()
    if args.only in (None, "common"):
        make_common(golden, out)
    if args.only in (None, "tokenizer"):
        import tokenizer_cases
        tokenizer_cases.make(make_checkpoint, args.work, os.path.join(out, "tokenizer"))
    for size, variant, seed in CHECKPOINTS:
        if args.only in (None, folder_name(size, variant, seed)):
            run_checkpoint(golden, size, variant, seed, args.work, out)
    print(f"done in {time.time() - start:.0f} s")
    return compare(out, FIXTURES) if args.check else 0


def compare(made, committed):
    """Integers must be equal, floats within 1e-5 of their largest magnitude."""
    bad = 0
    for folder, _, files in os.walk(made):
        for file in sorted(files):
            path = os.path.join(folder, file)
            other = os.path.join(committed, os.path.relpath(path, made))
            if file.endswith(".safetensors"):
                a, b = load_file(path), load_file(other)
                same = a.keys() == b.keys() and all(
                    a[k].shape == b[k].shape and
                    (np.abs(a[k] - b[k]).max(initial=0) <= 1e-5 * max(1, np.abs(b[k]).max(initial=0))
                     if a[k].dtype == np.float32 else np.array_equal(a[k], b[k])) for k in a)
            elif file == "cases.json":
                strip = lambda v: ({k: strip(x) for k, x in v.items() if not k.startswith(("smallest", "max_abs"))}
                                   if isinstance(v, dict) else [strip(x) for x in v] if isinstance(v, list) else v)
                same = strip(json.load(open(path))) == strip(json.load(open(other)))
            else:
                same = open(path, "rb").read() == open(other, "rb").read()
            if not same:
                bad += 1
                print("DIFFERS:", os.path.relpath(path, made))
    print("all equal" if not bad else f"{bad} files differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
