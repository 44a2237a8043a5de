/**
 * A process that sends one AddOrder, for `late-write.test.ts`: `paused-sender.ts <url> <send by, ms> <stop|go>`. With `stop` it
 * stops itself the moment its connection has been asked for, as a paused machine does. Says on stdout how the call ended.
 */
import { writeSync } from 'node:fs';
import net from 'node:net';
// Loaded beforehand: that takes time of its own.
import 'axios';
import { systemClock } from '../../../lib/clock';
import { silentLog } from '../../../lib/log';
import { createWhmcs } from '../../../lib/whmcs/connection';
import { testCertificate } from './test-certificate';

const [, , url = '', sendByMs, mode] = process.argv;
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

if (mode === 'stop') {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    const made = Reflect.apply(connect, this, args) as net.Socket;
    say({ stopping: true });
    process.kill(process.pid, 'SIGSTOP');
    return made;
  } as typeof connect;
}

void (async () => {
  const whmcs = createWhmcs({
    url,
    identifier: 'id',
    secret: 'secret',
    ca: testCertificate,
    clock: systemClock,
    log: silentLog,
  });
  const request = {
    clientId: 1,
    paymentMethod: 'mailin',
    items: [{ pid: 1, billingCycle: 'monthly' as const, quantity: 1 }],
  };
  let sending = false;
  say({ calling: true });
  const end = await whmcs.addOrder(request, {
    sendBy: systemClock.monotonic() + Number(sendByMs),
    onSending: () => (sending = true),
  });
  whmcs.close();
  say({ end, sending });
})();
