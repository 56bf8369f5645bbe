import { describe, expect, it } from "vitest";
import { markdownTable, percent, plainTable, threeDigits } from "./table.js";

describe("tables", () => {
  it("escape what would end a cell", () => {
    expect(markdownTable(["a", "b"], [["x|y", "1"]])).toBe("| a | b |\n|---|---|\n| x\\|y | 1 |");
  });

  it("align columns and let a remark run over", () => {
    const text = plainTable(
      ["case", "side", "ms"],
      [
        ["one", "ours", "12.5"],
        ["", "it", "3"],
        ["two", "a remark of some length"],
      ],
    );
    expect(text.split("\n")).toEqual([
      "case  side    ms",
      "one   ours  12.5",
      "      it       3",
      "two   a remark of some length",
    ]);
  });
});

describe("numbers", () => {
  it("have three digits", () => {
    expect([1234.5, 99.95, 9.994, 0.1234, 0.01234, 0, 1e-5, 2.5e7].map(threeDigits)).toEqual([
      "1235",
      "100.0",
      "9.99",
      "0.123",
      "0.012",
      "0",
      "1.0e-5",
      "2.5e+7",
    ]);
    expect(threeDigits(Number.NaN)).toBe("–");
    expect([0.5, 0.012, 1.5].map(percent)).toEqual(["50 %", "1.2 %", "150 %"]);
  });
});
