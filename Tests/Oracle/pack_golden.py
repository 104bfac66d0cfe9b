#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs what the utterances of Tests/Fixtures/golden ask for and what the official package said.

Writes Sources/CGoldenUtterances/golden.safetensors, which `qwen3-tts doctor --verify` carries within it:
token ids, speaker embeddings, references and codes of every utterance, and its options as JSON in the
metadata. Needs nothing but Python; make_fixtures.py comes first. Same fixtures, same bytes.
"""
import glob
import json
import os
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "Tests", "Fixtures", "golden")
PACK = os.path.join(ROOT, "Sources", "CGoldenUtterances", "golden.safetensors")
TENSORS = ["input_ids", "instruct_ids", "ref_ids", "ref_codes", "speaker_embedding", "codes",
           "step_tokens"]
OPTIONS = ["name", "language", "speaker", "text_layout", "max_new_tokens", "repetition_penalty",
           "ref_samples"]


def read(path):
    """Tensors of a file: dtype, shape and bytes by name."""
    with open(path, "rb") as file:
        whole = file.read()
    start = 8 + struct.unpack_from("<Q", whole)[0]
    found = {}
    for name, entry in json.loads(whole[8:start]).items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            found[name] = (entry["dtype"], entry["shape"], whole[start + first:start + end])
    return found


def main():
    header, data, checkpoints = {}, b"", []
    for path in sorted(glob.glob(os.path.join(GOLDEN, "*", "cases.json"))):
        folder = os.path.basename(os.path.dirname(path))
        with open(path) as file:
            described = json.load(file)
        cases = [case for case in described["cases"] if "text" in case]
        checkpoint = {key: described["checkpoint"][key] for key in ("size", "variant", "seed")}
        checkpoints.append(dict(
            folder=folder, **checkpoint,
            cases=[{key: case[key] for key in OPTIONS if key in case} for case in cases]))
        for case in cases:
            tensors = read(os.path.join(GOLDEN, folder, case["name"] + ".safetensors"))
            for name in TENSORS:
                if name in tensors:
                    dtype, shape, content = tensors[name]
                    header[f"{folder}/{case['name']}/{name}"] = dict(
                        dtype=dtype, shape=shape, data_offsets=[len(data), len(data) + len(content)])
                    data += content
    header["__metadata__"] = dict(checkpoints=json.dumps(checkpoints, sort_keys=True))
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(PACK, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    print(f"{sum(len(one['cases']) for one in checkpoints)} utterances of {len(checkpoints)} "
          f"checkpoints, {8 + len(text) + len(data)} bytes")


if __name__ == "__main__":
    main()
