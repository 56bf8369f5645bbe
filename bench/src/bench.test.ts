import { isGlofError } from "@glof/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterEach, describe, expect, it } from "vitest";
import { slugOf } from "./machine.js";
import { parseOptions, sidesOf } from "./options.js";
import { fillValues } from "./protocol.js";
import { reportPage } from "./report.js";
import { type SideClient, startSide } from "./side_process.js";
import { compileFmaLoop, FLOP_PER_ITERATION } from "./sides/fma_loop.js";
import { gemmGraph } from "./sides/gemm_graph.js";

function asError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("parseOptions", () => {
  it("knows suites, peers and sizes", () => {
    const options = parseOptions(["--suite", "ops, model", "--peers", "stock", "--quick"]);
    expect(options).toMatchObject({ suites: ["ops", "model"], size: "quick", repeats: 3, report: "none" });
    expect(sidesOf(options)).toEqual(["glof", "stock"]);
    expect(sidesOf(parseOptions(["--peers", "none"]))).toEqual(["glof"]);
    expect(sidesOf(parseOptions(["--backend", "webgpu"]))).toContain("torch-bf16");
  });

  it.each([
    [["--suite", "opps"], /--suite: expected some of ops, model.*got "opps"/],
    [["--backend", "cuda"], /--backend: expected one of wasm, webgpu, cpu, got "cuda"/],
    [["--backend", "wasm,cpu"], /expected one of/],
    [["--repeats", "0"], /from 1 on, got "0"/],
    [["--repeats", ""], /from 1 on/],
    [["--budget=-3"], /seconds above 0/],
    [["--peers", "jax"], /stock, ort, torch, gdal, or write none/],
    [["--resume"], /--json/],
    [["--no-robustness"], /--backend webgpu/],
    [["--bogus"], /--bogus/],
    [["stray"], /stray/],
  ])("refuses %s", (args, message) => {
    const error = asError(() => parseOptions(args));
    expect(isGlofError(error, "bad-argument")).toBe(true);
    expect((error as Error).message).toMatch(message);
  });

  it("replaces the page of this machine by whole runs only", () => {
    expect(parseOptions([]).report).toBeUndefined();
    expect(parseOptions(["--suite", "ops"]).report).toBe("none");
    expect(parseOptions(["--case", "linear"]).report).toBe("none");
    expect(parseOptions(["--case", "linear", "--report", "x.md"]).report).toBe("x.md");
  });
});

describe("what is measured with", () => {
  it("makes the values that the Python side makes", () => {
    // fill_values(4, 1) of torch/tasks.py
    expect([...fillValues(4, 1)]).toEqual([
      0.43509697914123535, 0.36900413036346436, -0.7750751972198486, 0.5038936138153076,
    ]);
    expect(Math.max(...fillValues(1000, 2, 3))).toBeLessThan(3);
  });

  it("runs a loop of multiply-adds", () => {
    // Each accumulator goes from 0 towards the fixed point x = 0.999 x + 0.001, that is 1; all are summed.
    const accumulators = FLOP_PER_ITERATION / 8;
    expect(compileFmaLoop().run(20_000)).toBeCloseTo(accumulators, 2);
    expect(compileFmaLoop().run(1)).toBeCloseTo(0.001 * accumulators, 5);
  });

  it("writes an ONNX product that onnxruntime computes", async () => {
    const session = await InferenceSession.create(gemmGraph(2));
    const matrix = (...values: number[]) => new Tensor("float32", Float32Array.from(values), [2, 2]);
    const { y } = await session.run({ a: matrix(1, 2, 3, 4), b: matrix(5, 6, 7, 8) });
    expect([...(y!.data as Float32Array)]).toEqual([19, 22, 43, 50]);
    await session.release();
  });

  it("names files after machines", () => {
    expect(slugOf("AMD EPYC 2 cores")).toBe("amd-epyc-2-cores");
    expect(slugOf("Intel(R) Xeon(R) @ 2.2GHz")).toBe("intel-xeon-2-2ghz");
  });
});

