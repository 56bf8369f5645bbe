import { readFileSync } from "node:fs";
import { useSoftwareVulkan } from "@glof/test-kit";
import { beforeAll, expect, it } from "vitest";
import { describeMachine } from "./describe_machine.js";

beforeAll(useSoftwareVulkan);

it("describeMachine tells processor, memory, adapters and packages in plain values", async () => {
  const machine = await describeMachine();
  expect(JSON.parse(JSON.stringify(machine))).toEqual(machine);
  expect(machine.platform.runtime).toBe(`node ${process.version}`);
  expect(machine.platform.cores).toBeGreaterThan(0);
  expect(machine.platform.memoryBytes).toBeGreaterThan(2 ** 28);
  expect(machine.wasm.simd).toBe(true);
  const [adapter] = machine.webgpu.adapters;
  expect(adapter?.limits.maxBufferSize).toBeGreaterThan(2 ** 27);
  expect(adapter?.features).toContain("core-features-and-limits");
  if (adapter?.vendor === "google") expect(adapter.isSoftware).toBe(true);
});

it("describeMachine names the versions that are installed and why an optional package is not used", async () => {
  const { packages } = await describeMachine();
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const versions = { ...manifest.dependencies, ...manifest.peerDependencies };
  for (const { name, version, optional } of packages) {
    if (!optional) expect(version, name).toBe(versions[name]);
  }
  expect(packages.filter(({ optional }) => optional)).toEqual([
    {
      name: "@tensorflow/tfjs-node-gpu",
      optional: true,
      problem: "@tensorflow/tfjs-node-gpu is not installed",
    },
    { name: "@tensorflow/tfjs-node", optional: true, problem: "@tensorflow/tfjs-node is not installed" },
  ]);
});
