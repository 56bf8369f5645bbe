"""A side that computes with PyTorch: answers one JSON line for each JSON line on stdin (see src/protocol.ts).

python3 side.py [device] [dtype]    device: cpu or cuda, dtype: float32 or bfloat16
"""

import json
import os
import resource
import sys
import time

import numpy as np
import torch

import tasks


def main():
    device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    dtype = getattr(torch, sys.argv[2] if len(sys.argv) > 2 else "float32")
    place = tasks.Place(device, dtype)
    # Libraries print to stdout too: replies get a stream of their own.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work = None
    for line in sys.stdin:
        request = json.loads(line)
        ask = request["ask"]
        reply = {}
        try:
            if ask == "hello":
                reply = {"facts": facts_of(device, dtype)}
            elif ask == "prepare":
                work = None
                work = tasks.prepare(place, request["task"]["kind"], request["task"]["args"])
                reply = {"facts": getattr(work, "facts", {})}
            elif ask == "run":
                reply = measure(work, request["inner"], place)
            elif ask == "output":
                reply = write_output(work, request["path"])
            elif ask == "release":
                work = None
        except Exception as error:
            reply = {"problem": f"{type(error).__name__}: {error}"[:300]}
        replies.write('{"id":' + str(request["id"]) + "," + json.dumps(reply)[1:] + "\n" if reply else '{"id":%d}\n' % request["id"])
        replies.flush()
        if ask == "quit":
            break


def write_output(work, path):
    """Results of several parts stand one after the other in the file; the reply says how long each is."""
    parts = getattr(work, "parts", None) or [work.output()]
    arrays = [part.detach().float().cpu().numpy().astype(np.float32).ravel() for part in parts]
    np.concatenate(arrays).tofile(path)
    return {"parts": [array.size for array in arrays]}


def facts_of(device, dtype):
    facts = {"version": f"torch {torch.__version__}", "threads": torch.get_num_threads(), "dtype": str(dtype)}
    if device == "cpu":
        facts["blas"] = blas_name()
    if device == "cuda":
        facts["device"] = torch.cuda.get_device_name(0)
    return facts


def blas_name():
    """The library behind products of matrices: with the reference BLAS of a Linux system torch is a hundred times slower."""
    torch.ones(8, 8) @ torch.ones(8, 8)
    if torch.backends.mkl.is_available():
        return "MKL"
    try:
        with open("/proc/self/maps", encoding="utf8") as file:
            loaded = file.read()
    except OSError:
        return "unknown"
    for part, name in (("openblas", "OpenBLAS"), ("mkl", "MKL"), ("blis", "BLIS"), ("libblas", "reference BLAS")):
        if part in loaded:
            return name
    return "built in"


def measure(work, inner, place):
    place.settle()
    cpu, started = time.process_time(), time.perf_counter()
    for _ in range(inner):
        work.run()
    place.settle()
    ms = (time.perf_counter() - started) * 1e3 / inner
    cpu_ms = (time.process_time() - cpu) * 1e3 / inner
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"ms": ms, "cpuMs": cpu_ms, "peakBytes": peak, "facts": getattr(work, "facts", {})}


main()
