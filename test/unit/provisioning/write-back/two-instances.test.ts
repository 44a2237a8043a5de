/** Two instances tell the results of one store: judged by the alarms of both, and by Salesforce's book. */
import assert from 'node:assert/strict';
import { Provisioning } from '../../../../lib/provisioning/provisioning';
import { defaultFieldNames, type WriteEnd } from '../../../../lib/salesforce/contract';
import { thisProcess } from '../../../../lib/state/sender';
import { acceptedRecord, DeskUnderTest } from '../desk-under-test';

const minute = 60_000;
const idOf = (n: number): string => `801${String(n + 1).padStart(12, '0')}AAA`;
const forbidden: WriteEnd = { kind: 'refused', code: 'INSUFFICIENT_ACCESS_OR_READONLY', message: 'no', fields: [] };

describe('Two instances that tell the results of one store', () => {
  let desk: DeskUnderTest;
  let other: Provisioning;
  const lines: string[] = [];
  beforeEach(async () => {
    lines.length = 0;
    desk = await DeskUnderTest.open();
    const { store, clock } = desk.provisioning;
    const at = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
    const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    other = new Provisioning({ store, sender: thisProcess('other'), clock, log, whmcsOf: () => undefined });
    other.useSalesforce(desk.salesforce, defaultFieldNames);
    await desk.provisioning.start();
    await other.start();
  });
  afterEach(async () => {
    await other.writer.close();
    await desk.close();
  });

  const end = async (n: number): Promise<void> => {
    desk.salesforce.add(idOf(n));
    await desk.record(acceptedRecord, idOf(n));
    await desk.provisioning.endings.activate(desk.of(await desk.handOut(idOf(n))));
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) await desk.settle(5_000);
  };
  const errors = (): number =>
    desk.lines.filter(({ level }) => level === 'error').length +
    lines.filter((line) => line.startsWith('error')).length;
  const isTold = async (n: number): Promise<boolean> => (await desk.readRecord(idOf(n))).report?.told != null;

  it('raise one alarm for each outage, the second one too', async () => {
    desk.salesforce.refuse = forbidden;
    for (let n = 0; n < 6; n++) await end(n);
    await pass(2 * minute);
    assert.equal(errors(), 1);
    desk.salesforce.refuse = null;
    await pass(15 * minute);
    for (let n = 0; n < 6; n++) assert.equal(await isTold(n), true, idOf(n));
    // Somebody takes the permission away again.
    desk.salesforce.refuse = forbidden;
    await end(6);
    await pass(15 * minute);
    assert.equal(errors(), 2);
  });
});
