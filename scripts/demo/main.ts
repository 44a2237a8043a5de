/** `npm run demo`: the whole job on this machine, to look at; with `--check` the five stories, judged by both ledgers. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { look, stories, tell, type Outcome, type Story, type Vendors } from './stories';
import { startWorld } from './world';

const options = {
  check: { type: 'boolean', default: false },
  port: { type: 'string' },
  directory: { type: 'string' },
} as const;
const settleMs = 60_000;
const everyMs = 250;

/** As a shell tells that somebody pressed Ctrl+C. */
const interruptedCode = 130;

const say = (text: string): void => console.log(`  ${text}`);

/** Aborted by Ctrl+C, and by those who end us otherwise. */
function interrupts(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!interrupted.signal.aborted) say('ending');
      interrupted.abort(new Error('interrupted'));
    });
  }
  return interrupted.signal;
}

async function main(signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({ options });
  const directory = values.directory ?? join(__dirname, '..', '..', '.demo', values.check ? 'check' : 'editor');
  const port = values.port === undefined ? (values.check ? 0 : 1880) : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is no port`);
  const world = await startWorld({ directory, port, say, signal });
  try {
    if (values.check) return await check(world.vendors, signal);
    console.log(`
The editor is at ${world.editor}

  1. Open the tab "Demo orders" and click the button left of "Good order": an Order is approved in the simulated Salesforce.
  2. Open the tab "Order provisioning" and watch it pass; the debug sidebar (the bug, top right) shows the message.
  3. Try the other four stories. The simulators' panels: ${world.vendors.salesforce}/_panel and ${world.vendors.whmcs}/_panel
  4. Look without changing anything: the buttons "dry run" and "coverage" on the tab "Order provisioning".
  5. Health: ${world.editor}health

Ctrl+C ends everything.`);
    await once(signal);
    return 0;
  } finally {
    await world.stop();
  }
}

const once = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Tells all stories, waits for their ends, prints the table. */
async function check(vendors: Vendors, signal: AbortSignal): Promise<number> {
  const told: { story: Story; id: string }[] = [];
  for (const story of stories) {
    signal.throwIfAborted();
    say(`approving "${story.label}"`);
    told.push({ story, id: (await tell(story, vendors)).id });
  }
  const until = Date.now() + settleMs;
  const rows: { story: Story; outcome: Outcome; fault: string | null }[] = [];
  for (const { story, id } of told) {
    let outcome = await look(id, vendors);
    while (outcome.status === 'Activating' && Date.now() < until) {
      await pause(everyMs, undefined, { signal });
      outcome = await look(id, vendors);
    }
    rows.push({ story, outcome, fault: story.judge(outcome) });
  }
  print(rows);
  const wrong = rows.filter((row) => row.fault !== null).length;
  console.log(
    wrong === 0
      ? `\nAll ${rows.length} orders ended as they must.`
      : `\n${wrong} of ${rows.length} orders ended wrong.`,
  );
  return wrong === 0 ? 0 : 1;
}

function print(rows: { story: Story; outcome: Outcome; fault: string | null }[]): void {
  const table = rows.map(({ story, outcome, fault }) => [
    story.label,
    outcome.number,
    [outcome.status, outcome.code ?? '', outcome.whmcsOrderId === null ? '' : `WHMCS ${outcome.whmcsOrderId}`]
      .filter(Boolean)
      .join(' '),
    outcome.whmcsOrders.map((order) => `${order.id} ${order.status}`).join(', ') || 'none',
    fault === null ? 'ok' : `WRONG: ${fault}`,
  ]);
  const head = ['Story', 'Order', 'Salesforce shows', 'WHMCS holds', 'As it must be'];
  const widths = head.map((word, column) => Math.max(word.length, ...table.map((row) => (row[column] ?? '').length)));
  const line = (cells: string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  console.log(`\n${line(head)}\n${line(widths.map((width) => '-'.repeat(width)))}`);
  for (const row of table) console.log(line(row));
  for (const { story, outcome } of rows) if (outcome.message) console.log(`\n${story.label}: ${outcome.message}`);
}

const interrupted = interrupts();
main(interrupted).then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (interrupted.aborted) process.exit(interruptedCode);
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
