import { extname } from "node:path";

/** Script of a worker thread, beside this one: in the sources as in the built command. */
export function workerEntry(name: "tile_worker" | "reading_worker"): URL {
  const here = import.meta.url;
  const entry = new URL(`./${name}${extname(here)}`, here);
  return extname(here) === ".ts" ? fromSources(entry) : entry;
}

/** From the sources, which need their loader in each thread. */
function fromSources(entry: URL): URL {
  const loader = import.meta.resolve("tsx/esm/api");
  const code = `import { register } from "${loader}"; register(); await import("${entry}");`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
