import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint } from "@glof/checkpoint";
import { isGlofError } from "@glof/core";
import {
  conv2d,
  disposeParams,
  initParams,
  linear,
  loadParams,
  type Model,
  type ParamSpec,
  type Params,
  partition,
  valueAndGrad,
} from "@glof/nn";
import {
  describeOnBackends,
  expectClose,
  expectNoTensorGrowth,
  hasShared,
  sharedPath,
  tolerances,
} from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  buildLora,
  type LoraOptions,
  loadAdapter,
  loraConfigFromPeft,
  loraConfigToPeft,
  mergeLora,
  openAdapter,
  unmergeLora,
  writeAdapter,
} from "./index.js";

const weight = (name: string, shape: number[], layout: ParamSpec["layout"]): ParamSpec => ({
  name,
  shape,
  kind: "weight",
  layout,
  init: { kind: "normal", std: 0.5 },
});

const specs: readonly ParamSpec[] = [
  weight("stem.proj.weight", [6, 2, 3, 3], "conv2d"),
  weight("stem.proj.bias", [6], "as-is"),
  weight("blocks.0.qkv.weight", [9, 6], "linear"),
  weight("blocks.0.qkv.bias", [9], "as-is"),
  weight("blocks.1.qkv.weight", [4, 9], "linear"),
  weight("blocks.1.qkv.bias", [4], "as-is"),
  weight("norm.weight", [4], "as-is"),
  weight("head.weight", [1, 4], "linear"),
];

/** conv -> linear -> linear -> scale -> linear */
const base: Model<tf.Tensor4D, tf.Tensor, null> = {
  config: null,
  specs,
  init: (seed) => initParams(specs, seed),
  load: (checkpoint, options) => loadParams(specs, checkpoint, options),
  forward: (params, images) =>
    tf.tidy(() => {
      const map = conv2d(
        images,
        params["stem.proj.weight"] as tf.Tensor4D,
        params["stem.proj.bias"] as tf.Tensor1D,
      );
      const first = linear(
        map,
        params["blocks.0.qkv.weight"] as tf.Tensor2D,
        params["blocks.0.qkv.bias"] as tf.Tensor1D,
      );
      const second = linear(
        first,
        params["blocks.1.qkv.weight"] as tf.Tensor2D,
        params["blocks.1.qkv.bias"] as tf.Tensor1D,
      );
      return linear(tf.mul(second, params["norm.weight"]!), params["head.weight"] as tf.Tensor2D);
    }),
};

const images = (): tf.Tensor4D =>
  tf.tensor4d(
    Array.from({ length: 50 }, (_, index) => Math.sin(index * 1.7)),
    [1, 5, 5, 2],
  );

/** Adapters with a second factor other than 0. */
function stirred(params: Params): Params {
  const entries = Object.entries(params).map(([name, tensor]) => {
    if (!name.includes("lora_")) return [name, tensor];
    return [
      name,
      tf.tidy(() =>
        tf.add(tensor, tf.mul(0.1, tf.sin(tf.reshape(tf.range(1, tensor.size + 1), tensor.shape)))),
      ),
    ];
  });
  return Object.fromEntries(entries) as Params;
}

const kinds: readonly (readonly [name: string, options: LoraOptions])[] = [
  ["LoRA", { rank: 2, alpha: 8, targets: ["qkv"] }],
  ["LoRA on a convolution", { rank: 2, targets: ["proj"] }],
  ["rank-stabilised LoRA", { rank: 3, alpha: 6, targets: ["qkv"], rankStabilized: true }],
  ["LoRA with bias", { rank: 2, targets: ["qkv"], loraBias: true }],
  ["DoRA", { rank: 2, alpha: 4, targets: ["qkv", "proj"], dora: true }],
];

