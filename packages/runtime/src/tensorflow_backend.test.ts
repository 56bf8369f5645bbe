import util from "node:util";
import { describe, expect, it } from "vitest";
import { problemOf, startTensorflow, tensorflowPackages } from "./tensorflow_backend.js";

const notFound = (name: string): Error =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /app/index.js`), {
    code: "ERR_MODULE_NOT_FOUND",
  });

describe("startTensorflow", () => {
  it("asks for both packages, the one with a GPU first, and names what is absent", async () => {
    const asked: string[] = [];
    const start = startTensorflow(async (name) => {
      asked.push(name);
      throw notFound(name);
    });
    await expect(start).rejects.toMatchObject({
      code: "backend-unavailable",
      details: {
        what: "@tensorflow/tfjs-node-gpu is not installed; @tensorflow/tfjs-node is not installed",
      },
    });
    expect(asked).toEqual([...tensorflowPackages]);
  });

  it("tells a package that is broken on this Node from one that is absent", () => {
    const broken = new TypeError("util_1.isNullOrUndefined is not a function\n    at somewhere");
    expect(problemOf("@tensorflow/tfjs-node", broken)).toBe(
      `@tensorflow/tfjs-node is installed and does not load on Node ${process.version} ` +
        "(util_1.isNullOrUndefined is not a function)",
    );
    // The package is there, and something that it needs is not.
    expect(problemOf("@tensorflow/tfjs-node", notFound("@mapbox/node-pre-gyp"))).toMatch(/does not load/);
  });

  it("says so of a package that brings another copy of tfjs-core", async () => {
    const start = startTensorflow(async () => ({ version: { "tfjs-node": "4.22.0" } }));
    await expect(start).rejects.toThrow(/registers no backend with this copy of tfjs-core/);
  });

  it("brings back the utilities that tfjs-node needs and Node 23 removed", async () => {
    const seen: unknown[] = [];
    const old = util as unknown as Record<string, ((value: unknown) => boolean) | undefined>;
    const kept = old.isNullOrUndefined;
    delete old.isNullOrUndefined;
    await startTensorflow(async () => {
      seen.push(old.isNullOrUndefined?.(null), old.isNullOrUndefined?.(0));
      throw new Error("far enough");
    }).catch(() => {});
    old.isNullOrUndefined = kept;
    expect(seen.slice(0, 2)).toEqual([true, false]);
  });
});
