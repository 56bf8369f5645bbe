import type { GroupRunners } from "../case.js";
import { interpolate } from "./ops/interpolate.js";
import { layers } from "./ops/layers.js";
import { batchNormCase, groupNormCase } from "./ops/norms.js";
import { evalTransformCase, imageResize } from "./ops/pictures.js";

/** Golden cases of single operations. */
export const group: GroupRunners = {
  runners: {
    interpolate,
    ...layers,
    batch_norm: batchNormCase,
    group_norm: groupNormCase,
    image_resize: imageResize,
    eval_transform: evalTransformCase,
  },
  notOffered: [
    {
      kind: "image_resize",
      outputs: /^out\.cv2_/,
      reason: "no part of the lake pipeline or of DINOv2 resizes with OpenCV",
    },
  ],
};
