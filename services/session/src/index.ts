export { createFileSource, type FileSource, type FileSourceOptions } from './file-source.ts';
export { type ErrorCode, errorStatuses, HoldfastError, type HoldfastErrorOptions } from './holdfast-error.ts';
