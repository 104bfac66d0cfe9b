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
    'torch==2.13.0+cpu' numpy scipy safetensors tokenizers || { echo "torch for CPUs could not be installed with pip"; exit 77; }
  touch site/complete
fi
if ! [ -e libs/libflite.so.1 ]; then
  mkdir -p debs libs
  (cd debs && apt-get download -qq wordnet-base scowl bible-kjv bible-kjv-text libflite1 libasound2) 2>&1 | tail -n 3 || true
  for deb in debs/*.deb; do [ -e "$deb" ] && dpkg -x "$deb" debs; done
  for lib in libasound.so.2 libflite.so.1 libflite_usenglish.so.1 libflite_cmulex.so.1 libflite_cmu_us_slt.so.1; do
    cp -L "$(find debs -name "$lib" | head -n 1)" libs/ || { echo "$lib could not be had with apt-get download"; rm -rf libs; exit 77; }
  done
fi
rm -rf text speech ckpt voice judged
stage text.py --debs debs --out text
stage tokenizer.py --text text --lines 2000
stage quantizer.py --libs libs --text text --out quantizer.npz --frames 3000 --iters 2
mkdir -p speech
stage speech.py --libs libs --text text --quantizer quantizer.npz --out speech --workers 1 --max-lines 40 --audio-hours 0.02 --held-out 3
stage codec.py --speech speech --quantizer quantizer.npz --ckpt ckpt --seconds 60 --max-steps 2 --frames 48 --crop 24 --cap-hours 0.2
for again in 1 2; do # the second resumes the first
  stage talker.py --speech speech --text text --quantizer quantizer.npz --ckpt ckpt --start ckpt --seconds 60 --max-steps 3 --tokens 1000 \
    --cp-frames 100 --wait-hours 0.001 --cap-hours 0.2
done
stage encoder.py --libs libs --text text --quantizer quantizer.npz --ckpt ckpt --seconds 15 --minutes 0.2 --batch 2 --crop 8
stage lengths.py --engine "$ENGINE" --libs libs --text text --out lengths.json --count 200
stage export.py --ckpt ckpt --text text --quantizer quantizer.npz --lengths lengths.json --out voice
stage evaluate.py --engine "$ENGINE" --model voice --libs libs --text text --heldout speech/heldout.npz --quantizer quantizer.npz --out judged --lines 2 --max-frames 20
stage endings.py --engine "$ENGINE" --model voice --libs libs --text text --out endings.tsv --count 2 --max-frames 20
test -s judged/report.json && test -s endings.tsv
