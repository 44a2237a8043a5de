/** axios, loaded when first needed. By require, as import() would stay as it is in the built package. */
/* eslint-disable @typescript-eslint/no-require-imports */
import type { AxiosStatic } from 'axios';

export const axios = (): AxiosStatic => (require('axios') as { default: AxiosStatic }).default;
