/**
 * The steps that the orders of a store pass in the deployed flow: get order, client check, mapping check, add order, each
 * reached from the one before it. What is asked about orders without an event goes by these very nodes.
 */
import { currentCheck, stepsAmong, type DeployedStep } from './registry';

export interface FlowSteps {
  /** By what each puts on the message. */
  byKey: Record<'order' | 'client' | 'mapping' | 'whmcs', DeployedStep>;
  /** Which nodes, where there was a choice; a sentence each. */
  notes: string[];
}

/**
 * @param storeId id of the config node *store*.
 * @returns the steps behind the first source that has all of them; else what is missing.
 */
export function flowSteps(storeId: string): FlowSteps | { problem: string } {
  const sources = currentCheck().sourcesOf(storeId);
  if (sources.length === 0) return { problem: 'No platform event node of the flow uses this store' };
  const found = sources.map((source) => ({ source, ...behind(source) }));
  const whole = found.find((one) => 'byKey' in one);
  if (whole === undefined || !('byKey' in whole)) {
    const lacks = found.map(({ source, missing }) => `no ${missing ?? ''} behind "${source.label}"`);
    return { problem: `The flow has ${lacks.join(', ')}, or it lacks a setting` };
  }
  const others = sources.filter(({ id }) => id !== whole.source.id).map(({ label }) => `"${label}"`);
  const note = `Of several platform event nodes "${whole.source.label}" was followed, not ${others.join(', ')}`;
  return { byKey: whole.byKey, notes: [...(others.length > 0 ? [note] : []), ...whole.notes] };
}

function behind(source: { id: string; label: string }): (FlowSteps & { missing?: never }) | { missing: string } {
  const notes: string[] = [];
  const next = (from: string, type: string): DeployedStep | string => {
    const candidates = stepsAmong(currentCheck().reach(from)).filter((one) => one.type === type);
    const [used, ...others] = candidates;
    if (used === undefined) return type;
    const not = others.map(({ label }) => `"${label}"`).join(', ');
    if (others.length > 0)
      notes.push(`Of ${candidates.length} ${type} nodes behind "${source.label}" "${used.label}" was used, not ${not}`);
    return used;
  };
  const order = next(source.id, 'sf-get-order');
  if (typeof order === 'string') return { missing: order };
  const client = next(order.flowId, 'whmcs-client-check');
  if (typeof client === 'string') return { missing: client };
  const mapping = next(client.flowId, 'mapping-check');
  if (typeof mapping === 'string') return { missing: mapping };
  const whmcs = next(mapping.flowId, 'whmcs-add-order');
  if (typeof whmcs === 'string') return { missing: whmcs };
  return { byKey: { order, client, mapping, whmcs }, notes };
}
