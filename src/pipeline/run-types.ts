// What a run is asked for and what it tells: counts, names and times, never a data value (I1).

export interface RunOptions {
  /** Reads only the first rows of the source; publishes nothing. */
  sampleRows?: number;
  /** Does everything but publish. */
  dryRun?: boolean;
  /** Engine threads; default from `glovebox.yaml`, else the machine's cores. */
  threads?: number;
  /** The engine's memory limit in bytes; default from `glovebox.yaml`, else 1 GB. */
  memoryBytes?: number;
  /** Runs although this host has unencrypted swap; recorded with the version (I1). */
  allowSwap?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: RunProgress) => void;
}

export interface RunProgress {
  phase: 'fit' | 'transform' | 'quarantine' | 'publish';
  /** Which pass over the data this is, from 1. */
  pass: number;
  /** Sealed bytes read in this pass, and how many there are. */
  bytes: number;
  totalBytes: number;
  /** About how many rows that is, by the length of the first rows; absent where objects are packed. */
  rows?: number;
}

/** What a run came to. Stored with the version as its summary. */
export interface RunReport {
  run: string;
  pipeline: string;
  published: boolean;
  source: { dataset: string; objects: number; bytes: number };
  output: { dataset: string; version: string; objects: { path: string; bytes: number; rows: number }[] };
  quarantine?: { dataset: string; version: string; rows: number };
  rows: { in: number; kept: number; quarantined: number; dropped: number };
  /** Rows by split; one entry `all` where there is no split. */
  splits: Record<string, number>;
  /** Rows that broke each rule, by the rule's words; no values. */
  contract: { rule: string; rows: number; otherwise: string }[];
  /** What became of each identifying column. */
  identifying: { column: string; is: string; way: string }[];
  passes: number;
  seconds: number;
  peakEngineBytes: number;
  isolation: 'bubblewrap' | 'process';
  swapAllowed: boolean;
}
