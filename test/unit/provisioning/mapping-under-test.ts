/** Mapping check and add order against the simulator of WHMCS, which reads the body as PHP does, and whose books count. */
import assert from 'node:assert/strict';
import { silentLog } from '../../../lib/log';
import { addOrder, addOrderDefaults, type AddOrderSettings } from '../../../lib/provisioning/add-order';
import { defaultFieldMapping, type FieldMapping } from '../../../lib/provisioning/field-mapping';
import { mapping } from '../../../lib/provisioning/mapping';
import type { ClientPart, MappingPart, OrderPart, WhmcsPart } from '../../../lib/provisioning/message';
import { Catalogue } from '../../../lib/whmcs/catalogue';
import { createWhmcs, type WhmcsConnection } from '../../../lib/whmcs/connection';
import { demoCredentials } from '../../../simulators/whmcs/authentication';
import type { BookedOrder } from '../../../simulators/whmcs/back-office';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../../simulators/whmcs/server';
import { input, World, type Process } from './vendor-doubles/world';

export type Item = OrderPart['items'][number];

/** A line of AddOrder as the ledger has it. */
export interface BookedItem {
  pid: number;
  quantity: number;
  billingCycle: string;
  price: string;
  serviceIds: number[];
  customFields: Record<string, string>;
  configOptions: Record<string, number>;
}

export interface How {
  settings?: Partial<AddOrderSettings>;
  fields?: FieldMapping;
  client?: Partial<ClientPart>;
}

export interface Added {
  value: MappingPart;
  created: { items: BookedItem[]; notes: string };
  booked: BookedOrder;
  part: WhmcsPart;
  /** Of the Salesforce order. */
  id: string;
}

/** An item of a product with these fields, by path. */
export const item = (pid: number | string, quantity = 1, over: Partial<Item> = {}, cycle = 'Monthly'): Item => ({
  id: `802${pid}`,
  quantity,
  price: null,
  product: { id: '01t', name: `Product ${pid}`, productId: String(pid), billingCycle: cycle },
  ...over,
});

/** Of the Order that is mapped alone: no count of those that are added comes to it. */
const neverAdded = '801999999999999AAA';

export class MappingUnderTest {
  private orders = 0;

  private constructor(
    readonly simulator: WhmcsSimulator,
    private readonly world: World,
    private readonly process: Process,
    private readonly whmcs: WhmcsConnection,
    readonly fields: FieldMapping,
  ) {}

  static async start(paths: Partial<FieldMapping>): Promise<MappingUnderTest> {
    const simulator = await startWhmcsSimulator();
    const world = new World();
    const process = await world.process(world.directory());
    await process.begin(neverAdded);
    const { identifier, secret } = demoCredentials;
    const whmcs = createWhmcs({ url: simulator.url, identifier, secret, clock: world.clock, log: silentLog });
    return new MappingUnderTest(simulator, world, process, whmcs, { ...defaultFieldMapping, ...paths });
  }

  /** Maps the items of an Order that is never added, with a catalogue of its own. */
  async map(items: Item[], how: How = {}): Promise<{ way: string; value: MappingPart }> {
    const { order, client } = input({ id: neverAdded });
    const marked = typeof how.settings?.marker === 'object';
    const step = mapping(new Catalogue(this.whmcs, this.world.clock), how.fields ?? this.fields, { marked });
    const parts = { order: { ...order, items }, client: { ...client, ...how.client } };
    const outcome = await step.run(parts, this.process.context(order.id));
    assert.ok('way' in outcome && outcome.value);
    return { way: outcome.way, value: outcome.value };
  }

  /** Maps the items and adds what was mapped; a new Salesforce order each time. */
  async add(items: Item[], how: How = {}): Promise<Added> {
    const { way, value } = await this.map(items, how);
    assert.equal(way, 'mapped', JSON.stringify(value.items.map((one) => one.faults)));
    const id = `801${String(++this.orders).padStart(12, '0')}AAA`;
    const { order, client } = input({ id });
    await this.process.begin(id);
    const step = addOrder({ ...addOrderDefaults, ...how.settings }, this.whmcs);
    const parts = { order: { ...order, items }, client: { ...client, ...how.client }, mapping: value };
    const outcome = await step.run(parts, this.process.context(id));
    assert.ok('way' in outcome && outcome.value, JSON.stringify(outcome));
    const part = outcome.value;
    const created = this.simulator.panel.ledger('orderCreated').at(-1) as unknown as Added['created'];
    const booked = this.simulator.office.orders().find((one) => one.id === part.orderId);
    assert.ok(booked);
    return { value, created, booked, part, id };
  }

  async close(): Promise<void> {
    this.whmcs.close();
    await this.world.close();
    await this.simulator.close();
  }
}
