import { describe, expect, it } from "vitest";
import { withSharedMemory } from "./shared_memory.js";

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const customSection = [0x00, 0x03, 0x01, 0x61, 0xff];
/** Imports a.f (function of type 0), a.t (table) and a.m (memory of 1 to 200 pages). */
const importSection = [
  ...[0x02, 0x17, 0x03],
  ...[0x01, 0x61, 0x01, 0x66, 0x00, 0x00],
  ...[0x01, 0x61, 0x01, 0x74, 0x01, 0x70, 0x01, 0x00, 0x05],
  ...[0x01, 0x61, 0x01, 0x6d, 0x02],
];
const typeSection = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00];

const ownMemory = (limits: number[]) =>
  new Uint8Array([...header, ...customSection, 0x05, limits.length + 1, 0x01, ...limits]);

describe("withSharedMemory", () => {
  it("shares a module's own memory", () => {
    const binary = ownMemory([0x01, 0x01, 0xc8, 0x01]);
    const shared = withSharedMemory(binary)!;
    expect([...shared].filter((byte, i) => byte !== binary[i])).toEqual([0x03]);
    expect(WebAssembly.validate(shared)).toBe(true);
  });

  it("shares an imported memory, wherever it stands among the imports", () => {
    const limits = [0x01, 0x01, 0xc8, 0x01];
    const section = [...importSection, ...limits];
    section[1] = section.length - 2;
    const shared = withSharedMemory(new Uint8Array([...header, ...typeSection, ...section]))!;
    const imports = {
      f: () => {},
      t: new WebAssembly.Table({ element: "anyfunc", initial: 1, maximum: 5 }),
      m: new WebAssembly.Memory({ initial: 1, maximum: 200, shared: true }),
    };
    expect(() => new WebAssembly.Instance(new WebAssembly.Module(shared), { a: imports })).not.toThrow();
  });

  it("leaves alone what cannot be shared", () => {
    expect(withSharedMemory(ownMemory([0x00, 0x01]))).toBeUndefined();
    expect(withSharedMemory(new Uint8Array(header))).toBeUndefined();
  });
});