describeOnBackends("adapters", () => {
  it.each(kinds)(
    "%s changes nothing at first, and everything that learns gets a gradient",
    async (_, options) => {
      const lora = buildLora(base, options);
      const plain = base.init(1);
      const params = lora.attach(plain, 2);
      await expectClose(lora.forward(params, images()), base.forward(plain, images()), {
        atol: 2e-5,
        rtol: 1e-4,
      });
      const { trainable, frozen } = partition(stirred(params), lora.rules);
      expect(Object.keys(frozen).sort()).toEqual(specs.map(({ name }) => name).sort());
      const { grads } = valueAndGrad(
        (learning) => tf.mean(tf.square(lora.forward({ ...frozen, ...learning }, images()))) as tf.Scalar,
        trainable,
        { unreached: "error" },
      );
      for (const [name, grad] of Object.entries(grads)) {
        expect((await tf.max(tf.abs(grad)).data())[0], name).toBeGreaterThan(0);
      }
    },
  );

  it.each(kinds)("%s merged gives the same, and comes out again", async (_, options) => {
    const lora = buildLora(base, options);
    const params = stirred(lora.attach(base.init(1), 2));
    const merged = mergeLora(lora, params);
    expect(Object.keys(merged)).toEqual(specs.map(({ name }) => name));
    await expectClose(base.forward(merged, images()), lora.forward(params, images()), tolerances.product);
    if (options.dora) {
      const call = () => unmergeLora(lora, merged, params);
      return expect(call).toThrow(expect.toSatisfy((error) => isGlofError(error, "unsupported-feature")));
    }
    const again = unmergeLora(lora, merged, params);
    for (const { name } of specs) await expectClose(again[name]!, params[name]!, { atol: 1e-6, rtol: 1e-5 });
  });

  it("leaves no tensor behind", async () => {
    const lora = buildLora(base, { rank: 2, targets: ["qkv", "proj"], dora: true, dropout: 0.5 });
    const params = lora.init(1);
    const x = images();
    await expectNoTensorGrowth(() => lora.forward(params, x, { training: true, seed: 1 }));
    await expectNoTensorGrowth(() => ({ ...mergeLora(lora, params) }));
    await expectNoTensorGrowth(() => disposeParams(lora.init(3)));
  });
});

describeOnBackends(
  "settings",
  () => {
    const names = (options: LoraOptions) => buildLora(base, options).modules.map(({ name }) => name);

    it("finds targets by ending, by pattern and by kind", () => {
      expect(names({ rank: 1, targets: ["qkv"] })).toEqual(["blocks.0.qkv", "blocks.1.qkv"]);
      expect(names({ rank: 1, targets: "blocks\\.1\\..*" })).toEqual(["blocks.1.qkv"]);
      expect(names({ rank: 1, targets: "all-linear", exclude: ["head"] })).toEqual([
        "blocks.0.qkv",
        "blocks.1.qkv",
      ]);
      expect(names({ rank: 1, targets: ["stem.proj"] })).toEqual(["stem.proj"]);
    });

    it("takes ranks and alphas by module", () => {
      const { modules } = buildLora(base, {
        rank: 2,
        alpha: 4,
        targets: ["qkv"],
        rankPattern: { "0.qkv": 5 },
        alphaPattern: { "blocks.1.qkv": 10 },
      });
      expect(modules.map(({ rank, scaling }) => [rank, scaling])).toEqual([
        [5, 0.8],
        [2, 5],
      ]);
    });

    it("lets heads and biases learn with the adapter", () => {
      const options = { rank: 1, targets: ["qkv"], modulesToSave: ["head"], bias: "lora_only" } as const;
      expect(buildLora(base, options).savedNames).toEqual([
        "blocks.0.qkv.bias",
        "blocks.1.qkv.bias",
        "head.weight",
      ]);
    });

    it("drops input features in training only, the same ones for the same seed", async () => {
      const lora = buildLora(base, { rank: 2, targets: ["qkv"], dropout: 0.5 });
      const params = stirred(lora.init(1));
      const at = async (seed: number, training = true) => [
        ...(await lora.forward(params, images(), { training, seed }).data()),
      ];
      expect(await at(1)).toEqual(await at(1));
      expect(await at(1)).not.toEqual(await at(2));
      expect(await at(1, false)).toEqual(await at(2, false));
    });

    it.each([
      ["bad-config", { rank: 2, targets: ["query"] }],
      ["unsupported-feature", { rank: 2, targets: ["norm"] }],
      ["bad-argument", { rank: 0, targets: ["qkv"] }],
      ["bad-argument", { rank: 2, targets: ["qkv"], dropout: 1 }],
    ] as const)("refuses with %s: %o", (code, options) => {
      const call = () => buildLora(base, options);
      expect(call).toThrow(expect.toSatisfy((error) => isGlofError(error, code)));
    });
  },
  { backends: ["cpu"] },
);

