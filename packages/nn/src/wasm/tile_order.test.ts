import binaryen from "assemblyscript/binaryen";
import { describe, expect, it } from "vitest";
import { relaxedBinary } from "./generated/binaries.js";

/**
 * The inner product kernel (assembly/micro.ts) is twice as fast when the rows of its tile are stored from last to first, since V8
 * then keeps all sums in registers. A compiler, or a tidy hand, could turn the order round without any wrong number.
 */
describe("the 6 x 8 tile of products", () => {
  it("stores its rows from last to first", () => {
    const module = binaryen.readBinary(Uint8Array.from(atob(relaxedBinary), (one) => one.charCodeAt(0)));
    const text = module.emitText();
    module.dispose();
    const tiles = text
      .split(/^ \(func /m)
      .map(orderOfSums)
      .filter(({ added }) => added.length === 12 && new Set(added).size === 12);
    expect(tiles).toHaveLength(1);
    const { added, used } = tiles[0]!;
    // Two registers to a row.
    expect(used.map((sum) => Math.floor(added.indexOf(sum) / 2))).toEqual([
      5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0,
    ]);
  });
});

/** The locals that a function's first loop adds products to, in order; and the order in which they are first read behind it. */
function orderOfSums(body: string): { added: string[]; used: string[] } {
  const lines = body.split("\n");
  const start = lines.findIndex((line) => line.includes("(loop "));
  if (start < 0) return { added: [], used: [] };
  // A loop ends at the bracket in its own column.
  const column = lines[start]!.indexOf("(loop ");
  const end = lines.findIndex((line, at) => at > start && line.search(/\S/) === column);
  const inside = lines.slice(start, end).join("\n");
  const added = Array.from(
    inside.matchAll(/local\.set (\$\d+)\s+\(f32x4\.relaxed_madd/g),
    ([, name]) => name!,
  );
  const reads = Array.from(
    lines
      .slice(end)
      .join("\n")
      .matchAll(/local\.get (\$\d+)/g),
    ([, name]) => name!,
  );
  return { added, used: [...new Set(reads)].filter((name) => added.includes(name)) };
}
