/** The catalogue checked against WHMCS, on the command line; `--help` tells the rest. */
import type { Log } from '../../lib/log';
import { runCoverage, type CoverageProgress } from '../../lib/provisioning/coverage';
import type { CoverageReport } from '../../lib/provisioning/coverage-report';
import { Failure } from '../../lib/provisioning/failure';
import { defaultFieldMapping, type FieldMapping } from '../../lib/provisioning/field-mapping';
import { argumentsOf, help, UsageError, type Arguments } from './arguments';
import { connect, type Environment } from './environment';
import { flowSettings } from './flow-file';
import { put, refuseUnwritable } from './outputs';
import { progressLine } from './progress-line';

const exitCodes = { checked: 0, faults: 1, usage: 2, notChecked: 3, interrupted: 130 } as const;

const progress = progressLine(process.stderr);
const say = (line: string): void => {
  progress.end();
  process.stderr.write(`${line}\n`);
};
/** What ends the run is told once, at its end. */
const log: Log = { debug() {}, info() {}, warn: (text) => say(text), error() {} };

async function main(signal: AbortSignal): Promise<number> {
  const given = argumentsOf(process.argv.slice(2));
  if (given.help) {
    console.log(help);
    return exitCodes.checked;
  }
  refuseUnwritable(given);
  if (!given.demo) return await check(process.env, given, signal);
  // Loaded for this alone: a server each.
  const { startDemo } = await import('./demo-vendors');
  say('starting a simulated Salesforce and a simulated WHMCS');
  const demo = await startDemo(given.products);
  try {
    return await check(demo.environment, given, signal);
  } finally {
    await demo.stop();
  }
}

async function check(environment: Environment, given: Arguments, signal: AbortSignal): Promise<number> {
  const flow = given.flow === null ? null : flowSettings(given.flow, given.mappingCheck, environment);
  const fields = flow?.fields ?? fieldsOf(given);
  const { parts, pricebookId: ofEnvironment, close } = connect(environment, log);
  const pricebookId = flow?.pricebookId === undefined ? ofEnvironment : flow.pricebookId;
  const { currencies } = given;
  let report: CoverageReport;
  try {
    const onProgress = (at: CoverageProgress): void => progress.show(at);
    report = await runCoverage({ ...parts, fields }, { pricebookId, currencies, signal, onProgress });
  } finally {
    progress.end();
    close();
  }
  await put(report, given, say);
  return given.strict && !report.ok ? exitCodes.faults : exitCodes.checked;
}

const fieldsOf = ({ productIdField, billingCycleField }: Arguments): FieldMapping => ({
  ...defaultFieldMapping,
  ...(productIdField === null ? {} : { productId: productIdField }),
  ...(billingCycleField === null ? {} : { billingCycle: billingCycleField }),
});

function interrupts(): AbortSignal {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interrupted.abort(new Error('interrupted')));
  return interrupted.signal;
}

function ended(error: unknown, signal: AbortSignal): number {
  if (signal.aborted) {
    say('Interrupted: there is no report.');
    return exitCodes.interrupted;
  }
  if (error instanceof UsageError) {
    say(error.message);
    return exitCodes.usage;
  }
  if (error instanceof Failure) {
    say(`${error.code}: ${error.message}\n${error.owner}: ${error.fix}`);
    return exitCodes.notChecked;
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return exitCodes.notChecked;
}

/** The pauses between tries keep no process alive: without this it would end in one, silently and with exit code 0. */
setInterval(() => undefined, 60_000);
process.exitCode = exitCodes.notChecked;
const signal = interrupts();
main(signal).then(
  (code) => process.exit(code),
  (error: unknown) => process.exit(ended(error, signal)),
);
