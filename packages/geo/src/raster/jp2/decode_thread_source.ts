/** What a thread is told: a codestream and how often its resolution is halved. */
export interface DecodeOrder {
  readonly stream: Uint8Array<ArrayBuffer>;
  readonly level: number;
}

/** What a thread starts with. */
export interface DecodeThreadStart {
  /** Path of OpenJPEG's script. */
  readonly openJpegPath: string;
  readonly maxIdleHeapBytes: number;
}

/**
 * Script of a thread that decodes, as `decoder.ts` does, one order after the other. It says `"ready"` first.
 *
 * It is text, so that no bundler and no loader of TypeScript has to find a file for it.
 */
export const decodeThreadSource = `
"use strict";
const { parentPort, workerData } = require("node:worker_threads");
const createOpenJpeg = require(workerData.openJpegPath);
const printed = [];
const print = (text) => { if (printed.length < 32) printed.push(text); };
let loading = createOpenJpeg({ print, printErr: print });

function decode(module, { stream, level }) {
  printed.length = 0;
  const decoder = new module.J2KDecoder();
  const isLarge = () => module.HEAPU8.length > workerData.maxIdleHeapBytes;
  try {
    decoder.getEncodedBuffer(stream.length).set(stream);
    if (level === 0) decoder.decode();
    else decoder.decodeSubResolution(level, 0);
    return { bytes: decoder.getDecodedBuffer().slice(), printed, isLarge: isLarge() };
  } catch (cause) {
    return { bytes: undefined, printed, isLarge: isLarge(), cause: String(cause) };
  } finally {
    decoder.delete();
  }
}

let before = loading.then(() => parentPort.postMessage("ready"));
parentPort.on("message", (order) => {
  before = before.then(async () => {
    const decoded = decode(await loading, order);
    const isWhole = decoded.bytes !== undefined && !printed.some((text) => text.includes("[ERROR]"));
    if (!isWhole || decoded.isLarge) loading = createOpenJpeg({ print, printErr: print });
    // The stream goes back too: this thread has so little to do for its garbage collector that it would keep dozens of them.
    const { buffer } = order.stream;
    parentPort.postMessage({ ...decoded, buffer }, decoded.bytes ? [decoded.bytes.buffer, buffer] : [buffer]);
  });
});
`;
