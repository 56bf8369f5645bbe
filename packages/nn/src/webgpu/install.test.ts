import { describeOnBackends } from "@glof/test-kit";
import { expect, it } from "vitest";
import { installWebgpuKernels } from "./install.js";

describeOnBackends(
  "installWebgpuKernels",
  () => {
    it("says why nothing was installed where there is no such backend", async () => {
      const { installed, reason } = await installWebgpuKernels();
      expect(installed).toEqual([]);
      expect(reason).toMatch(/not ready/);
    });
  },
  { backends: ["cpu"] },
);
