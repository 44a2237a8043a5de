/** What every engine of the durable state must do. Each part lies in a file of its own. */
import type { EngineUnderTest } from './engine-under-test';
import { crashes } from './crashes';
import { cursorAndAdding } from './cursor-and-adding';
import { handingOut } from './handing-out';
import { endings } from './endings';
import { ledgerAndClaims } from './ledger-and-claims';
import { parkedTooFar } from './parked-too-far';
import { leases } from './leases';
import { wholeStore } from './whole-store';

export function stateContract(engine: EngineUnderTest): void {
  describe(`The durable state, ${engine.name}`, () => {
    wholeStore(engine);
    cursorAndAdding(engine);
    handingOut(engine);
    parkedTooFar(engine);
    endings(engine);
    ledgerAndClaims(engine);
    leases(engine);
    crashes(engine);
  });
}
