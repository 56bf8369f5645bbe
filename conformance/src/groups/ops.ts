import type { GroupRunners } from "../case.js";
import { interpolate } from "./ops/interpolate.js";
import { layers } from "./ops/layers.js";
import { batchNormCase, groupNormCase } from "./ops/norms.js";
import { evalTransformCase, imageResize } from "./ops/pictures.js";
import { unetDecoderCase } from "./ops/unet_decoder.js";

/** Golden cases of single operations. */
export const group: GroupRunners = {
  runners: {
    interpolate,
    ...layers,
    batch_norm: batchNormCase,
    group_norm: groupNormCase,
    image_resize: imageResize,
    eval_transform: evalTransformCase,
    "smp.UnetDecoder": unetDecoderCase,
  },
  notOffered: [
    {
      kind: "image_resize",
      outputs: /^out\.tv_u8_(no)?antialias_/,
      reason:
        "tensors are resized in floats (compared: tv_float); pictures to Pillow's bytes (compared: pil). " +
        "torchvision's 8-bit tensor path differs by one level where float32 sums tie",
    },
    {
      kind: "image_resize",
      outputs: /^out\.cv2_/,
      reason: "no part of the lake pipeline or of DINOv2 resizes with OpenCV",
    },
  ],
};
