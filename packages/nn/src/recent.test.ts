import { expect, it } from "vitest";
import { Recent } from "./recent.js";

it("keeps what is used, however much else comes by, and never more than two generations", () => {
  const recent = new Recent<number>(8);
  recent.set("used", -1);
  recent.set("unused", -2);
  for (let at = 0; at < 1000; at++) {
    recent.set(`passing ${at}`, at);
    expect(recent.get("used")).toBe(-1);
    expect(recent.size).toBeLessThanOrEqual(16);
  }
  expect(recent.get("unused")).toBeUndefined();
  expect(recent.get("passing 999")).toBe(999);
});

it("keeps the last names whole, in any order of use", () => {
  const recent = new Recent<number>(5);
  for (let round = 0; round < 20; round++) {
    for (let at = 0; at < 5; at++) {
      const name = String((at * (round + 1)) % 7);
      if (recent.get(name) === undefined) recent.set(name, round);
    }
  }
  recent.set("0", 0);
  recent.set("0", 1);
  expect(recent.get("0")).toBe(1);
  const last = ["a", "b", "c", "d", "e"];
  for (const name of last) recent.set(name, 2);
  expect(last.map((name) => recent.get(name))).toEqual([2, 2, 2, 2, 2]);
  expect(recent.size).toBeLessThanOrEqual(10);
});
