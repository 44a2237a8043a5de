/** WHMCS as its own process: [--port N] [--base /billing] [--identifier ID --secret SECRET] [--access-key KEY] */
import { portOf, runAsProcess } from '../shared/process';
import { startWhmcsSimulator } from './server';

void runAsProcess(['port', 'base', 'identifier', 'secret', 'access-key'], async (given) => {
  const running = await startWhmcsSimulator({
    port: portOf(given['port']),
    base: given['base'],
    identifier: given['identifier'],
    secret: given['secret'],
    accessKey: given['access-key'],
  });
  return { running, ready: { apiUrl: running.apiUrl } };
});
