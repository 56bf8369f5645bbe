import { generateScene, type SceneOptions, type SyntheticScene } from "@glof/synthetic";

/** What the worker answers. */
export type DemoAnswer = { readonly scene: SyntheticScene } | { readonly error: string };

globalThis.addEventListener("message", ({ data }: MessageEvent<SceneOptions>) => {
  try {
    const scene = generateScene(data);
    const buffers = [...scene.bandsRefl, scene.validMask].map((array) => array.buffer as ArrayBuffer);
    globalThis.postMessage({ scene } satisfies DemoAnswer, { transfer: buffers });
  } catch (error) {
    globalThis.postMessage({ error: String(error) } satisfies DemoAnswer);
  }
});
