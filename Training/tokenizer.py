#!/usr/bin/env python3
"""Train the byte-level BPE of the talker. Small on purpose: about two letters a token, so that spelling
carries over to words never seen, yet text still arrives faster than speech when one token comes a frame."""
import argparse
import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lines import Source, Writer
from textids import PAT

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|audio_start|>", "<|audio_end|>", "<tts_pad>",
            "<tts_text_bos>", "<tts_text_eod>", "<tts_text_bos_single>", "<|audio_pad|>"]
ap = argparse.ArgumentParser()
ap.add_argument("--text", required=True, help="folder of text.py")
ap.add_argument("--size", type=int, default=640, help="special tokens included")
ap.add_argument("--lines", type=int, default=150000)
a = ap.parse_args()
writer, out = Writer(Source(a.text), "tokenizer"), Path(a.text)
lines = [writer.line() for _ in range(a.lines)]
n = a.size - len(SPECIALS)
tok = Tokenizer(models.BPE())
tok.normalizer = normalizers.NFC()
tok.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(PAT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
tok.decoder = decoders.ByteLevel()
# "assistant" and "user" must be single tokens: the prompt layout counts them.
tok.train_from_iterator(lines + ["assistant", "user"] * (len(lines) // 2), trainers.BpeTrainer(
    vocab_size=n, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
m = json.loads(tok.to_str())["model"]
assert len(m["vocab"]) == n and "assistant" in m["vocab"] and "user" in m["vocab"]
(out / "vocab.json").write_text(json.dumps(m["vocab"], ensure_ascii=False))
(out / "merges.txt").write_text("#version: 0.2\n" + "\n".join(x if isinstance(x, str) else " ".join(x) for x in m["merges"]) + "\n")
(out / "specials.json").write_text(json.dumps({s: n + i for i, s in enumerate(SPECIALS)}, indent=1))
k = [len(tok.encode(s).ids) for s in lines[:3000]]
print("letters a token", sum(map(len, lines[:3000])) / sum(k), tok.encode("Hello world, this is a test.").tokens)
