#!/usr/bin/env python3
"""Train the talker and its code predictor on codes of the frozen speech encoder.

New speech chunks are encoded while training runs, so the data keeps growing.
Prompt layout: exactly that of generate() in the published code, both text layouts
(streaming and not), language "auto" and "english", speaker ids.
"""
import time

T0 = time.time()
import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import modules as M
from export import codec_ids
import lzma

from speechdata import ChunkReader, Clock, guarded_step, save
from teacher import VOICES
from textids import TextIds


class Layout:
    """builds the inputs of a batch on the device"""

    def __init__(self, cfg, tx, dev):
        self.ids, langs, spk = codec_ids(cfg)
        self.tx, self.dev, self.k = tx, dev, cfg["codebook_size"]
        self.spk = torch.tensor([spk[v] for v in VOICES], device=dev)
        i, lang = self.ids, langs["english"]
        # the two codec prefixes; -2 stands for the speaker
        self.pre = torch.tensor([
            [i["codec_nothink_id"], i["codec_think_bos_id"], i["codec_think_eos_id"], -2, i["codec_pad_id"], 0],
            [i["codec_think_id"], i["codec_think_bos_id"], lang, i["codec_think_eos_id"], -2, i["codec_pad_id"]]], device=dev)
        self.role = torch.tensor(tx.role, device=dev)

    def __call__(self, tok, tlen, voice, lang, ns, nfr, length):
        """tok [B, Tmax] text ids, tlen [B], voice [B], lang [B] 0/1, ns [B] bool, nfr [B] frames to lay out.
        -> text ids [B, L], codec ids [B, L] (-1: none), frame index [B, L] (-1: not a frame), position of bos [B]"""
        dev = self.dev
        p = torch.arange(length, device=dev)[None]
        s = (3 + 5 + lang)[:, None]
        r = p - s
        T = tlen[:, None]
        text = torch.gather(tok, 1, r.clamp(0, tok.shape[1] - 1))
        text = torch.where(r >= T, self.tx.eos, text)
        text = torch.where(r > T, self.tx.pad, text)
        text = torch.where(r == -1, self.tx.bos, text)
        text = torch.where(r < -1, self.tx.pad, text)
        text = torch.where(p < 3, self.role[p.clamp(max=2)].expand_as(text), text)
        bos = torch.where(ns, tlen + 1, torch.zeros_like(tlen))[:, None]
        pre = self.pre[lang]
        c = torch.gather(pre, 1, (p - 3).clamp(0, 5).expand(len(tok), -1))
        c = torch.where(c == -2, self.spk[voice][:, None], c)
        c = torch.where(p < 3, -1, c)
        c = torch.where((r >= 0) & (r < bos), self.ids["codec_pad_id"], c)
        c = torch.where(r == bos, self.ids["codec_bos_id"], c)
        f = r - bos - 1
        f = torch.where((f >= 0) & (f < nfr[:, None]), f, -1)
        return text, c, f, (s + bos)[:, 0]


def embed(tk, text, codec, f, codes):
    """codes [B, F, 16] of the frames"""
    m = tk.model
    x = tk.text(text)
    fi = f.clamp(min=0)
    c0 = torch.gather(codes[..., 0], 1, fi)
    isf = f >= 0
    ids = torch.where(isf, c0, codec.clamp(min=0))
    x = x + m.codec_embedding(ids) * ((codec >= 0) | isf)[..., None]
    # the 15 acoustic embeddings, summed per frame and then spread over the positions
    ac = 0
    for q in range(1, codes.shape[2]):
        ac = ac + tk.code_predictor.model.codec_embedding[q - 1](codes[..., q])
    ac = torch.gather(ac, 1, fi[..., None].expand(-1, -1, ac.shape[-1]))
    return x + ac * isf[..., None]


