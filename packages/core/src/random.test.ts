import { describe, expect, it } from "vitest";
import { isGlofError } from "./errors.js";
import { rngFromState, seededRng } from "./random.js";

const take = (seed: number | string, count: number) => {
  const rng = seededRng(seed);
  return Array.from({ length: count }, () => rng.next());
};

describe("seededRng", () => {
  it("follows xoshiro128** word by word", () => {
    // From the published recurrence with state 1, 2, 3, 4, worked by hand: rotl(s1*5, 7)*9.
    const rng = rngFromState([1, 2, 3, 4]);
    expect(rng.next() * 2 ** 32).toBe(11520);
    expect(rng.next() * 2 ** 32).toBe(0);
    expect(rng.next() * 2 ** 32).toBe(5927040);
  });

  it("gives the same stream for the same seed and another for another", () => {
    expect(take(7, 20)).toEqual(take(7, 20));
    expect(take(7, 20)).not.toEqual(take(8, 20));
    expect(take("lake", 20)).not.toEqual(take("lakes", 20));
  });

  it("goes on from a saved state", () => {
    const rng = seededRng(3);
    rng.next();
    const copy = rngFromState(rng.state());
    expect([copy.next(), copy.next()]).toEqual([rng.next(), rng.next()]);
  });

  it("is uniform and normal enough to be used", () => {
    const rng = seededRng(1);
    const uniforms = Array.from({ length: 20_000 }, () => rng.next());
    const normals = Array.from({ length: 20_000 }, () => rng.normal());
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean(uniforms) - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(mean(normals))).toBeLessThan(0.03);
    expect(Math.abs(mean(normals.map((value) => value * value)) - 1)).toBeLessThan(0.05);
  });

  it("splits without advancing, by label", () => {
    const rng = seededRng(5);
    const before = rng.state();
    const [one, again, other] = [rng.split("a").next(), rng.split("a").next(), rng.split("b").next()];
    expect(rng.state()).toEqual(before);
    expect(one).toBe(again);
    expect(one).not.toBe(other);
  });

  it("shuffles every item to somewhere", () => {
    const items = Array.from({ length: 50 }, (_, index) => index);
    const shuffled = seededRng(2).shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });

  it("refuses the one state that stays put", () => {
    expect(() => rngFromState([0, 0, 0, 0])).toThrow(
      expect.toSatisfy((error) => isGlofError(error, "bad-argument")),
    );
  });
});
