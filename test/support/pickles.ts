/** Pickles as CPython 3 and its zipfile write them: `os.system('id')` in every protocol, and harmless containers. */
const from = (base64: string): Buffer => Buffer.from(base64, 'base64');

export const RUNS_A_COMMAND: readonly Buffer[] = [
  from('Y3Bvc2l4CnN5c3RlbQpwMAooVmlkCnAxCnRwMgpScDMKLg=='),
  from('Y3Bvc2l4CnN5c3RlbQpxAChYAgAAAGlkcQF0cQJScQMu'),
  from('gAJjcG9zaXgKc3lzdGVtCnEAWAIAAABpZHEBhXECUnEDLg=='),
  from('gANjcG9zaXgKc3lzdGVtCnEAWAIAAABpZHEBhXECUnEDLg=='),
  from('gASVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg=='),
  from('gAWVHQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg=='),
];

/** `eval('1+1')`, protocol 4. */
export const EVALUATES = from('gASVHwAAAAAAAACMCGJ1aWx0aW5zlIwEZXZhbJSTlIwDMSsxlIWUUpQu');

/** An OrderedDict, protocol 4. */
export const CONTAINER = from(
  'gASVTAAAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpQojAFhlF2UKEsBR0AEAAAAAAAAjAF4lGWMAWKUfZSMAWuUSwFLAoaUc3Uu',
);

/** An OrderedDict, protocol 0: text without a mark at its start. */
export const CONTAINER_AS_TEXT = from(
  'Y2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnAwCih0UnAxClZhCnAyCihscDMKSTEKYUYyLjUKYVZ4CnA0CmFzVmIKcDUKKGRwNgpWawpwNwooSTEKSTIKdHA4CnNzLg==',
);

/** Several containers whose module name is taken from the memo, protocol 4. */
export const CONTAINERS_BY_MEMO = from(
  'gASVVAAAAAAAAABdlCiMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpRoAYwHQ291bnRlcpSTlH2UKIwBYZRLAowBYpRLAXWFlFKUaAMpUpSMAXGUSwFzZS4=',
);

/** A checkpoint as PyTorch writes them, stored, whose `data.pkl` runs a command. */
export const CHECKPOINT_THAT_RUNS = from(
  'UEsDBBQAAAAAAFlIdV1QwSbJIgAAACIAAAAQAAAAYXJjaGl2ZS9kYXRhLnBrbIACY3Bvc2l4CnN5c3RlbQpxAFgCAAAAaWRxAYVxAlJxAy5QSwMEFAAAAAAAWUh1XVVLu+wQAAAAEAAAAA4AAABhcmNoaXZlL2RhdGEvMAAAAAAAAAAAAAAAAAAAAABQSwECFAMUAAAAAABZSHVdUMEmySIAAAAiAAAAEAAAAAAAAAAAAAAAgAEAAAAAYXJjaGl2ZS9kYXRhLnBrbFBLAQIUAxQAAAAAAFlIdV1VS7vsEAAAABAAAAAOAAAAAAAAAAAAAACAAVAAAABhcmNoaXZlL2RhdGEvMFBLBQYAAAAAAgACAHoAAACMAAAAAAA=',
);

/** The same with an OrderedDict in it, deflated. */
export const CHECKPOINT = from(
  'UEsDBBQAAAAIAFlIdV1wggBILwAAAC0AAAAQAAAAYXJjaGl2ZS9kYXRhLnBrbGtgSk7Oz8lJTS7JzM8r5vIvSkktSk1xyUwu4Spk0AwqZIxgZGBgSCxk8mYs1gMAUEsBAhQDFAAAAAgAWUh1XXCCAEgvAAAALQAAABAAAAAAAAAAAAAAAIABAAAAAGFyY2hpdmUvZGF0YS5wa2xQSwUGAAAAAAEAAQA+AAAAXQAAAAAA',
);
