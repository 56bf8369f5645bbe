#!/bin/sh
# Conformance and speed of the WebGPU backend on a GPU (Linux, x64, Vulkan), in one go: do the kernels compute right, which of their
# forms are fastest here, then ours in f32 and f16 beside stock TensorFlow.js and, where python3 has torch with CUDA, PyTorch in f32
# and bf16.
#
#   scripts/gpu-bench.sh [archive.tgz] [--out dir] [--budget seconds] [--no-robustness] [--no-tune] [--smoke]
#
# The archive is what scripts/pack_gpu_bench.mjs makes. Inside an unpacked archive none is named; in a clone without one, one
# is packed first. --budget: no case begins after so many seconds (540: a lease of ten minutes), and a program that still runs 45
# seconds later is ended; every case is written when it is measured, and the same command with the same --out goes on where it
# stopped. --no-robustness: our shaders without Dawn's checks of indices. --no-tune: forms as they are likely to be fastest.
# --smoke: tiny cases, and SwiftShader where a clone runs it: does it all work, in a minute or two.
#
# In <out>: kernels.json and kernels.txt (right or wrong, adapter, precision), tune.txt and tuned.json (what is through), gpu.json and
# gpu.md (the table), conformance.json. It ends with 0 where there is a table and nothing was wrong or failed; what time left out is no
# failure.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
archive=
out=$PWD/gpu-bench-out
smoke=
budget=540
checks=
tune=1
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift ;;
    --budget) budget=$2; shift ;;
    --no-robustness) checks=--no-robustness ;;
    --no-tune) tune= ;;
    --smoke) smoke=1 ;;
    -*) echo "gpu-bench.sh: unknown option $1" >&2; exit 2 ;;
    *) archive=$1 ;;
  esac
  shift
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
started=$(date +%s)

