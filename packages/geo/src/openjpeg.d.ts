/** The part of @cornerstonejs/codec-openjpeg 1.3.6 that this package uses; it brings no types of its own. */
declare module "@cornerstonejs/codec-openjpeg/decodewasmjs" {
  export interface J2KDecoder {
    /** A view of the decoder's memory for this many bytes of codestream. */
    getEncodedBuffer(length: number): Uint8Array;
    /** A view of the pixels; empty after a failure. */
    getDecodedBuffer(): Uint8Array;
    decode(): void;
    decodeSubResolution(level: number, layer: number): void;
    /** Frees its memory. */
    delete(): void;
  }
  export interface OpenJpeg {
    readonly J2KDecoder: new () => J2KDecoder;
    readonly HEAPU8: Uint8Array;
  }
  export interface OpenJpegOptions {
    readonly print?: (text: string) => void;
    readonly printErr?: (text: string) => void;
    readonly locateFile?: (file: string) => string;
  }
  export default function createOpenJpeg(options?: OpenJpegOptions): Promise<OpenJpeg>;
}
