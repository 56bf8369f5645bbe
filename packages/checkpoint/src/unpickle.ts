import { corrupt, overLimit, unsupported } from "./failures.js";
import { opcodeNames } from "./pickle_opcodes.js";
import type { PickleReader } from "./pickle_reader.js";
import { PyDict, PyGlobal, PyList, PyTuple, type PyValue } from "./pickle_values.js";

/** What gives a pickle's names a meaning. Each throws on what it does not know. */
export interface PickleWorld {
  /** Called for each class or function named; refuse what is unknown. */
  admit(path: string): PyGlobal;
  /** A call of an admitted name. */
  call(path: string, args: readonly PyValue[]): PyValue;
  /** State set on an object after its making. */
  build(target: PyValue, state: PyValue): void;
  /** An object kept outside the pickle. */
  persistent(id: PyValue): PyValue;
}

const mark = Symbol("mark");
type Slot = PyValue | typeof mark;

/** Long integers of torch files have 10 bytes at most (its magic number). */
const maxLongBytes = 255;
/** ViT-g with the state of its optimiser takes about 60 000. Each may make one small object. */
const maxSteps = 1_000_000;

/**
 * A pickle machine for data: it builds values, and neither imports nor runs anything. Opcodes off the list are
 * `unsupported-feature` and named. Memory is bounded by a limit on the
 * number of opcodes and by the length of the pickle.
 * Source: CPython, Lib/pickletools.py (the definition of the opcodes).
 *
 * @returns the value, with `reader.at` behind its STOP
 */
export function unpickle(reader: PickleReader, world: PickleWorld): PyValue {
  return new Machine(reader, world).run();
}

class Machine {
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, PyValue>();

  constructor(
    readonly reader: PickleReader,
    readonly world: PickleWorld,
  ) {}

  run(): PyValue {
    for (let done = 0; ; done++) {
      if (done > maxSteps) throw overLimit(this.reader.name, "pickle opcodes", maxSteps, done);
      const opcode = this.reader.uint8();
      if (opcode === 0x2e) return this.#pop();
      const step = steps[opcode];
      if (!step) {
        const code = `0x${opcode.toString(16).padStart(2, "0")}`;
        throw unsupported(
          this.reader.name,
          `its pickle uses opcode ${opcodeNames[opcode] ?? "unknown"} (${code}), which tensors do not need`,
          "Save a plain state_dict again, or do not trust this file.",
        );
      }
      step(this, this.reader);
    }
  }

  push(value: Slot): void {
    this.#stack.push(value);
  }

  #pop(): PyValue {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw this.bad("a value on the stack", "none");
    return value;
  }

  pop(): PyValue {
    return this.#pop();
  }

  top(): PyValue {
    const value = this.#pop();
    this.push(value);
    return value;
  }

  popMany(count: number): PyValue[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  popToMark(): PyValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw this.bad("a mark on the stack", "none");
    const values = this.#stack.splice(at) as PyValue[];
    values.shift();
    return values;
  }

  dropTop(): void {
    if (this.#stack.pop() === undefined) throw this.bad("something to pop", "an empty stack");
  }

  remember(key: number): void {
    this.#memo.set(key, this.top());
  }

  memoize(): void {
    this.remember(this.#memo.size);
  }

  recall(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.bad(`an object remembered as ${key}`, "none");
    this.push(value);
  }

  append(values: readonly PyValue[]): void {
    const list = this.top();
    if (!(list instanceof PyList)) throw this.bad("a list to append to", "another object");
    for (const value of values) list.items.push(value);
  }

  setItems(values: readonly PyValue[]): void {
    const dict = this.top();
    if (!(dict instanceof PyDict) || values.length % 2 !== 0)
      throw this.bad("a dict and pairs", "another object");
    for (let index = 0; index < values.length; index += 2) dict.items.set(values[index]!, values[index + 1]!);
  }

  reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof PyGlobal) || !(args instanceof PyTuple)) {
      throw this.bad("a known class and a tuple for REDUCE", "other objects");
    }
    this.push(this.world.call(callee.path, args.items));
  }

  long(byteLength: number): void {
    if (byteLength > maxLongBytes) {
      throw overLimit(this.reader.name, "bytes in an integer", maxLongBytes, byteLength);
    }
    this.push(this.reader.long(byteLength));
  }

  number(text: string, convert: (text: string) => number): void {
    const value = convert(text);
    if (Number.isNaN(value) && text !== "nan") throw this.bad("a number", JSON.stringify(text.slice(0, 40)));
    this.push(value);
  }

  bad(expected: string, got: string): Error {
    return corrupt(this.reader.name, `${expected} (pickle, byte ${this.reader.at - 1})`, got);
  }
}

