/** Salesforce's own routes under /_panel; what each does is said in people.ts. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { bodyOf, PanelError } from '../shared/panel';
import { ApiError } from './errors';
import type { People } from './people';

const editSchema = z.strictObject({ fields: z.record(z.string(), z.unknown()) });

interface ById {
  Params: { id: string };
}

export function panelRoutes(scope: FastifyInstance, people: People): void {
  scope.get('/orders', () => ({ orders: people.orders() }));
  scope.get<ById>('/orders/:id', (request) => people.order(request.params.id));
  scope.post('/orders', (request) => ruled(() => people.createOrder(request.body)));
  scope.post<ById>('/orders/:id', (request) =>
    ruled(() => people.editOrder(request.params.id, bodyOf(editSchema, request.body).fields)),
  );
  scope.post<ById>('/orders/:id/approve', (request) => ruled(() => people.approve(request.params.id)));
  scope.post<ById>('/orders/:id/clone', (request) => ruled(() => people.cloneOrder(request.params.id)));
  scope.get<{ Querystring: { type?: string } }>('/records', (request) => ({
    records: people.records(request.query.type ?? 'Account'),
  }));
  scope.post('/records', (request) => people.putRecord(request.body));
  scope.delete<ById>('/records/:id', (request) => {
    people.deleteRecord(request.params.id);
    return { deleted: request.params.id };
  });
  scope.post('/publish', (request) => people.publish(request.body));
  scope.get('/stories', () => people.stories());
  scope.get('/counts', () => people.counts());
  scope.post<{ Params: { name: string } }>('/actions/:name', (request) =>
    people.act(request.params.name, request.body),
  );
}

/** A rule of the org refuses a person too: told as the panel tells faults of its caller. */
function ruled<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ApiError) throw new PanelError(409, `${error.errorCode}: ${error.message}`);
    throw error;
  }
}
