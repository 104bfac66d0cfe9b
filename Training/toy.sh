#!/bin/bash
# Every stage of the training, from Debian packages to a folder that the engine speaks with, on a CPU in a minute or
# two: far too small to be understood, but each program runs on what the one before it wrote.
#   toy.sh WORK [ENGINE]      WORK is made and kept; ENGINE is the qwen3-tts program, default .build/release/qwen3-tts
# Exit status 77: a package could not be had; the message says which.
set -euo pipefail
W=$1; ENGINE=$(realpath "${2:-$(dirname "$0")/../.build/release/qwen3-tts}"); H=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$W"; cd "$W"
export PYTHONPATH=$PWD/site OMP_NUM_THREADS=2 TOKENIZERS_PARALLELISM=false PYTHONUNBUFFERED=1
stage() { echo "-- $*" | cut -c1-100; python3 "$H/$@"; }
if ! [ -e site/complete ]; then
  timeout 300 python3 -m pip install -q --retries 0 --timeout 10 --target site --extra-index-url https://download.pytorch.org/whl/cpu \
    'torch==2.13.0+cpu' numpy scipy safetensors tokenizers onnx onnxruntime hibari-tts==0.2.1 \
    || { echo "torch for CPUs and hibari-tts could not be installed with pip"; exit 77; }
  touch site/complete
fi
if ! [ -e debs/usr/bin/bible ]; then
  mkdir -p debs
  (cd debs && apt-get download -qq wordnet-base scowl bible-kjv bible-kjv-text) 2>&1 | tail -n 3 || true
  for deb in debs/*.deb; do [ -e "$deb" ] && dpkg -x "$deb" debs; done
  for part in bin/bible share/wordnet/data.noun share/dict/scowl/english-words.10; do
    [ -e "debs/usr/$part" ] || { echo "$part could not be had with apt-get download"; rm -rf debs; exit 77; }
  done
fi
rm -rf text speech ckpt pair pair0 pair1 voice judged
stage text.py --engine "$ENGINE" --debs debs --out text --pieces 3000
stage tokenizer.py --text text --lines 2000
stage quantizer.py --text text --out quantizer.npz --frames 3000 --iters 2 --workers 2
mkdir -p speech
stage speech.py --text text --quantizer quantizer.npz --out speech --workers 1 --max-lines 40 --audio-hours 0.02 --held-out 3
for again in 1 2; do # the second goes on from the first
  stage codec.py --speech speech --quantizer quantizer.npz --ckpt ckpt --start ckpt --seconds 60 --max-steps 2 --judge-from 0.5 --frames 32 --crop 8 \
    --heard 2 --cap-hours 0.2
  stage talker.py --speech speech --text text --quantizer quantizer.npz --ckpt ckpt --start ckpt --seconds 60 --max-steps 3 --tokens 1000 \
    --cp-frames 100 --wait-hours 0.001 --cap-hours 0.2
done
half() { # of a pair
  stage talker.py --speech speech --text text --quantizer quantizer.npz --ckpt pair$1 --start ckpt --pair pair:$1 --round 2 --seconds 200 --max-steps 2 \
    --tokens 300 --cp-frames 50 --wait-hours 0.001 --cap-hours 0.2
}
half 0 & first=$!
half 1
wait $first
# whose weights are averaged: they end with the same
python3 -c "import torch; a, b = (torch.load(f'pair{i}/talker.pt')['talker'] for i in (0, 1)); assert all(torch.equal(a[k], b[k]) for k in a)"
stage encoder.py --speech speech --quantizer quantizer.npz --ckpt ckpt --seconds 15 --hours 0.1 --batch 2 --crop 8
stage lengths.py --engine "$ENGINE" --text text --out lengths.json --count 200
stage export.py --ckpt ckpt --text text --quantizer quantizer.npz --lengths lengths.json --out voice
stage evaluate.py --engine "$ENGINE" --model voice --text text --heldout speech/heldout.npz --quantizer quantizer.npz --encoder --out judged --lines 2 --max-frames 20
stage endings.py --engine "$ENGINE" --model voice --text text --out endings.tsv --count 2 --max-frames 20
test -s judged/report.json && test -s endings.tsv