type Step = (machine: Machine, reader: PickleReader) => void;

const constant =
  (make: () => Slot): Step =>
  (machine) =>
    machine.push(make());

function listOf(values: readonly PyValue[]): PyList {
  const list = new PyList();
  for (const value of values) list.items.push(value);
  return list;
}

/** The list of what is allowed, by opcode. */
const steps: Readonly<Record<number, Step>> = {
  128: (m, r) => {
    const protocol = r.uint8();
    if (protocol > 5) throw m.bad("pickle protocol 5 or less", String(protocol));
  },
  149: (_, r) => void r.uint64(), // FRAME: a hint for readers of streams
  40: constant(() => mark),
  48: (m) => m.dropTop(),
  49: (m) => void m.popToMark(),
  50: (m) => m.push(m.top()),
  78: constant(() => null),
  136: constant(() => true),
  137: constant(() => false),
  74: (m, r) => m.push(r.int32()),
  75: (m, r) => m.push(r.uint8()),
  77: (m, r) => m.push(r.uint16()),
  138: (m, r) => m.long(r.uint8()),
  139: (m, r) => m.long(r.uint32()),
  71: (m, r) => m.push(r.float64BigEndian()),
  70: (m, r) => m.number(r.line(), Number),
  73: (m, r) => {
    const text = r.line();
    if (text === "00" || text === "01") m.push(text === "01");
    else m.number(text, Number);
  },
  76: (m, r) => m.number(r.line().replace(/L$/, ""), Number),
  88: (m, r) => m.push(r.text(r.uint32())),
  140: (m, r) => m.push(r.text(r.uint8())),
  141: (m, r) => m.push(r.text(r.uint64())),
  84: (m, r) => m.push(r.latin1(r.uint32())),
  85: (m, r) => m.push(r.latin1(r.uint8())),
  66: (m, r) => m.push(r.blob(r.uint32())),
  67: (m, r) => m.push(r.blob(r.uint8())),
  142: (m, r) => m.push(r.blob(r.uint64())),
  41: constant(() => new PyTuple([])),
  116: (m) => m.push(new PyTuple(m.popToMark())),
  133: (m) => m.push(new PyTuple(m.popMany(1))),
  134: (m) => m.push(new PyTuple(m.popMany(2))),
  135: (m) => m.push(new PyTuple(m.popMany(3))),
  93: constant(() => new PyList()),
  108: (m) => m.push(listOf(m.popToMark())),
  97: (m) => m.append(m.popMany(1)),
  101: (m) => m.append(m.popToMark()),
  125: constant(() => new PyDict()),
  100: (m) => {
    const values = m.popToMark();
    m.push(new PyDict());
    m.setItems(values);
  },
  115: (m) => m.setItems(m.popMany(2)),
  117: (m) => m.setItems(m.popToMark()),
  103: (m, r) => m.recall(Number(r.line())),
  104: (m, r) => m.recall(r.uint8()),
  106: (m, r) => m.recall(r.uint32()),
  112: (m, r) => m.remember(Number(r.line())),
  113: (m, r) => m.remember(r.uint8()),
  114: (m, r) => m.remember(r.uint32()),
  148: (m) => m.memoize(),
  99: (m, r) => {
    const module = r.line();
    m.push(m.world.admit(`${module}.${r.line()}`));
  },
  147: (m) => {
    const [module, name] = m.popMany(2);
    if (typeof module !== "string" || typeof name !== "string") throw m.bad("names", "other objects");
    m.push(m.world.admit(`${module}.${name}`));
  },
  82: (m) => m.reduce(),
  98: (m) => {
    const state = m.pop();
    m.world.build(m.top(), state);
  },
  81: (m) => m.push(m.world.persistent(m.pop())),
};
