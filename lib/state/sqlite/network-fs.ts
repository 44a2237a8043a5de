import { statfs } from 'node:fs/promises';
import { StoreError } from '../contract';

/** `f_type` of Linux's statfs(2). A write-ahead log needs the shared memory and the locks of one kernel. */
const networkTypes = new Map<number, string>([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE (sshfs, virtiofs, a folder shared by a container desktop)'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x786f4256, 'VirtualBox shared folder'],
  [0xbacbacbc, 'VMware shared folder'],
]);

export type StatFs = (path: string) => Promise<{ type: number }>;

/**
 * Refuses a directory on a network file system. Linux only: the numbers of other systems are not fixed.
 * @throws StoreError NETWORK_FS
 */
export async function refuseNetworkFs(directory: string, read: StatFs = statfs): Promise<void> {
  if (process.platform !== 'linux') return;
  const { type } = await read(directory);
  // The field is signed on some machines.
  const name = networkTypes.get(type >>> 0);
  if (name === undefined) return;
  throw new StoreError(
    'NETWORK_FS',
    `The store’s directory is on ${name}, where its locks and its log are not safe. Use a directory on a local disk, or the Redis store.`,
  );
}
