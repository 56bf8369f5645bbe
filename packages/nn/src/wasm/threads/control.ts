// Layout of the memory through which the main thread and its workers agree on what to do.

/** Words of the control block, an Int32Array. */
export const words = {
  /** Grows by one with every job; workers sleep on it. */
  generation: 0,
  /** The next task to take: the job's number in the upper bits, the task's index below. */
  ticket: 1,
  /** How many tasks the job has, with the job's number in the upper bits as well. */
  count: 2,
  /** Finished tasks; the main thread sleeps on it. */
  done: 3,
  /** Address of the first thread's scratch, and the distance to the next one's. */
  scratchBase: 4,
  scratchStride: 5,
  /** 1 after a task has thrown. */
  failed: 6,
  /** 1 if the job has a call that each thread makes before its first task. */
  hasSetUp: 7,
} as const;

/** Bytes before the calls. */
export const HEADER_BYTES = 64;

/** Bits of a ticket that hold the index of a task; a job has at most a quarter of what they can count. */
export const INDEX_BITS = 12;

/** Tasks of one job. Late workers count the ticket on beyond the last one, and must not reach the job's number. */
export const MOST_TASKS = 1 << (INDEX_BITS - 2);

/** Numbers that one call takes: the kernel's index, how many arguments, whether scratch follows, and the arguments. */
export const CALL_SIZE = 24;

/** Arguments of one call. */
export const MOST_ARGUMENTS = CALL_SIZE - 3;

/** Polls before a thread that has nothing to do goes to sleep: some ten microseconds, what waking up would take. */
export const POLLS = 2000;

/** Bytes of the control block: the header, the call before the tasks, and the tasks. */
export const CONTROL_BYTES = HEADER_BYTES + 8 * CALL_SIZE * (1 + MOST_TASKS);
