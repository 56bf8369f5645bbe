import { describe, expect, it } from "vitest";
import { parseJson } from "./parse_json.js";

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

describe("parseJson", () => {
  it("parses what JSON.parse parses", () => {
    for (const text of [
      "1",
      "null",
      '"["',
      '{"a":[1,{"b":"\\"[\\\\"}],"c":"é\\u005b"}',
      nested(500),
      `[${Array(2000).fill("[]")}]`,
    ]) {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }
    expect(parseJson(`{"a":"${"[".repeat(9999)}"}`)).toEqual({ a: "[".repeat(9999) });
  });

  it("refuses what is no JSON, and what nests without end", () => {
    for (const text of ["", "{", '"abc', '"\\', "[1,]", nested(501), "[".repeat(1e6), '{"a":'.repeat(1e5)]) {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    }
  });

  it("passes over long strings of escapes in time", () => {
    const started = Date.now();
    expect(parseJson(`"${"\\\\".repeat(1e6)}"`)).toBe("\\".repeat(1e6));
    expect(parseJson(`"${'\\"'.repeat(1e5)}"`)).toBe('"'.repeat(1e5));
    expect(Date.now() - started).toBeLessThan(2000);
  });
});
