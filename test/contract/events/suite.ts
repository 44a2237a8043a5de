/** What intake must do over every transport. Each part lies in a file of its own; the ids at the ends name public reports. */
import { badInput } from './bad-input';
import { closing } from './closing';
import { comingBack } from './coming-back';
import { flowControl } from './flow-control';
import { loggingIn } from './logging-in';
import { positions } from './positions';
import { silence } from './silence';
import { storing } from './storing';
import { telling } from './telling';
import type { TransportUnderTest } from './transport-under-test';
import { wholeIntake } from './whole-intake';

export function intakeContract(transport: TransportUnderTest): void {
  describe(`Intake over ${transport.name}`, () => {
    comingBack(transport);
    silence(transport);
    loggingIn(transport);
    positions(transport);
    flowControl(transport);
    storing(transport);
    closing(transport);
    badInput(transport);
    telling(transport);
    wholeIntake(transport);
  });
}
