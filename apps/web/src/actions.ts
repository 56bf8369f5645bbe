import { type Logger, type OnProgress, silentLogger } from "@glof/core";
import { metresPerPixel } from "@glof/mapping/browser";
import type { LakeSegmenter } from "@glof/segmenter";
import type { Scene } from "@glof/sentinel2";
import type { LakeTruth } from "@glof/synthetic";
import { type BackendWish, chooseBackend } from "./backend.js";
import { makeDemoScene } from "./demo_scene.js";
import { createJobs, errorText, type JobTools } from "./jobs.js";
import { ModelShelf } from "./model_source.js";
import { outlineLakes } from "./outline.js";
import { drawProbability, drawTrueColor } from "./picture.js";
import { type ProbabilityMap, runModel } from "./run.js";
import { openSceneFile, syntheticAsScene } from "./scene_source.js";
import { initialState, type Store } from "./state.js";
import { captionOf } from "./table.js";

/** What a person can do in the page. */
export type Actions = ReturnType<typeof createActions>;

/** Makes the actions of a page. */
export function createActions(store: Store) {
  const jobs = createJobs(store);
  const shelf = new ModelShelf();

  const showScene = async (scene: Scene, remarks: readonly string[], { signal }: JobTools) => {
    const view = await drawTrueColor(scene, signal);
    await store.get().sceneView?.scene.close();
    const { width, height, crs } = scene.grid;
    const fact = [`${scene.id}: ${width} x ${height} pixels, ${crs?.name}, ${scene.bands.join(" ")}.`];
    store.set({
      sceneView: {
        ...view,
        scene,
        pixelSizeM: metresPerPixel(scene.grid),
        fact: [...fact, ...remarks].join(" "),
      },
      mapView: undefined,
      lakes: [],
      selectedLakeId: undefined,
    });
  };

  /** Backend and model, ready to run. */
  const prepare = async (wish: BackendWish, { signal, report }: JobTools): Promise<LakeSegmenter> => {
    const backend = await chooseBackend(wish);
    store.set({ backendFact: backend.reason });
    report({ text: "Loading the model", share: undefined });
    return shelf.load(store.get().modelFile, backend.name, signal);
  };

  const predict = async (
    scene: Scene,
    segmenter: LakeSegmenter,
    tilePx: number | undefined,
    { signal, report }: JobTools,
  ): Promise<ProbabilityMap> => {
    report({ text: "Running the model", share: 0 });
    const onProgress: OnProgress = ({ done, total = 1 }) =>
      report({ text: `Tile ${done} of ${total}`, share: done / total });
    try {
      return await runModel({ scene, segmenter, tilePx, signal, onProgress });
    } catch (error) {
      // The weights may be gone with a lost GPU device.
      if (!signal.aborted) shelf.clear();
      throw error;
    }
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
        await showScene(syntheticAsScene(synthetic), [truthText(synthetic.truth.lakes)], tools);
      }),

    run: (wish: BackendWish, tilePx: number | undefined) =>
      jobs.start("Preparing the backend", async (tools) => {
        const { sceneView } = store.get();
        if (!sceneView) return;
        const segmenter = await prepare(wish, tools);
        const started = performance.now();
        const probability = await predict(sceneView.scene, segmenter, tilePx, tools);
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        const { threshold } = segmenter.config;
        const lakes = await outlineLakes(probability, { ...store.get(), threshold, signal: tools.signal });
        store.set({
          mapView: { probability, overlay: drawProbability(probability, sceneView.step) },
          threshold,
          lakes,
          selectedLakeId: undefined,
          status: `${captionOf(lakes)}, after ${seconds} s.`,
        });
      }),

    chooseModel: (modelFile: File | undefined) => store.set({ modelFile }),
    setOpacity: (opacity: number) => store.set({ opacity }),
    select: (id: string | undefined) =>
      store.set({ selectedLakeId: id === store.get().selectedLakeId ? undefined : id }),
    outlineAgain: createOutlineAgain(store),
  };
}

/** What a generated scene really holds, to compare with what is found. */
function truthText(lakes: readonly LakeTruth[]): string {
  const areaKm2 = lakes.reduce((sum, { areaM2 }) => sum + areaM2, 0) / 1e6;
  const small = lakes.filter(({ areaM2 }) => areaM2 < initialState.minAreaM2).length;
  return `Its truth: ${lakes.length} lakes (${small} of them under ${initialState.minAreaM2} m²), ${areaKm2.toFixed(3)} km².`;
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
