/**
 * Classes of Sen2Cor's scene classification layer (SCL) by code, as ESA's Level-2A product definition lists them.
 *
 * Dark or turbid water is often called `dark` (2), `cloudShadow` (3) or `snowIce` (11).
 */
export const SCENE_CLASSES = [
  "noData",
  "saturatedOrDefective",
  "dark",
  "cloudShadow",
  "vegetation",
  "bareSoil",
  "water",
  "unclassified",
  "cloudMedium",
  "cloudHigh",
  "thinCirrus",
  "snowIce",
] as const;

/** The name of a class of the scene classification. */
export type SceneClass = (typeof SCENE_CLASSES)[number];

/** Code of a class, 0 to 11. */
export const sceneClassCode = (name: SceneClass): number => SCENE_CLASSES.indexOf(name);
