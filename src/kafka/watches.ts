/**
 * Waits for records of many partitions at once. A consumer at the end of its partitions asks for all of them again
 * and again. A watch is one call per partition that waits in the partition's object and outlives the request that
 * began it: the next request for the same offset finds it still waiting, and makes no call.
 */
import type { FetchRequest, LogEnds } from "../objects/contracts/partition.ts";
import type { PartitionReader } from "../gateway/partition-reader.ts";

/** How long a watch waits in the object, in milliseconds; a leader that was cut off is noticed by then. */
const WATCH_MS = 5_000;

/**
 * The largest page that a watch keeps for the next request, in bytes; larger pages are read when they are asked for.
 */
const PAGE_BYTES_MAX = 65_536;

/** What was read of a partition. */
export interface Page extends LogEnds {
  readonly ok: true;
  readonly records: Uint8Array;
  /** After the last record; the offset asked for where there is none. */
  readonly nextOffset: number;
}

interface Watch {
  readonly offset: number;
  readonly isolation: FetchRequest["isolation"];
  /** As they were when the watch began; they do not change while nothing arrives. */
  readonly ends: LogEnds;
  /** `arrived`: there is something to read, or a refusal to answer. `ended`: nothing arrived. */
  state: "waiting" | "arrived" | "ended";
  /** What has arrived, where it is small. */
  page: Page | null;
}

export class PartitionWatches {
  private readonly watches = new Map<string, Watch>();
  private wake: (() => void) | null = null;

  /** The watch of this partition from this offset on. */
  find(key: string, offset: number, isolation: FetchRequest["isolation"]): Watch | null {
    const watch = this.watches.get(key);
    if (watch === undefined || watch.offset !== offset || watch.isolation !== isolation)
      return null;
    return watch.state === "ended" ? null : watch;
  }

  /** Whether something has arrived for this partition. */
  hasArrived(key: string): boolean {
    return this.watches.get(key)?.state === "arrived";
  }

  forget(key: string): void {
    this.watches.delete(key);
  }

  /** Forgets all others, which the client does not ask for any more. Their calls end by themselves. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.watches.keys()) if (!keys.has(key)) this.watches.delete(key);
  }

  clear(): void {
    this.watches.clear();
    this.wake?.();
  }

  /** Begins to watch; replaces a watch of the partition from another offset. */
  begin(
    key: string,
    reader: PartitionReader,
    from: { readonly offset: number; readonly isolation: FetchRequest["isolation"] },
    ends: LogEnds,
  ): void {
    const watch: Watch = { ...from, ends, state: "waiting", page: null };
    this.watches.set(key, watch);
    void this.run(watch, reader);
  }

  /** Resolves when a watch has changed, or after `waitMs`. */
  change(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.wake = done;
    });
  }

  private async run(watch: Watch, reader: PartitionReader): Promise<void> {
    const { offset, isolation } = watch;
    try {
      const request = {
        offset,
        isolation,
        maxBytes: PAGE_BYTES_MAX,
        minBytes: 1,
        maxWaitMs: WATCH_MS,
      };
      // While a watch looked for a leader that has moved, requests would be answered as if nothing had arrived.
      const fetched = await reader.stream(request, true);
      if (fetched.ok && fetched.sizeBytes === 0) watch.state = "ended";
      else if (fetched.ok && fetched.sizeBytes <= PAGE_BYTES_MAX) {
        const { body: _, bytes, ...ends } = fetched;
        watch.page = { ...ends, records: await bytes() };
        watch.state = "arrived";
      } else {
        if (fetched.ok) await fetched.body?.cancel();
        watch.state = "arrived";
      }
    } catch {
      // The page was cut off on its way; it is read again.
      watch.state = "arrived";
    }
    this.wake?.();
  }
}
