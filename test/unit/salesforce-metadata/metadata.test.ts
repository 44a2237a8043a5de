import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, scan } from '@flow-scanner/lightning-flow-scanner-core';
import { ComponentSet, MetadataConverter } from '@salesforce/source-deploy-retrieve';
import { XMLParser } from 'fast-xml-parser';
import { messageLimit } from '../../../lib/provisioning/failure';
import { defaultFieldNames } from '../../../lib/salesforce/contract';
import { deployedFields } from '../../../simulators/salesforce/metadata';
import { objectSchema } from '../../../simulators/salesforce/schema';

const project = join(__dirname, '../../../salesforce');
const source = join(project, 'force-app');
const main = join(source, 'main/default');

const xml = (file: string): Record<string, Record<string, unknown>> =>
  new XMLParser({ isArray: (name) => ['fieldPermissions', 'objectPermissions'].includes(name) }).parse(
    readFileSync(join(main, file), 'utf8'),
  ) as Record<string, Record<string, unknown>>;

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('The Salesforce metadata', () => {
  it("converts from source to metadata with Salesforce's own tooling, each file known to it", async () => {
    const components = ComponentSet.fromSource(source);
    const known = components
      .getSourceComponents()
      .toArray()
      .flatMap((component) => [component.xml ?? '', ...component.walkContent()]);
    for (const file of filesUnder(source)) assert.ok(known.includes(file), `${file} belongs to no component`);
    const outputDirectory = mkdtempSync(join(tmpdir(), 'metadata-'));
    try {
      await new MetadataConverter().convert(components, 'metadata', {
        type: 'directory',
        outputDirectory,
        genUniqueDir: false,
      });
      const manifest = readFileSync(join(outputDirectory, 'package.xml'), 'utf8');
      for (const type of [
        'CustomObject',
        'CustomField',
        'Flow',
        'ValidationRule',
        'PermissionSet',
        'QuickAction',
        'Report',
      ])
        assert.match(manifest, new RegExp(`<name>${type}</name>`));
      const order = readFileSync(join(outputDirectory, 'objects/Order.object'), 'utf8');
      for (const { name } of deployedFields('Order')) assert.match(order, new RegExp(`<fullName>${name}</fullName>`));
    } finally {
      rmSync(outputDirectory, { recursive: true });
    }
  });

  it('has Flows that a public linter finds nothing to say against', async () => {
    const folder = join(main, 'flows');
    const flows = await parse(readdirSync(folder).map((file) => join(folder, file)));
    assert.equal(flows.length, 4);
    for (const { uri, errorMessage } of flows) assert.equal(errorMessage, undefined, uri);
    const found = scan(flows).flatMap(({ flow, ruleResults }) =>
      ruleResults.filter(({ occurs }) => occurs).map(({ ruleName }) => `${flow.name}: ${ruleName}`),
    );
    // Its own entry condition ends the recursion: it runs on a change of Status, which it does not make.
    assert.deepEqual(found, ['Order_Provisioning_Approval: RecursiveAfterUpdate']);
  });

  it('has each field that the pack reads or writes, where it looks for it', () => {
    const { account, productId, billingCycle, itemServiceId, ...ofOrder } = defaultFieldNames;
    const names = (object: string): string[] => deployedFields(object).map(({ name }) => name);
    assert.deepEqual(names('Order').sort(), Object.values(ofOrder).sort());
    assert.deepEqual(names('Account'), [account]);
    assert.deepEqual(names('Product2').sort(), [productId, billingCycle].sort());
    assert.deepEqual(names('OrderItem'), [itemServiceId]);
    assert.deepEqual(names('OrderProvisionRequested__e'), ['BusinessKey__c', 'OrderId__c']);
  });

  it('has room for what is written', () => {
    const length = (name: string) => deployedFields('Order').find((field) => field.name === name)?.length;
    assert.equal(length('Activation_Error_Message__c'), messageLimit);
    const orderId = deployedFields('OrderProvisionRequested__e').find(({ name }) => name === 'OrderId__c');
    assert.deepEqual([orderId?.length, orderId?.required], [18, true]);
    const status = deployedFields('Order').find(({ name }) => name === 'Activation_Status__c');
    assert.deepEqual(status?.values, ['Not Started', 'Activating', 'Activated', 'Failed']);
  });

  it("is what the simulated org's schema is made of", () => {
    for (const object of ['Order', 'OrderItem', 'Account', 'Product2'])
      for (const { name, length, values } of deployedFields(object)) {
        const field = objectSchema(object)?.fields.get(name.toLowerCase());
        assert.deepEqual([field?.name, field?.length ?? null, field?.values ?? null], [name, length, values]);
      }
  });

  it('publishes after commit, with high volume', () => {
    const { CustomObject: event } = xml(
      'objects/OrderProvisionRequested__e/OrderProvisionRequested__e.object-meta.xml',
    );
    assert.deepEqual([event?.publishBehavior, event?.eventType], ['PublishAfterCommit', 'HighVolume']);
  });

  it('publishes on the change to Activating alone', () => {
    const { Flow: flow } = xml('flows/Order_Provisioning_Publish.flow-meta.xml');
    const start = flow?.start as Record<string, unknown>;
    assert.equal(start.doesRequireRecordChangedToMeetCriteria, true);
    assert.deepEqual(start.filters, {
      field: 'Activation_Status__c',
      operator: 'EqualTo',
      value: { stringValue: 'Activating' },
    });
    assert.deepEqual([start.recordTriggerType, start.triggerType], ['Update', 'RecordAfterSave']);
  });

  it('lets a new Order start without anything of the Order it was cloned from', () => {
    const { Flow: flow } = xml('flows/Order_Provisioning_New_Order.flow-meta.xml');
    const start = flow?.start as Record<string, unknown>;
    assert.deepEqual([start.recordTriggerType, start.triggerType], ['Create', 'RecordBeforeSave']);
    const { assignmentItems } = flow?.assignments as { assignmentItems: { assignToReference: string }[] };
    assert.deepEqual(
      assignmentItems.map((item) => item.assignToReference.replace('$Record.', '')).sort(),
      deployedFields('Order')
        .map(({ name }) => name)
        .sort(),
    );
  });

  describe('permission sets', () => {
    interface FieldPermission {
      field: string;
      editable: boolean;
      readable: boolean;
    }
    const editable = (name: string): string[] =>
      (xml(`permissionsets/${name}.permissionset-meta.xml`).PermissionSet?.fieldPermissions as FieldPermission[])
        .filter((one) => one.editable)
        .map((one) => one.field);
    const objects = (name: string): Record<string, unknown>[] =>
      xml(`permissionsets/${name}.permissionset-meta.xml`).PermissionSet?.objectPermissions as Record<
        string,
        unknown
      >[];

    it('let the integration write what it writes, and nothing else', () => {
      assert.deepEqual(
        editable('Order_Provisioning_Integration').sort(),
        [...deployedFields('Order').map(({ name }) => `Order.${name}`), 'OrderItem.WHMCS_Service_ID__c'].sort(),
      );
    });

    it('let people press Retry, and write nothing but the status', () => {
      assert.deepEqual(editable('Order_Provisioning_Retry'), ['Order.Activation_Status__c']);
    });

    it('never let anyone delete, create, or see past sharing', () => {
      for (const name of ['Order_Provisioning_Integration', 'Order_Provisioning_Retry'])
        for (const one of objects(name))
          assert.deepEqual(
            [one.allowCreate, one.allowDelete, one.modifyAllRecords, one.viewAllRecords],
            [false, false, false, false],
          );
    });
  });
});
