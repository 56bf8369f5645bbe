import { type Logger, silentLogger } from "@glof/core";
import { metresPerPixel } from "@glof/mapping/browser";
import type { Scene } from "@glof/sentinel2";
import { type BackendWish, chooseBackend } from "./backend.js";
import { makeDemoScene } from "./demo_scene.js";
import { createJobs, errorText, type JobTools } from "./jobs.js";
import { ModelShelf } from "./model_source.js";
import { outlineLakes } from "./outline.js";
import { drawProbability, drawTrueColor } from "./picture.js";
import { runModel } from "./run.js";
import { openSceneFile, syntheticAsScene } from "./scene_source.js";
import type { Store } from "./state.js";
import { captionOf } from "./table.js";

/** What a person can do in the page. */
export type Actions = ReturnType<typeof createActions>;

/** Makes the actions of a page. */
export function createActions(store: Store) {
  const jobs = createJobs(store);
  const shelf = new ModelShelf();

  const showScene = async (scene: Scene, warnings: readonly string[], { signal }: JobTools) => {
    const view = await drawTrueColor(scene, signal);
    await store.get().sceneView?.scene.close();
    const { width, height, crs } = scene.grid;
    const fact = [`${scene.id}: ${width} x ${height} pixels, ${crs?.name}, ${scene.bands.join(" ")}.`];
    store.set({
      sceneView: {
        ...view,
        scene,
        pixelSizeM: metresPerPixel(scene.grid),
        fact: [...fact, ...warnings].join(" "),
      },
      mapView: undefined,
      lakes: [],
      selectedLakeId: undefined,
    });
  };

  return {
    cancel: jobs.cancel,

    openFile: (file: File, form: { bandNames: string; offsetDn: number | undefined }) =>
      jobs.start(`Opening ${file.name}`, async (tools) => {
        const warnings: string[] = [];
        const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
        const scene = await openSceneFile(file, { ...form, logger, signal: tools.signal });
        await showScene(scene, warnings, tools);
      }),

    makeDemo: (seed: number, sidePx: number) =>
      jobs.start("Making a demo scene", async (tools) => {
        const synthetic = await makeDemoScene(
          { seed, width: sidePx, height: sidePx, season: "autumn", cloudCover: 0 },
          tools.signal,
        );
        await showScene(syntheticAsScene(synthetic), [], tools);
      }),

    run: (wish: BackendWish, tilePx: number | undefined) =>
      jobs.start("Preparing the backend", async ({ signal, report }) => {
        const { sceneView, modelFile } = store.get();
        if (!sceneView) return;
        const { scene, step } = sceneView;
        const backend = await chooseBackend(wish);
        store.set({ backendFact: backend.reason });
        report({ text: "Loading the model", share: undefined });
        const segmenter = await shelf.load(modelFile, backend.name, signal);
        report({ text: "Running the model", share: 0 });
        const started = performance.now();
        const probability = await runModel({
          scene,
          segmenter,
          tilePx,
          signal,
          onProgress: ({ done, total = 1 }) =>
            report({ text: `Tile ${done} of ${total}`, share: done / total }),
        });
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        const { threshold } = segmenter.config;
        const lakes = await outlineLakes(probability, { ...store.get(), threshold, signal });
        store.set({
          mapView: { probability, overlay: drawProbability(probability, step) },
          threshold,
          lakes,
          status: `${captionOf(lakes)}, after ${seconds} s on ${backend.name}.`,
        });
      }),

    chooseModel: (modelFile: File | undefined) => store.set({ modelFile }),
    setOpacity: (opacity: number) => store.set({ opacity }),
    select: (id: string | undefined) =>
      store.set({ selectedLakeId: id === store.get().selectedLakeId ? undefined : id }),
    outlineAgain: createOutlineAgain(store),
  };
}

/** Outlines anew after a change of threshold or least area; a later change stops an earlier one. */
function createOutlineAgain(store: Store) {
  let latest: AbortController | undefined;
  return async (change: { threshold?: number; minAreaM2?: number }): Promise<void> => {
    latest?.abort();
    const own = new AbortController();
    latest = own;
    store.set(change);
    const { mapView, threshold, minAreaM2 } = store.get();
    if (!mapView) return;
    try {
      const lakes = await outlineLakes(mapView.probability, { threshold, minAreaM2, signal: own.signal });
      if (store.get().mapView === mapView && !own.signal.aborted) store.set({ lakes });
    } catch (error) {
      if (!own.signal.aborted) store.set({ error: errorText(error) });
    }
  };
}
