/** A group's record: its changes and its image as the journal keeps them. */
import type { StoragePort } from "../../../../base/ports.ts";
import {
  decodeChangeSet,
  encodeChangeSet,
  Journal,
  type JournalBounds,
  type JournalFormat,
} from "../../../runtime/journal.ts";
import { applyChangeSet } from "./apply.ts";
import type { ChangeSet } from "./changes.ts";
import { emptyImage, type GroupImage } from "./image.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";

const FORMAT: JournalFormat<GroupImage, ChangeSet> = {
  empty: emptyImage,
  apply: applyChangeSet,
  encode: encodeChangeSet,
  decode: decodeChangeSet,
  encodeImage: (image) => [encodeSnapshot(image)],
  decodeImage: (parts) => decodeSnapshot([...parts].join("")),
};

export type GroupStore = Journal<GroupImage, ChangeSet>;

export function groupStore(storage: StoragePort, bounds?: JournalBounds): GroupStore {
  return new Journal(storage, FORMAT, bounds);
}
