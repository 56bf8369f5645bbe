import type { Dispatch } from "./compute_pass.js";
import { groupsPerAxis } from "./groups_per_axis.js";

/** WGSL parameters of `main` that `foldedGroup` needs. */
export const foldedParameters =
  "@builtin(workgroup_id) group : vec3<u32>, @builtin(num_workgroups) groups : vec3<u32>";

/** WGSL expression: which of the `count` lines of groups a group belongs to; the last few may be past the end. */
export const foldedGroup = "i32(group.z * groups.y + group.y)";

/**
 * `count` lines of `x` groups each. A dispatch takes 65535 along an axis, which tiles of an image's pixels in a large batch pass by:
 * the lines are folded, as evenly as they can be.
 */
export function foldedGroups(x: number, count: number): Dispatch["groups"] {
  const z = Math.ceil(count / groupsPerAxis);
  return [x, Math.ceil(count / z), z];
}