def losses(tk, lay, b, cp_frac=1.0, noise=0.0):
    codes, nfr = b["codes"], b["nfr"]
    seen = codes
    if noise > 0:
        hit = torch.rand(codes.shape, device=codes.device) < noise
        seen = torch.where(hit, torch.randint_like(codes, lay.k), codes)
    text, codec, f, bos = lay(b["tok"], b["tlen"], b["voice"], b["lang"], b["ns"], nfr, b["length"])
    h = tk.run(embed(tk, text, codec, f, seen))
    # hidden states that predict frame 0..n-1 and the end: positions bos .. bos + n
    Fm = codes.shape[1]
    j = torch.arange(Fm + 1, device=codes.device)[None]
    pos = (bos[:, None] + j).clamp(max=h.shape[1] - 1)
    hj = torch.gather(h, 1, pos[..., None].expand(-1, -1, h.shape[-1]))
    tgt = torch.cat([codes[..., 0], codes[:, :1, 0]], 1)
    tgt = torch.where(j == nfr[:, None], lay.ids["codec_eos_token_id"], tgt)
    ok = j <= nfr[:, None]
    tgt = torch.where(ok, tgt, -100)
    lg = tk.codec_head(hj).float()
    l0 = F.cross_entropy(lg.flatten(0, 1), tgt.flatten(), ignore_index=-100)
    sel = (j[:, :Fm] < nfr[:, None]).expand(-1, Fm)
    if cp_frac < 1:
        sel = sel & (torch.rand(sel.shape, device=sel.device) < cp_frac)
    idx = sel.flatten().nonzero()[:, 0]
    hs = hj[:, :Fm].reshape(-1, hj.shape[-1])[idx]
    cs = codes.reshape(-1, codes.shape[-1])[idx]
    lq = tk.predictor_logits(hs, cs).float()
    ce = F.cross_entropy(lq.flatten(0, 1), cs[:, 1:].t().flatten(), reduction="none").view(lq.shape[0], -1).mean(1)
    acc = (lg.argmax(-1) == tgt)[ok].float().mean() if not h.requires_grad else None
    return l0, ce, acc


def sample(logits, temp, top_k):
    if temp <= 0:
        return logits.argmax(-1)
    v, i = logits.float().topk(min(top_k, logits.shape[-1]), -1)
    p = torch.softmax(v / temp, -1)
    return torch.gather(i, -1, torch.multinomial(p, 1))[:, 0]


