import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.mjs";

/** Every package that is published: its folder, manifest and source entry points. */
export function publicPackages() {
  return readdirSync(join(root, "packages"))
    .map((name) => {
      const folder = join(root, "packages", name);
      return { folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) };
    })
    .filter(({ manifest }) => manifest.private !== true)
    .map(({ folder, manifest }) => ({
      folder,
      manifest,
      name: manifest.name,
      entries: Object.keys(manifest.exports)
        .filter((subpath) => subpath !== "./package.json")
        .map((subpath) => ({
          subpath,
          source: join(folder, "src", subpath === "." ? "index.ts" : `${subpath.slice(2)}.ts`),
        })),
    }));
}
