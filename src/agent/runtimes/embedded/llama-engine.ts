import { Template } from '@huggingface/jinja';
import {
  getLlama,
  LlamaLogLevel,
  type LlamaContext,
  type LlamaContextSequence,
  type LlamaEmbeddingContext,
  type LlamaModel,
  type Token,
} from 'node-llama-cpp';
import type { Sampling } from './parameters.ts';
import { StopScanner } from './stop-scanner.ts';

export interface EngineOptions {
  readonly modelFile: string;
  readonly embeddings: boolean;
  /** Tokens one request may have, prompt and answer together. */
  readonly contextLength: number;
  readonly parallel: number;
  readonly threads: number;
  readonly onMilestone: (text: string) => void;
}

export interface Generation {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly finishReason: 'stop' | 'length';
}

export interface EngineFacts {
  readonly contextLength: number;
  readonly parallel: number;
  readonly trainedContext: number;
  readonly embeddingLength: number;
  readonly sizeBytes: number;
}

/** What the engine does and has done since it started. */
export interface EngineCounts {
  readonly running: number;
  readonly waiting: number;
  /** Without those that were left of an earlier request. */
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** 0 to 1; null where there is no KV cache. */
  readonly cacheShare: number | null;
}

/** The prompt has more tokens than the context; nothing is ever cut. */
export class PromptTooLongError extends Error {
  readonly promptTokens: number;
  readonly contextLength: number;
  constructor(promptTokens: number, contextLength: number) {
    super(`${promptTokens} tokens; this slot takes ${contextLength}. Nothing was cut.`);
    this.name = 'PromptTooLongError';
    this.promptTokens = promptTokens;
    this.contextLength = contextLength;
  }
}

export class NoChatTemplateError extends Error {}

/** Tokens of the answer that repetition penalties look back at, as llama-server does. */
const PENALTY_WINDOW = 64;

/** llama.cpp in this process: one model, one context with a sequence for each request that may run at once. */
export class LlamaEngine {
  readonly facts: EngineFacts;
  readonly #model: LlamaModel;
  readonly #context: LlamaContext | null;
  readonly #embedding: LlamaEmbeddingContext | null;
  readonly #sequences: readonly LlamaContextSequence[];
  readonly #free: LlamaContextSequence[];
  readonly #waiting: ((sequence: LlamaContextSequence) => void)[] = [];
  readonly #template: Template | null;
  #running = 0;
  #promptTokens = 0;
  #generatedTokens = 0;

  private constructor(
    model: LlamaModel,
    context: LlamaContext | null,
    embedding: LlamaEmbeddingContext | null,
    facts: EngineFacts,
  ) {
    this.#model = model;
    this.#context = context;
    this.#embedding = embedding;
    this.facts = facts;
    this.#sequences =
      context === null ? [] : Array.from({ length: facts.parallel }, () => context.getSequence());
    this.#free = [...this.#sequences];
    const template = (model.fileInfo.metadata.tokenizer as { chat_template?: unknown }).chat_template;
    this.#template = typeof template === 'string' ? new Template(template) : null;
  }

