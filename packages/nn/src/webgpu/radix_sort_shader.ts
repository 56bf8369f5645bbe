import { groupsPerAxis } from "./groups_per_axis.js";

/**
 * WGSL of a stable radix sort of rows: keys of 32 bits, smallest first, in four passes of eight bits. Each pass counts the
 * digits of every tile, adds the counts up over the tiles, and moves each number to its place. No subgroups, no float
 * atomics: the counts and masks that threads share are whole numbers, so that the result repeats to the bit.
 */

/** Threads of a group, and as many digits: each thread owns one digit between the rounds. */
export const threads = 256;
/** Bits of a digit, and passes over a key. */
export const [digitBits, passes] = [8, 4];
const digits = 1 << digitBits;
/** Threads of a group that adds up, one digit each. */
export const scanThreads = 64;

/** The parameters and first lines of an entry point: one group per tile and row. */
export const tileOfRow = `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let row = group.y + group.z * ${groupsPerAxis}u;
  if (row >= u32(uniforms.rows)) { return; }
  let cols = u32(uniforms.cols);
  let rowStart = row * cols;
  let tile = row * u32(uniforms.tiles) + group.x;
  let first = group.x * u32(uniforms.tileSize);
  let end = min(first + u32(uniforms.tileSize), cols);
`;

/** counts[tile][digit], from `keyAt(at)`. */
export const histogramCode = (keyCode: string): string => `
${keyCode}
var<workgroup> seen : array<atomic<u32>, ${digits}>;
${tileOfRow}
  atomicStore(&seen[thread], 0u);
  workgroupBarrier();
  for (var column = first + thread; column < end; column += ${threads}u) {
    atomicAdd(&seen[(keyAt(rowStart + column) >> u32(uniforms.shift)) & ${digits - 1}u], 1u);
  }
  workgroupBarrier();
  counts[tile * ${digits}u + thread] = atomicLoad(&seen[thread]);
}
`;

/** Loads that are on their way at the same time. */
const loads = 8;

/** In place: counts[tile][digit] becomes the count in earlier tiles of the row; totals[row][digit]. One thread a digit. */
export const scanCode = `
@compute @workgroup_size(${scanThreads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let row = group.y + group.z * ${groupsPerAxis}u;
  if (row >= u32(uniforms.rows)) { return; }
  let digit = group.x * ${scanThreads}u + thread;
  let tiles = u32(uniforms.tiles);
  var sum = 0u;
  for (var tile = 0u; tile < tiles; tile += ${loads}u) {
    let at = (row * tiles + tile) * ${digits}u + digit;
    let here = min(${loads}u, tiles - tile);
    var count : array<u32, ${loads}>;
    for (var i = 0u; i < ${loads}u; i++) { if (i < here) { count[i] = counts[at + i * ${digits}u]; } }
    for (var i = 0u; i < ${loads}u; i++) {
      if (i < here) {
        counts[at + i * ${digits}u] = sum;
        sum += count[i];
      }
    }
  }
  totals[row * ${digits}u + digit] = sum;
}
`;

/** Words of 32 threads each. */
export const words = threads / 32;

/**
 * Moves each number of a tile to its place: the start of its digit in the row, those in earlier tiles, those before it in
 * this one. The last are counted in rounds of one number a thread: each sets its bit in a mask of its digit, and reads
 * there how many threads before it hold the same.
 *
 * @param code WGSL of `keyAt(at)`, `payloadAt(at, column)` and `put(place, rowStart, key, payload)`
 */
export const scatterCode = (code: string): string => `
${code}
var<workgroup> next : array<u32, ${digits}>;
var<workgroup> holders : array<atomic<u32>, ${digits * words}>;
${tileOfRow}
  let total = totals[row * ${digits}u + thread];
  next[thread] = total;
  workgroupBarrier();
  for (var step = 1u; step < ${digits}u; step *= 2u) {
    var before = 0u;
    if (thread >= step) { before = next[thread - step]; }
    workgroupBarrier();
    next[thread] += before;
    workgroupBarrier();
  }
  next[thread] += counts[tile * ${digits}u + thread] - total;
  let word = thread / 32u;
  let bit = 1u << (thread % 32u);
  for (var round = first; round < end; round += ${threads}u) {
    let column = round + thread;
    var key = 0u;
    var digit = 0u;
    if (column < end) {
      key = keyAt(rowStart + column);
      digit = (key >> u32(uniforms.shift)) & ${digits - 1}u;
      atomicOr(&holders[word * ${digits}u + digit], bit);
    }
    workgroupBarrier();
    var before = 0u;
    var all = 0u;
    if (column < end) {
      for (var w = 0u; w < ${words}u; w++) {
        let held = atomicLoad(&holders[w * ${digits}u + digit]);
        all += countOneBits(held);
        if (w < word) { before += countOneBits(held); }
        if (w == word) { before += countOneBits(held & (bit - 1u)); }
      }
      put(rowStart + next[digit] + before, rowStart, key, payloadAt(rowStart + column, column));
    }
    workgroupBarrier();
    if (column < end) {
      if (before + 1u == all) { next[digit] += all; }
      atomicStore(&holders[word * ${digits}u + digit], 0u);
    }
    workgroupBarrier();
  }
}
`;
