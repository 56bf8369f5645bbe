import { dirname, resolve } from "node:path";
import { GlofError } from "@glof/core";
import { type MapConfig, mapConfigSchema } from "../config/map_config.js";
import { checkConfig, readConfig } from "../config/read_config.js";

/** What `glof map` works with: settings of the config file with the command line's on top. */
export type MapSettings = MapConfig & { readonly scene: string; readonly out: string };

/**
 * @param given settings of the command line; `undefined` ones were not given
 * @param configPath YAML file with more settings, its paths relative to it
 * @throws GlofError `bad-config`, `not-found`
 */
export async function mapSettings(given: MapConfig, configPath: string | undefined): Promise<MapSettings> {
  const onTop = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const checked = checkConfig(onTop, mapConfigSchema, (keys) => `--${keys.map(flagName).join(".")}`);
  const fromFile = configPath === undefined ? {} : await readMapConfig(configPath);
  const { scene, out, ...rest } = { ...fromFile, ...checked };
  if (scene === undefined || out === undefined) {
    throw new GlofError(
      "bad-config",
      `glof map: expected a scene and --out <dir>, got ${scene === undefined ? "no scene" : "no --out"}. Example: glof map scene.tif --out lakes`,
    );
  }
  return { ...rest, scene, out };
}

async function readMapConfig(path: string): Promise<MapConfig> {
  const config = await readConfig(path, mapConfigSchema);
  const near = (file: string | undefined): string | undefined =>
    file === undefined || isAddress(file) ? file : resolve(dirname(path), file);
  return {
    ...config,
    scene: near(config.scene),
    out: near(config.out),
    model: near(config.model),
    aoi: near(config.aoi),
  };
}

/** Whether a place is on the network. */
export const isAddress = (text: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(text);

/** `minArea` as it is typed: `min-area`. */
const flagName = (key: PropertyKey): string =>
  String(key).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
