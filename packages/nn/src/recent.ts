/**
 * The values that were used of late, by name, in two generations: what is found in the old one moves to the new one, and when the
 * new one is full the old one is dropped. So the last `most` names used are always there, never more than twice as many, and
 * finding one is a look-up or two; order by order of use would write a list at every look-up.
 */
export class Recent<Value> {
  private fresh = new Map<string, Value>();
  private old = new Map<string, Value>();

  constructor(private readonly most: number) {}

  get(name: string): Value | undefined {
    const known = this.fresh.get(name);
    if (known !== undefined) return known;
    const old = this.old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }

  set(name: string, value: Value): void {
    if (this.fresh.size >= this.most && !this.fresh.has(name))
      [this.old, this.fresh] = [this.fresh, new Map()];
    else this.old.delete(name);
    this.fresh.set(name, value);
  }

  /** Values that are kept. */
  get size(): number {
    return this.fresh.size + this.old.size;
  }
}
