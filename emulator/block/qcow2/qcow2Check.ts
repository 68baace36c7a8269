/** Check and repair of QCOW2 images: counts every reference and compares with what the image says. */
import type { ImageCheck } from '../blockImage.ts';
import { CheckReport } from '../checkReport.ts';
import { incompatible } from './qcow2Header.ts';
import { readL1, type Qcow2Map } from './qcow2Map.ts';

/** Counts above are not told apart. */
const mostCounted = 65_535;

export async function checkQcow2(map: Qcow2Map, repair: boolean): Promise<ImageCheck> {
  const { header, clusterSize, refcounts, file } = map;
  const report = new CheckReport();
  const clusters = Math.ceil(Math.max(file.size, refcounts.end) / clusterSize);
  const expected = new Uint16Array(clusters);
  const refer = (at: number, what: string): boolean => {
    const cluster = at / clusterSize;
    if (!Number.isInteger(cluster) || cluster >= clusters) {
      report.error(`${what} is at offset ${at}, where no cluster is`);
      return false;
    }
    expected[cluster] = Math.min(mostCounted, (expected[cluster] as number) + 1);
    return true;
  };
  const referRow = (at: number, length: number, what: string): void => {
    for (let done = 0; done < length; done += clusterSize) refer(at + done, what);
  };
  refer(0, 'the header');
  referRow(
    header.refcountTableOffset,
    header.refcountTableClusters * clusterSize,
    'the table of reference counts',
  );
  for (const at of refcounts.blocks) refer(at, 'a block of reference counts');
  referRow(header.l1Offset, header.l1Size * 8, 'the L1 table');
  await walk(map, map.l1, refer, report);
  if (header.snapshots.length > 0)
    referRow(header.snapshotsOffset, header.snapshotsBytes, 'the snapshot table');
  for (const { name, l1Offset, l1Size } of header.snapshots) {
    referRow(l1Offset, l1Size * 8, `the L1 table of the snapshot "${name}"`);
    const { offsets } = await readL1(file, l1Offset, l1Size);
    await walk(map, offsets, refer, report);
  }

  const sound = report.errorCount === 0;
  for (let cluster = 0; cluster < Math.max(clusters, 0); cluster++) {
    const wanted = expected[cluster] as number;
    const found = await refcounts.count(cluster).catch(() => -1);
    if (found === wanted || (wanted === mostCounted && found > wanted)) continue;
    const few = found < wanted;
    if (few) report.error(`cluster ${cluster} is used ${wanted} times, but counted ${found} times`);
    // Bitmaps are not followed, so what looks unused may be theirs.
    else if (header.hasBitmaps) continue;
    else report.leakedBytes += clusterSize;
    if (!repair || header.hasBitmaps || !sound || found < 0) continue;
    await refcounts.set(cluster, Math.min(wanted, refcounts.most));
    if (few) report.repaired(`counted the references of cluster ${cluster}`);
    else report.freed(clusterSize);
  }
  await checkCopied(map, expected, report, repair && sound);
  if (repair && sound) {
    await map.flush();
    const marks = incompatible.dirty | incompatible.corrupt;
    if (header.version === 3 && (header.incompatible & marks) !== 0)
      await map.setIncompatible(header.incompatible & ~marks);
  }
  return report.result();
}

type Refer = (at: number, what: string) => boolean;

async function walk(
  { l2Tables, l2Format, clusterSize }: Qcow2Map,
  l1: Float64Array,
  refer: Refer,
  report: CheckReport,
): Promise<void> {
  for (const at of l1) {
    if (at === 0 || !refer(at, 'an L2 table')) continue;
    const table = await l2Tables.get(at);
    for (let index = 0; index < l2Format.perTable; index++) {
      const entry = l2Format.read(table, index);
      for (const cluster of l2Format.clusters(entry)) refer(cluster, 'a cluster');
      if (entry.kind === 'normal' && entry.at % clusterSize !== 0) continue;
      if (!l2Format.extended || entry.kind === 'packed') continue;
      const { data, zero } = l2Format.bitmaps(table, index);
      if ((data & zero) !== 0) report.error(`subclusters of ${entry.at} are both data and zero`);
    }
  }
}

/** The mark that a cluster has no other user must be right, or a write would change snapshots too. */
async function checkCopied(
  map: Qcow2Map,
  expected: Uint16Array,
  report: CheckReport,
  repair: boolean,
): Promise<void> {
  const { l1, l1Copied, l2Tables, l2Format, clusterSize } = map;
  const alone = (at: number): boolean => expected[at / clusterSize] === 1;
  for (const [number, at] of l1.entries()) {
    if (at === 0 || at / clusterSize >= expected.length || at % clusterSize !== 0) continue;
    if ((l1Copied[number] === 1) !== alone(at)) {
      report.error(
        `the L1 entry ${number} is marked wrongly as ${alone(at) ? 'shared' : 'unshared'}`,
      );
      if (repair) {
        l1Copied[number] = alone(at) ? 1 : 0;
        map.l1Changed(number);
        report.repaired(`marked the L1 entry ${number}`);
      }
    }
    const table = await l2Tables.get(at);
    for (let index = 0; index < l2Format.perTable; index++) {
      const entry = l2Format.read(table, index);
      if (entry.kind === 'packed' || entry.at === 0 || entry.copied === alone(entry.at)) continue;
      report.error(
        `the entry of the cluster at ${entry.at} is marked wrongly as ${entry.copied ? 'unshared' : 'shared'}`,
      );
      if (!repair) continue;
      l2Format.setCopied(table, index, alone(entry.at));
      l2Tables.changed(table, index * l2Format.entrySize, (index + 1) * l2Format.entrySize);
      report.repaired(`marked the entry of the cluster at ${entry.at}`);
    }
  }
}
