/**
 * Scrubbing: a topic that asks for it (`scrub.interval.ms`) has its stored chunks read and verified at intervals, so that
 * corruption is found before a reader meets it, and while other replicas hold what was written. Driven by the alarm
 * alone, a bounded slice at a time; how far a pass has come is persisted, so that it continues after the object has
 * slept.
 */
import type { ReplicaCore } from "../core.ts";
import { CorruptLog } from "./integrity.ts";
import type { ScrubState } from "./tables.ts";

/** Bytes of batches that one slice reads at most, unless its first chunk is larger. */
const SLICE_BYTES = 4_194_304;
/** Between two slices of a pass, so that appends and reads come first. */
const SLICE_PAUSE_MS = 1_000;
/** The shortest pause between two passes, whatever the topic asks for. */
const INTERVAL_MS_MIN = 60_000;

/** Sets the alarm for the next slice. While scrubbing is off, nothing is set and nothing written. */
export function armScrub(core: ReplicaCore): void {
  if (!isAsked(core)) return;
  const nowMs = core.ports.clock.nowMs();
  const state = core.scrub ?? { beganMs: nowMs };
  if (core.scrub === null) core.scrubbed(state);
  core.setAlarm(state.next === undefined ? nextPassMs(core, state) : nowMs + SLICE_PAUSE_MS);
}

/** The alarm has gone off, for this or for something else: verifies a slice if one is due. */
export function scrubWhenDue(core: ReplicaCore): void {
  if (!isAsked(core)) return;
  const nowMs = core.ports.clock.nowMs();
  const known = core.scrub;
  if (known?.next !== undefined) scrubSlice(core, known.beganMs, known.next);
  else if (known !== null && nowMs >= nextPassMs(core, known)) scrubSlice(core, nowMs, 0);
  armScrub(core);
}

function isAsked({ config }: ReplicaCore): boolean {
  return config["scrub.interval.ms"] >= 0;
}

/** When the next pass begins. */
function nextPassMs({ config }: ReplicaCore, { beganMs }: ScrubState): number {
  return beganMs + Math.max(config["scrub.interval.ms"], INTERVAL_MS_MIN);
}

function scrubSlice(core: ReplicaCore, beganMs: number, from: number): void {
  const { log } = core;
  let next: number;
  try {
    next = log.reader.verify(Math.max(from, log.localStartOffset), SLICE_BYTES);
  } catch (error) {
    if (!(error instanceof CorruptLog)) throw error;
    // The replica knows and has reported it; the pass continues after it.
    next = error.lastOffset + 1;
  }
  core.scrubbed(next < log.endOffset ? { beganMs, next } : { beganMs });
}
