import { GlofError } from "@glof/core";
import { INVALID_REASONS } from "./reasons.js";
import { SCENE_CLASSES, type SceneClass, sceneClassCode } from "./scene_classes.js";

/** Which pixels with good numbers are not to be used all the same. */
export interface ValidityPolicy {
  /** Classes of the scene classification whose pixels are not valid. */
  readonly invalidClasses: readonly SceneClass[];
  /**
   * Pixels with a higher probability of cloud, in percent, are not valid; only where the product has that layer (a scene
   * without one ignores it). Default: not looked at.
   */
  readonly maxCloudProbability?: number;
  /** Pixels this near to one without data (in rows or columns) are not valid: footprints of detectors fray. Default 0. */
  readonly erodeEdgePx?: number;
}

/**
 * What makes a pixel of a classified scene invalid unless the caller says otherwise: no data, defective, cloud, cirrus.
 *
 * Dark, shadow and snow (2, 3, 11) stay valid on purpose. Sen2Cor gives those classes to many glacial lakes: deep ones are
 * dark, lakes under cliffs look like shadow, turbid and frozen ones like snow. Dropping them loses the lakes one looks for.
 */
export const DEFAULT_VALIDITY: ValidityPolicy = {
  invalidClasses: ["noData", "saturatedOrDefective", "cloudMedium", "cloudHigh", "thinCirrus"],
};

/** The reason that a class gives. */
const reasonOf: Readonly<Partial<Record<SceneClass, number>>> = {
  noData: INVALID_REASONS.noData,
  saturatedOrDefective: INVALID_REASONS.saturated,
  cloudShadow: INVALID_REASONS.shadow,
  cloudMedium: INVALID_REASONS.cloud,
  cloudHigh: INVALID_REASONS.cloud,
  thinCirrus: INVALID_REASONS.cirrus,
};

/** For each code 0 to 255, the reason for which a pixel of that class is not valid; 0 for classes that are welcome. */
export function classReasons(policy: ValidityPolicy): Uint8Array {
  const reasons = new Uint8Array(256);
  for (const name of policy.invalidClasses) {
    reasons[sceneClassCode(name)] = reasonOf[name] ?? INVALID_REASONS.classed;
  }
  return reasons;
}

/**
 * The policy for a caller's wishes: what is not said is as in `DEFAULT_VALIDITY`.
 * @throws GlofError `bad-argument` for an unknown class, a probability outside 0 to 100, an edge that is no count of pixels
 */
export function resolvePolicy(wishes: Partial<ValidityPolicy> = {}, where = "openScene"): ValidityPolicy {
  const policy = { ...DEFAULT_VALIDITY, ...wishes };
  const unknown = policy.invalidClasses.find((name) => !SCENE_CLASSES.includes(name));
  if (unknown !== undefined)
    throw misuse(where, `classes among ${SCENE_CLASSES.join(", ")}`, String(unknown));
  const { maxCloudProbability: most = 100, erodeEdgePx: edge = 0 } = policy;
  if (!(most >= 0 && most <= 100))
    throw misuse(where, "maxCloudProbability from 0 to 100 percent", `${most}`);
  if (!(Number.isInteger(edge) && edge >= 0 && edge <= 256)) {
    throw misuse(where, "erodeEdgePx from 0 to 256 pixels", `${edge}`);
  }
  return policy;
}

const misuse = (where: string, expected: string, got: string): GlofError =>
  new GlofError("bad-argument", `${where}: expected ${expected}, got ${got}. Correct the validity policy.`);

/** The policy of a scene: the caller's, or the default where there is a classification to judge by. */
export function scenePolicy(
  wishes: Partial<ValidityPolicy> | false | undefined,
  hasClasses: boolean,
  where: string,
): ValidityPolicy | undefined {
  if (wishes === false || (wishes === undefined && !hasClasses)) return undefined;
  return resolvePolicy(wishes, where);
}
