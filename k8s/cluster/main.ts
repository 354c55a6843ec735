import { type ToolName, toolPath } from './binaries.ts';

const [command, argument] = process.argv.slice(2);
switch (command) {
  case 'tool':
    console.log(await toolPath(argument as ToolName));
    break;
  default:
    console.error('usage: main.ts up | down | status | kubeconfig | tool <name>');
    process.exitCode = 2;
}
