export { answerError, toHoldfastError } from './answer-error.ts';
export type { Resource } from './close-in-order.ts';
export { ConfigError, type ConfigMistake } from './config-error.ts';
export { createClientAddress } from './create-client-address.ts';
export { createErrorLog } from './create-error-log.ts';
export { createHealth, type Health, type HealthOptions, type Readiness, RefusedError } from './create-health.ts';
export { createLogger, type Logger, type LogOptions } from './create-logger.ts';
export { createSecret } from './create-secret.ts';
export { createServiceApp, type ServiceApp, type ServiceAppOptions } from './create-service-app.ts';
export { createTelemetry, type Telemetry, type TelemetryOptions } from './create-telemetry.ts';
export { filePath, httpUrl, listenPort, listOf, origin, trueOrFalse } from './environment-schemas.ts';
export { identifyRequests } from './identify-requests.ts';
export { parseIpAddress, toClientNetwork } from './ip-address.ts';
export { issueMessage } from './issue-message.ts';
export { limitBody } from './limit-body.ts';
export {
  type Config,
  type ConfigShape,
  type Environment,
  type ParseConfigOptions,
  parseConfig,
} from './parse-config.ts';
export { resolveClientAddress } from './resolve-client-address.ts';
export { callerSecurity, jsonContent, problemContents, visitorSecurity } from './response-contents.ts';
export { runMain } from './run-main.ts';
export { serializeError } from './serialize-error.ts';
export { requestLog, type ServiceEnv, type ServiceVariables } from './service-context.ts';
export { type ServiceEnvironment, serviceEnvironment, serviceEnvironmentMistakes } from './service-environment.ts';
export { createServiceMetrics, type ServiceMetrics } from './service-metrics.ts';
export { StartError } from './start-error.ts';
export { type RunningServer, type ServerOptions, startServer } from './start-server.ts';
export { type Problem, toProblem } from './to-problem.ts';
export { type TrustedProxies, trustedProxies } from './trusted-proxies.ts';
export { type FieldMistake, validationHook } from './validation-hook.ts';
