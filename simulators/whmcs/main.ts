/** The WHMCS simulator as its own process: [--port N] [--identifier ID --secret SECRET] */
import { portOf, runAsProcess } from '../shared/process';
import { startWhmcsSimulator } from './server';

void runAsProcess(['port', 'identifier', 'secret'], async (given) => ({
  running: await startWhmcsSimulator({
    port: portOf(given['port']),
    identifier: given['identifier'],
    secret: given['secret'],
  }),
}));
