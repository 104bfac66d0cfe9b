# SPDX-License-Identifier: MIT
"""A Base model for tests: the bundled voice under that name, with a speaker encoder of random weights.

What it says with a voice means nothing; that it takes one, keeps it and speaks with it is what is tested. A VoiceDesign
model is the same weights under another name.
"""
import json
import os
import shutil
import struct

import numpy as np

BUNDLED = os.path.join(os.path.dirname(__file__), "../../Sources/Qwen3TTS/Resources/DefaultVoice")
CHANNELS = [64, 64, 64, 64, 192]
MEL_BANDS, GROUPS, SQUEEZE, ATTENTION = 128, 8, 16, 16


def encoder_shapes(width):
    """Names and shapes of a speaker encoder's tensors."""
    block, joined = CHANNELS[0], CHANNELS[-1]
    shapes = {"blocks.0.conv": [block, MEL_BANDS, 5]}
    for index in range(1, len(CHANNELS) - 1):
        name = f"blocks.{index}."
        shapes[name + "tdnn1.conv"] = shapes[name + "tdnn2.conv"] = [block, block, 1]
        for group in range(GROUPS - 1):
            shapes[f"{name}res2net_block.blocks.{group}.conv"] = [block // GROUPS, block // GROUPS, 3]
        shapes[name + "se_block.conv1"] = [SQUEEZE, block, 1]
        shapes[name + "se_block.conv2"] = [block, SQUEEZE, 1]
    shapes["mfa.conv"] = [joined, joined, 1]
    shapes["asp.tdnn.conv"] = [ATTENTION, 3 * joined, 1]
    shapes["asp.conv"] = [joined, ATTENTION, 1]
    shapes["fc"] = [width, 2 * joined, 1]
    return shapes


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])]) for name, entry in header.items()}


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


def make_base_model(folder, kind="base"):
    """Writes the model to a folder that does not exist yet."""
    shutil.copytree(BUNDLED, folder)
    with open(folder + "/config.json") as file:
        config = json.load(file)
    config["tts_model_type"] = kind
    talker = config["talker_config"]
    talker["spk_id"], talker["spk_is_dialect"] = {}, {}
    for name in ("text_normalization", "usual_frames"):
        config.pop(name, None)
    if kind == "base":
        config["speaker_encoder_config"] = {
            "enc_dim": talker["hidden_size"], "sample_rate": 24000, "mel_dim": MEL_BANDS, "enc_channels": CHANNELS,
            "enc_attention_channels": ATTENTION, "enc_se_channels": SQUEEZE, "enc_res2net_scale": GROUPS,
            "enc_kernel_sizes": [5, 3, 3, 3, 1], "enc_dilations": [1, 2, 3, 4, 1]}
        tensors = read_safetensors(folder + "/model.safetensors")
        random = np.random.default_rng(1)
        for name, shape in encoder_shapes(talker["hidden_size"]).items():
            weight = random.normal(0, 1 / np.sqrt(shape[1] * shape[2]), shape).astype("<f4")
            tensors[f"speaker_encoder.{name}.weight"] = ("F32", shape, weight.tobytes())
            tensors[f"speaker_encoder.{name}.bias"] = ("F32", [shape[0]], np.zeros(shape[0], "<f4").tobytes())
        write_safetensors(folder + "/model.safetensors", tensors)
    with open(folder + "/config.json", "w") as file:
        json.dump(config, file)
