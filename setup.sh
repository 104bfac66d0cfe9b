#!/usr/bin/env bash
# Makes an Ubuntu, Debian or JetPack machine ready: libraries, build, and a model if one is named.
#   ./setup.sh [MODEL] [--yes] [--no-build]
#     MODEL       0.6B-CustomVoice, 1.7B-Base, … or owner/name: fetched when all is built
#     --yes       installs missing packages without asking
#     --no-build  only looks and says what is missing
# It can be run again at any time and does only what is left to do.
set -euo pipefail
cd "$(dirname "$0")"

model='' yes='' build=1
for argument in "$@"; do
  case $argument in
    --yes) yes=1 ;;
    --no-build) build='' ;;
    --help | -h)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
      exit 0
      ;;
    -*)
      echo "setup.sh: unknown option $argument; see ./setup.sh --help" >&2
      exit 64
      ;;
    *) model=$argument ;;
  esac
done

say() { printf '%s\n' "$*"; }
missing() { say "missing: $*"; }

# The loader's own list says whether a library is there, whoever installed it.
has_library() { { ldconfig -p 2> /dev/null || /sbin/ldconfig -p; } | grep "$1" > /dev/null; }

name=unknown version=''
if [ -r /etc/os-release ]; then
  name=$(. /etc/os-release && echo "${ID:-unknown}")
  version=$(. /etc/os-release && echo "${VERSION_ID:-}")
fi
architecture=$(uname -m)
# `# R36 (release), REVISION: 4.3, …` on a Jetson: the release decides which CUDA it can have.
jetson=''
if [ -r /etc/nv_tegra_release ]; then
  jetson=$(sed -n '1s/^# R\([0-9]*\).*/\1/p' /etc/nv_tegra_release)
fi
say "System: $name $version ($architecture)${jetson:+, Jetson with L4T $jetson}"

# Packages: a library that is found, wherever it came from, is not asked for.
packages=()
has_library 'libcurl\(-gnutls\)\?\.so\.4' || packages+=(libcurl4)
has_library 'libsndfile\.so\.1' || packages+=(libsndfile1)
[ -d /etc/ssl/certs ] && [ -n "$(ls -A /etc/ssl/certs)" ] || packages+=(ca-certificates)
command -v aplay > /dev/null || command -v ffplay > /dev/null || packages+=(alsa-utils)
if [ -n "$build" ]; then
  # What the Swift toolchain needs in addition to itself.
  command -v git > /dev/null || packages+=(git)
  command -v ld > /dev/null || packages+=(binutils)
  [ -e "/usr/include/$architecture-linux-gnu/sys/cdefs.h" ] || packages+=(libc6-dev)
  ls -d /usr/lib/gcc/"$architecture"-linux-gnu/*/ > /dev/null 2>&1 || packages+=(g++)
  has_library 'libxml2\.so' || packages+=(libxml2)
fi
if [ ${#packages[@]} = 0 ]; then
  say "Packages: all there"
elif ! command -v apt-get > /dev/null; then
  missing "${packages[*]} (Debian's names). Install them with this system's own tool."
else
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  say "Packages to install: ${packages[*]}"
  answer=$yes
  if [ -z "$answer" ] && [ -t 0 ]; then
    read -r -p "Run ${root[*]:+${root[*]} }apt-get install? [y/N] " reply
    [[ $reply == [yY]* ]] && answer=1
  fi
  if [ -n "$answer" ]; then
    "${root[@]}" apt-get update -q
    "${root[@]}" apt-get install -y -q --no-install-recommends "${packages[@]}"
  else
    missing "run: ${root[*]:+${root[*]} }apt-get install ${packages[*]}"
  fi
fi

# The GPU is a choice: everything runs on the processor too.
is_driver_there=''
if has_library 'libcuda\.so\.1' && { [ -e /dev/nvidiactl ] || [ -n "$jetson" ]; }; then
  is_driver_there=1
  card=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2> /dev/null | head -1 || true)
  say "NVIDIA driver: ${card:-there}"
elif grep -qs 0x10de /sys/bus/pci/devices/*/vendor; then
  case $name in
    ubuntu) missing "a driver for the NVIDIA card: sudo ubuntu-drivers install" ;;
    *) missing "a driver for the NVIDIA card: sudo apt-get install nvidia-driver (section non-free)" ;;
  esac
else
  say "NVIDIA driver: none, nor a card; speech runs on the processor"
fi

# nvrtc_package: the first package with NVRTC 12 or 13 that this system's sources offer.
nvrtc_package() {
  local package
  for package in cuda-nvrtc-12-{9,8,6,5,4,2} libnvrtc12 cuda-nvrtc-13-0; do
    if apt-cache show "$package" > /dev/null 2>&1; then
      echo "$package"
      return
    fi
  done
}

if [ -n "$is_driver_there" ]; then
  if has_library 'libnvrtc\.so\.1[23]' ||
    compgen -G '/usr/local/cuda/lib64/libnvrtc.so.1[23]' > /dev/null; then
    say "NVRTC: there"
  elif [ -n "$jetson" ] && [ "$jetson" -lt 36 ]; then
    missing "NVRTC 12, which compiles the GPU's code: it needs JetPack 6 or later"
  elif package=$(nvrtc_package) && [ -n "$package" ]; then
    missing "NVRTC, which compiles the GPU's code: sudo apt-get install $package"
  else
    missing "NVRTC, which compiles the GPU's code: add NVIDIA's sources as"
    say "  https://developer.nvidia.com/cuda-downloads says, then sudo apt-get install cuda-nvrtc-12-8"
  fi
fi

[ -n "$build" ] || exit 0

if ! command -v swift > /dev/null && [ -r "$HOME/.local/share/swiftly/env.sh" ]; then
  . "$HOME/.local/share/swiftly/env.sh"
fi
if ! command -v swift > /dev/null; then
  missing "Swift 6.2 or later. It comes with swiftly, into your home folder:"
  say "  curl -O https://download.swift.org/swiftly/linux/swiftly-$architecture.tar.gz"
  say "  tar zxf swiftly-$architecture.tar.gz && ./swiftly init"
  say "Then open a new terminal and run ./setup.sh again. More: https://www.swift.org/install/linux"
  exit 69
fi
toolchain=$(swift --version 2> /dev/null | grep -o 'Swift version [0-9]*\.[0-9]*' | head -1 | cut -d' ' -f3)
say "Swift: $toolchain"
if [ "$(printf '%s\n6.2\n' "$toolchain" | sort -V | head -1)" != 6.2 ]; then
  missing "Swift 6.2 or later; there is $toolchain. With swiftly: swiftly install latest"
  exit 69
fi

say "Building, which takes a minute or two the first time"
swift build -c release --product qwen3-tts
tool=$(swift build -c release --show-bin-path)/qwen3-tts
"$tool" doctor --prepare
if [ -n "$model" ]; then
  "$tool" download "$model"
  say "Try: $tool speak \"Good morning.\" --model $model -o morning.wav"
else
  say "Try: $tool speak \"Good morning.\" -o morning.wav"
  say "A released model: ./setup.sh 0.6B-CustomVoice"
fi
