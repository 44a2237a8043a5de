import { errorCodes } from '../lib/provisioning/error-codes';
import { mappingFaults } from '../lib/provisioning/mapping-faults';
import { defaultFieldNames } from '../lib/salesforce/contract';

/** The page of all error codes, as Markdown. */
export function errorCodesPage(): string {
  const rows = Object.entries(errorCodes).map(
    ([code, { owner, retryable, fix }]) =>
      `| \`${code}\` | ${owner} | ${retryable ? 'may help' : 'not by itself'} | ${fix} |`,
  );
  const faults = mappingFaults(defaultFieldNames).map(
    ({ code, owner, isWarning, fix }) => `| \`${code}\` | ${owner} | ${isWarning ? 'warning' : 'fault'} | ${fix} |`,
  );
  return `# Error codes

What \`Activation_Error_Code__c\` and \`msg.failure.code\` can hold. Pressing Retry is always safe; the third column says whether it can help with nothing else changed.

A vendor's own codes keep their form: an HTTP status is \`429\` or \`503\`, a time-out is \`ETIMEOUT\`, Salesforce's are words such as \`INVALID_FIELD\`.

| code | owner | Retry | what to do |
| --- | --- | --- | --- |
${rows.join('\n')}

## Faults of an item

What \`msg.mapping.items[].faults[].code\` and \`warnings[].code\` can hold. An order with a fault ends as \`MAPPING_INCOMPLETE\`; a warning keeps nothing back.

| code | owner | kind | what to do |
| --- | --- | --- | --- |
${faults.join('\n')}
`;
}
