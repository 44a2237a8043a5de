/** Scenarios, each in a world of its own: most of one is waiting, so several run at a time while mocha asks for one after the other. */
import { World } from './world';

/** Node-REDs at a time; more than two cores can start in the time that a scenario allows. */
const atOnce = 4;
/** Of one scenario, its world's opening and closing included. */
const limitMs = 240_000;

export interface ScenarioOptions {
  /** Takes minutes: begins before the others. */
  long?: boolean;
}

class Job {
  started = false;
  readonly done: Promise<void>;
  private begun: () => void = () => undefined;

  constructor(
    work: () => Promise<void>,
    readonly long: boolean,
  ) {
    this.done = new Promise<void>((resolve) => (this.begun = resolve)).then(work);
    // Told by the test that waits for it, which may come minutes later.
    this.done.catch(() => undefined);
  }

  start(): Promise<void> {
    this.started = true;
    this.begun();
    return this.done.catch(() => undefined);
  }
}

/** Where only some tests are asked for, none is begun ahead. */
const some = process.argv.some((word) => /^(-g|-f|--grep|--fgrep)\b/.test(word));
const jobs: Job[] = [];
const running = new Set<Promise<void>>();
let ended = false;

function fill(): void {
  while (!ended && !some && running.size < atOnce) {
    const next = jobs.find((job) => job.long && !job.started) ?? jobs.find((job) => !job.started);
    if (!next) return;
    run(next);
  }
}

function run(job: Job): void {
  const mine = job.start();
  running.add(mine);
  void mine.then(() => {
    running.delete(mine);
    fill();
  });
}

/** A test that shares nothing with the others, so that it may run beside them. */
export function beside(title: string, work: () => Promise<void>, options: ScenarioOptions = {}): void {
  const job = new Job(work, options.long ?? false);
  jobs.push(job);
  it(title, async function () {
    this.timeout(0);
    if (!job.started) run(job);
    fill();
    await job.done;
  });
}

/** A test in a world of its own, which is closed after it. */
export function scenario(title: string, work: (world: World) => Promise<void>, options?: ScenarioOptions): void {
  const inWorld = async (): Promise<void> => {
    const world = await World.open();
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const tell = (): void =>
        reject(new Error(`not ended within ${limitMs / 1_000} s:\n${world.output.slice(-25).join('\n')}`));
      limit = setTimeout(tell, limitMs);
    });
    try {
      await Promise.race([work(world), late]);
    } finally {
      clearTimeout(limit);
      await world.close();
    }
  };
  beside(title, inWorld, options);
}

// What was begun ahead and not asked for ends by itself.
after(async function () {
  this.timeout(0);
  ended = true;
  await Promise.all(running);
});
