/** The state of one partition in a poll: where reading begins, and what has been read. */
import type { Refusal } from "../../base/errors.ts";
import type { FetchRequest } from "../../objects/contracts/partition.ts";
import type { StreamedFetch } from "../../objects/contracts/transfer.ts";
import type { PartitionReader } from "../../gateway/partition-reader.ts";
import type { PollPartition } from "../../objects/contracts/instances.ts";

/** Whole batches, and the offset from which on their records are wanted. */
interface Page {
  readonly offset: number;
  readonly batches: Uint8Array;
}

export class PollCursor {
  readonly part: PollPartition;
  readonly reader: PartitionReader;
  /** Where the next page begins; null while that has to be looked up. */
  next: number | null;
  readonly pages: Page[] = [];
  /** Whether there was more than was taken. */
  hasMore = false;
  /** Why nothing more could be read. */
  refusal: Refusal | null = null;

  constructor(part: PollPartition, reader: PartitionReader) {
    this.part = part;
    this.reader = reader;
    this.next = part.position;
  }

  /** An upper bound of the records that were read: offsets may have gaps. */
  get records(): number {
    const first = this.pages[0];
    return first === undefined ? 0 : this.next! - first.offset;
  }

  /** Asks for a page; the answer's batches are not read yet. */
  ask(request: Omit<FetchRequest, "offset">): Promise<StreamedFetch | Refusal> {
    return this.reader.stream({ offset: this.next!, ...request });
  }

  /** Takes a page. `mayRead`: whether its batches may be read; otherwise they are discarded. */
  async take(page: StreamedFetch, mayRead: boolean): Promise<void> {
    if (page.sizeBytes === 0 || !mayRead) {
      this.hasMore = page.sizeBytes > 0;
      await giveUp(page);
      return;
    }
    const offset = this.next!;
    const batches = await page.bytes();
    this.pages.push({ offset, batches });
    this.next = page.nextOffset;
    this.hasMore = page.nextOffset < page.lastStableOffset;
  }
}

/** Cancels the stream of the page's batches. */
export async function giveUp(page: StreamedFetch): Promise<void> {
  try {
    await page.body?.cancel();
  } catch {
    // The stream has ended already.
  }
}
