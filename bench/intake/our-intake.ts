/** Ours: each event decoded, de-duplicated and stored durably with the position, in the embedded store on disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock';
import { silentLog } from '../../lib/log';
import { Intake } from '../../lib/provisioning/intake';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { createPubSubSubscriber } from '../../lib/salesforce/events/pubsub';
import { thisProcess } from '../../lib/state/sender';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { channel, connect } from './connection';
import { Counting } from './measure';
import { intakeSettings } from '../../test/intake-settings';

async function main(): Promise<void> {
  const { salesforce, pubsub, events } = connect();
  const directory = mkdtempSync(join(tmpdir(), 'bench-intake-'));
  const store = await openEmbeddedStore({ directory, clock: systemClock, instance: 'bench' });
  const provisioning = new Provisioning({
    store,
    sender: thisProcess('bench'),
    clock: systemClock,
    log: silentLog,
    whmcsOf: () => undefined,
  });
  const counting = new Counting(events);
  const intake = new Intake({
    provisioning,
    ...intakeSettings,
    channel,
    replay: 'ALL',
    maxInWork: 10,
    createSubscriber: (sink) =>
      createPubSubSubscriber({
        endpoint: pubsub,
        channel,
        auth: salesforce.auth,
        sink: {
          ...sink,
          event: async (event) => {
            await sink.event(event);
            counting.one();
          },
        },
        clock: systemClock,
        log: silentLog,
      }),
    newMessageId: () => 'none',
    deliver: () => undefined,
  });
  // Only the taking in is measured.
  intake.pause();
  await intake.start();
  console.log(JSON.stringify(await counting.done));
  await intake.stop();
  await provisioning.close();
  salesforce.close();
  rmSync(directory, { recursive: true });
}

void main();
