// What was done with files, for the log and the metrics: names and sizes, nothing of what is in the files.

export type FileEvent =
  | { kind: 'upload begun' | 'upload resumed' | 'upload kept'; dataset: string; path: string; bytes: number }
  | { kind: 'uploaded'; dataset: string; path: string; bytes: number; sha256: string }
  | { kind: 'read'; dataset: string; path: string; bytes: number }
  | { kind: 'renamed'; dataset: string; path: string; to: string }
  | { kind: 'removed'; dataset: string; path: string };
