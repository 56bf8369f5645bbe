import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** A labelled image to score a model on. */
export interface LabelledScene {
  readonly name: string;
  readonly image: string;
  /** Absent: looked at only. */
  readonly mask?: string;
  /** Mask values that mean water; default 1. */
  readonly lake?: readonly number[];
  /** Mask values that mean anything else; default 0. */
  readonly other?: readonly number[];
  readonly bands?: readonly string[];
}

/** A group of scenes that is scored together. */
export interface Dataset {
  readonly name: string;
  readonly scenes: readonly LabelledScene[];
}

const SIX_BANDS = ["B02", "B03", "B04", "B08", "B11", "B12"];

/** Everything that the model card reports on. `data` is the folder of real images, `cache` what the recipe made. */
export async function datasets(data: string, cache: string): Promise<Dataset[]> {
  const test = join(cache, "scenes", "test");
  const seeds = (await readdir(test)).sort();
  const khumbu = (season: string) => join(data, "khumbu_s2_2024", `khumbu_s2l2a_${season}_2024.tif`);
  return [
    {
      name: "made-up mountains, held-out seeds",
      scenes: seeds.filter((seed) => seed.startsWith("mountain")).map((seed) => madeUp(test, seed)),
    },
    {
      name: "made-up plains, towns, floods, held-out seeds",
      scenes: seeds.filter((seed) => !seed.startsWith("mountain")).map((seed) => madeUp(test, seed)),
    },
    {
      name: "Khumbu, summer 2024 (index-derived mask)",
      scenes: [
        {
          name: "khumbu-summer",
          image: khumbu("summer"),
          mask: join(data, "khumbu_s2_2024", "khumbu_lakes_silver_summer_2024.tif"),
        },
      ],
    },
    {
      name: "Shanghai (Earth Surface Water)",
      scenes: [
        {
          name: "shanghai",
          image: join(data, "earth_surface_water_s2", "S2A_L2A_20190817_N0213_R089_6Bands_S2.tif"),
          mask: join(data, "earth_surface_water_s2", "S2A_L2A_20190817_N0213_R089_S2_Truth.tif"),
          bands: SIX_BANDS,
        },
      ],
    },
    {
      name: "Spain (Sen1Floods11)",
      scenes: [
        {
          name: "spain",
          image: join(data, "sen1floods11_spain", "Spain_7370579_S2Hand.tif"),
          mask: join(data, "sen1floods11_spain", "Spain_7370579_LabelHand.tif"),
        },
      ],
    },
    {
      name: "UKIS-CSMask",
      scenes: [
        {
          name: "ukis",
          image: join(cache, "real", "ukis", "scene.tif"),
          mask: join(cache, "real", "ukis", "truth.tif"),
          other: [0, 2, 3, 4],
        },
      ],
    },
    {
      name: "to look at",
      scenes: [
        { name: "everest-landsat-2000", image: join(cache, "real", "everest", "scene.tif") },
        ...["winter", "spring", "autumn"].map((season) => ({
          name: `khumbu-${season}`,
          image: khumbu(season),
        })),
      ],
    },
  ];
}

const madeUp = (folder: string, seed: string): LabelledScene => ({
  name: seed,
  image: join(folder, seed, "scene.tif"),
  mask: join(folder, seed, "truth.tif"),
});
