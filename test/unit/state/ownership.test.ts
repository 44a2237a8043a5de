import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { isRunning, sameBoot, sharesProcessIds, thisProcess, type Processes } from '../../../lib/state/sender';
import type { StateStore } from '../../../lib/state/contract';
import { until } from '../../until';
import { Embedded, storeErrorWith } from './embedded';

describe('The owner of the embedded store', () => {
  const embedded = new Embedded();

  const setOwner = (owner: { instance?: string; bootId: string; pid: number; startTime: string; at: number }): void =>
    embedded.sql(
      `INSERT OR REPLACE INTO owner (one, instance, boot_id, pid, start_time, since, heartbeat, beats)
       VALUES (1, '${owner.instance ?? 'other'}', '${owner.bootId}', ${owner.pid}, '${owner.startTime}', ${owner.at}, ${owner.at}, 7)`,
    );

  it('opens it once and shares it', async () => {
    const store = await embedded.open();
    await embedded.refused('INVALID', /opened once and shared/);
    await store.close();
    await embedded.open();
  });

  it('is named in the file while it lives, and not after it has closed it', async () => {
    const store = await embedded.open();
    const { instance, bootId, pid, startTime } = thisProcess('instance-1');
    assert.deepEqual(embedded.row('SELECT instance, boot_id, pid, start_time FROM owner'), {
      instance,
      boot_id: bootId,
      pid,
      start_time: startTime,
    });
    await store.close();
    assert.deepEqual(embedded.row('SELECT count(*) AS count FROM owner'), { count: 0 });
  });

  it('leaves no timer and no listener behind', async () => {
    const listeners = process.listenerCount('exit');
    const store = await embedded.open();
    assert.equal(embedded.clock.pending, 1);
    await store.close();
    assert.equal(embedded.clock.pending, 0);
    assert.equal(process.listenerCount('exit'), listeners);
    await assert.rejects(embedded.open({ directory: '/dev/null' }));
    assert.equal(process.listenerCount('exit'), listeners);
  });

  it('is refused the store while another process of this boot lives that has it, although the lock is free', async () => {
    await embedded.filled();
    const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(other, 'spawn');
    const { startTime } = statOf(other.pid ?? 0);
    const { bootId } = thisProcess('');
    setOwner({ bootId, pid: other.pid ?? 0, startTime, at: embedded.clock.now() });
    await embedded.refused('LOCKED', new RegExp(`pid ${other.pid}, which opened it at 2026-01-05T09`));
    other.kill('SIGKILL');
    await once(other, 'close');
    await embedded.open();
  });

  it('takes over at once from a process of this boot that has ended, or whose number is used again', async () => {
    await embedded.filled();
    const { bootId, pid } = thisProcess('');
    setOwner({ bootId, pid, startTime: '1', at: embedded.clock.now() });
    await embedded.open();
  });

  it('watches an owner of another boot for three beats, then takes over', async () => {
    await embedded.filled();
    setOwner({ bootId: 'another', pid: 1, startTime: '1', at: embedded.clock.now() - 5_000 });
    let opened: StateStore | null = null;
    void embedded.open().then((store) => (opened = store));
    await until('it waits for the owner', () => embedded.clock.pending > 0);
    await embedded.clock.advance(25_000);
    assert.equal(opened, null);
    await embedded.clock.advance(5_000);
    await until('it is open', () => opened !== null);
  });

  it('is refused as soon as an owner of another boot gives a sign of life', async () => {
    await embedded.filled();
    setOwner({ bootId: 'another', pid: 4242, startTime: '1', at: embedded.clock.now() - 5_000 });
    const refused = assert.rejects(
      embedded.open(),
      (error) => storeErrorWith('LOCKED')(error) && String(error).includes('pid 4242'),
    );
    await until('it waits for the owner', () => embedded.clock.pending > 0);
    embedded.sql('UPDATE owner SET beats = beats + 1');
    await embedded.clock.advance(5_000);
    await refused;
    assert.equal(embedded.clock.pending, 0);
  });

  it('does not wait for an owner of another boot that was silent for long', async () => {
    await embedded.filled();
    setOwner({ bootId: 'another', pid: 1, startTime: '1', at: embedded.clock.now() - 31_000 });
    await embedded.open();
  });

  it('writes no more once another process has taken the store, but facts', async () => {
    const store = await embedded.open();
    const lease = await store.leases.acquire('order:A', 30_000);
    setOwner({ bootId: 'another', pid: 4242, startTime: '1', at: embedded.clock.now() });
    await assert.rejects(store.ledger.write('A', lease?.fence ?? 0, { format: 1 }), storeErrorWith('UNAVAILABLE'));
    await assert.rejects(store.inbox.take('c', 0), storeErrorWith('UNAVAILABLE'));
    await assert.rejects(store.leases.acquire('order:B', 30_000), storeErrorWith('UNAVAILABLE'));
    await store.ledger.record('A', { intent: 'a1', kind: 'order-seen', whmcsOrderId: 7, at: 1 });
    assert.equal((await store.ledger.read('A')).facts[0]?.whmcsOrderId, 7);
    assert.equal((await store.health()).ok, false);
    await store.close();
    assert.deepEqual(embedded.row('SELECT pid FROM owner'), { pid: 4242 });
  });

  it('takes every other sender for dead', async () => {
    const store = await embedded.open();
    assert.equal(await store.isDead(thisProcess('instance-1')), false);
    assert.equal(await store.isDead(thisProcess('instance-0')), true);
  });
});

