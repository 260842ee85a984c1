/**
 * The controller's record as it was kept before the journal: rows of decisions without the ring, which each snapshot
 * deleted; decisions larger than a row were kept in parts. The first instance of newer code reads it; its first
 * decision writes the journal and removes the older record.
 */
import { assert } from "../../../base/errors.ts";
import type { StoragePort } from "../../../base/ports.ts";
import { decodeChangeSet, type OlderRecord } from "../../runtime/journal.ts";
import { applyChangeSet } from "./apply.ts";
import { emptyImage, type ClusterImage } from "./cluster.ts";
import { loadSnapshotRow } from "./snapshot.ts";

/** Stands in the place of a decision that is kept in parts. */
const IN_PARTS = '{"v":2}';

export const olderRecord: OlderRecord<ClusterImage> = {
  load(storage) {
    if (!isHere(storage)) return null;
    const image = emptyImage();
    storage.each<{ image: string }>("SELECT image FROM snapshot ORDER BY part", [], (row) => {
      loadSnapshotRow(image, row.image);
      return true;
    });
    storage.each<{ seq: number; change: string }>(
      "SELECT seq, change FROM changes WHERE seq > ? ORDER BY seq",
      [image.version],
      (row) => {
        assert(row.seq === image.version + 1, `decision ${image.version + 1} is missing`);
        applyChangeSet(image, decodeChangeSet(wholeOf(storage, row)));
        return true;
      },
    );
    return image;
  },
  remove(storage) {
    storage.all("DROP TABLE changes");
    storage.all("DROP TABLE snapshot");
    storage.all("DROP TABLE IF EXISTS change_parts");
  },
};

function wholeOf(
  storage: StoragePort,
  { seq, change }: { readonly seq: number; readonly change: string },
): string {
  if (change !== IN_PARTS) return change;
  const parts = storage.all<{ change: string }>(
    "SELECT change FROM change_parts WHERE seq = ? ORDER BY part",
    seq,
  );
  return parts.map((part) => part.change).join("");
}

/** Whether there is one: the rows of the ring have a slot, older rows have not. */
function isHere(storage: StoragePort): boolean {
  const [table] = storage.all<{ sql: string }>(
    "SELECT sql FROM sqlite_master WHERE name = 'changes'",
  );
  return table !== undefined && !table.sql.includes("slot");
}
