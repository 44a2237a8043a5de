/**
 * What *control* is asked that only reads and takes its time: a dry run of orders, the coverage of the catalogue. One at a
 * time for each node; closing it ends it.
 */
import type { NodeStatus } from 'node-red';
import { runCoverage } from '../../lib/provisioning/coverage';
import { coverageCsv } from '../../lib/provisioning/coverage-csv';
import { coverageText } from '../../lib/provisioning/coverage-text';
import { dryRun, dryRunAsked } from '../../lib/provisioning/dry-run';
import { dryRunBlocks, dryRunText } from '../../lib/provisioning/dry-run-report';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import { inBlocks } from '../../lib/provisioning/report-lines';
import type { Log } from '../../lib/log';
import { flowSteps, type FlowSteps } from './flow-steps';
import { mappingOf } from './mapped-fields';

export const lookTopics = ['dry run', 'coverage'] as const;
export type LookTopic = (typeof lookTopics)[number];

/** What goes on the message, into the debug sidebar, and below the node. */
export interface Look {
  message: { payload: unknown; text?: string; csv?: string };
  blocks: string[];
  status: NodeStatus;
}

export interface LookParts {
  /** Id of the config node *store*. */
  storeId: string;
  log: Log;
  show: (status: NodeStatus) => void;
}

const closes = 'Node-RED closes this node';

export class Looks {
  private readonly closing = new AbortController();
  private running: { topic: LookTopic; end: Promise<unknown> } | null = null;

  constructor(private readonly parts: LookParts) {}

  /** @returns null: the node was closed meanwhile. @throws what kept it from its end. */
  async look(topic: LookTopic, payload: unknown, provisioning: Provisioning): Promise<Look | null> {
    if (this.running) return refused(topic, `A ${this.running.topic} is under way; ask again when it has ended`);
    const steps = flowSteps(this.parts.storeId);
    if ('problem' in steps) return refused(topic, steps.problem);
    const end =
      topic === 'dry run' ? this.dryRun(payload, steps, provisioning) : this.coverage(payload, steps, provisioning);
    this.running = { topic, end };
    try {
      return await end;
    } catch (error) {
      if (this.closing.signal.aborted) return null;
      throw error;
    } finally {
      this.running = null;
    }
  }

  /** Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    this.closing.abort(new Error(closes));
    await this.running?.end.catch(() => undefined);
  }

  private async dryRun(payload: unknown, { byKey, notes }: FlowSteps, provisioning: Provisioning): Promise<Look> {
    const asked = dryRunAsked(payload);
    if ('problem' in asked) return refused('dry run', asked.problem);
    const { store, idMappings, sender, clock } = provisioning;
    const { order, client, mapping, whmcs } = byKey;
    const entries = await dryRun(asked, {
      steps: [order, client, mapping, whmcs].map(({ step }) => step),
      store,
      idMappings,
      sender,
      clock,
      signal: this.closing.signal,
      onProgress: (done, of) => this.progress(`dry run: ${done} of ${of}`),
    });
    const good = entries.filter(({ ok }) => ok).length;
    return {
      message: { payload: entries, text: dryRunText(entries, notes) },
      blocks: [...notes, ...dryRunBlocks(entries)],
      status: ended(good === entries.length, `dry run: ${good} of ${entries.length} good`),
    };
  }

  private async coverage(payload: unknown, { byKey }: FlowSteps, { clock }: Provisioning): Promise<Look> {
    const { salesforce } = byKey.order.connections;
    const { whmcs } = byKey.mapping.connections;
    const fields = mappingOf(byKey.mapping.flowId);
    if (!salesforce || !whmcs || !fields) return refused('coverage', 'The flow is being deployed; ask again');
    const report = await runCoverage(
      {
        salesforce: salesforce.salesforce,
        whmcs: whmcs.whmcs,
        catalogue: whmcs.catalogue,
        fields,
        clock,
        log: this.parts.log,
      },
      {
        pricebookId: pricebookIn(payload) ?? textOf(byKey.order.settings['pricebookId']),
        currencies: currenciesIn(payload),
        signal: this.closing.signal,
        onProgress: ({ checked, total }) => this.progress(`coverage: ${checked} of ${total}`),
      },
    );
    const { good, products } = report.totals;
    const ofMapping = report.findings.some(({ product }) => product === null);
    const text = coverageText(report);
    const [first = '', second = '', ...rows] = text.split('\n').filter((line) => line.trim() !== '');
    return {
      message: { payload: report, text, csv: coverageCsv(report) },
      blocks: report.ok ? [] : inBlocks(`${first}\n${second}`, rows, 'msg.text and msg.csv'),
      status: ended(report.ok, `coverage: ${good} of ${products} good${ofMapping ? ', the mapping not' : ''}`),
    };
  }

  private progress(text: string): void {
    this.parts.show({ fill: 'blue', shape: 'ring', text });
  }
}

/** `{ pricebookId: '01s…' }`: another price book than that of get order. */
const pricebookIn = (payload: unknown): string | null =>
  typeof payload === 'object' && payload !== null && 'pricebookId' in payload ? textOf(payload.pricebookId) : null;

/** `{ currencies: ['USD'] }`, or `'USD, EUR'`: those that clients have. */
function currenciesIn(payload: unknown): string[] | null {
  if (typeof payload !== 'object' || payload === null || !('currencies' in payload)) return null;
  const { currencies } = payload;
  const codes = Array.isArray(currencies) ? currencies.map(String) : (textOf(currencies)?.split(/[\s,;]+/) ?? []);
  const named = codes.filter((code) => code.trim() !== '');
  return named.length > 0 ? named : null;
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value : null);

const ended = (good: boolean, text: string): NodeStatus => ({ fill: good ? 'green' : 'yellow', shape: 'dot', text });

const refused = (topic: LookTopic, text: string): Look => ({
  message: { payload: [{ subject: null, done: false, text }] },
  blocks: [],
  status: { fill: 'yellow', shape: 'dot', text: `${topic}: not begun` },
});
