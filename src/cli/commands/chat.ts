import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { AppError, toAppError } from '../../shared/contract/index.ts';
import { chat, type ChatMessage } from '../chat.ts';
import { action } from '../command-context.ts';

/** `modelops chat MODEL [PROMPT]`: one question, or a conversation on a terminal. */
export function chatCommand(program: Command): void {
  action<{ system?: string }>(
    program
      .command('chat')
      .description('talk to a model through the gateway')
      .argument('<model>')
      .argument('[prompt]', 'one question; without it, a conversation')
      .option('--system <text>', 'system message'),
    async ({ agent, output }, options, model, prompt) => {
      const connection = await agent();
      const messages: ChatMessage[] =
        options.system === undefined ? [] : [{ role: 'system', content: options.system }];
      const ask = async (content: string): Promise<void> => {
        messages.push({ role: 'user', content });
        const answer = await chat(connection, model ?? '', messages, (text) => {
          if (!output.json) process.stdout.write(text);
        });
        messages.push({ role: 'assistant', content: answer.content });
        output.result(answer, '');
      };
      if (prompt !== undefined) {
        await ask(prompt);
        return;
      }
      if (!process.stdin.isTTY)
        throw new AppError('invalid_argument', 'Without a terminal, give the question as an argument.');
      const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
      lines.prompt();
      for await (const line of lines) {
        if (line.trim() === '/exit') break;
        if (line.trim() !== '')
          await ask(line).catch((error: unknown) => process.stderr.write(`${toAppError(error).message}\n`));
        lines.prompt();
      }
    },
  );
}
