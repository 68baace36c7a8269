import type { SnapshotInfo, SnapshotTree } from '../../../shared/services/snapshots.ts';

/** The machine as it is now stands in the tree too, after the snapshot that it comes from. */
export const nowId = 'now';

export interface SnapshotRow {
  readonly id: string;
  /** From 0. */
  readonly depth: number;
  /** Absent for the machine as it is now. */
  readonly snapshot?: SnapshotInfo;
  /** The id of the row above it in the tree. */
  readonly parent?: string | undefined;
}

/** As they stand below each other. */
export function snapshotRows({ snapshots, current }: SnapshotTree): SnapshotRow[] {
  const rows: SnapshotRow[] = [];
  const add = (parent: string | undefined, depth: number): void => {
    for (const snapshot of snapshots.filter((one) => one.parent === parent)) {
      rows.push({ id: snapshot.id, depth, snapshot, parent });
      add(snapshot.id, depth + 1);
    }
    if (parent === current) rows.push({ id: nowId, depth, parent });
  };
  add(undefined, 0);
  return rows;
}
