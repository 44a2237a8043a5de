/** The back office over HTTP, under /_panel. */
import type { FastifyInstance } from 'fastify';
import type { BackOffice } from './back-office';

type ById = { Params: { id: string } };

export function panelRoutes(scope: FastifyInstance, office: BackOffice): void {
  scope.get('/orders', () => ({ orders: office.orders() }));
  scope.post('/orders', (request) => office.placeOrder(request.body));
  scope.post<ById & { Body: { status?: string } | undefined }>('/orders/:id/status', (request) =>
    office.setStatus(Number(request.params.id), request.body?.status ?? ''),
  );
  scope.delete<ById>('/orders/:id', (request) => {
    office.remove(Number(request.params.id));
    return { orders: office.orders() };
  });
  scope.post('/clients', (request) => {
    office.putClient(request.body);
    return {};
  });
  scope.post('/products', (request) => {
    office.putProduct(request.body);
    return {};
  });
}
