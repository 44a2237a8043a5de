/**
 * WHMCS as its own process: `node --import tsx simulators/whmcs/main.ts [--port N] [--base-path /billing]
 * [--identifier ID] [--secret SECRET] [--access-key KEY]`.
 */
import { portOf, runAsProcess } from '../shared/process';
import { startWhmcsSimulator } from './server';

void runAsProcess(['port', 'base-path', 'identifier', 'secret', 'access-key'], async (given) => {
  const running = await startWhmcsSimulator({
    port: portOf(given.port),
    ...(given['base-path'] === undefined ? {} : { basePath: given['base-path'] }),
    ...(given.identifier === undefined ? {} : { identifier: given.identifier }),
    ...(given.secret === undefined ? {} : { secret: given.secret }),
    ...(given['access-key'] === undefined ? {} : { accessKey: given['access-key'] }),
  });
  return { running, ready: { apiUrl: running.apiUrl } };
});
