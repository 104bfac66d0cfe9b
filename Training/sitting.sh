#!/bin/bash
# sitting.sh SECONDS: speech, codec decoder and talker side by side; results in $OUT
set -u
S=$1; H=$(cd "$(dirname "$0")" && pwd); W=/tmp/voice; mkdir -p $W/speech $W/ckpt; export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=true
cp -n $H/ckpt/*.pt $W/ckpt/ 2>/dev/null
D='{"text_vocab_size":640}'
R=""; [ -e $W/ckpt/codec_dec.pt ] && R=--resume; RT=""; [ -e $W/ckpt/talker.pt ] && RT=--resume
C=""; [ "${COMPILE:-1}" = 1 ] && C=--compile
python3 $H/speech.py --libs $H/libs --text $H/text --quantizer $H/quantizer.npz --out $W/speech --heldout > $OUT/speech.log 2>&1
(OMP_NUM_THREADS=1 python3 $H/speech.py --libs $H/libs --text $H/text --quantizer $H/quantizer.npz --out $W/speech --workers 12 --seconds $((S-30)) --audio-hours 8 >> $OUT/speech.log 2>&1) &
G=$!
(python3 $H/codec.py --speech $W/speech --quantizer $H/quantizer.npz --ckpt $W/ckpt --seconds $((S-30)) $R $C > $OUT/codec.log 2>&1 || (echo again without compile >> $OUT/codec.log; python3 $H/codec.py --speech $W/speech --quantizer $H/quantizer.npz --ckpt $W/ckpt --seconds $((S-90)) $R >> $OUT/codec.log 2>&1)) &
A=$!
(python3 $H/talker.py --speech $W/speech --text $H/text --ckpt $W/ckpt --dims "$D" --wait-hours 3 --seconds $((S-35)) $RT > $OUT/talker.log 2>&1) &
B=$!
wait $A $B; kill $G 2>/dev/null
cp $W/ckpt/*.pt $OUT/; ls $W/speech | wc -l; du -sh $W/speech; tail -n 12 $OUT/*.log