describeOnBackends(
  "adapter files",
  () => {
    let folder = "";
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "glof-peft-"));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it.each(kinds)("%s comes back from its folder", async (_, options) => {
      const lora = buildLora(base, { ...options, bias: "all", modulesToSave: ["norm"] });
      const plain = base.init(1);
      const params = stirred(lora.attach(plain, 2));
      await writeAdapter(folder, lora, params);
      const files = await openAdapter(folder);
      const again = await loadAdapter(base, plain, files);
      await files.checkpoint.close();
      expect(again.lora.config).toEqual(lora.config);
      await expectClose(
        again.lora.forward(again.params, images()),
        lora.forward(params, images()),
        tolerances.tight,
      );
    });

    it("stores only what learns, under peft's names", async () => {
      const lora = buildLora(base, { rank: 2, targets: ["proj"], dora: true, bias: "lora_only" });
      await writeAdapter(folder, lora, lora.init(1));
      const file = await openCheckpoint(join(folder, "adapter_model.safetensors"));
      const stored = [...file.entries.values()].map(({ name, shape }) => [name, shape]);
      await file.close();
      expect(Object.fromEntries(stored)).toEqual({
        "base_model.model.stem.proj.base_layer.bias": [6],
        "base_model.model.stem.proj.lora_A.weight": [2, 2, 3, 3],
        "base_model.model.stem.proj.lora_B.weight": [6, 2, 1, 1],
        "base_model.model.stem.proj.lora_magnitude_vector": [1, 6, 1, 1],
      });
    });

    it("refuses a file for another model, no folder, no JSON", async () => {
      const lora = buildLora(base, { rank: 2, targets: ["qkv"] });
      await writeAdapter(folder, lora, lora.init(1));
      const files = await openAdapter(folder);
      const other = { ...files, config: { ...files.config, rank: 3 } };
      await expect(loadAdapter(base, base.init(1), other)).rejects.toSatisfy((error) =>
        isGlofError(error, "parameter-mismatch"),
      );
      await files.checkpoint.close();
      await rm(join(folder, "adapter_model.safetensors"));
      await expect(openAdapter(folder)).rejects.toSatisfy((error) => isGlofError(error, "not-found"));
      await writeFile(join(folder, "adapter_config.json"), "{");
      await expect(openAdapter(folder)).rejects.toSatisfy((error) => isGlofError(error, "corrupt-file"));
      await expect(openAdapter(join(folder, "no"))).rejects.toSatisfy((error) =>
        isGlofError(error, "not-found"),
      );
    });
  },
  { backends: ["cpu"] },
);

describe("adapter_config.json", () => {
  it("says what it does not do", () => {
    const json = { peft_type: "LORA", r: 2, lora_alpha: 2, target_modules: ["qkv"] };
    const refused = () => loraConfigFromPeft({ ...json, use_qalora: true });
    expect(refused).toThrow(expect.toSatisfy((error) => isGlofError(error, "unsupported-feature")));
    const other = () => loraConfigFromPeft({ ...json, peft_type: "IA3" });
    expect(other).toThrow(expect.toSatisfy((error) => isGlofError(error, "unsupported-format")));
  });

  it.skipIf(!hasShared("fixtures/peft"))("reads what peft writes, and writes what it reads", async () => {
    const path = sharedPath("fixtures/peft/adapter_lora_patterns/adapter_config.json");
    const theirs = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    const config = loraConfigFromPeft(theirs as never);
    expect(config).toMatchObject({
      rank: 4,
      alpha: 16,
      targets: ["qkv"],
      rankPattern: { "blocks.0.attn.qkv": 6 },
    });
    for (const [name, value] of Object.entries(loraConfigToPeft(config)))
      expect(theirs[name], name).toEqual(value);
  });
});
