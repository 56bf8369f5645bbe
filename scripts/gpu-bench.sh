#!/bin/sh
# Conformance and speed of the WebGPU backend on a GPU (Linux, x64, Vulkan), in one go: ours in f32 and f16, beside stock
# TensorFlow.js and, where python3 has torch with CUDA, PyTorch in f32 and bf16.
#
#   scripts/gpu-bench.sh [archive.tgz] [--out dir] [--budget seconds] [--no-robustness] [--smoke]
#
# The archive is what scripts/pack_gpu_bench.mjs makes. Inside an unpacked archive none is named; in a clone without one, one
# is packed first. --budget: no case begins after so many seconds (540: a lease of ten minutes); every case is written when it is
# measured, and the same command with the same --out goes on where it stopped. --no-robustness: our shaders without Dawn's checks
# of indices. --smoke: tiny cases, and SwiftShader where a clone runs it: does it all work, in under a minute.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
archive=
out=$PWD/gpu-bench-out
smoke=
budget=540
checks=
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift ;;
    --budget) budget=$2; shift ;;
    --no-robustness) checks=--no-robustness ;;
    --smoke) smoke=1 ;;
    -*) echo "gpu-bench.sh: unknown option $1" >&2; exit 2 ;;
    *) archive=$1 ;;
  esac
  shift
done
mkdir -p "$out"

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
if [ -d "$here/bench" ] && [ -f "$here/bench/main.mjs" ]; then
  folder=$here
else
  work=$(mktemp -d)
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
[ ! -f "$folder/node" ] || { chmod +x "$folder/node"; node=$folder/node; }

# The machine's own adapter, not the software one that tests use.
export GLOF_TEST_ADAPTER=system
status=0
started=$(date +%s)
left() { echo $((budget - $(date +%s) + started)); }

# bench <suites> <seconds> [options]: one table and one JSON, which the next call goes on with.
bench() {
  suites=$1
  seconds=$2
  shift 2
  [ "$seconds" -gt 0 ] || { echo "$suites: left out, time is up"; return 0; }
  "$node" "$folder/bench/main.mjs" --backend webgpu --suite "$suites" --budget "$seconds" --cache "$out/cache" \
    --report "$out/gpu.md" --json "$out/gpu.json" --resume $checks "$@" || status=1
}

# The numbers that count most come first: what is measured when time is up is in the table.
if [ -n "$smoke" ]; then
  bench ops,host "$(left)" --smoke --peers stock --case "S"
else
  bench model "$(left)" --peers stock,ort,torch --repeats 5
  bench model,ops "$(($(left) - 150))" --peers stock,ort,torch --repeats 5
fi
if [ -d "$folder/fixtures" ]; then
  timeout 120 "$node" "$folder/bench/conformance.mjs" --fixtures "$folder/fixtures" --backend webgpu \
    --json "$out/conformance.json" || status=1
else
  echo "conformance: skipped, the archive holds no golden cases (pack it with --fixtures)"
fi
[ -n "$smoke" ] || bench model,ops,losses,train,host "$(left)" --peers stock,ort,torch --repeats 5
exit $status
