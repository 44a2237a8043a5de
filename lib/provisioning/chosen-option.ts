/** What the text of a Salesforce field chooses of a configurable option of WHMCS. Pure. */
import { cut } from '../salesforce/texts';
import type { ConfigOption } from '../whmcs/contract';

/** `value` is what AddOrder takes: the id of a choice, 1 or 0, or a number. `wrong` goes on after "is no value of option 3". */
export type Chosen = { value: number } | { wrong: string; fix?: string };

const yes = /^(?:true|yes|1)$/i;
const no = /^(?:false|no|0)$/i;

/**
 * WHMCS takes whatever is wrong here without a word, and sells the least or the first instead: so nothing is guessed.
 * @param option undefined: this WHMCS does not tell what it takes.
 */
export function chosenOf(text: string, option: ConfigOption | undefined): Chosen {
  const digits = /^(\d{1,9})(?:\.0+)?$/.exec(text)?.[1];
  const number = digits === undefined ? null : Number(digits);
  switch (option?.kind) {
    case 'choice':
      return choiceOf(text, number, option.choices);
    case 'yesno':
      if (yes.test(digits ?? text)) return { value: 1 };
      if (no.test(digits ?? text)) return { value: 0 };
      return { wrong: 'which takes yes or no' };
    case 'quantity': {
      const count = number ?? (/^true$/i.test(text) ? 1 : /^false$/i.test(text) ? 0 : null);
      const { least, most } = option;
      if (count !== null && count >= (least ?? 0) && (most === null || count <= most)) return { value: count };
      const atLeast = least === null ? '' : ` from ${least}`;
      return { wrong: `which takes a number${most === null ? atLeast : `${atLeast || ' from 0'} to ${most}`}` };
    }
    default:
      return number === null
        ? { wrong: 'of which WHMCS tells no choices, so that it takes a number' }
        : { value: number };
  }
}

/** By name or by id; a checkbox by the names Yes and No. */
function choiceOf(text: string, number: number | null, choices: ConfigOption['choices']): Chosen {
  const named = (name: string) => choices.filter((one) => folded(one.name) === folded(name));
  const meant = choices.filter((one) => one.id === number || folded(one.name) === folded(text));
  const word = /^true$/i.test(text) ? 'Yes' : /^false$/i.test(text) ? 'No' : null;
  const found = meant.length === 0 && word !== null ? named(word) : meant;
  const [one, ...others] = found;
  if (one !== undefined && others.length === 0) return { value: one.id };
  if (one !== undefined) {
    const places = found.map(({ id, name }) => `${id} '${cut(name, 30)}'`).join(' or ');
    return { wrong: `where it can mean choice ${cut(places, 120)}`, fix: ambiguous };
  }
  const listed = cut(choices.map(({ name }) => name).join(', '), 120) || 'nothing';
  if (word === null) return { wrong: `which takes ${listed}` };
  return { wrong: `where a checkbox needs a choice '${word}': it takes ${listed}`, fix: checkbox };
}

const ambiguous = 'Give each choice of the option a name of its own in WHMCS, and one that is no number.';
const checkbox = 'Feed the option from a field with the names of its choices, or name its choices Yes and No in WHMCS.';

/** As people would call it the same. */
const folded = (name: string): string => name.trim().replace(/\s+/g, ' ').toLowerCase();
