import { setFlagsFromString } from "node:v8";

/**
 * More would not stay in registers beside two factors: engines have fifteen of the sixteen of x86-64, and a loop that spills
 * runs at less than two thirds. Fewer than ten would wait for each other where a multiply-add takes five cycles.
 */
const accumulators = 12;

/** Operations of one iteration: a multiply and an add in four lanes of each accumulator. */
export const FLOP_PER_ITERATION = accumulators * 4 * 2;

/**
 * A WebAssembly function that does nothing but multiply and add in registers, `iterations` times: the most that 128-bit
 * SIMD can do on one thread of this machine. Written as bytes: no compiler is needed for twenty instructions.
 */
export function compileFmaLoop(): { run(iterations: number): number; readonly isFused: boolean } {
  // Node 20 and 22 have relaxed SIMD behind a flag.
  setFlagsFromString("--experimental-wasm-relaxed-simd");
  const isFused = WebAssembly.validate(assemble(true));
  const module = new WebAssembly.Module(assemble(isFused));
  const { run } = new WebAssembly.Instance(module).exports as { run: (iterations: number) => number };
  return { run, isFused };
}

function assemble(fused: boolean): Uint8Array<ArrayBuffer> {
  const section = (id: number, body: readonly number[]) => [id, ...unsigned(body.length), ...body];
  const type = section(1, [1, 0x60, 1, 0x7f, 1, 0x7d]); // (i32) -> f32
  const body = [
    ...[2, accumulators + 2, 0x7b, 1, 0x7f], // locals: v128 accumulators and factors, an i32 counter
    ...setFactors(),
    ...[0x03, 0x40], // loop
    ...Array.from({ length: accumulators }, (_, index) => step(1 + index, fused)).flat(),
    ...[0x20, counter, 0x41, 1, 0x6a, 0x22, counter, 0x20, 0, 0x48, 0x0d, 0], // ++counter < iterations: again
    0x0b, // end of the loop
    ...[0x20, 1],
    ...Array.from({ length: accumulators - 1 }, (_, index) => [0x20, 2 + index, ...simd(0xe4)]).flat(), // sums them
    ...[...simd(0x1f), 0], // first lane
    0x0b,
  ];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...type,
    ...section(3, [1, 0]),
    ...section(7, [1, 3, 0x72, 0x75, 0x6e, 0, 0]), // export "run"
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

const factorA = 1 + accumulators;
const factorB = factorA + 1;
const counter = factorB + 1;

/** Factors near 1 and 0: the accumulators stay normal numbers. */
function setFactors(): number[] {
  const constant = (value: number) => [0x43, ...new Uint8Array(new Float32Array([value]).buffer)];
  const splat = simd(0x13);
  return [...constant(0.999), ...splat, 0x21, factorA, ...constant(0.001), ...splat, 0x21, factorB];
}

/** accumulator = accumulator x A + B */
function step(accumulator: number, fused: boolean): number[] {
  const operands = [0x20, accumulator, 0x20, factorA];
  const arithmetic = fused
    ? [...operands, 0x20, factorB, ...simd(0x105)]
    : [...operands, ...simd(0xe6), 0x20, factorB, ...simd(0xe4)];
  return [...arithmetic, 0x21, accumulator];
}

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];

/** LEB128 */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}
