/** Waiting for what comes by itself, as long as a machine that is busy with other things may need. */
import { vi } from "vitest";

const PATIENCE = { timeout: 50_000, interval: 50 };

/** Waits until `work` does not throw, and resolves with what it answers. */
export const eventually = <T>(work: () => Promise<T>): Promise<T> => vi.waitFor(work, PATIENCE);
