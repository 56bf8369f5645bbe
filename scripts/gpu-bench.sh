#!/bin/sh
# Conformance and speed of the WebGPU backend on a GPU (Linux, x64, Vulkan), in one go, beside stock TensorFlow.js and, where
# python3 has torch with CUDA, PyTorch in f32 and bf16.
#
#   scripts/gpu-bench.sh [archive.tgz] [--out dir] [--smoke]
#
# The archive is what scripts/pack_gpu_bench.mjs makes. Inside an unpacked archive none is named; in a clone without one, one
# is packed first. --smoke: tiny cases, and SwiftShader where a clone runs it: does it all work, in under a minute.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
archive=
out=$PWD/gpu-bench-out
smoke=
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift ;;
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
if [ -d "$folder/fixtures" ]; then
  "$node" "$folder/bench/conformance.mjs" --fixtures "$folder/fixtures" --backend webgpu \
    --json "$out/conformance.json" || status=1
else
  echo "conformance: skipped, the archive holds no golden cases (pack it with --fixtures)"
fi
if [ -n "$smoke" ]; then
  set -- --smoke --suite ops --peers stock --case "linear S"
else
  set -- --suite ops,model --peers stock,torch
fi
"$node" "$folder/bench/main.mjs" --backend webgpu "$@" --cache "$out/cache" \
  --report "$out/gpu.md" --json "$out/gpu.json" || status=1
exit $status
