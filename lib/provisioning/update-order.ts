/** The step that tells Salesforce: asks for an end, or sets *Activating* where that changes something. */
import { failure, toFailure } from './failure';
import type { EndContext, EndStep, StepName, StepOutcome } from './step';
import type { Travelling } from './message';
import type { Ending } from './endings';

export interface UpdateOrderSettings {
  /** message: *Failed* when it carries a failure, *Skipped* when it was skipped, else *Activated*. */
  status: 'message' | 'Activating' | 'Activated' | 'Failed';
}

/** How long a message waits for Salesforce to take the result; then the store goes on by itself. */
const tellWaitMs = 5_000;
const busyMs = 2_000;

type Outcome = StepOutcome<Travelling['provisioning'], 'next'>;

export function updateOrder(settings: UpdateOrderSettings): EndStep<'event', 'provisioning'> {
  const asked = (input: Partial<Travelling>): 'Activating' | 'Activated' | 'Failed' | 'Skipped' => {
    if (settings.status !== 'message') return settings.status;
    if (input.failure) return 'Failed';
    return input.skipped ? 'Skipped' : 'Activated';
  };
  return {
    name:
      settings.status === 'Failed'
        ? 'sf_failure_update'
        : settings.status === 'Activating'
          ? 'sf_status_update'
          : 'sf_success_update',
    needs: ['event'],
    adds: 'provisioning',
    ends: true,
    async run(input, context): Promise<Outcome> {
      const of = { eventId: context.eventId, handout: context.handout, orderId: context.orderId };
      switch (asked(input)) {
        case 'Activating':
          return setActivating(input, context);
        case 'Activated':
          return tell(await context.endings.activate(of), context, 'Activated');
        case 'Skipped':
          return tell(
            await context.endings.skip(of, input.skipped ?? { code: 'ORDER_NOT_ACTIVATING', message: '' }),
            context,
            'Skipped',
          );
        case 'Failed': {
          const cause = input.failure ?? failure('FLOW_ERROR', 'The flow led here without saying why', 'event').part();
          return tell(await context.endings.fail(of, cause, { exceptVisit: context.visit }), context, 'Failed');
        }
      }
    },
  };
}

/** An event that needs no write-back ends here. */
export function eventDone(): EndStep<'event', 'provisioning'> {
  return {
    name: 'event',
    needs: ['event'],
    adds: 'provisioning',
    ends: true,
    async run(input, context): Promise<Outcome> {
      const of = { eventId: context.eventId, handout: context.handout, orderId: context.orderId };
      const ending = input.skipped ? await context.endings.skip(of, input.skipped) : await context.endings.done(of);
      return ending.kind === 'ended'
        ? { way: 'next', note: input.skipped ? `${input.skipped.code}: ${input.skipped.message}` : 'done' }
        : unended(ending, context, 'Done');
    },
  };
}

async function tell(ending: Ending, context: EndContext, wanted: string): Promise<Outcome> {
  if (ending.kind !== 'ended') return unended(ending, context, wanted);
  if (ending.end === 'Skipped' || ending.end === 'Done') return { way: 'next', note: ending.end };
  const told = await context.writer.outcome(context.orderId, tellWaitMs);
  switch (told.kind) {
    case 'written':
      return { way: 'next', note: `Salesforce shows ${ending.end}` };
    case 'dropped':
      return { way: 'next', note: `not written: ${told.why || 'something newer stands in Salesforce'}` };
    case 'refused':
      // Told to the sidebar by the writer's own alarm, never to Catch: the result stands.
      return { way: 'next', note: `SF_WRITE_REFUSED, kept and tried again: ${told.code} ${told.problem}` };
    case 'waiting':
      return { way: 'next', note: 'stored; Salesforce is told as soon as it can be' };
  }
}

function unended(ending: Exclude<Ending, { kind: 'ended' }>, context: EndContext, wanted: string): Outcome {
  switch (ending.kind) {
    case 'repeat':
      return { dropped: true, note: 'this end stands already' };
    case 'stale':
      return { dropped: true, note: 'replaced by a newer hand-out' };
    case 'refused':
      context.log.warn(`${wanted} was refused: the order has ended as ${ending.standing} already`, {
        order: context.orderId,
        event: context.eventId,
      });
      return { dropped: true, note: `refused: ended as ${ending.standing} already` };
    case 'kept':
      return wanted === 'Failed'
        ? { dropped: true, note: `Failed is kept and decided later: it waits for ${ending.waitsFor}` }
        : {
            parked: { until: context.clock.now() + busyMs, reason: `waits for ${ending.waitsFor}` },
            note: `waits for ${ending.waitsFor}`,
          };
  }
}

async function setActivating(input: Partial<Travelling>, context: EndContext): Promise<Outcome> {
  const name: StepName = 'sf_status_update';
  if (context.salesforce === null)
    throw failure('SETTING_MISSING', 'No platform event node has told which Salesforce org this is', name);
  if (input.order?.status === 'Activating') return { way: 'next', note: 'Activating already' };
  const { was, end } = await context.writer.setActivating(context.orderId).catch((error: unknown) => {
    throw toFailure(error, name);
  });
  if (end.kind === 'refused') throw failure('SF_WRITE_REFUSED', `${end.code}: ${end.message}`, name);
  if (end.kind !== 'written') return { way: 'next', note: `Activating could not be written (${end.kind}); going on` };
  if (was === null) return { way: 'next', note: 'Salesforce shows no such Order; going on' };
  return { way: 'next', note: was === 'Activated' ? 'left as it is: Activated already' : 'Activating' };
}
