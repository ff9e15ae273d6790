import { availableParallelism } from 'node:os';
import { createOpenAiServer } from './openai-server.ts';
import { LlamaEngine } from './llama-engine.ts';

/**
 * The embedded runtime: a child process of the agent that serves one GGUF model on a Unix socket. It ends when the
 * channel to its agent closes, so that a killed agent leaves nothing that computes for nobody.
 */
export interface EmbeddedOptions {
  readonly modelFile: string;
  readonly servedName: string;
  readonly socket: string;
  readonly embeddings: boolean;
  readonly contextLength: number;
  readonly parallel: number;
  readonly threads: number | null;
  readonly version: string;
}

const say = (text: string): void => void process.stdout.write(`embedded-llama: ${text}\n`);

async function serve(options: EmbeddedOptions): Promise<void> {
  say('started');
  let engine: LlamaEngine | null = null;
  const server = createOpenAiServer({
    servedName: options.servedName,
    version: options.version,
    embeddings: options.embeddings,
    engine: () => engine,
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, resolve);
  });
  engine = await LlamaEngine.load({
    modelFile: options.modelFile,
    embeddings: options.embeddings,
    contextLength: options.contextLength,
    parallel: options.parallel,
    // ggml waits by spinning, so one core is left to everybody else.
    threads: options.threads ?? Math.max(1, availableParallelism() - 1),
    onMilestone: say,
  });
  say(`listening on ${options.socket}`);
}

process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
// Ctrl-C in a terminal reaches the whole group; the agent decides when its runtimes end.
process.on('SIGINT', () => undefined);
process.once('message', (options: EmbeddedOptions) => {
  serve(options).catch((error: unknown) => {
    process.stderr.write(
      `embedded-llama: error: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exit(1);
  });
});
