/** The words of `npm run prove`. */
import { parseArgs } from 'node:util';
import { engineNames, type EngineName } from './engines';
import { rows, type Row } from './rows';

export const help = `npm run prove -- [options]

Kills and stops real processes at every boundary of both protocols, under faults of both vendors, and judges by the
vendors' own books. Ends with 0 where nothing was breached, 1 where something was, 2 where it could not run.

  --seeds N         how many seeds on each engine (52: two of each row)
  --from N          the first seed (1); with --seeds 1: that seed alone
  --engine NAME     sqlite, redis or both (both)
  --row NAME        only seeds of this row of the table
  --walk            each boundary with each row, once killed and once stopped there; --seeds is as many as that takes,
                    unless it is given
  --beside N        seeds at a time (6)
  --rate N          how many times as fast as the machine's time theirs runs (50)
  --logs            log lines of every seed, not only of those that breach
  --teeth           takes one rule out at a time, and looks whether the proof notices
  --tooth WORDS     only the rules whose name holds these words
  --help            this text

Rows: ${rows.join('; ')}.
`;

export interface ProveCommand {
  /** null: as many as the walk has. */
  seeds: number | null;
  from: number;
  engines: readonly EngineName[];
  row: Row | undefined;
  /** Each boundary with each row, instead of what seeds draw. */
  walk: boolean;
  beside: number;
  rate: number;
  logs: boolean;
  /** Part of a rule's name, '' for all; null: the proof itself. */
  teeth: string | null;
  help: boolean;
}

const options = {
  seeds: { type: 'string' },
  from: { type: 'string', default: '1' },
  engine: { type: 'string', default: 'both' },
  row: { type: 'string' },
  walk: { type: 'boolean', default: false },
  beside: { type: 'string', default: '6' },
  rate: { type: 'string', default: '50' },
  logs: { type: 'boolean', default: false },
  teeth: { type: 'boolean', default: false },
  tooth: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;
const known = Object.keys(options)
  .map((name) => `--${name}`)
  .join(', ');

/** A command line that cannot be followed; its message is one line, for people. */
export class BadOptions extends Error {}

/** @throws BadOptions */
export function proveCommand(words: readonly string[]): ProveCommand {
  for (const word of words)
    if (word.startsWith('-') && !Object.hasOwn(options, word.replace(/^--/, '').replace(/=.*$/, '')))
      throw new BadOptions(`There is no option ${word.replace(/=.*$/, '')}. There are: ${known}.`);
  const values = parsed(words);
  const engines = values.engine === 'both' ? engineNames : engineNames.filter((name) => name === values.engine);
  if (engines.length === 0) throw new BadOptions('--engine must be sqlite, redis or both.');
  const row = rows.find((one) => one === values.row);
  if (values.row !== undefined && row === undefined) throw new BadOptions(`--row must be one of: ${rows.join('; ')}.`);
  const { walk } = values;
  if (walk && row !== undefined) throw new BadOptions('--walk takes all rows: leave --row out.');
  return {
    seeds: walk && values.seeds === undefined ? null : whole('seeds', values.seeds ?? '52'),
    from: whole('from', values.from),
    engines,
    row,
    walk,
    beside: whole('beside', values.beside),
    rate: whole('rate', values.rate),
    logs: values.logs,
    teeth: values.tooth ?? (values.teeth ? '' : null),
    help: values.help,
  };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    // Of Node's text the first sentence says it.
    throw new BadOptions(`${(error instanceof Error ? error.message : String(error)).split(/[.\n]/, 1)[0]}.`);
  }
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new BadOptions(`--${name} must be a whole number, 1 or more.`);
  return value;
}
