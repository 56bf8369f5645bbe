import { describeOnBackends } from "@glof/test-kit";
import { afterAll, expect, it } from "vitest";
import { processConsole } from "../terminal/console.js";
import { type BackendRequest, chooseBackend, precisionText } from "./choose_backend.js";

const quiet = processConsole({ quiet: true });
const choose = (request: BackendRequest) => chooseBackend(request, "glof map", quiet);

describeOnBackends(
  "--precision",
  (backend) => {
    afterAll(() => choose({ backend, precision: "f32" }));

    it.runIf(backend === "webgpu")("is halves on the GPU, and says what that gives", async () => {
      const choice = await choose({ backend, precision: "f16" });
      expect(precisionText(choice)).toMatch(
        /^; precision f16: weights and intermediate results are kept as halves; /,
      );
      expect(choice.details.precision).toMatchObject({ storage: "halves" });
    });

    it.runIf(backend !== "webgpu")("is refused elsewhere", async () => {
      await expect(choose({ backend, precision: "f16" })).rejects.toMatchObject({
        code: "bad-config",
        message: expect.stringMatching(
          /glof map: expected the backend webgpu with --precision f16, got wasm/,
        ),
      });
    });

    it("is not mentioned where it was not asked for", async () => {
      for (const precision of [undefined, "f32"] as const) {
        expect(precisionText(await choose({ backend, precision }))).toBe("");
      }
    });
  },
  { backends: ["wasm", "webgpu"] },
);
