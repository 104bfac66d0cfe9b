#!/usr/bin/env bash
# benchmark.sh [0.6B|1.7B …]: builds the tool and measures this machine with random weights in released
# shapes, for BENCH_SECONDS (300) each at the most: slow machines run fewer frames and repeats, which the
# result says. Prints what it found and writes it to bench_results_DEVICE.json; docs/benchmark.md says what
# is in it.
set -euo pipefail
cd "$(dirname "$0")"
swift build -c release --product qwen3-tts
tool=.build/release/qwen3-tts
results=()
for size in "${@:-0.6B}"; do
  echo "== $size"
  json=$("$tool" bench --synthetic "$size" --frames 120 --repeats 5 --long \
    --within "${BENCH_SECONDS:-300}" --json)
  results+=("$json")
  echo "$json"
done
driver=$(nvidia-smi --query-gpu=driver_version,clocks.max.sm,clocks.max.mem --format=csv,noheader \
  2>/dev/null | head -n 1 || true)
device=$(sed -n 's/.*"device" *: *"\([^",]*\).*/\1/p' <<<"${results[0]}" | head -n 1)
name=$(tr -c 'A-Za-z0-9\n' '_' <<<"${device:-unknown}")
joined=$(IFS=,; echo "${results[*]}")
file=bench_results_$name.json
printf '{"commit":"%s","date":"%s","system":"%s","driver":"%s","results":[%s]}\n' \
  "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
  "$(uname -srm)" "$driver" "$joined" > "$file"
echo "wrote $file"
