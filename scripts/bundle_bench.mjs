// Bundles the benchmark's processes that drive a GPU, one file each:
//
//   node scripts/bundle_bench.mjs <folder>
//
// Users get built packages. Run from sources, each function that is made on the way is given its name, which takes about as long as
// half of what a dispatch does. Names stay as they are written: TensorFlow.js tells shaders apart by those of its classes.
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./workspace.mjs";

// esbuild comes with tsup, which builds the packages.
const { build } = createRequire(createRequire(import.meta.url).resolve("tsup"))("esbuild");
const side = (name) => join(root, "bench", "src", "sides", `${name}.ts`);

/** The sides, and what else is given as { name: source }. No build of the packages is needed. */
export function bundleBench(folder, more = {}) {
  return bundleModules(folder, { glof_side: side("glof_side"), stock_side: side("stock_side"), ...more });
}

/** Modules given as { name: source }, one file each. */
export async function bundleModules(folder, entryPoints) {
  await build({
    entryPoints,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: "error",
    tsconfig: join(root, "tsconfig.json"),
    external: ["webgpu", "onnxruntime-node", "@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"],
    // CommonJS packages inside ask for `require`, which a module has not.
    banner: {
      js: 'import { createRequire as bundledRequire } from "node:module"; const require = bundledRequire(import.meta.url);',
    },
    plugins: [
      {
        name: "stock-gradients",
        setup: ({ onLoad }) => onLoad({ filter: /stock_gradients\.ts$/ }, loadGradients),
      },
    ],
  });
}

/** What `require` finds at run time in a clone is bundled here. */
function loadGradients({ path }) {
  const contents =
    'import "@tensorflow/tfjs-core/dist/register_all_gradients"; export function registerStockGradients() {}';
  return { contents, resolveDir: dirname(path), loader: "ts" };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleBench(resolve(process.argv[2]));
