import { join } from "node:path";
import { mapConfigSchema } from "../../../packages/cli/src/config/map_config.js";
import { readConfig } from "../../../packages/cli/src/config/read_config.js";
import { trainConfigSchema } from "../../../packages/cli/src/config/train_config.js";
import { type FuzzTarget, oneFile } from "../fuzz_target.js";
import { writeFiles } from "./rasters.js";

const mapYaml = `# settings of one run
scene: khumbu.tif
out: lakes
threshold: 0.4
minArea: 1000.5
bands: [B02, B03, B04, B08]
backend: wasm
jobs: 2
overwrite: true
`;

const trainYaml = `out: run
seed: 3
model:
  embedDim: 48
  featureLayers: [1, 3]
  widths: { patch: 32, half: 16, full: 8 }
train:
  - scenes: made-up
    weight: 2
  - image: a.tif
    mask: b.tif
    lake: [1, 2]
validation:
  - { image: c.tif, mask: d.tif, group: "east" }
steps: 100
learningRate: 3.0e-4
geometry:
  zoom: [0.8, 1.25]
trainable:
  - decoder.*
`;

/** Files that people write by hand. */
export const configTargets: Readonly<Record<string, FuzzTarget>> = {
  config: {
    about: "YAML settings of glof map and glof train",
    seeds: async () => [oneFile("map.yaml", mapYaml), oneFile("train.yaml", trainYaml)],
    run: async (files, makeFolder) => {
      const folder = await makeFolder();
      await writeFiles(files, folder);
      const path = join(folder, [...files.keys()][0]!);
      if (path.endsWith("map.yaml")) await readConfig(path, mapConfigSchema);
      else await readConfig(path, trainConfigSchema);
    },
  },
};
