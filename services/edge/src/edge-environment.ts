import { httpUrl, listOf, serviceEnvironment } from '@holdfast/runtime';

const {
  HOST,
  PORT,
  LOG_LEVEL,
  INSTANCE_NAME,
  STRICT_TRANSPORT_SECURITY,
  KEEP_ALIVE_TIMEOUT_MS,
  DRAIN_DELAY_MS,
  DRAIN_TIMEOUT_MS,
} = serviceEnvironment;

const replicas = () => listOf(httpUrl());

/** The environment variables of the edge. */
export const edgeEnvironment = {
  HOST,
  PORT,
  LOG_LEVEL,
  INSTANCE_NAME,
  STRICT_TRANSPORT_SECURITY,
  KEEP_ALIVE_TIMEOUT_MS,
  DRAIN_DELAY_MS,
  DRAIN_TIMEOUT_MS,
  AUTH_URLS: replicas().describe('Where the replicas of auth are, such as http://127.0.0.1:8081'),
  ORDERS_URLS: replicas().describe('Where the replicas of orders are'),
};
