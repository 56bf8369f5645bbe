import { type Feature, polygonizeMask } from "@glof/geo";
import type { SyntheticScene } from "./types.js";

/**
 * The lakes of a scene's truth as outlines along pixel edges, in the scene's CRS; ids are those of
 * `truth.lakes`.
 */
export function lakeFeatures(scene: SyntheticScene): Feature[] {
  const outlines = polygonizeMask(scene.truth.lakeMask, { grid: scene.grid });
  return outlines.map((outline, index) => {
    const lake = scene.truth.lakes[index]!;
    return {
      geometry: outline.parts,
      properties: {
        id: lake.id,
        kind: lake.kind,
        body_id: lake.bodyId,
        pixel_count: lake.pixelCount,
        area_m2: lake.areaM2,
        frozen_fraction: lake.frozenFraction,
        cloud_fraction: lake.cloudFraction,
        touches_edge: lake.touchesEdge,
        year: scene.year,
      },
    };
  });
}
