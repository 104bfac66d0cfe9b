#!/usr/bin/env python3
"""Distil the codec encoder: sound to the projections that the quantizer takes its codes from.

Its targets are the teacher's codes, of speech.py's chunks: codebook 0 is a choice to be met, and the others hold what that
choice, right or wrong, leaves of the parameters, as the sum of all codes' entries gives them. A GPU takes it in passing, beside
the talker; a CPU makes a rough one."""
import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import modules as M
from quantizer import Quantizer
from speechdata import FRAME, ChunkReader, load_heldout, save

ap = argparse.ArgumentParser()
ap.add_argument("--speech", required=True, help="folder of speech.py")
ap.add_argument("--quantizer", required=True)
ap.add_argument("--ckpt", required=True, help="folder of codec_dec.pt, to write codec_enc.pt to")
ap.add_argument("--start", help="a codec_enc.pt to resume from")
ap.add_argument("--seconds", type=float, default=240)
ap.add_argument("--hours", type=float, default=20, help="of speech with sound at most")
ap.add_argument("--wait-hours", type=float, default=0, help="of it before the first step")
ap.add_argument("--lr", type=float, default=2e-3)
ap.add_argument("--crop", type=int, default=24, help="frames")
ap.add_argument("--batch", type=int, default=12)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--report", type=int, default=50, help="steps between two lines of the log")
ap.add_argument("--dims", default="{}")
a = ap.parse_args()
T0 = time.time()
torch.set_num_threads(a.threads)
torch.manual_seed(int(T0))
torch.set_float32_matmul_precision("high")
torch.backends.cudnn.benchmark = True
dev = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_flush_denormal(True)

qz = Quantizer(a.quantizer)
# Ten filters: with twelve the folder would be larger than 24 MB.
cfg = {**M.CODEC, "vq_dim": qz.books.shape[2], "num_filters": 10, **json.loads(a.dims)}
scale = torch.load(Path(a.ckpt) / "codec_dec.pt", map_location="cpu", weights_only=True)["scale"]
books = torch.from_numpy(qz.books).to(dev) * scale
cap = int(a.hours * 45000)
sound = torch.zeros(cap * FRAME, dtype=torch.int16, device=dev)
codes = torch.zeros(cap, 16, dtype=torch.uint8, device=dev)
n, reader = 0, ChunkReader(a.speech, ("codes", "audio"))


def poll():
    global n
    c = reader.get()
    if c is None or reader.stop:
        return
    k = min(len(c["codes"]), cap - n)
    sound[n * FRAME:(n + k) * FRAME] = torch.from_numpy(c["audio"][:k * FRAME]).to(dev)
    codes[n:n + k] = torch.from_numpy(c["codes"][:k]).to(dev)
    n += k
    reader.stop = n == cap


while (n < a.crop + 1 or n < min(cap, a.wait_hours * 45000)) and time.time() - T0 < 180:
    poll()
    time.sleep(0.01)
if n <= a.crop:
    raise SystemExit("no speech with sound arrived")
print(f"{n / 45000:.2f} h of speech after {time.time() - T0:.0f} s", flush=True)

enc = M.Encoder(cfg)
enc.in_first, enc.in_rest = (nn.Conv1d(cfg["enc_hidden"], cfg["vq_dim"], 1, bias=False) for _ in range(2))
if a.start:
    enc.load_state_dict(torch.load(a.start, map_location="cpu", weights_only=True)["enc"])
enc.to(dev)
opt = torch.optim.AdamW(enc.parameters(), lr=a.lr, betas=(0.9, 0.98), weight_decay=1e-3)


def project(x):
    z = enc(x)
    return enc.in_first(z).transpose(1, 2), enc.in_rest(z).transpose(1, 2)


def entries(c):
    """codes [B, T, 16] -> what they say of the parameters [B, T, vq_dim]"""
    return sum(books[q][c[..., q]] for q in range(16))


@torch.no_grad()
def judge():
    """on held-out sentences: the share of the parameters' variance that the codes hold, and of the codes met"""
    met, err, tot, k = torch.zeros(16, device=dev), 0, 0, 0
    for h in load_heldout(Path(a.speech) / "heldout.npz", wait=0)[:60]:
        f, r = (v[0] for v in project(torch.from_numpy(h["audio"]).to(dev).float()[None] / 32768))
        true = torch.from_numpy(h["codes"]).to(dev).long()
        whole, left, taken = entries(true), r, 0
        for q in range(16):
            x = left if q else f
            c = torch.cdist(x, books[q]).argmin(1)
            met[q] += (c == true[:, q]).sum()
            taken = taken + books[q][c]
            if q:
                left = left - books[q][c]
        err, tot, k = err + (taken - whole).square().sum(), tot + whole.square().sum(), k + len(whole)
    return f"variance held {float(1 - err / tot):.3f}, codes met {[round(float(v), 3) for v in met[:4] / k]}" if k else "no held-out speech"


def store():
    save({"enc": {k: v.detach().cpu() for k, v in enc.state_dict().items()}, "cfg": json.dumps({k: cfg[k] for k in cfg if k.startswith("enc") or k == "num_filters"})},
         Path(a.ckpt) / "codec_enc.pt")


step, acc, end = 0, 0.0, T0 + a.seconds
begin = kept = time.time()
while time.time() < end:
    f = (time.time() - begin) / (end - begin)
    for g in opt.param_groups:
        g["lr"] = a.lr * min(1, (step + 1) / 50) * min(1, 2 * (1 - f) + 0.01)
    poll()
    s = torch.randint(n - a.crop, (a.batch, 1), device=dev)
    x = sound[s * FRAME + torch.arange(a.crop * FRAME, device=dev)].float() / 32768
    at = codes[s + torch.arange(a.crop, device=dev)].long()[:, 2:]
    y, z = project(x)
    # The first two frames of a crop lack what they would have heard before.
    far = books[0].square().sum(1) - 2 * y[:, 2:] @ books[0].t()
    left = entries(at) - books[0][far.argmin(-1)]
    loss = F.cross_entropy(-far.flatten(0, 1), at[..., 0].flatten()) + F.mse_loss(z[:, 2:], left)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(enc.parameters(), 1.0)
    opt.step()
    step, acc = step + 1, acc + loss.detach()
    if step % a.report == 0:
        print(f"step {step} {time.time() - T0:.0f}s loss {float(acc) / a.report:.4f}", flush=True)
        acc = 0.0
    if time.time() - kept > 60:
        store()
        kept = time.time()
reader.stop = True
store()
print(f"{step} steps, {time.time() - T0:.0f} s, {judge()}")