work=$(mktemp -d)
child=
# A shell need not run the trap of its exit when a signal ends it.
end() {
  [ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null || true
  exit "$1"
}
trap 'rm -rf "$work"' EXIT
trap 'end 130' INT
trap 'end 143' TERM
trap 'end 129' HUP
if [ -d "$here/bench" ] && [ -f "$here/bench/main.mjs" ]; then
  folder=$here
else
  if [ -n "$smoke" ]; then
    node "$here/../node_modules/tsx/dist/cli.mjs" --tsconfig "$here/../tsconfig.json" \
      "$here/../bench/src/print_software_gpu.ts" > "$work/software_gpu"
    . "$work/software_gpu"
  fi
  if [ -z "$archive" ]; then
    archive=$work/gpu-bench.tgz
    node "$here/pack_gpu_bench.mjs" "$archive"
  fi
  tar -xzf "$archive" -C "$work"
  folder=$work/glof-gpu-bench
fi
node=node
if [ -f "$folder/node" ]; then
  chmod +x "$folder/node"
  node=$folder/node
elif ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' 2>/dev/null; then
  echo "gpu-bench.sh: expected Node 20 or later, got $(node --version 2>/dev/null || echo none). Pack one with --node." >&2
  exit 2
fi

known() { ldconfig -p 2>/dev/null | grep -q "$1" || ls /usr/lib/*/"$1"* /usr/lib64/"$1"* /usr/local/lib/"$1"* >/dev/null 2>&1; }

# A machine may have the driver and no loader: the archive's own is asked for then, after those of the path.
if [ -f "$folder/lib/libvulkan.so.1" ] && ! known libvulkan.so.1; then
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder/lib"
fi
# Or NVIDIA's driver and no file that names it to the loader, as in many containers. Its GLX library wants X11's.
named=
for place in /etc/vulkan/icd.d /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d /usr/local/etc/vulkan/icd.d; do
  ! ls "$place"/*nvidia*.json >/dev/null 2>&1 || named=1
done
if [ -z "$named" ] && [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ]; then
  driver=
  ! known libEGL_nvidia.so.0 || driver=libEGL_nvidia.so.0
  ! { known libGLX_nvidia.so.0 && known libX11.so.6 && known libXext.so.6; } || driver=libGLX_nvidia.so.0
  if [ -n "$driver" ]; then
    printf '{"file_format_version":"1.0.1","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' "$driver" > "$out/nvidia_icd.json"
    export VK_DRIVER_FILES="$out/nvidia_icd.json" VK_ICD_FILENAMES="$out/nvidia_icd.json"
  fi
fi

# The machine's own adapter, not the software one that tests use.
export GLOF_TEST_ADAPTER=system
# Where tuned forms are kept, for every process below.
export XDG_CACHE_HOME="$out/cache"
status=0
left() { echo $((budget - $(date +%s) + started)); }
least() { if [ "$1" -lt "$2" ]; then echo "$1"; else echo "$2"; fi; }

# limited <seconds> <bundle> [options]: ends what does not end, if need be by force. It waits beside it, so that traps are heard.
limited() {
  seconds=$1
  bundle=$2
  shift 2
  code=0
  timeout -k 10 "$seconds" "$node" "$folder/bench/$bundle.mjs" "$@" &
  child=$!
  wait "$child" || code=$?
  child=
  return "$code"
}

# step <name> <most seconds> <bundle> [options]: its lines go to <name>.txt too.
step() {
  name=$1
  most=$(least "$2" "$(left)")
  bundle=$3
  shift 3
  [ "$most" -gt 0 ] || { echo "$name: left out, time is up"; return 0; }
  echo "== $name"
  rm -f "$work/lines"
  mkfifo "$work/lines"
  tee "$out/$name.txt" < "$work/lines" &
  lines=$!
  ended=0
  limited "$most" "$bundle" "$@" > "$work/lines" 2>&1 || ended=$?
  wait "$lines" || true
  [ "$ended" -eq 0 ] || echo "$name: ended with $ended (124 or 137: time was up)" | tee -a "$out/$name.txt"
  # What the tuner did not come to stays as it is likely to be fastest: no failure.
  [ "$name" = tune ] || [ "$ended" -eq 0 ] || status=1
}

# bench <suites> <seconds> [options]: one table and one JSON, which the next call goes on with.
bench() {
  suites=$1
  most=$2
  shift 2
  [ "$most" -gt 0 ] || { echo "$suites: left out, time is up"; return 0; }
  # A case that began in time may go on, but not for long.
  limited "$(least $((most + 100)) $(($(left) + 45)))" main --backend webgpu --suite "$suites" --budget "$most" --cache "$out/cache" \
    --report "$out/gpu.md" --json "$out/gpu.json" --resume $checks "$@" || status=1
}

# A fast wrong answer is none.
[ -f "$out/kernels.json" ] || step kernels 120 check --json "$out/kernels.json" $checks
# Also where an earlier run found it.
grep -q '"wrong": 0,' "$out/kernels.json" 2>/dev/null || { echo "kernels: not known to be right, see kernels.txt"; status=1; }
# The tuner ends by itself, and knows what it is through with.
soft=$(least 100 $(($(left) / 4)))
[ -z "$smoke" ] || soft=10
[ -z "$tune" ] || [ "$soft" -le 0 ] ||
  step tune $((soft + 30)) tune --budget "$soft" --done "$out/tuned.json" $checks ${smoke:+--smoke}
# The numbers that count most come first: what is measured when time is up is in the table.
if [ -n "$smoke" ]; then
  bench ops "$(left)" --smoke --peers stock --case "attention S"
else
  bench model "$(left)" --peers stock,ort,torch --repeats 5
  bench model,ops "$(($(left) - 130))" --peers stock,ort,torch --repeats 5
fi
if [ -d "$folder/fixtures" ]; then
  [ -f "$out/conformance.json" ] ||
    step conformance 120 conformance --fixtures "$folder/fixtures" --backend webgpu --json "$out/conformance.json"
  [ ! -f "$out/conformance.json" ] || grep -q '^  "failed": 0,' "$out/conformance.json" ||
    { echo "conformance: golden cases fail, see conformance.txt"; status=1; }
else
  echo "conformance: skipped, the archive holds no golden cases (pack it with --fixtures)"
fi
[ -n "$smoke" ] || bench model,ops,losses,train,host "$(left)" --peers stock,ort,torch --repeats 5
[ -s "$out/gpu.md" ] || { echo "gpu-bench.sh: there is no table: nothing was measured" >&2; status=1; }
exit $status
