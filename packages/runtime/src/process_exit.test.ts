import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { softwareVulkanEnvironment } from "@glof/test-kit";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

/** Runs a module in a Node process of its own, over the sources, and waits for it to end by itself. */
async function run(body: string, variables: Record<string, string> = {}): Promise<Ended> {
  const source = `import * as tf from "@tensorflow/tfjs-core";
    import { selectBackend, releaseBackend } from "./packages/runtime/src/index.ts";
    const product = () => tf.tidy(() => tf.sum(tf.matMul(tf.ones([64, 64]), tf.ones([64, 64]))));
    ${body}`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", source], {
    cwd: root,
    env: { ...process.env, ...(await softwareVulkanEnvironment()), ...variables },
    timeout: 40_000,
  });
  let out = "";
  let errors = "";
  child.stdout.on("data", (piece) => (out += piece));
  child.stderr.on("data", (piece) => (errors += piece));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, out, errors };
}

describe.each(["webgpu", "wasm", "cpu"])("a process that used %s", (backend) => {
  it("ends by itself, prints nothing of its own and keeps its exit code", async () => {
    const { code, out, errors } = await run(`
      await selectBackend({ require: "${backend}" });
      console.log((await product().data())[0]);
      process.exitCode = 3;`);
    expect({ code, out, errors }).toEqual({ code: 3, out: `${64 ** 3}\n`, errors: "" });
  });

  it("ends after releaseBackend", async () => {
    const { code, errors } = await run(`
      await selectBackend({ require: "${backend}" });
      await product().data();
      await releaseBackend();`);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
  });

  it("ends with code 1 on an error that nobody catches", async () => {
    const { code, errors } = await run(`
      await selectBackend({ require: "${backend}" });
      await product().data();
      void Promise.reject(new Error("nobody catches this"));`);
    expect(code).toBe(1);
    expect(errors).toMatch(/nobody catches this/);
  });

  it("lets the program's own handler of unhandled rejections decide", async () => {
    const { code, out } = await run(`
      process.on("unhandledRejection", () => { console.log("handled"); process.exitCode = 5; });
      await selectBackend({ require: "${backend}" });
      void Promise.reject(new Error("the handler takes it"));`);
    expect({ code, out }).toEqual({ code: 5, out: "handled\n" });
  });
});

describe("a process without a GPU driver", () => {
  it("is told so, and ends with its own code", async () => {
    const { code, out } = await run(
      `try { await selectBackend({ require: "webgpu" }); }
       catch (error) { console.log(error.code); process.exitCode = 4; }`,
      { VK_DRIVER_FILES: "/nowhere.json" },
    );
    expect({ code, out }).toEqual({ code: 4, out: "backend-unavailable\n" });
  });

  it("goes on with wasm when webgpu was only preferred", async () => {
    const { code, out } = await run(
      `const choice = await selectBackend();
       console.log(choice.name, choice.details.passedOver[0].reason);`,
      { VK_DRIVER_FILES: "/nowhere.json" },
    );
    expect({ code, out }).toEqual({ code: 0, out: "wasm WebGPU found no adapter\n" });
  });
});
