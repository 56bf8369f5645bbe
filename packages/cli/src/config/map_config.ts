import * as z from "zod";

/** Settings of `glof map`, as flags (`--min-area`) or in a YAML file (`minArea`). */
export const mapConfigSchema = z.strictObject({
  scene: z.string().optional(),
  out: z.string().optional(),
  model: z.string().optional(),
  threshold: z.number().gt(0).lt(1).optional(),
  minArea: z.number().min(0).optional(),
  tile: z.int().min(14).max(4096).optional(),
  overlap: z.int().min(0).optional(),
  batch: z.int().min(1).max(64).optional(),
  engine: z.enum(["tfjs", "ort"]).optional(),
  backend: z.enum(["webgpu", "tensorflow", "wasm", "cpu"]).optional(),
  precision: z.enum(["f32", "f16"]).optional(),
  bands: z.array(z.string()).min(1).optional(),
  offset: z.number().optional(),
  quantification: z.number().positive().optional(),
  aoi: z.string().optional(),
  jobs: z.int().min(1).max(64).optional(),
  threads: z.int().min(1).max(256).optional(),
  overwrite: z.boolean().optional(),
});

/** Settings of `glof map`. */
export type MapConfig = z.infer<typeof mapConfigSchema>;
