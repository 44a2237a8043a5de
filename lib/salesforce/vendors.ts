/**
 * Libraries loaded when first needed: jsforce alone costs 150 ms and 30 MB. By require, not import(): that would be left
 * as it is in the built package, and Node's own import() finds neither the folder nor all the names.
 */
/* eslint-disable @typescript-eslint/no-require-imports */

/** OAuth and REST, without the other APIs. */
export const jsforce = (): typeof import('jsforce/core') => require('jsforce/core') as typeof import('jsforce/core');

/** The Streaming API of the same: another 5 MB. */
export const jsforceStreaming = (): typeof import('jsforce/api/streaming') =>
  require('jsforce/api/streaming') as typeof import('jsforce/api/streaming');

export const grpc = (): typeof import('@grpc/grpc-js') => require('@grpc/grpc-js') as typeof import('@grpc/grpc-js');

export const protoLoader = (): typeof import('@grpc/proto-loader') =>
  require('@grpc/proto-loader') as typeof import('@grpc/proto-loader');

export const avsc = (): typeof import('avsc') => require('avsc') as typeof import('avsc');
