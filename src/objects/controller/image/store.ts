/** The controller's record: its changes and the cluster's image as the journal keeps them. */
import type { StoragePort } from "../../../base/ports.ts";
import {
  decodeChangeSet,
  encodeChangeSet,
  Journal,
  type JournalBounds,
  type JournalFormat,
} from "../../runtime/journal.ts";
import { applyChangeSet } from "./apply.ts";
import type { ChangeSet } from "./changes.ts";
import { emptyImage, type ClusterImage } from "./cluster.ts";
import { olderRecord } from "./older-record.ts";
import { encodeSnapshot, loadSnapshotRow } from "./snapshot.ts";

const FORMAT: JournalFormat<ClusterImage, ChangeSet> = {
  empty: emptyImage,
  apply: applyChangeSet,
  encode: encodeChangeSet,
  decode: decodeChangeSet,
  // A text has at least as many bytes as UTF-16 units, so no part exceeds the bound and is cut.
  encodeImage: encodeSnapshot,
  decodeImage(parts) {
    const image = emptyImage();
    for (const part of parts) loadSnapshotRow(image, part);
    return image;
  },
  older: olderRecord,
};

export type ControllerStore = Journal<ClusterImage, ChangeSet>;

export function controllerStore(storage: StoragePort, bounds?: JournalBounds): ControllerStore {
  return new Journal(storage, FORMAT, bounds);
}
