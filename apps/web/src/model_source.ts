import { GlofError } from "@glof/core";
import { LakeSegmenter } from "@glof/segmenter";

const shipped = import.meta.glob<string>("../../../packages/cli/models/glof-small.safetensors", {
  query: "?url",
  import: "default",
  eager: true,
});

/** Address of the bundle that comes with glof, among the page's own files; `undefined` in a page built without it. */
export const shippedModelUrl: string | undefined = Object.values(shipped)[0];

/**
 * Keeps the segmenter of the last run, since loading one takes longer than a small scene.
 */
export class ModelShelf {
  private segmenter: LakeSegmenter | undefined;
  private backend = "";
  private file: File | undefined;

  /**
   * The segmenter of a bundle, its weights on the current backend.
   *
   * @param file the user's own bundle; `undefined` for the shipped one
   * @param backend name of the current backend: weights do not move from one to another
   * @throws GlofError `not-found`, `network`, and what `LakeSegmenter.load` throws
   */
  async load(file: File | undefined, backend: string, signal?: AbortSignal): Promise<LakeSegmenter> {
    if (this.segmenter && this.file === file && this.backend === backend) return this.segmenter;
    this.clear();
    const bytes = file ?? (await fetchShipped(signal));
    this.segmenter = await LakeSegmenter.load(bytes, {
      name: file?.name ?? "glof-small.safetensors",
      signal,
    });
    this.file = file;
    this.backend = backend;
    return this.segmenter;
  }

  /** Frees the weights; to be called, too, where they may be lost with their device. */
  clear(): void {
    this.segmenter?.dispose();
    this.segmenter = undefined;
  }
}

async function fetchShipped(signal: AbortSignal | undefined): Promise<ArrayBuffer> {
  const where = "glof-small.safetensors";
  if (shippedModelUrl === undefined) {
    throw new GlofError(
      "not-found",
      `${where}: expected the bundle beside this page, got a page built without it. Choose a bundle file.`,
    );
  }
  const response = await fetch(shippedModelUrl, { signal }).catch((cause: unknown) => {
    throw new GlofError("network", `${where}: expected an answer, got none. Reload the page.`, { cause });
  });
  if (response.ok) return response.arrayBuffer();
  throw new GlofError(
    "network",
    `${where}: expected the bundle, got status ${response.status}. Reload the page.`,
  );
}
