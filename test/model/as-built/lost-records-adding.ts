/** How an order is added on a store that loses records. See `lost-records.ts`. */
import type { Go } from '../explorer';
import { sentBySomebody, type Add, type Book, type LossOptions, type State } from './lost-records-state';

export function adding(state: State, options: LossOptions, go: Go<State>): void {
  const { book, rows, lost } = state;
  // getOrder goes on with what is Activating alone.
  const runs = book.open && state.salesforce === 'Activating';
  const { kept, without } = options;
  const step = (label: string, change: (next: State, mine: Book) => void): void =>
    go(label, (next) => {
      next.taken ||= next.lost;
      change(next, next.book);
    });
  const at = book.adds.findIndex(({ settled }) => settled === '');
  const intent = book.adds[at];
  const marked = kept && without !== 'the mark' ? rows.map((_, row) => row + 1) : [];
  const seen = state.facts.filter(({ id }) => book.adds.some((one) => one.id === id)).map(({ row }) => row);
  const fails = (next: State, salesforce: State['salesforce']): void => {
    next.pc = 'idle';
    next.book.open = false;
    next.salesforce = salesforce;
  };
  /** Facts, then marks; false: nothing is found. */
  const finds = (next: State, mine: Book, add: Add): boolean => {
    const ours = [...new Set(seen.length > 0 ? seen : marked)];
    const [first] = ours;
    if (first === undefined) return false;
    if (ours.length > 1) {
      add.stopped = true;
      fails(next, 'TWIN');
      return true;
    }
    // isMadeElsewhere: the ledger lacks the call, or lacked it when the intent was written.
    const elsewhere = add.unknown || !book.adds.some(({ id }) => id === rows[first - 1]?.mark);
    Object.assign(add, { settled: 'order', stopped: false });
    const adoptedYoung = without === 'the time of the intent' ? next.lost : add.young;
    Object.assign(mine, { adopted: first, adoptedYoung, verified: false });
    if (elsewhere && without !== 'an accept of whoever made it') mine.accepts.push(sentBySomebody(next.lost));
    next.pc = mine.open ? 'read back' : 'idle';
    return true;
  };
  switch (state.pc) {
    case 'idle': {
      // It has ended on record, and Salesforce shows Activating all the same: a new attempt, by the sweep at the latest.
      if (!book.open && state.salesforce === 'Activating' && state.lost)
        step('a new attempt is opened', (_, mine) => void (mine.open = true));
      if (book.adopted > 0) {
        if (runs) step('takes what is on record', (next) => void (next.pc = 'read back'));
        return;
      }
      const isDoubtful = lost && !book.adds.some(({ young }) => young) && without !== 'the doubt';
      if (!intent && runs && isDoubtful)
        step('acts as if a call of nobody known were unsettled', (_, mine) => {
          mine.adds.push({ ...intend(book, -1, true), unknown: true, ended: true });
        });
      else if (!intent && runs)
        step('reads the newest orders', (next, mine) => {
          if (marked.length === 0) {
            next.pc = 'rows';
            next.watermark = rows.length;
            return;
          }
          // takeMarked
          const add = { ...intend(book, 0, lost), unknown: !book.adds.some(({ id }) => id === rows[0]?.mark) };
          mine.adds.push(add);
          finds(next, mine, add);
        });
      if (!intent) return;
      // The sender of before is dead, or nobody known: only its own process could tell that it goes on.
      const goesOn = state.old !== null && ['intent', 'adds'].includes(state.old.pc);
      const mayEnd = (!goesOn && state.adds.length === 0) || without === 'its quarantine';
      if (!intent.past && mayEnd)
        go('the quarantine is over', (next) => void Object.assign(next.book.adds[at] ?? {}, { past: true }));
      if (intent.stopped && !runs) return;
      return step('looks what became of it', (next, mine) => {
        const add = mine.adds[at];
        if (!add || finds(next, mine, add)) return;
        if (!add.past) return;
        const above = Math.min(...mine.adds.map(({ watermark }) => watermark));
        const unexplained = rows.length > Math.max(above, 0) && without !== 'unexplained rows';
        const again =
          options.resend === 'once' && (state.retried || !mine.adds.some(({ settled }) => settled === 'none'));
        if (!unexplained && again) return void (add.settled = 'none');
        add.stopped = true;
        next.missed = kept && rows.length > 0;
        if (mine.open) fails(next, 'UNKNOWN');
      });
    }
    case 'rows':
      // Calls beyond these show nothing new.
      if (book.adds.length > 2) return step('does not go on', (next) => fails(next, 'UNKNOWN'));
      return step('writes its intent', (next, mine) => {
        mine.adds.push(intend(book, next.watermark, lost));
        next.pc = 'intent';
      });
    case 'intent':
      return step('sends AddOrder', (next, mine) => {
        next.adds.push(mine.adds.at(-1)?.id ?? 0);
        next.pc = 'adds';
      });
    case 'answered':
      return step('looks at once', (next, mine) => {
        next.pc = 'idle';
        const add = mine.adds.at(-1);
        if (!add) return;
        add.ended = true;
        finds(next, mine, add);
      });
    case 'read back':
      return step('reads its order back', (next, mine) => {
        if (kept && rows.length > 1 && !mine.verified) return fails(next, 'TWIN');
        mine.verified = true;
        next.pc = 'accept';
      });
    case 'adds':
    case 'accept':
    case 'accept intent':
    case 'accepts':
  }
}

/** nextIntentId: after a loss the ids begin anew. */
const intend = ({ adds }: Book, watermark: number, young: boolean): Add => ({
  id: Math.max(0, ...adds.map(({ id }) => id)) + 1,
  unknown: false,
  watermark,
  settled: '',
  stopped: false,
  young,
  ended: false,
  past: false,
});
