/** Makes this process seem one of another host: its boot id is another, which is all that tells hosts apart. */
import fs from 'node:fs';

export function seemAnotherHost(name: string): void {
  const read = fs.readFileSync;
  const own = ((path: fs.PathOrFileDescriptor, ...rest: []) =>
    path === '/proc/sys/kernel/random/boot_id' ? `${name}\n` : read(path, ...rest)) as typeof fs.readFileSync;
  fs.readFileSync = own;
}
