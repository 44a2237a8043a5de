import assert from 'node:assert/strict';
import { TellingAlarms, type Trouble } from '../../../lib/provisioning/telling-alarms';

const hour = 3_600_000;
const refused: Trouble = { code: 'CANNOT_UPDATE', problem: 'no', kind: 'refused', fields: [] };
const idOf = (n: number): string => `801${String(n).padStart(12, '0')}AAA`;

describe('what keeps results from being told', () => {
  let lines: string[];
  let alarms: TellingAlarms;
  beforeEach(() => {
    lines = [];
    const at = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
    alarms = new TellingAlarms({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') });
  });
  const meet = (count: number): void => {
    for (let n = 0; n < count; n++) alarms.met(idOf(n), refused, { ms: 0, alarmed: null });
  };

  it('tries a few at their own pace, more of them once in ten seconds, and each within two hours however many', () => {
    const paces = [20, 21, 500, 5_000, 100_000].map((count) => {
      meet(count);
      return alarms.paceMs(refused);
    });
    assert.deepEqual(paces, [0, 10_000, 4_800_000, 2 * hour, 2 * hour]);
    const found = new TellingAlarms({ debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 }).found(
      Array.from({ length: 5_000 }, (_, n) => idOf(n)),
    );
    assert.deepEqual([found[19]?.ms, found[20]?.ms, found.at(-1)?.ms], [0, 10_000, 2 * hour]);
  });

  it('is over once no order that met it waits any more, whoever told them', () => {
    meet(3);
    alarms.only([idOf(2), idOf(7)]);
    assert.equal(lines.filter((line) => line === 'info Results can be told again').length, 0);
    alarms.only([idOf(7)]);
    assert.equal(lines.filter((line) => line === 'info Results can be told again').length, 1);
    meet(1);
    assert.equal(lines.filter((line) => line.startsWith('error')).length, 2);
  });
});
