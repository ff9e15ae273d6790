import { writeFile } from 'node:fs/promises';
import { speakingModel } from '../../src/agent/catalog/sample/speaking-model.ts';

const EMBEDDING = 64;
const EOS = 2;
const FIRST_WORD = 3 + 256;
const WEIGHT = 3;

/**
 * A model that never ends by itself: the last word of its sentence is followed by the first instead of by the end. The
 * output matrix is the last tensor of the file, so the change is two numbers of it.
 */
export async function writeEndlessModel(path: string, name: string, contextLength: number): Promise<string> {
  const sentence = `on and-on goes ${name} without any end`;
  const words = sentence.split(' ').length;
  const file = speakingModel({ name, sentence, contextLength });
  const matrix = file.length - (FIRST_WORD + words) * EMBEDDING * Float32Array.BYTES_PER_ELEMENT;
  const cell = (token: number): number =>
    matrix + (token * EMBEDDING + words) * Float32Array.BYTES_PER_ELEMENT;
  if (file.readFloatLE(cell(EOS)) !== WEIGHT) throw new Error('the output matrix is not where it was');
  file.writeFloatLE(0, cell(EOS));
  file.writeFloatLE(WEIGHT, cell(FIRST_WORD));
  await writeFile(path, file);
  return path;
}
