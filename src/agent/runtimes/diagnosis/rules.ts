import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { resourcePath } from '../../kernel/resources.ts';
import { DiagnosisRulesSchema, type DiagnosisRule } from './rule.ts';

/** The rules that ship with the agent. @throws when the file in the package is not what it should be. */
export function loadDiagnosisRules(): DiagnosisRule[] {
  return DiagnosisRulesSchema.parse(parse(readFileSync(resourcePath('diagnosis.yaml'), 'utf8')));
}