  static async load(options: EngineOptions): Promise<LlamaEngine> {
    const llama = await getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      maxThreads: options.threads,
      logLevel: LlamaLogLevel.warn,
      logger: (level, message) => process.stderr.write(`${level}: ${message.trimEnd()}\n`),
    });
    options.onMilestone(`loading ${options.modelFile}`);
    const model = await llama.loadModel({ modelPath: options.modelFile, gpuLayers: 0 });
    options.onMilestone(`context of ${options.contextLength} tokens for ${options.parallel} at once`);
    const shared = { contextSize: options.contextLength, threads: options.threads };
    const context = options.embeddings
      ? null
      : await model.createContext({ ...shared, sequences: options.parallel });
    const embedding = options.embeddings ? await model.createEmbeddingContext(shared) : null;
    return new LlamaEngine(model, context, embedding, {
      contextLength: options.contextLength,
      parallel: options.parallel,
      trainedContext: model.trainContextSize,
      embeddingLength: model.embeddingVectorSize,
      sizeBytes: model.size,
    });
  }

  get counts(): EngineCounts {
    const cached = this.#sequences.reduce((sum, sequence) => sum + sequence.nextTokenIndex, 0);
    const room = this.#sequences.length * this.facts.contextLength;
    return {
      running: this.#running,
      waiting: this.#waiting.length,
      promptTokens: this.#promptTokens,
      generatedTokens: this.#generatedTokens,
      cacheShare: room === 0 ? null : cached / room,
    };
  }

  /** The tokens of a conversation, as the model's own template writes it. @throws {NoChatTemplateError} */
  chatTokens(messages: readonly { role: string; content: string }[]): Token[] {
    if (this.#template === null) throw new NoChatTemplateError('The model carries no chat template.');
    const { bosString, eosString } = this.#model.tokens;
    const prompt = this.#template.render({
      messages,
      add_generation_prompt: true,
      bos_token: bosString ?? '',
      eos_token: eosString ?? '',
    });
    return this.promptTokens(prompt);
  }

  /** With the BOS token where the model wants one and the text does not bring it. */
  promptTokens(text: string): Token[] {
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    const tokens = this.#model.tokenize(text, true);
    if (!shouldPrependBosToken || bos === null || tokens[0] === bos) return tokens;
    return [bos, ...tokens];
  }

  /**
   * Generates until the model, a stop text, the limit or the context ends it.
   * @throws {PromptTooLongError}; the reason of `signal` when the client is gone.
   */
  async generate(
    tokens: Token[],
    sampling: Sampling,
    onText: (text: string) => void,
    signal: AbortSignal,
  ): Promise<Generation> {
    if (this.#context === null) throw new Error('this runtime was started for embeddings');
    if (tokens.length >= this.facts.contextLength)
      throw new PromptTooLongError(tokens.length, this.facts.contextLength);
    const sequence = await this.#acquire(signal);
    this.#running += 1;
    try {
      // What the last request left is reused as far as it is the same; the last token is always evaluated, because
      // the first new one comes out of it.
      await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
      return await this.#run(sequence, tokens, sampling, onText, signal);
    } finally {
      this.#running -= 1;
      this.#release(sequence);
    }
  }

  async embed(text: string): Promise<{ vector: readonly number[]; tokens: number }> {
    if (this.#embedding === null) throw new Error('this runtime was started for text generation');
    const tokens = this.#model.tokenize(text, true);
    if (tokens.length > this.facts.contextLength)
      throw new PromptTooLongError(tokens.length, this.facts.contextLength);
    this.#running += 1;
    try {
      const { vector } = await this.#embedding.getEmbeddingFor(tokens);
      this.#promptTokens += tokens.length;
      return { vector, tokens: tokens.length };
    } finally {
      this.#running -= 1;
    }
  }

  async #run(
    sequence: LlamaContextSequence,
    prompt: readonly Token[],
    sampling: Sampling,
    onText: (text: string) => void,
    signal: AbortSignal,
  ): Promise<Generation> {
    const limit = Math.min(
      sampling.maxTokens ?? Number.POSITIVE_INFINITY,
      this.facts.contextLength - prompt.length,
    );
    const scanner = new StopScanner(sampling.stop);
    const generated: Token[] = [];
    const text = this.#decoder();
    let finishReason: Generation['finishReason'] = 'stop';
    const unread = prompt.slice(sequence.nextTokenIndex);
    this.#promptTokens += unread.length;
    const evaluation = sequence.evaluate(unread, {
      yieldEogToken: sampling.ignoreEnd,
      temperature: sampling.temperature,
      topP: sampling.topP,
      topK: sampling.topK,
      minP: sampling.minP,
      ...(sampling.seed === null ? {} : { seed: sampling.seed }),
      ...penalties(sampling, generated),
    });
    for await (const token of evaluation) {
      signal.throwIfAborted();
      generated.push(token);
      this.#generatedTokens += 1;
      const piece = scanner.push(text(token));
      if (piece !== '') onText(piece);
      if (scanner.stopped) break;
      if (generated.length >= limit) {
        finishReason = 'length';
        break;
      }
    }
    const rest = scanner.stopped ? '' : scanner.flush();
    if (rest !== '') onText(rest);
    return { promptTokens: prompt.length, completionTokens: generated.length, finishReason };
  }

  /** Tokens to text: a token may carry a part of a character, so text waits until it is whole. */
  #decoder(): (token: Token) => string {
    let pending: Token[] = [];
    const before: Token[] = [];
    return (token) => {
      pending.push(token);
      const piece = this.#model.detokenize(pending, false, before);
      if (piece.endsWith('\uFFFD') && pending.length < 4) return '';
      before.push(...pending);
      pending = [];
      return piece;
    };
  }

  #acquire(signal: AbortSignal): Promise<LlamaContextSequence> {
    signal.throwIfAborted();
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    return new Promise((resolve, reject) => {
      const take = (sequence: LlamaContextSequence): void => {
        signal.removeEventListener('abort', leave);
        resolve(sequence);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal.reason as Error);
      };
      this.#waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #release(sequence: LlamaContextSequence): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(sequence);
    else next(sequence);
  }
}

function penalties(
  { frequencyPenalty, presencePenalty, repeatPenalty }: Sampling,
  generated: readonly Token[],
): Record<string, unknown> {
  if (frequencyPenalty === 0 && presencePenalty === 0 && repeatPenalty === 1) return {};
  return {
    repeatPenalty: {
      punishTokens: () => generated.slice(-PENALTY_WINDOW),
      penalty: repeatPenalty,
      frequencyPenalty,
      presencePenalty,
    },
  };
}
