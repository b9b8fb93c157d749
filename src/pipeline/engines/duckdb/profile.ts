// Reads row counts from DuckDB's own account of a statement (EXPLAIN ANALYZE, JSON). Runs in the child.

interface Operator {
  operator_name?: string;
  operator_type?: string;
  operator_cardinality?: number;
  children?: Operator[];
}

/** Rows that left the CSV scans and rows that reached the COPY. */
export function readProfile(json: string): { rowsIn: number; files: { path: string; rows: number }[] } {
  let rowsIn = 0;
  let rowsOut = 0;
  const walk = (operator: Operator): void => {
    const children = operator.children ?? [];
    if (operator.operator_name?.trim() === 'READ_CSV') rowsIn += operator.operator_cardinality ?? 0;
    if (operator.operator_type === 'COPY_TO_FILE' || operator.operator_type === 'BATCH_COPY_TO_FILE') {
      rowsOut = children[0]?.operator_cardinality ?? 0;
    }
    for (const child of children) walk(child);
  };
  walk(JSON.parse(json) as Operator);
  return { rowsIn, files: [{ path: '', rows: rowsOut }] };
}
