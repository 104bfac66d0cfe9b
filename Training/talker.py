#!/usr/bin/env python3
"""Train the talker and its code predictor on the teacher's codes.

New speech comes in while training runs, so the data keeps growing.
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
from speechdata import ChunkReader, Clock, Patience, guarded_step, keep_optimizer, load_heldout, restore_optimizer, save
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


class Model:
    """The two stacks as functions, so that they can be compiled and, if that fails, replaced."""

    def __init__(self, tk, compiled):
        """compiled: the number of frames that the predictor is compiled for, or 0"""
        self.tk = tk
        self.hidden, self.predict = tk.run, self._predict
        if compiled:
            import torch._dynamo
            torch._dynamo.config.suppress_errors = True
            self.hidden = torch.compile(tk.run, dynamic=True)
            fast = torch.compile(self._predict, dynamic=False)
            self.predict = lambda h, c: (fast if len(h) == compiled else self._predict)(h, c)

    def plain(self):
        self.hidden, self.predict = self.tk.run, self._predict

    def _predict(self, hidden, codes):
        """-> cross entropy of each of the 15 codebooks"""
        lq = self.tk.predictor_logits(hidden, codes).float()
        return F.cross_entropy(lq.flatten(0, 1), codes[:, 1:].t().flatten(), reduction="none").view(lq.shape[0], -1).mean(1)


def losses(model, lay, b, noise=0.0):
    tk, codes, nfr = model.tk, b["codes"], b["nfr"]
    seen = codes
    if noise > 0:
        hit = torch.rand(codes.shape, device=codes.device) < noise
        seen = torch.where(hit, torch.randint_like(codes, lay.k), codes)
    text, codec, f, bos = lay(b["tok"], b["tlen"], b["voice"], b["lang"], b["ns"], nfr, b["length"])
    h = model.hidden(embed(tk, text, codec, f, seen))
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
    # The predictor sees the frames that the batch picked.
    row, col = b["pick"]
    ce = model.predict(hj[row, col], codes[row, col])
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
        x = torch.stack([h, m.codec_embedding(c0)], 1)
        room = (B, c["cp_kv_heads"], c["groups"], c["cp_head_dim"])
        caches = [dict(k=h.new_zeros(room), v=h.new_zeros(room), n=0) for _ in range(c["cp_layers"])]
        for q in range(1, c["groups"]):
            hh = cp.run(x, caches, 0 if q == 1 else q)[:, -1]
            fr.append(sample(cp.lm_head[q - 1](hh), temp, top_k))
            if q < c["groups"] - 1:
                x = cp.model.codec_embedding[q - 1](fr[-1])[:, None]
        codes[:, i] = torch.stack(fr, 1)
        n = torch.where(done, n, n + 1)
        e = m.codec_embedding(c0)
        for q in range(1, c["groups"]):
            e = e + cp.model.codec_embedding[q - 1](fr[q])
        pos = bos[:, None] + 1 + i
        tid = torch.gather(text, 1, pos)
        h = step(tk.text(tid) + e[:, None], pos)[:, 0]
    return codes, n, done


def pick_frames(fr, n, rng):
    """n (row, column) pairs among the frames of utterances of fr frames each"""
    p = rng.permutation(int(fr.sum()))[:n] if n else np.arange(int(fr.sum()))
    end = np.cumsum(fr)
    row = np.searchsorted(end, p, side="right")
    return row, p - (end - fr)[row]


class CodePool:
    """All codes and text tokens so far, on the device; utterances as rows of start, frames, text start, text length."""

    def __init__(self, speech, dev, cap_hours):
        self.dev, self.cap = dev, int(cap_hours * 45000)
        self.codes = torch.zeros(self.cap, 16, dtype=torch.uint8, device=dev)
        self.toks = torch.zeros(self.cap, dtype=torch.int16, device=dev)
        self.n = self.m = 0
        self.rows, self.meta = [], np.zeros((0, 4), np.int64)
        self.reader = ChunkReader(speech, ("codes", "frames", "toks", "tlen"))

    def poll(self, limit):
        for _ in range(limit):
            c = self.reader.get()
            if c is None:
                return
            n, m = len(c["codes"]), len(c["toks"])
            if self.n + n > self.cap or self.m + m > self.cap:
                self.reader.stop = True
                return
            self.codes[self.n:self.n + n] = torch.from_numpy(c["codes"]).to(self.dev)
            self.toks[self.m:self.m + m] = torch.from_numpy(c["toks"].astype(np.int16)).to(self.dev)
            fr, tl = c["frames"].astype(np.int64), c["tlen"].astype(np.int64)
            self.rows.append(np.stack([self.n + np.cumsum(fr) - fr, fr, self.m + np.cumsum(tl) - tl, tl], 1))
            self.n += n
            self.m += m

    def wait(self, hours, timeout):
        t0 = time.time()
        while self.n < hours * 45000 and time.time() - t0 < timeout:
            self.poll(8)
            time.sleep(0.05)
        if self.n == 0:
            raise SystemExit("no speech chunks arrived")

    def batches(self, rng, budget, sample_n, cp_n):
        """a shuffled list of batches of similar lengths, drawn from everything so far"""
        if self.rows:
            self.meta = np.concatenate([self.meta, *self.rows])
            self.rows = []
        pick = rng.integers(len(self.meta), size=sample_n) if len(self.meta) > sample_n else rng.permutation(len(self.meta))
        ns = rng.random(len(pick)) < 0.5
        length = self.meta[pick, 1] + 11 + np.where(ns, self.meta[pick, 3] + 1, 0)
        order = np.argsort(length + rng.random(len(pick)) * 4)
        out, cur, mx = [], [], 0
        for o in order:
            mx = max(mx, length[o])
            if cur and mx * (len(cur) + 1) > budget:
                out.append(cur)
                cur, mx = [], length[o]
            cur.append(o)
        out.append(cur)
        rng.shuffle(out)
        for b in out:
            b = np.array(b)
            st, fr, ts, tl = self.meta[pick[b]].T
            yield self.batch(st, fr, ts, tl, ns[b], rng.random(len(b)) < 0.5, int(length[b].max()), pick_frames(fr, cp_n, rng))

    def batch(self, st, fr, ts, tl, ns, lang, length, picked):
        d = lambda v: torch.from_numpy(np.ascontiguousarray(v)).to(self.dev, non_blocking=True)  # noqa: E731
        j = torch.arange(int(tl.max()), device=self.dev)[None]
        tok = self.toks[(d(ts)[:, None] + j).clamp(max=self.cap - 1)].long()
        jf = torch.arange(int(fr.max()), device=self.dev)[None]
        codes = self.codes[(d(st)[:, None] + jf).clamp(max=self.cap - 1)].long()
        return dict(tok=tok, tlen=d(tl), voice=d(np.zeros(len(fr), np.int64)), lang=d(lang.astype(np.int64)), ns=d(ns), nfr=d(fr), codes=codes, length=length,
                    pick=(d(picked[0]), d(picked[1])))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--speech", required=True)
    ap.add_argument("--text", required=True)
    ap.add_argument("--ckpt", required=True, help="folder to write talker.pt and talker_opt.pt to")
    ap.add_argument("--start", help="folder with these files to go on from, if it has them")
    ap.add_argument("--seconds", type=float, required=True, help="wall clock, all told")
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--decay-from", type=float, default=1.0, help="share of the time after which the rate falls to zero; 1: it does not")
    ap.add_argument("--tokens", type=int, default=32768, help="positions a step")
    ap.add_argument("--cp-frames", type=int, default=8192, help="frames a step that the code predictor learns from")
    ap.add_argument("--noise", type=float, default=0.02)
    ap.add_argument("--cap-hours", type=float, default=1600)
    ap.add_argument("--wait-hours", type=float, default=4)
    ap.add_argument("--max-steps", type=int, default=10 ** 9)
    ap.add_argument("--dims", default="{}")
    ap.add_argument("--compile", action="store_true")
    a = ap.parse_args()
    dev = "cuda" if torch.cuda.is_available() else "cpu"
    say = lambda *x: print("talker", *x, flush=True)  # noqa: E731
    seed = int(time.time())
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    rng = np.random.default_rng(seed)
    amp = lambda: torch.autocast(dev, dtype=torch.bfloat16, enabled=dev == "cuda")  # noqa: E731
    ck = Path(a.ckpt)
    ck.mkdir(parents=True, exist_ok=True)
    tx = TextIds(a.text)
    cfg = {**M.TALKER, "text_vocab_size": tx.tok.get_vocab_size(), **json.loads(a.dims)}
    cfg["vocab_size"] = cfg["codebook_size"] + 1024
    tk = M.Talker(cfg).to(dev)
    decay = [p for n, p in tk.named_parameters() if p.ndim >= 2 and "embedding" not in n]
    rest = [p for n, p in tk.named_parameters() if not (p.ndim >= 2 and "embedding" not in n)]
    params = decay + rest
    opt = torch.optim.AdamW([dict(params=decay, weight_decay=0.1), dict(params=rest, weight_decay=0.0)], lr=a.lr, betas=(0.9, 0.95), fused=dev == "cuda")
    if a.start and (Path(a.start) / "talker.pt").exists():
        s = torch.load(Path(a.start) / "talker.pt", map_location=dev, weights_only=True)
        assert json.loads(s["cfg"]) == json.loads(json.dumps(cfg)), "dims changed"
        tk.load_state_dict({k: v.float() for k, v in s["talker"].items()})
        o = Path(a.start) / "talker_opt.pt"
        ok = o.exists() and restore_optimizer(opt, torch.load(o, map_location=dev, weights_only=True)["opt"])
        say("goes on", "with its optimizer" if ok else "with a fresh optimizer")
    lay = Layout(cfg, tx, dev)
    model, eager = Model(tk, a.cp_frames if a.compile else 0), Model(tk, 0)
    say("params", M.count(tk), "device", dev, f"start {time.time() - T0:.1f}s")
    pool = CodePool(a.speech, dev, a.cap_hours)
    pool.wait(a.wait_hours, 120)
    say(f"codes for {pool.n / 45000:.2f} h at {time.time() - T0:.1f}s")

    # held-out batches with their own text; the file may come later
    hd, hb = [], []
    lines = Path(a.text, "heldout.txt").read_text().splitlines()

    def held_batch(rows, ns, lang):
        ids = tx.encode([lines[h["line"]] for h in rows])
        tl, fr = np.array([len(i) for i in ids]), np.array([h["frames"] for h in rows])
        tok = np.zeros((len(rows), tl.max()), np.int64)
        codes = np.zeros((len(rows), fr.max(), 16), np.int64)
        for i, h in enumerate(rows):
            tok[i, : tl[i]], codes[i, : fr[i]] = ids[i], h["codes"]
        t = lambda v: torch.as_tensor(v, device=dev)  # noqa: E731
        full = lambda v: torch.full((len(rows),), v, device=dev)  # noqa: E731
        return dict(tok=t(tok), tlen=t(tl), voice=full(0), lang=full(int(lang)), ns=full(bool(ns)), nfr=t(fr), codes=t(codes),
                    length=int((fr + 11 + (tl + 1) * ns).max()), pick=tuple(map(t, pick_frames(fr, 0, rng))))

    def evaluate():
        hd[:] = hd or load_heldout(Path(a.speech) / "heldout.npz", wait=0)
        if not hd:
            return "no held-out speech yet"
        hb[:] = hb or [held_batch(hd[:120], ns, lg) for ns, lg in ((False, 0), (True, 1))]
        tk.eval()
        r = []
        with torch.no_grad(), amp():
            for b in hb:
                l0, ce, acc = losses(eager, lay, b)
                r.append([float(l0), float(ce.mean()), float(ce[0]), float(ce[-1]), float(acc)])
        tk.train()
        return "held-out " + " | ".join(f"{n} c0 {v[0]:.3f} cp {v[1]:.3f} (c1 {v[2]:.3f} c15 {v[3]:.3f}) acc {v[4]:.3f}" for n, v in zip(("stream", "full"), r))

    def store():
        save({"talker": {k: v.detach().to(torch.bfloat16) for k, v in tk.state_dict().items()}, "cfg": json.dumps(cfg)}, ck / "talker.pt")
        save({"opt": keep_optimizer(opt)}, ck / "talker_opt.pt")

    clock = Clock(a.seconds - (time.time() - T0) - 20)
    patience = Patience(100) if a.compile else None
    step, acc, lastlog, lasteval, laststore, toks = 0, {}, time.time(), time.time(), time.time(), 0
    while clock.frac() < 1 and step < a.max_steps:
        for b in pool.batches(rng, a.tokens, 20000 if len(pool.meta) > 40000 else 6000, a.cp_frames):
            if clock.frac() >= 1 or step >= a.max_steps:
                break
            f = clock.frac()
            lr = a.lr * min(1, (step + 1) / 300)
            if f > a.decay_from:
                lr *= max(0.005, 1 - (f - a.decay_from) / (1 - a.decay_from))
            for g in opt.param_groups:
                g["lr"] = lr
            try:
                with amp():
                    l0, ce, _ = losses(model, lay, b, a.noise)
                gn = guarded_step(l0 + ce.mean(), params, opt)
            except Exception as e:  # an unfit compiler must not cost the run
                if model.hidden == tk.run:
                    raise
                say("goes on without compiling:", repr(e)[:300])
                model.plain()
                continue
            for k, v in (("c0", l0), ("cp", ce.mean()), ("c1", ce[0]), ("c15", ce[-1]), ("grad", gn)):
                acc[k] = acc.get(k, 0) + v.detach()
            acc["n"] = acc.get("n", 0) + 1
            toks += int(b["codes"].shape[0]) * b["length"]
            step += 1
            if patience and step == 3:
                patience.end()
            if step % 2 == 0:
                pool.poll(3)
            if time.time() - lastlog > 15 or step in (1, 10, 50):
                n = acc.pop("n")
                dt = max(1e-3, time.time() - lastlog)
                say(f"step {step} t {time.time() - T0:.0f}s {n / dt:.1f} it/s {toks / dt / 1e3:.0f}k pos/s lr {lr:.1e} " + " ".join(f"{k} {float(v) / n:.3f}" for k, v in acc.items()) + f" data {pool.n / 45000:.1f}h")
                acc, lastlog, toks = {}, time.time(), 0
            if time.time() - lasteval > 60 and step > 3:
                say(f"t {time.time() - T0:.0f}s", evaluate())
                lasteval = time.time()
            if time.time() - laststore > 60 and step > 3:
                store()
                laststore = time.time()
    store()
    pool.reader.stop = True
    say(f"{step} steps, {time.time() - T0:.0f} s" + (f", gpu peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if dev == "cuda" else ""))
    say(evaluate())
    # a few spoken sentences, while time is left
    tk.eval()
    rows = hd[:48] if step > 1000 else hd[:2]
    for ns, temp in ((False, 0.3), (True, 0.3), (False, 0.9), (True, 0.9)):
        if not rows or clock.left() < -12:
            break
        b, t = held_batch(rows, ns, 0), time.time()
        codes, n, done = generate(tk, lay, b["tok"], b["tlen"], b["voice"], b["lang"], b["ns"], temp=temp, max_frames=160 if step > 1000 else 12)
        ratio = (n.float() / b["nfr"].float()).cpu()
        say(f"sampled {len(rows)} in {time.time() - t:.1f}s, {'full' if ns else 'stream'} text, temperature {temp}: ended {float(done.float().mean()):.3f}, length ratio median {ratio.median():.3f} min {ratio.min():.2f} max {ratio.max():.2f}")
    say(f"finished at {time.time() - T0:.0f} s")


if __name__ == "__main__":
    main()
