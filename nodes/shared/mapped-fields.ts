/**
 * What mapping checks want to be read of each item. A node that reads Orders asks for what those want that its messages
 * reach, so that each name is written in one place.
 */
import type { Node, NodeAPI } from 'node-red';
import { furtherPaths, type FieldMapping } from '../../lib/provisioning/field-mapping';
import { currencyPaths } from '../../lib/provisioning/price-currency';
import type { FieldNames } from '../../lib/salesforce/contract';
import { currentCheck, flowIdOf, onDeployed } from './registry';

/** By the id of the node, while it stands. */
const wanted = new Map<string, { flowId: string; label: string; mapping: FieldMapping }>();

/** To be called by a mapping check; forgotten when it closes. */
export function wantFields(RED: NodeAPI, node: Node, mapping: FieldMapping): void {
  const entry = { flowId: flowIdOf(node), label: node.name || node.type, mapping };
  wanted.set(node.id, entry);
  // Who is reached by whom is known after each deploy.
  const leave = onDeployed(RED, () => undefined);
  node.on('close', () => {
    leave();
    if (wanted.get(node.id) === entry) wanted.delete(node.id);
  });
}

/** For a node that reads Orders. Of several mappings the first names product and cycle. */
export function fieldsWanted(node: Node): Partial<Pick<FieldNames, 'productId' | 'billingCycle' | 'further'>> {
  const mappings = behind(node).map(({ mapping }) => mapping);
  const [first] = mappings;
  if (first === undefined) return {};
  const further = [...new Set(mappings.flatMap((mapping) => [...furtherPaths(mapping), ...currencyPaths(mapping)]))];
  const { productId, billingCycle } = first;
  return { productId, billingCycle, ...(further.length > 0 ? { further } : {}) };
}

function behind(node: Node) {
  const reached = currentCheck().reach(flowIdOf(node));
  return [...wanted.values()].filter(({ flowId }) => reached.has(flowId));
}

/**
 * For a node that reads Orders: warns after a deploy where mapping checks behind it name different fields for the product
 * or the cycle. The one query reads one of each.
 */
export function tellOfDifferentFields(RED: NodeAPI, node: Node): void {
  let told = '';
  const leave = onDeployed(RED, () => {
    const found = differences(node);
    if (found !== '' && found !== told) node.warn(found);
    told = found;
  });
  node.on('close', leave);
}

function differences(node: Node): string {
  const [first, ...others] = behind(node);
  const words = { productId: 'the WHMCS product', billingCycle: 'the billing cycle' } as const;
  return Object.entries(words)
    .flatMap(([key, what]) => {
      const field = key as keyof typeof words;
      const other = others.find(({ mapping }) => mapping[field] !== first?.mapping[field]);
      if (first === undefined || other === undefined) return [];
      const one = `"${first.label}" reads ${what} from ${first.mapping[field]}`;
      return `${one}, "${other.label}" from ${other.mapping[field]}: ${first.mapping[field]} is used for both. Set the same on each.`;
    })
    .join(' ');
}

/** What the mapping check of this id in the flow file is set up with. */
export const mappingOf = (flowId: string): FieldMapping | undefined =>
  [...wanted.values()].find((one) => one.flowId === flowId)?.mapping;
