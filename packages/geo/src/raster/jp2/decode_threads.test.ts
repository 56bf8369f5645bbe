import { isGlofError } from "@glof/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type DecodeJob, pixelsOf } from "./decode_job.js";
import { DecodeThread } from "./decode_thread.js";
import { DecodeThreads } from "./decode_threads.js";
import { decodeHere } from "./decoder.js";
import { assemble, takeApart } from "./test_files/codestream_parts.js";

const pixelCount = 90 * 70;
const stream = assemble(takeApart("lrcp.jp2"));
const job = (level = 0, bytes = stream): DecodeJob => ({
  stream: bytes.slice(),
  level,
  samples: level === 0 ? pixelCount : pixelCount / 4,
  dtype: "uint16",
  name: "lrcp.jp2",
});

afterEach(() => vi.restoreAllMocks());

describe("threads that decode", () => {
  const threads = new DecodeThreads(2);
  const decoded = async (asked: DecodeJob) => pixelsOf((await threads.decode(asked))!, asked);

  it("give what this thread gives, many tiles at once, and take the stream", async () => {
    const jobs = [job(), job(1), job(), job(1), job()];
    const expected = [await decodeHere(job()), await decodeHere(job(1))];
    const tiles = await Promise.all(jobs.map(decoded));
    tiles.forEach((tile, index) => {
      expect(tile).toEqual(expected[index % 2]);
    });
    expect(jobs.map(({ stream }) => stream.length)).toEqual([0, 0, 0, 0, 0]);
  });

  it("start when a job comes, and go on after one that does not decode", async () => {
    const start = vi.spyOn(DecodeThread, "start");
    const one = new DecodeThreads(2);
    expect(start).toHaveBeenCalledTimes(0);
    const broken = job(0, stream.slice(0, 300));
    await expect(one.decode(broken).then((answer) => pixelsOf(answer!, broken))).rejects.toSatisfy((error) =>
      isGlofError(error, "corrupt-file"),
    );
    const whole = job();
    expect(pixelsOf((await one.decode(whole))!, whole)).toEqual(await decodeHere(job()));
    expect(start).toHaveBeenCalledTimes(1);
  });

  it("leave the job alone where none starts", async () => {
    const start = vi.spyOn(DecodeThread, "start").mockRejectedValue(new Error("no such file"));
    const none = new DecodeThreads(2);
    const asked = job();
    expect(await none.decode(asked)).toBeUndefined();
    expect(asked.stream).toEqual(stream);
    expect(await none.decode(job())).toBeUndefined();
    expect(start).toHaveBeenCalledTimes(1);
  });

  it("that die of a job say so, and another takes the next job", async () => {
    const thread = await DecodeThread.start();
    const lost = expect(thread.decode(job())).rejects.toSatisfy((error) =>
      isGlofError(error, "corrupt-file"),
    );
    await thread.close();
    await lost;
    const start = vi.spyOn(DecodeThread, "start").mockResolvedValueOnce(thread);
    const one = new DecodeThreads(1);
    await expect(one.decode(job())).rejects.toSatisfy((error) => isGlofError(error, "corrupt-file"));
    const whole = job();
    expect(pixelsOf((await one.decode(whole))!, whole)).toEqual(await decodeHere(job()));
    expect(start).toHaveBeenCalledTimes(2);
  });
});