describe('A sender', () => {
  it('is told from another process with the same number', () => {
    const me = thisProcess('i');
    assert.equal(me.pid, process.pid);
    assert.deepEqual(thisProcess('i'), me);
    if (process.platform !== 'linux') return;
    assert.match(me.bootId, /^[0-9a-f-]{36} pid:\[\d+\]$/);
    assert.match(me.startTime, /^\d+$/);
    assert.equal(isRunning(me), true);
    assert.equal(isRunning({ ...me, startTime: '1' }), false);
    assert.equal(isRunning({ pid: 2 ** 22 + 1, startTime: '1' }), false);
  });

  it('whose entry in /proc cannot be read is not known to have ended, unless no process has its number', () => {
    if (process.platform !== 'linux') return;
    const hidden = (answer: () => void): Processes => ({ stat: () => null, signal: answer });
    const refusal = (code: string) => () => {
      throw Object.assign(new Error(code), { code });
    };
    const other = { pid: 4242, startTime: '1' };
    // hidepid=2, or ProtectProc=invisible of systemd: of another user, then of our own.
    assert.equal(isRunning(other, hidden(refusal('EPERM'))), null);
    assert.equal(
      isRunning(
        other,
        hidden(() => undefined),
      ),
      null,
    );
    assert.equal(isRunning(other, hidden(refusal('ESRCH'))), false);
    // Signals to such numbers go to groups of processes.
    for (const pid of [0, -1])
      assert.equal(
        isRunning(
          { pid, startTime: '1' },
          hidden(() => assert.fail()),
        ),
        false,
      );
  });

  it('of another container of the same host shares its boot, and not its process ids', () => {
    const [one, other] = [{ bootId: 'b pid:[1]' }, { bootId: 'b pid:[2]' }];
    assert.deepEqual([sameBoot(one, other), sharesProcessIds(one, other)], [true, false]);
    assert.deepEqual([sameBoot(one, one), sharesProcessIds(one, one)], [true, true]);
    assert.equal(sameBoot(one, { bootId: 'c pid:[1]' }), false);
  });

  it('of a host that tells no boot id may be of another that was started with it', () => {
    const [up, later] = [{ bootId: 'up-since-1000' }, { bootId: 'up-since-1030' }];
    for (const other of [up, later])
      assert.deepEqual([sameBoot(up, other), sharesProcessIds(up, other)], [true, false]);
  });
});

/** The start time, read in another way than the store reads it. */
function statOf(pid: number): { startTime: string } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').trim().split(' ');
  // 52 fields in all, the 22nd is the start time; counted from the end, since the name may hold spaces.
  return { startTime: fields[fields.length - 52 + 21] ?? '' };
}
