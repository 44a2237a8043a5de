/** The routes behind the forms, guarded by Node-RED's own adminAuth. */
import helper from 'node-red-node-test-helper';
import type { NodeAPI } from 'node-red';
import { nodeFiles } from './node-files';
import type { NodeFile, World } from './world';

interface EditorAuth {
  init(settings: object, storage: object): void;
  needsPermission: NodeAPI['auth']['needsPermission'];
}

/** What they may do, by the token that they carry. */
const people: Record<string, string> = { 'of-a-reader': 'read', 'of-a-deployer': '*' };
export type Token = 'of-a-reader' | 'of-a-deployer';

function editorAuth(): EditorAuth {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- it has no types of its own
  const auth = require('@node-red/editor-api/lib/auth') as EditorAuth;
  const tokens = (token: string) =>
    Promise.resolve(token in people ? { username: token, permissions: people[token] } : null);
  const storage = { getSessions: () => Promise.resolve({}), saveSessions: () => Promise.resolve() };
  auth.init({ adminAuth: { type: 'credentials', users: [], tokens } }, storage);
  return auth;
}

/** Every node type, its routes guarded as with adminAuth. */
export function guardedFiles(): NodeFile[] {
  const auth = editorAuth();
  return nodeFiles.map((file) => (red) => file({ ...red, auth }));
}

/** Asks as the editor does. Without a token: as anybody. */
export async function ask(
  world: World,
  path: string,
  body: object,
  token?: Token,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const request = helper.request().post(path).set('content-type', 'application/json');
  if (token) void request.set('authorization', `Bearer ${token}`);
  const { status, body: answer, text } = await request.send(body);
  world.answers.push(text);
  return { status, body: answer as Record<string, unknown> };
}