describe("startSide", () => {
  let side: SideClient | undefined;
  afterEach(() => side?.close());
  const program = (script: string) => ({ command: process.execPath, args: ["-e", script], env: {} });

  it("speaks to a process, which may print other things too", async () => {
    const script = `console.log("noise"); require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const { id, ask } = JSON.parse(line);
      console.log(JSON.stringify({ id, facts: { ask } }));
      if (ask === "quit") process.exit(0);
    });`;
    const noise: string[] = [];
    side = startSide("glof", program(script), (line) => noise.push(line));
    expect(await side.ask({ ask: "hello" })).toMatchObject({ facts: { ask: "hello" } });
    expect(await side.ask({ ask: "run", inner: 2 })).toMatchObject({ facts: { ask: "run" } });
    expect(noise).toEqual(["noise"]);
  });

  it("says why a process that ended gives no answer", async () => {
    side = startSide("torch", program('throw new Error("no such library")'));
    expect((await side.ask({ ask: "hello" })).problem).toContain("no such library");
    expect((await side.ask({ ask: "hello" })).problem).toContain("has ended");
  });
});

describe("reportPage", () => {
  it("shows what was measured, what differs and who is absent, with the reason", () => {
    const times = (median: number) => ({
      median,
      min: median,
      max: median,
      quartiles: [median, median] as const,
      repeats: 3,
    });
    const measured = (ms: number) => ({
      status: "measured" as const,
      ms: times(ms),
      cpuMs: times(ms),
      firstMs: 2 * ms,
      peakBytes: 1e8,
      facts: { readMs: 5 },
    });
    const page = reportPage({
      date: "2026-01-02",
      clock: "10:00 to 10:05",
      size: "full",
      commit: "abc",
      command: "npm run bench",
      machine: { slug: "m", cpu: "CPU", cores: 2, memoryGb: 8, gpu: undefined, node: "v20", load: 0.5 },
      loadAtEnd: 1,
      backend: "wasm",
      ceilings: {
        device: { flops: 100e9, bandwidth: 10e9 },
        deviceBy: "a product",
        wasmThread: { flops: 50e9, bandwidth: 5e9 },
      },
      suites: [
        {
          name: "ops",
          about: "Operations.",
          memoryPerCase: true,
          sides: { glof: { threads: 1 } },
          absent: { gdal: "not installed" },
          left: ["softmax"],
          cases: [
            {
              name: "linear",
              at: "2026-01-02T10:00:00Z",
              seconds: 3,
              load: 0.25,
              task: { kind: "linear", args: {} },
              flop: 1e9,
              bytes: 1e6,
              outcomes: {
                glof: measured(40),
                stock: measured(80),
                ort: { status: "absent", reason: "forward only" },
              },
              agreement: { stock: { maxAbsDifference: 0.5, relative: 0.1 } },
            },
          ],
        },
      ],
    });
    expect(page).toContain(
      "| linear (1.00 GFLOP, 1.00 MB) | glof | 40.0 | 40.0 | 40.0 | 40.0–40.0 | 0.0 % | 3 | 25.0 |",
    );
    expect(page).toContain("| 25 % | 50 % |");
    expect(page).toContain("| 0.500 | 100 | 5.0e-1 (!) |");
    expect(page).toContain("absent: forward only");
    expect(page).toContain("- measured from 10:00 UTC on in 3 s, load 0.3 to 0.3");
    expect(page).toContain("| milliseconds | ours | stock | our GFLOP/s | of device |");
    expect(page).toContain("| linear | 40.0 | 80.0 (0.50) | 25.0 | 25 % |");
    expect(page).toContain("| peak memory, MB | ours | stock |");
    expect(page).toContain("time was up**: softmax.");
    expect(page).not.toContain("Other work");
    expect(page).toContain("- gdal: absent: not installed");
    expect(page).toContain("- linear, glof: first 80.0 ms, read 5.00 ms");
  });
});
