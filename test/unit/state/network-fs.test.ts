import assert from 'node:assert/strict';
import { Embedded } from './embedded';

describe('A network file system under the embedded store', () => {
  const embedded = new Embedded();
  const types = { NFS: 0x6969, SMB: 0xfe534d42, CIFS: 0xff534d42, '9p': 0x01021997, FUSE: 0x65735546 };
  const statfs = (type: number) => () => Promise.resolve({ type });

  for (const [name, type] of Object.entries(types)) {
    it(`is refused when it is ${name}, before any file is made`, async function () {
      if (process.platform !== 'linux') return;
      await embedded.refused('NETWORK_FS', new RegExp(`on ${name}.*local disk`), { statfs: statfs(type) });
      assert.equal(embedded.exists('order-provisioning.lock'), false);
    });
  }

  it('is known although the number comes signed', async () => {
    await embedded.refused('NETWORK_FS', /on CIFS/, { statfs: statfs(0xff534d42 | 0) });
  });

  it('is taken on an operator’s word', async () => {
    await embedded.open({ statfs: statfs(types.NFS), allowNetworkFs: true });
  });

  it('is not seen in a local disk', async () => {
    await embedded.open({ statfs: statfs(0xef53) });
  });
});
