#!/usr/bin/env python3
"""Distil the codec encoder: sound to the projections that the quantizer takes its codes from.

Its targets are the teacher's parameters and phones, not the decoder's sound: codebook 0 is a choice to be met, and the
others hold what that choice, right or wrong, leaves of the parameters.
Some speech is said first, then trained on. A GPU takes it in passing; a CPU makes a rough one."""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import modules as M
from lines import Source, Writer
from quantizer import Quantizer
from speechdata import save
from teacher import FRAME, Teacher

ap = argparse.ArgumentParser()
ap.add_argument("--libs", required=True)
ap.add_argument("--text", required=True)
ap.add_argument("--quantizer", required=True)
ap.add_argument("--ckpt", required=True, help="folder of codec_dec.pt, to write codec_enc.pt to")
ap.add_argument("--start", help="a codec_enc.pt to resume from")
ap.add_argument("--seconds", type=float, default=240)
ap.add_argument("--minutes", type=float, default=20, help="of speech")
ap.add_argument("--lr", type=float, default=2e-3)
ap.add_argument("--crop", type=int, default=24, help="frames")
ap.add_argument("--batch", type=int, default=12)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--seed", type=int, default=0, help="another seed, other speech")
ap.add_argument("--report", type=int, default=50, help="steps between two lines of the log")
ap.add_argument("--dims", default="{}")
a = ap.parse_args()
T0 = time.time()
torch.set_num_threads(a.threads)
torch.manual_seed(a.seed)
torch.set_float32_matmul_precision("high")
torch.backends.cudnn.benchmark = True
dev = "cuda" if torch.cuda.is_available() else "cpu"
rng = np.random.default_rng(a.seed)
torch.set_flush_denormal(True)

# Ten filters: with twelve the folder would be larger than 24 MB.
cfg = {**M.CODEC, "vq_dim": 64, "num_filters": 10, **json.loads(a.dims)}
scale = torch.load(Path(a.ckpt) / "codec_dec.pt", map_location="cpu", weights_only=True)["scale"]
teacher, qz, writer = Teacher(a.libs), Quantizer(a.quantizer), Writer(Source(a.text), f"encoder {a.seed}")
sound, whole, codes, n = [], [], [], 0
while n < a.minutes * 750:
    r = teacher.say(writer.line(), True)
    if r:
        sound.append(r[2])
        whole.append((r[0] - qz.mean) @ qz.project)
        codes.append(qz.encode(*r[:2]))
        n += len(r[0])
sound = torch.from_numpy(np.concatenate(sound)).to(dev).float() / 32768
whole = torch.from_numpy(np.concatenate(whole)).to(dev) * scale
codes, held = torch.from_numpy(np.concatenate(codes)).to(dev).long(), n // 10
books = torch.from_numpy(qz.books).to(dev) * scale
print(f"{n / 750:.1f} min of speech after {time.time() - T0:.0f} s", flush=True)

enc = M.Encoder(cfg)
enc.in_first, enc.in_rest = (nn.Conv1d(cfg["enc_hidden"], cfg["vq_dim"], 1, bias=False) for _ in range(2))
if a.start:
    enc.load_state_dict(torch.load(a.start, map_location="cpu", weights_only=True)["enc"])
enc.to(dev)
opt = torch.optim.AdamW(enc.parameters(), lr=a.lr, betas=(0.9, 0.98), weight_decay=1e-3)


def project(x):
    z = enc(x)
    return enc.in_first(z).transpose(1, 2), enc.in_rest(z).transpose(1, 2)


@torch.no_grad()
def judge():
    """on speech not trained on: the share of the parameters' variance that the codes hold, and of the codes met"""
    met, err, tot = torch.zeros(16, device=dev), 0, 0
    for s in range(n - held, n - a.crop, a.crop):
        f, r = (v[0] for v in project(sound[s * FRAME:(s + a.crop) * FRAME][None]))
        at = slice(s, s + a.crop)
        left, taken = r, 0
        for q in range(16):
            x = left if q else f
            c = torch.cdist(x, books[q]).argmin(1)
            met[q] += (c == codes[at, q]).sum()
            taken = taken + books[q][c]
            if q:
                left = left - books[q][c]
        err, tot = err + (taken - whole[at]).square().sum(), tot + whole[at].square().sum()
    k = len(range(n - held, n - a.crop, a.crop)) * a.crop
    return f"variance held {float(1 - err / tot):.3f}, codes met {[round(float(v), 3) for v in met[:4] / k]}"


step, acc, end = 0, 0.0, T0 + a.seconds
begin = time.time()
while time.time() < end:
    f = (time.time() - begin) / (end - begin)
    for g in opt.param_groups:
        g["lr"] = a.lr * min(1, (step + 1) / 50) * min(1, 2 * (1 - f) + 0.01)
    s = torch.from_numpy(rng.integers(0, n - held - a.crop, (a.batch, 1))).to(dev)
    x = sound[s * FRAME + torch.arange(a.crop * FRAME, device=dev)]
    at = s + torch.arange(a.crop, device=dev)
    y, z = project(x)
    # The first two frames of a crop lack what they would have heard before.
    far = books[0].square().sum(1) - 2 * y[:, 2:] @ books[0].t()
    left = whole[at][:, 2:] - books[0][far.argmin(-1)]
    loss = F.cross_entropy(-far.flatten(0, 1), codes[at][:, 2:, 0].flatten()) + F.mse_loss(z[:, 2:], left)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(enc.parameters(), 1.0)
    opt.step()
    step, acc = step + 1, acc + loss.detach()
    if step % a.report == 0:
        print(f"step {step} {time.time() - T0:.0f}s loss {float(acc) / a.report:.4f}", flush=True)
        acc = 0.0
save({"enc": {k: v.detach().cpu() for k, v in enc.state_dict().items()}, "cfg": json.dumps({k: cfg[k] for k in cfg if k.startswith("enc") or k == "num_filters"})},
     Path(a.ckpt) / "codec_enc.pt")
print(f"{step} steps, {time.time() - T0:.0f} s, {judge()}")
