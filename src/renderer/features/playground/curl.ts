/** A call as a command that runs anywhere. The key stays a variable: a command that is copied is soon in a chat. Pure. */
export function curlFor(
  origin: string,
  modelId: string,
  kind: 'chat' | 'embeddings' | 'rerank',
  text: string,
  history: readonly { readonly role: string; readonly content: string }[] = [],
): string {
  const base = origin.startsWith('http') ? origin : 'http://127.0.0.1:7411';
  const body = {
    chat: { model: modelId, messages: [...history, { role: 'user', content: text }] },
    embeddings: { model: modelId, input: text },
    rerank: { model: modelId, query: text, documents: [text, '…'] },
  }[kind];
  const path = {
    chat: '/v1/chat/completions',
    embeddings: '/v1/embeddings',
    rerank: '/v1/rerank',
  }[kind];
  return [
    `curl ${base}${path} \\`,
    `  -H "Authorization: Bearer $MODELOPS_KEY" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}'`,
  ].join('\n');
}
