/** Anything a Stripe list holds: ordered by `created`, then by arrival. */
export type Listed = { id: string; created: number; seq: number };

export type CreatedRange = { gt?: number; gte?: number; lt?: number; lte?: number };

/**
 * Keeps objects sorted so that a page costs O(log n + page), even with a million objects. Appending in order is free.
 * An older object is inserted; many of them are sorted together at the next read.
 */
export class NewestFirst<T extends Listed> {
  #sorted: T[] = [];
  #late: T[] = [];

  get size(): number {
    return this.#sorted.length + this.#late.length;
  }

  add(item: T): void {
    const last = this.#sorted[this.#sorted.length - 1];
    if (this.#late.length === 0 && (last === undefined || before(last, item))) this.#sorted.push(item);
    else this.#late.push(item);
  }

  /** One page, newest first, filtered by `keep`. `after` and `until` are the cursors' objects, which are excluded. */
  page(options: { range: CreatedRange; limit: number; after?: T; until?: T; keep?: (item: T) => boolean }) {
    const items = this.#settled();
    const { range, limit, keep } = options;
    let low = lowerBound(items, Math.max(range.gte ?? -Infinity, (range.gt ?? -Infinity) + 1));
    let high = lowerBound(items, Math.min((range.lte ?? Infinity) + 1, range.lt ?? Infinity));
    if (options.after !== undefined) high = Math.min(high, position(items, options.after));
    if (options.until !== undefined) low = Math.max(low, position(items, options.until) + 1);
    const found: T[] = [];
    // ending_before asks for the page just before the cursor, so it is collected from the oldest end.
    if (options.until !== undefined) {
      for (let i = low; i < high && found.length <= limit; i++) if (!keep || keep(items[i]!)) found.push(items[i]!);
      return { hasMore: found.length > limit, items: found.slice(0, limit).reverse() };
    }
    for (let i = high - 1; i >= low && found.length <= limit; i--) if (!keep || keep(items[i]!)) found.push(items[i]!);
    return { hasMore: found.length > limit, items: found.slice(0, limit) };
  }

  /** All objects, oldest first, without copying. Do not modify the result. */
  all(): readonly T[] {
    return this.#settled();
  }

  #settled(): T[] {
    if (this.#late.length > 64) {
      this.#sorted = [...this.#sorted, ...this.#late].sort(compare);
    } else {
      for (const item of this.#late) this.#sorted.splice(position(this.#sorted, item), 0, item);
    }
    if (this.#late.length > 0) this.#late = [];
    return this.#sorted;
  }
}

function compare(a: Listed, b: Listed): number {
  return a.created - b.created || a.seq - b.seq;
}

function before(a: Listed, b: Listed): boolean {
  return compare(a, b) < 0;
}

/** Index of the first item created at or after `created`. */
function lowerBound(items: readonly Listed[], created: number): number {
  return firstIndex(items, (item) => item.created >= created);
}

function position(items: readonly Listed[], item: Listed): number {
  return firstIndex(items, (other) => !before(other, item));
}

function firstIndex(items: readonly Listed[], reached: (item: Listed) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reached(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
