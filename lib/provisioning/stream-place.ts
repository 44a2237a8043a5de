/**
 * Where a channel's stream begins, and where it stands: the channel's cursor, which its leader alone moves. A cursor is a
 * replay id; or a mark, while the next stream has to begin elsewhere.
 */
import type { EventGap, StartPlace } from '../salesforce/contract';
import { markIn, placeOf, positionOfMark, type OperatorStart, type PlaceMark } from '../salesforce/events/start-place';
import type { Lease, Position } from '../state/contract';
import { newestEventAt } from './operator-start';
import type { Provisioning } from './provisioning';

/** How far our clock may be ahead of Salesforce's; a login would fail long before. */
const clockSkewMs = 600_000;

/** The channel's lease while it is ours, and how many positions were numbered under it: a later one is never overtaken. */
export interface Leader {
  lease: Lease;
  sequence: number;
}

/** Of one subscriber: once it has given way to another, what still hangs of it moves nothing any more. */
export class StreamPlace {
  private over = false;
  /** Where the stream under way began. */
  private began: StartPlace | null = null;
  /** Wall ms up to which everything is known to have come. */
  private through: number | null = null;
  /** A place that a person asked for, and that Salesforce does not know. */
  private unknown: string | null = null;

  constructor(
    private readonly parts: {
      provisioning: Provisioning;
      channel: string;
      /** Where to start when no position is stored. */
      replay: 'LATEST' | 'ALL';
      leader: Leader;
    },
  ) {}

  /** Another subscriber follows, or the channel is not ours any more. */
  end(): void {
    this.over = true;
  }

  /** Numbered in the order of the calls. undefined: there is none, or it counts no more. */
  positionOf(replayId: string | null): Position | undefined {
    if (replayId === null || this.over) return undefined;
    const { leader } = this.parts;
    return { replayId, fence: leader.lease.fence, sequence: ++leader.sequence };
  }

  /** Everything up to there is stored. @throws StoreError */
  async moved(replayId: string): Promise<void> {
    if (await this.write(replayId)) this.came(this.parts.provisioning.clock.now());
  }

  /** What came up to there was created too early; what follows may have been as well. @throws StoreError */
  async passed(replayId: string): Promise<void> {
    await this.write(
      positionOfMark({ after: replayId, since: this.began?.createdSince ?? null, asked: false, before: null }),
    );
  }

  /** Something is stored, with its position. @param createdAt wall ms; null: not known. */
  came(createdAt: number | null): void {
    if (createdAt !== null) this.through = Math.max(this.through ?? 0, createdAt);
  }

  /**
   * Keeps where a person lets the channel begin anew: until something has come from there, each stream of whatever process
   * begins there.
   * @returns false: another instance leads the channel. @throws StoreError
   */
  async ask(start: OperatorStart): Promise<boolean> {
    const { provisioning, channel } = this.parts;
    const stored = (await provisioning.store.cursor.read(channel))?.replayId ?? null;
    const earlier = stored === null ? null : markIn(stored);
    const before = earlier?.asked ? earlier.before : stored;
    const place = placeOf(start);
    const after = 'replayId' in place ? place.replayId : null;
    return this.write(positionOfMark({ after, since: place.createdSince ?? null, asked: true, before }));
  }

  /** @throws StoreError */
  async start(): Promise<StartPlace> {
    const { channel, provisioning } = this.parts;
    const stored = await provisioning.store.cursor.read(channel);
    this.began = await this.placeIn(stored?.replayId ?? null);
    return this.began;
  }

  /** @returns whether events may be lost: a place that a person got wrong loses nothing, the position of before holds. */
  gap({ position }: EventGap): boolean {
    const asked = this.began?.asked ?? false;
    if (asked) this.unknown = position;
    return !asked;
  }

  private async placeIn(stored: string | null): Promise<StartPlace> {
    const { channel, provisioning, replay } = this.parts;
    const { inbox, cursor } = provisioning.store;
    if (stored === null) {
      if (replay === 'ALL') return { preset: 'EARLIEST' };
      const since = provisioning.clock.now() - clockSkewMs;
      await this.write(positionOfMark({ after: null, since, asked: false, before: null }));
      return { preset: 'LATEST' };
    }
    const mark = markIn(stored);
    if (mark?.asked && mark.after !== null && mark.after === this.unknown) {
      if (mark.before === null) await cursor.clear(channel);
      else await this.write(mark.before);
      return this.placeIn(mark.before);
    }
    if (mark) return placeOfMark(mark, replay);
    this.through ??= await newestEventAt(inbox, channel);
    return { replayId: stored, through: this.through };
  }

  private async write(replayId: string): Promise<boolean> {
    const position = this.positionOf(replayId);
    if (!position) return false;
    const { provisioning, channel } = this.parts;
    return (await provisioning.store.cursor.write(channel, position)) === 'moved';
  }
}

/** LATEST was asked for before, and ended before there was a position: again, it would leave out what came between. */
function placeOfMark({ after, since, asked }: PlaceMark, replay: 'LATEST' | 'ALL'): StartPlace {
  if (after === null && !asked && replay === 'ALL') return { preset: 'EARLIEST' };
  return {
    ...(after === null ? { preset: 'EARLIEST' as const } : { replayId: after }),
    ...(since === null ? {} : { createdSince: since }),
    ...(asked ? { asked } : {}),
  };
}
