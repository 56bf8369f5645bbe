import type { Decoded, DecodeJob } from "./decode_job.js";
import { DecodeThread } from "./decode_thread.js";

/** Threads that had nothing to do for so long are ended, ms; a new one starts in a tenth of a second. */
const idleMs = 5000;

/** A place for a thread, which starts with the first job. */
interface Slot {
  thread: Promise<DecodeThread> | undefined;
  /** Jobs under way or waiting. */
  load: number;
  /** Settles with the last of them. */
  last: Promise<unknown>;
}

/** Threads that decode tiles, for all files of the process together. */
export class DecodeThreads {
  private readonly slots: readonly Slot[];
  private restTimer: ReturnType<typeof setTimeout> | undefined;
  private canStart = true;

  constructor(readonly count: number) {
    this.slots = Array.from({ length: count }, () => ({
      thread: undefined,
      load: 0,
      last: Promise.resolve(),
    }));
  }

  /**
   * @returns `undefined`, and the job as it was, where no thread starts
   * @throws GlofError `corrupt-file` when a thread dies of the job
   */
  async decode(job: DecodeJob): Promise<Decoded | undefined> {
    clearTimeout(this.restTimer);
    const slot = this.slots.reduce((best, other) => (other.load < best.load ? other : best));
    slot.load++;
    const mine = slot.last.then(() => this.decodeIn(slot, job));
    slot.last = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      slot.load--;
      this.restIfIdle();
    }
  }

  private async decodeIn(slot: Slot, job: DecodeJob): Promise<Decoded | undefined> {
    const thread = await this.startedIn(slot);
    try {
      return await thread?.decode(job);
    } catch (error) {
      slot.thread = undefined;
      throw error;
    }
  }

  private async startedIn(slot: Slot): Promise<DecodeThread | undefined> {
    if (!this.canStart) return undefined;
    slot.thread ??= DecodeThread.start();
    try {
      return await slot.thread;
    } catch {
      // In a bundle without its packages, for example. It would be the same with all others.
      this.canStart = false;
      return undefined;
    }
  }

  private restIfIdle(): void {
    if (this.slots.some(({ load }) => load > 0)) return;
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => this.close(), idleMs);
    this.restTimer.unref();
  }

  private close(): void {
    for (const slot of this.slots) {
      // Closing waits for nobody: no job is under way.
      void slot.thread?.then((thread) => thread.close()).catch(() => {});
      slot.thread = undefined;
    }
  }
}
