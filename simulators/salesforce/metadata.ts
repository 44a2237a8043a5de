/** The custom fields that the shipped metadata (salesforce/) deploys: read from it, so that the org here cannot drift from it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';

const objectsFolder = join(__dirname, '../../salesforce/force-app/main/default/objects');

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const customField = z.object({
  fullName: z.string().endsWith('__c'),
  label: z.string(),
  type: z.enum(['Text', 'Picklist', 'Number', 'DateTime']),
  length: z.coerce.number().int().positive().optional(),
  required: flag.default(false),
  valueSet: z
    .object({
      restricted: flag,
      valueSetDefinition: z.object({ value: z.array(z.object({ fullName: z.string() })) }),
    })
    .optional(),
});

/** One CustomField of the metadata. */
export interface DeployedField {
  name: string;
  label: string;
  type: z.infer<typeof customField>['type'];
  /** Most characters; of a text. */
  length: number | null;
  required: boolean;
  /** Values of a restricted picklist. */
  values: string[] | null;
}

const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === 'value' });

/**
 * The fields deployed to one object, as Order or OrderProvisionRequested__e, by name.
 * @throws Error when the object has no metadata, or a file is none that we know.
 */
export function deployedFields(objectName: string): DeployedField[] {
  const folder = join(objectsFolder, objectName, 'fields');
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const { CustomField: parsed } = z
        .object({ CustomField: customField })
        .parse(parser.parse(readFileSync(join(folder, file), 'utf8')));
      const { valueSet } = parsed;
      return {
        name: parsed.fullName,
        label: parsed.label,
        type: parsed.type,
        length: parsed.length ?? null,
        required: parsed.required,
        values: valueSet?.restricted ? valueSet.valueSetDefinition.value.map((one) => one.fullName) : null,
      };
    });
}
