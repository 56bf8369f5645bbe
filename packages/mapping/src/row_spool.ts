import { type FileHandle, open, rm } from "node:fs/promises";
import { GlofError } from "@glof/core";
import { asGlofError } from "@glof/core/node";

/** Rows of bytes parked in a file: a second pass over a scene's mask without holding it in memory. */
export class RowSpool {
  private constructor(
    private readonly path: string,
    private readonly width: number,
    private readonly file: FileHandle,
  ) {}

  /** Opens a fresh spool at `path`; the file is removed by `close`. */
  static begin(path: string, width: number): Promise<RowSpool> {
    return asGlofError(path, async () => new RowSpool(path, width, await open(path, "w+")));
  }

  /** Appends whole rows. */
  async append(rows: Uint8Array): Promise<void> {
    await asGlofError(this.path, async () => {
      for (let written = 0; written < rows.length; ) {
        written += (await this.file.write(rows, written, rows.length - written)).bytesWritten;
      }
    });
  }

  /** Reads `rowCount` rows from row `y`. */
  async read(y: number, rowCount: number): Promise<Uint8Array> {
    const rows = new Uint8Array(rowCount * this.width);
    return asGlofError(this.path, async () => {
      for (let read = 0; read < rows.length; ) {
        const { bytesRead } = await this.file.read(rows, read, rows.length - read, y * this.width + read);
        if (bytesRead === 0) throw missingRows(this.path, y, rowCount);
        read += bytesRead;
      }
      return rows;
    });
  }

  /** Removes the file. Safe to call twice. */
  async close(): Promise<void> {
    await this.file.close();
    await rm(this.path, { force: true });
  }
}

const missingRows = (path: string, y: number, rowCount: number): GlofError =>
  new GlofError(
    "internal",
    `${path}: expected rows ${y} to ${y + rowCount}, got fewer. They were never appended.`,
  );