@torch.no_grad()
def generate(tk, lay, tok, tlen, voice, lang, ns, temp=0.6, top_k=50, max_frames=200):
    """batched sampling with key/value caches; -> codes [B, F, 16], lengths"""
    c, dev = tk.c, tok.device
    B = len(tok)
    zero = torch.zeros_like(tlen)
    out, done, n = [], torch.zeros(B, dtype=torch.bool, device=dev), zero.clone()
    # prompts differ in length: run the full sequences without a cache, padded on the right
    codes = torch.zeros(B, max_frames, c["groups"], dtype=torch.long, device=dev)
    full_len = int((9 + torch.where(ns, tlen + 1, zero)).max()) + max_frames + 1
    text, codec, f, bos = lay(tok, tlen, voice, lang, ns, zero + max_frames, full_len)
    # left-align by bos: the cache holds positions per item; use a per-item index instead
    m = tk.model
    hd, kv, L = c["head_dim"], c["kv_heads"], c["layers"]
    K = [torch.zeros(B, kv, full_len, hd, device=dev, dtype=torch.float32) for _ in range(L)]
    V = [torch.zeros_like(K[0]) for _ in range(L)]
    cos, sin = M.rope_cache(full_len, hd, c["theta"], dev)

    def step(x, pos):
        """x [B, t, H] at positions pos [B, t]; writes the caches; -> hidden"""
        t = x.shape[1]
        ar = torch.arange(full_len, device=dev)
        mask = ar[None, None, None] <= pos[:, None, :, None]
        cs, sn = cos[pos][:, None], sin[pos][:, None]
        for l, layer in enumerate(m.layers):
            a = layer.self_attn
            y = layer.input_layernorm(x)
            q = a.q_norm(a.q_proj(y).view(B, t, a.h, hd)).transpose(1, 2).float()
            k = a.k_norm(a.k_proj(y).view(B, t, kv, hd)).transpose(1, 2).float()
            v = a.v_proj(y).view(B, t, kv, hd).transpose(1, 2).float()
            q, k = M.rope(q, cs, sn), M.rope(k, cs, sn)
            ix = pos[:, None, :, None].expand(-1, kv, -1, hd)
            K[l].scatter_(2, ix, k)
            V[l].scatter_(2, ix, v)
            kk, vv = K[l].repeat_interleave(a.h // kv, 1), V[l].repeat_interleave(a.h // kv, 1)
            o = F.scaled_dot_product_attention(q, kk, vv, attn_mask=mask)
            x = x + a.o_proj(o.transpose(1, 2).reshape(B, t, -1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return m.norm(x)

    plen = int(bos.max()) + 1
    x = embed(tk, text[:, :plen], codec[:, :plen], torch.full_like(f[:, :plen], -1), codes)
    h = step(x, torch.arange(plen, device=dev)[None].expand(B, -1))
    h = torch.gather(h, 1, bos[:, None, None].expand(-1, 1, h.shape[-1]))[:, 0]
    cp = tk.code_predictor
    for i in range(max_frames):
        lg = tk.codec_head(h).float()
        lg[:, lay.k:] = torch.where(torch.arange(lay.k, lg.shape[1], device=dev) == lay.ids["codec_eos_token_id"], lg[:, lay.k:], -1e9)
        if i < 2:
            lg[:, lay.ids["codec_eos_token_id"]] = -1e9
        c0 = sample(lg, temp, top_k)
        done = done | (c0 == lay.ids["codec_eos_token_id"])
        if i % 8 == 0 and bool(done.all()):
            break
        c0 = torch.where(done, torch.zeros_like(c0), c0)
        fr = [c0]
        seq = torch.stack([h, m.codec_embedding(c0)], 1)
        for q in range(1, c["groups"]):
            hh = cp.run(seq)[:, -1]
            fr.append(sample(cp.lm_head[q - 1](hh), temp, top_k))
            if q < c["groups"] - 1:
                seq = torch.cat([seq, cp.model.codec_embedding[q - 1](fr[-1])[:, None]], 1)
        codes[:, i] = torch.stack(fr, 1)
        n = torch.where(done, n, n + 1)
        e = m.codec_embedding(c0)
        for q in range(1, c["groups"]):
            e = e + cp.model.codec_embedding[q - 1](fr[q])
        pos = bos[:, None] + 1 + i
        tid = torch.gather(text, 1, pos)
        h = step(tk.text(tid) + e[:, None], pos)[:, 0]
    return codes, n, done


class CodePool:
    def __init__(self, speech, tx, lines, dev, cap_hours, max_frames, delete=False):
        self.dev, self.max = dev, max_frames
        self.cap = int(cap_hours * 45000)
        self.codes = torch.zeros(self.cap, 16, dtype=torch.uint8, device=dev)
        ids = tx.encode(lines)
        self.tlen = np.array([len(i) for i in ids], np.int64)
        self.toff = np.concatenate([[0], np.cumsum(self.tlen)[:-1]])
        self.toks = torch.tensor(np.concatenate([np.array(i) for i in ids]), device=dev)
        self.n, self.u = 0, 0
        self.meta = np.zeros((1 << 20, 4), np.int64)  # start, frames, line, voice
        self.reader = ChunkReader(speech, maxsize=16, delete=delete)
        self.busy = 0.0
        self.seen = set()

    def poll(self, limit=1):
        for _ in range(limit):
            c = self.reader.get()
            if c is None:
                return
            t = time.time()
            res, new = torch.from_numpy(c["codes"]).to(self.dev).split(c["frames"].tolist()), []
            for u, r in enumerate(res):
                k = len(r)
                key = (int(c["line"][u]), int(c["voice"][u]))
                if k > self.max or self.n + k > self.cap or key in self.seen or self.u >= len(self.meta):
                    continue
                self.seen.add(key)
                new.append(r)
                self.meta[self.u] = (self.n, k, *key)
                self.u += 1
                self.n += k
            if new:
                new = torch.cat(new)
                self.codes[self.n - len(new):self.n] = new
            self.busy += time.time() - t

    def wait(self, hours, timeout):
        t0 = time.time()
        while self.n < hours * 45000 and time.time() - t0 < timeout:
            self.poll(8)
            time.sleep(0.05)
        if self.n == 0:
            raise SystemExit("no speech chunks arrived")

    def batches(self, rng, budget, sample_n):
        """a shuffled list of batches of similar lengths, drawn from everything so far"""
        st, fr, li, vo = self.meta[: self.u].T
        pick = rng.choice(len(fr), min(sample_n, len(fr)), replace=False)
        ns = rng.random(len(pick)) < 0.5
        tl = self.tlen[li[pick]]
        length = fr[pick] + 11 + np.where(ns, tl + 1, 0)
        order = np.argsort(length + rng.random(len(pick)) * 4)
        out, cur, mx = [], [], 0
        for o in order:
            mx2 = max(mx, length[o])
            if cur and mx2 * (len(cur) + 1) > budget:
                out.append(cur)
                cur, mx2 = [], length[o]
            cur.append(o)
            mx = mx2
        out.append(cur)
        rng.shuffle(out)
        for b in out:
            b = np.array(b)
            p = pick[b]
            yield self.batch(st[p], fr[p], li[p], vo[p], ns[b], rng.random(len(b)) < 0.5, int(length[b].max()))

    def batch(self, st, fr, li, vo, ns, lang, length):
        d = lambda v: torch.from_numpy(np.ascontiguousarray(v)).to(self.dev, non_blocking=True)  # noqa: E731
        tl = self.tlen[li]
        j = torch.arange(int(tl.max()), device=self.dev)[None]
        tok = self.toks[(d(self.toff[li])[:, None] + j).clamp(max=len(self.toks) - 1)]
        Fm = int(fr.max())
        jf = torch.arange(Fm, device=self.dev)[None]
        codes = self.codes[(d(st)[:, None] + jf).clamp(max=self.cap - 1)].long()
        return dict(tok=tok, tlen=d(tl), voice=d(vo.astype(np.int64)), lang=d(lang.astype(np.int64)), ns=d(ns), nfr=d(fr.astype(np.int64)), codes=codes, length=length)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--speech", required=True)
    ap.add_argument("--text", required=True)
    ap.add_argument("--ckpt", required=True)
    ap.add_argument("--report")
    ap.add_argument("--seconds", type=float, required=True)
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--decay-from", type=float, default=0.5)
    ap.add_argument("--tokens", type=int, default=32768, help="positions a step")
    ap.add_argument("--cp-frac", type=float, default=0.5)
    ap.add_argument("--noise", type=float, default=0.02)
    ap.add_argument("--cap-hours", type=float, default=400)
    ap.add_argument("--wait-hours", type=float, default=4)
    ap.add_argument("--max-frames", type=int, default=150)
    ap.add_argument("--max-steps", type=int, default=10 ** 9)
    ap.add_argument("--dims", default="{}")
    a = ap.parse_args()
    dev = "cuda" if torch.cuda.is_available() else "cpu"
    say = lambda *x: print(*x, flush=True)  # noqa: E731
    torch.manual_seed(1 + a.resume)
    torch.set_flush_denormal(True)
    rng = np.random.default_rng(1 + a.resume)
    amp = lambda: torch.autocast(dev, dtype=torch.bfloat16, enabled=dev == "cuda")  # noqa: E731
    ck = Path(a.ckpt)

    ck.mkdir(parents=True, exist_ok=True)
    cfg = {**M.TALKER, **json.loads(a.dims)}
    cfg["vocab_size"] = cfg["codebook_size"] + 1024
    tk = M.Talker(cfg).to(dev)
    if a.resume:
        s = torch.load(ck / "talker.pt", map_location=dev, weights_only=True)
        assert json.loads(s["cfg"]) == json.loads(json.dumps(cfg)), "dims changed"
        tk.load_state_dict({k: v.float() for k, v in s["talker"].items()})
        say("resumed talker")
    tx = TextIds(a.text)
    lines = lzma.open(Path(a.text) / "text.txt.xz", "rt").read().splitlines()
    cfg_vocab = tx.tok.get_vocab_size()
    assert cfg_vocab <= cfg["text_vocab_size"], cfg_vocab
    lay = Layout(cfg, tx, dev)
    say("params", M.count(tk), "device", dev, f"start {time.time() - T0:.1f}s")
    pool = CodePool(a.speech, tx, lines, dev, a.cap_hours, a.max_frames)
    say(f"text ready {time.time() - T0:.1f}s, {len(lines)} lines")
    pool.wait(a.wait_hours, 120)
    say(f"codes for {pool.n / 45000:.2f} h at {time.time() - T0:.1f}s (encoding took {pool.busy:.1f}s)")

    # held-out batch with its own text
    hl = Path(a.text, "heldout.txt").read_text().splitlines()
    d = np.load(Path(a.speech) / "heldout.npz")
    split = torch.from_numpy(d["codes"]).to(dev).long().split(d["frames"].tolist())
    hd = [dict(codes=c, frames=len(c), line=int(l), voice=0) for c, l in zip(split, d["line"])]
    hids = tx.encode(hl)

    def held_batch(rows, ns, lang):
        B = len(rows)
        tl = np.array([len(hids[h["line"]]) for h in rows])
        tok = np.zeros((B, tl.max()), np.int64)
        for i, h in enumerate(rows):
            tok[i, : tl[i]] = hids[h["line"]]
        fr = np.array([h["frames"] for h in rows])
        codes = torch.zeros(B, int(fr.max()), 16, dtype=torch.long, device=dev)
        for i, h in enumerate(rows):
            codes[i, : fr[i]] = h["codes"]
        t = lambda v: torch.as_tensor(v, device=dev)  # noqa: E731
        tl_t = t(tl)
        nst = torch.full((B,), ns, device=dev)
        return dict(tok=t(tok), tlen=tl_t, voice=t(np.array([h["voice"] for h in rows])), lang=torch.full((B,), int(lang), device=dev), ns=nst,
                    nfr=t(fr), codes=codes, length=int((fr + 11 + (tl + 1) * ns).max()))

    hb = [held_batch(hd[:120], ns, lg) for ns, lg in ((False, 0), (True, 1))] if len(hd) >= 8 else []

    def evaluate():
        tk.eval()
        r = []
        with torch.no_grad(), amp():
            for b in hb:
                l0, ce, acc = losses(tk, lay, b)
                r.append([float(l0), float(ce.mean()), float(ce[0]), float(ce[-1]), float(acc)])
        tk.train()
        return "held-out " + " | ".join(f"{n} c0 {v[0]:.3f} cp {v[1]:.3f} (c1 {v[2]:.3f} c15 {v[3]:.3f}) acc {v[4]:.3f}" for n, v in zip(("stream", "full"), r))

    decay = [p for n, p in tk.named_parameters() if p.ndim >= 2 and "embedding" not in n]
    rest = [p for n, p in tk.named_parameters() if not (p.ndim >= 2 and "embedding" not in n)]
    params = decay + rest
    opt = torch.optim.AdamW([dict(params=decay, weight_decay=0.1), dict(params=rest, weight_decay=0.0)], lr=a.lr, betas=(0.9, 0.95), fused=dev == "cuda")

    def store():
        save({"talker": {k: v.detach().to(torch.bfloat16) for k, v in tk.state_dict().items()}, "cfg": json.dumps(cfg)}, ck / "talker.pt")

    clock = Clock(a.seconds - (time.time() - T0))
    step, acc, lastlog, lasteval, laststore, toks = 0, {}, time.time(), time.time(), time.time(), 0
    while clock.frac() < 1 and step < a.max_steps:
        for b in pool.batches(rng, a.tokens, 20000 if pool.u > 40000 else 6000):
            if clock.frac() >= 1 or step >= a.max_steps:
                break
            f = clock.frac()
            lr = a.lr * min(1, (step + 1) / 300)
            if f > a.decay_from:
                lr *= max(0.02, 1 - (f - a.decay_from) / (1 - a.decay_from))
            for g in opt.param_groups:
                g["lr"] = lr
            with amp():
                l0, ce, _ = losses(tk, lay, b, a.cp_frac, a.noise)
            loss = l0 + ce.mean()
            gn = guarded_step(loss, params, opt)
            for k, v in (("c0", l0), ("cp", ce.mean()), ("c1", ce[0]), ("c15", ce[-1]), ("grad", gn)):
                acc[k] = acc.get(k, 0) + v.detach()
            acc["n"] = acc.get("n", 0) + 1
            toks += int(b["codes"].shape[0]) * b["length"]
            step += 1
            if step % 2 == 0:
                pool.poll(3)
            if time.time() - lastlog > 15 or step in (1, 10, 50):
                n = acc.pop("n")
                dt = max(1e-3, time.time() - lastlog)
                say(f"step {step} t {time.time() - T0:.0f}s {n / dt:.1f} it/s {toks / dt / 1e3:.0f}k pos/s lr {lr:.1e} " + " ".join(f"{k} {float(v) / n:.3f}" for k, v in acc.items()) + f" data {pool.n / 45000:.1f}h")
                acc, lastlog, toks = {}, time.time(), 0
            if time.time() - lasteval > 60 and hb:
                say(f"t {time.time() - T0:.0f}s", evaluate())
                lasteval = time.time()
            if time.time() - laststore > 100:
                store()
                laststore = time.time()
    store()
    pool.reader.stop = True
    say(f"talker done: {step} steps, {time.time() - T0:.0f} s" + (f", gpu peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if dev == "cuda" else ""))
    if hb:
        say(evaluate())
    # a few spoken sentences
    tk.eval()
    rows = [h for h in hd if h["line"] < 24][:48] if a.max_steps > 1000 else hd[:2]
    for ns in (False, True):
        for temp in (0.6, 0.9):
            if clock.left() < -28:
                say("no time left for more samples")
                break
            b = held_batch(rows, ns, 0)
            t = time.time()
            codes, n, done = generate(tk, lay, b["tok"], b["tlen"], b["voice"], b["lang"], b["ns"], temp=temp, max_frames=220 if a.max_steps > 1000 else 12)
            ratio = (n.float() / b["nfr"].float()).cpu()
            say(f"sampled {len(rows)} in {time.time() - t:.1f}s, {'full' if ns else 'stream'} text, temperature {temp}: ended {float(done.float().mean()):.3f}, length ratio median {ratio.median():.3f} min {ratio.min():.2f} max {ratio.max():.2f}")
    say(f"talker finished at {time.time() - T0:.0f} s")


if __name__ == "__main__":
    main()
