// Puts the model card into a trained bundle: `npx tsx recipes/glof-small/finish.ts <trained bundle> <shipped bundle>`.
import { readFile } from "node:fs/promises";
import { disposeParams } from "@glof/nn";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { buildLakeSegmenter, type ModelCard, openBundle, saveBundle } from "@glof/segmenter";

const [trained, shipped] = process.argv.slice(2);
if (trained === undefined || shipped === undefined)
  throw new Error("usage: finish.ts <trained bundle> <shipped bundle>");

await selectBackend({ prefer: ["cpu"] });
const card = JSON.parse(await readFile(new URL("card.json", import.meta.url), "utf8")) as ModelCard;
const bundle = await openBundle(trained);
const params = await buildLakeSegmenter(bundle.config).load(bundle.checkpoint);
await saveBundle(shipped, { config: bundle.config, params, card: { ...bundle.card, ...card } });
await bundle.checkpoint.close();
disposeParams(params);
await releaseBackend();
