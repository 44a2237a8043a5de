/** How many more events to ask for. The server owes what was asked for and has not come yet; never more than 100. */

export const mostOutstanding = 100;

export class Credit {
  private outstanding = 0;

  /** Asked for and not come yet. */
  get owed(): number {
    return this.outstanding;
  }

  /**
   * How many to ask for now; 0: none. Small amounts wait until half of the room is free, unless nothing is owed.
   * @param capacity how many the sink takes.
   * @param held those that came and are not stored yet.
   */
  wanted(capacity: number, held: number): number {
    const room = capacity >= 1 ? Math.min(mostOutstanding, Math.floor(capacity)) : 0;
    const more = Math.max(0, room - held - this.outstanding);
    return this.outstanding > 0 && more * 2 < room ? 0 : more;
  }

  asked(count: number): void {
    this.outstanding += count;
  }

  came(count: number): void {
    this.outstanding = Math.max(0, this.outstanding - count);
  }
}
