/** Faults that are Salesforce's own: its errors over REST, OAuth, the Streaming API and gRPC. */
import { z } from 'zod';
import { FaultTable, type CommonDo } from '../shared/faults';
import { cometdCalls } from './cometd';
import { bayeuxFault, dropClientFault, type CometdFault } from './cometd-faults';
import { grpcFault } from './pubsub-faults';
import { pubSubCalls } from './pubsub-service';
import { restCalls } from './rest';

const restFault = z.strictObject({
  kind: z.literal('error'),
  status: z.number().int().min(400).max(599).default(400),
  errorCode: z.string(),
  message: z.string().default(''),
  fields: z.array(z.string()).optional(),
});

const oauthFault = z.strictObject({
  kind: z.literal('oauth'),
  error: z.string(),
  description: z.string(),
  status: z.number().int().min(400).max(599).default(400),
});

export type VendorFault =
  z.output<typeof restFault> | z.output<typeof oauthFault> | z.output<typeof grpcFault> | CometdFault;

/** Calls over HTTP that are not of the data API. */
const otherCalls = ['token', 'userinfo', 'revoke', 'identity', 'versions', 'unknown'];

export function salesforceFaults(): FaultTable<VendorFault> {
  const calls = [...otherCalls, ...restCalls, ...pubSubCalls, ...cometdCalls];
  const bayeux = { bayeux: bayeuxFault, dropClient: dropClientFault };
  return new FaultTable<VendorFault>(calls, { error: restFault, oauth: oauthFault, grpc: grpcFault, ...bayeux });
}

const jsonType = { 'content-type': 'application/json;charset=UTF-8' };

/** A vendor's fault as the answer over HTTP that it stands for. */
export function asHttpFault(fault: VendorFault): CommonDo {
  switch (fault.kind) {
    case 'error': {
      const { errorCode, message, fields } = fault;
      const body = JSON.stringify([fields ? { message, errorCode, fields } : { message, errorCode }]);
      return { kind: 'status', status: fault.status, body, headers: jsonType };
    }
    case 'oauth': {
      const body = JSON.stringify({ error: fault.error, error_description: fault.description });
      return { kind: 'status', status: fault.status, body, headers: { ...jsonType, 'cache-control': 'no-store' } };
    }
    case 'grpc':
    case 'bayeux':
    case 'dropClient':
      return {
        kind: 'status',
        status: 500,
        body: `the fault ${fault.kind} is for another API`,
        headers: { 'content-type': 'text/plain' },
      };
  }
}
