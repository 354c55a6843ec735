/** One wrong setting. `variable` is the name of an environment variable, or several of them. */
export interface ConfigMistake {
  variable: string;
  problem: string;
  /** A right value, as it would be written: `PORT=8080`. */
  example?: string | undefined;
}

/** All that is wrong with a configuration, in one message that can be printed as it is. It holds no secret value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly ConfigMistake[];

  constructor(mistakes: readonly ConfigMistake[]) {
    const lines = mistakes.map(({ variable, problem, example }) => {
      const start = variable === '' ? problem : `${variable} ${problem}`;
      return `  - ${start}${example === undefined ? '' : ` Example: ${example}`}`;
    });
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    super(`${count} in the configuration (environment variables):\n${lines.join('\n')}`);
    this.mistakes = mistakes;
  }
}
