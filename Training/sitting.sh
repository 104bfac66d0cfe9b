#!/bin/bash
# One part of a training sitting on a GPU, to be run side by side:
#   sitting.sh talker SECONDS OUT [last]    on GPU 1 (or $GPU)
#   sitting.sh codec  SECONDS OUT [last]    on GPU 0 (or $GPU)
# Whichever comes first starts the speech pool for both. Beside this script lie text/, quantizer.npz and, to go on
# from, ckpt/. OUT gets talker.pt, talker_opt.pt, codec_dec.pt, codec_judges.pt and voice.log,
# renewed every minute, and the last ones before SECONDS are over. PAIR (environment): --pair and its value for one of two talkers. `last`: the learning rate falls to zero.
set -u
MODE=$1; S=$2; OUT=$(cd "$3" && pwd); LAST=${4:-}
H=$(cd "$(dirname "$0")" && pwd); W=${VOICE_WORK:-/tmp/voice}; PY=${PYTHON:-python3}
END=$((SECONDS + S)); LOG=$OUT/voice.log
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=true
mkdir -p "$W/speech"
if mkdir "$W/pool" 2>/dev/null; then
  { OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false timeout -s KILL $((S - 5)) "$PY" "$H/speech.py" --text "$H/text" \
      --quantizer "$H/quantizer.npz" --out "$W/speech" --seconds $((S - 45)) --seed "$(date +%s)" ${POOL:-}
    rmdir "$W/pool"; } >> "$LOG" 2>&1 < /dev/null &
fi
case $MODE in
  talker) GPU=${GPU:-1}; ARGS=(--text "$H/text" --quantizer "$H/quantizer.npz" --record --wait-hours "${WAIT_HOURS:-4}") ;;
  codec) GPU=${GPU:-0}; ARGS=(--quantizer "$H/quantizer.npz" --record --wait-hours "${WAIT_HOURS:-0.3}") ;;
  *) echo "talker or codec"; exit 2 ;;
esac
[ "$(nvidia-smi -L 2>/dev/null | wc -l)" -gt "$GPU" ] || GPU=0
[ "$LAST" = last ] && ARGS+=(--decay-from "$([ "$MODE" = codec ] && echo 0.6 || echo 0.3)")
START=$H/ckpt; COMPILE=; [ "$MODE" = talker ] && [ -z "${COMPILE_OFF:-}" ] && COMPILE=--compile
while true; do
  LEFT=$((END - SECONDS))
  CUDA_VISIBLE_DEVICES=$GPU OMP_NUM_THREADS=4 timeout -s KILL $((LEFT - 2)) "$PY" "$H/$MODE.py" --speech "$W/speech" --ckpt "$OUT" --start "$START" \
    --seconds $((LEFT - 4)) $COMPILE "${ARGS[@]}" ${STEPS:-} ${PAIR:-} >> "$LOG" 2>&1 < /dev/null && break
  # It failed: once more from what it stored, without compiling, if that is worth while.
  [ -e "$OUT/$([ "$MODE" = codec ] && echo codec_dec || echo talker).pt" ] && START=$OUT
  [ $((END - SECONDS)) -gt 90 ] || break
  echo "$MODE starts again" >> "$LOG"; COMPILE= PAIR=
done
rm -f "$OUT"/*.pt.tmp
grep "^$MODE" "$LOG" | tail -n 8
