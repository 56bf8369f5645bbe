import { defineConfig } from "vite";
import { sourceAliases } from "../../source_aliases.js";

/** Folder of the built page's hashed files, below the page. */
const assetsDir = "assets";

export default defineConfig({
  // Relative addresses: the built page works from any folder of any server.
  base: "./",
  resolve: {
    alias: [
      // What saves files is loaded at the moment of use, which never comes in a page.
      { find: /^(@glof\/core\/node|node:.*)$/, replacement: "/src/no_node.ts" },
      ...sourceAliases,
    ],
    dedupe: ["@tensorflow/tfjs-core"],
  },
  build: {
    assetsDir,
    target: "es2022",
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      output: {
        // TensorFlow.js looks for its binaries by their own names in one folder.
        assetFileNames: ({ names }) =>
          names.some((name) => name.endsWith(".wasm"))
            ? `${assetsDir}/[name][extname]`
            : `${assetsDir}/[name]-[hash][extname]`,
      },
    },
  },
  worker: { format: "es" },
});
