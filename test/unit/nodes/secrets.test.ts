import assert from 'node:assert/strict';
import { optionalSecret, readSecrets, secret, secretUnless, secretWhen } from '../../../nodes/shared/secrets';

const declared = {
  clientId: secret('clientIdVar'),
  privateKey: optionalSecret(null),
  privateKeyPath: secretUnless('privateKey', 'privateKeyPathVar'),
  passphrase: optionalSecret('passphraseVar'),
};
const names = { clientIdVar: 'SF_CLIENT_ID', privateKeyPathVar: 'SF_PRIVATE_KEY_PATH', passphraseVar: 'SF_PASSPHRASE' };
const fromEnvironment = { secretsFrom: 'environment', ...names };
const fromNode = { secretsFrom: 'stored', ...names };
const env = { SF_CLIENT_ID: 'key of the environment', SF_PRIVATE_KEY_PATH: '/key.pem' };
const stored = { clientId: 'key of the node', privateKey: '-----BEGIN PRIVATE KEY-----' };

const brief = (problems: { code: string; field: string; variable?: string }[]): unknown[] =>
  problems.map(({ code, field, variable }) => [code, field, variable]);

describe('the secrets of a connection', () => {
  it('come from the variables that the config names', () => {
    assert.deepEqual(readSecrets(fromEnvironment, {}, env, declared), {
      values: { clientId: 'key of the environment', privateKey: null, privateKeyPath: '/key.pem', passphrase: null },
      problems: [],
    });
  });

  it('come from the node where they are stored there', () => {
    assert.deepEqual(readSecrets(fromNode, stored, {}, declared), {
      values: {
        clientId: 'key of the node',
        privateKey: '-----BEGIN PRIVATE KEY-----',
        privateKeyPath: null,
        passphrase: null,
      },
      problems: [],
    });
  });

  it('come from the environment where an older flow says nothing', () => {
    assert.equal(readSecrets(names, stored, env, declared).values.clientId, 'key of the environment');
  });

  it('never fall back from the environment to the node', () => {
    const { values, problems } = readSecrets(fromEnvironment, { ...stored, privateKeyPath: '/old.pem' }, {}, declared);
    assert.deepEqual(values, { clientId: '', privateKey: null, privateKeyPath: null, passphrase: null });
    assert.deepEqual(brief(problems), [
      ['SETTING_MISSING', 'clientIdVar', 'SF_CLIENT_ID'],
      ['SETTING_MISSING', 'privateKeyPathVar', 'SF_PRIVATE_KEY_PATH'],
    ]);
  });

  it('never fall back from the node to the environment', () => {
    for (const credentials of [{}, undefined, { clientId: ' ' }]) {
      const { values, problems } = readSecrets(fromNode, credentials, env, declared);
      assert.deepEqual(values, { clientId: '', privateKey: null, privateKeyPath: null, passphrase: null });
      assert.deepEqual(brief(problems), [
        ['SETTING_MISSING', 'clientId', undefined],
        ['SETTING_MISSING', 'privateKeyPath', undefined],
      ]);
    }
  });

  it('need a key file only where no key is pasted', () => {
    assert.deepEqual(brief(readSecrets(fromNode, { clientId: 'x' }, {}, declared).problems), [
      ['SETTING_MISSING', 'privateKeyPath', undefined],
    ]);
    assert.deepEqual(readSecrets(fromNode, { clientId: 'x', privateKey: 'pem' }, {}, declared).problems, []);
    assert.deepEqual(readSecrets(fromNode, { clientId: 'x', privateKeyPath: '/k' }, {}, declared).problems, []);
  });

  describe('that hang on a setting', () => {
    const hanging = { url: secretWhen('engine', 'redis', 'urlVar') };
    const config = { urlVar: 'REDIS_URL' };

    it('are needed while it has that value', () => {
      const { values, problems } = readSecrets(config, {}, {}, hanging, { engine: 'redis' });
      assert.equal(values.url, '');
      assert.deepEqual(brief(problems), [['SETTING_MISSING', 'urlVar', 'REDIS_URL']]);
      const found = readSecrets(config, {}, { REDIS_URL: 'redis://x' }, hanging, { engine: 'redis' });
      assert.deepEqual(found, { values: { url: 'redis://x' }, problems: [] });
    });

    it('are read, though not needed, while it has the value with which they may be there', () => {
      const maybe = { url: secretWhen('ids', 'postgres', 'urlVar', 'automatic') };
      const names = { urlVar: 'DATABASE_URL' };
      const env = { DATABASE_URL: 'postgres://x' };
      const read = (ids: string, from: Record<string, string>) => readSecrets(names, {}, from, maybe, { ids });
      assert.deepEqual(read('automatic', env), { values: { url: 'postgres://x' }, problems: [] });
      assert.deepEqual(read('automatic', {}), { values: { url: null }, problems: [] });
      assert.deepEqual(read('none', env), { values: { url: null }, problems: [] });
      assert.deepEqual(brief(read('postgres', {}).problems), [['SETTING_MISSING', 'urlVar', 'DATABASE_URL']]);
    });

    it('are neither needed nor read while it has another', () => {
      const found = readSecrets(config, {}, { REDIS_URL: 'redis://x' }, hanging, { engine: 'embedded' });
      assert.deepEqual(found, { values: { url: null }, problems: [] });
    });
  });

  it('count an empty variable as not set', () => {
    assert.deepEqual(brief(readSecrets(fromEnvironment, {}, { ...env, SF_CLIENT_ID: ' ' }, declared).problems), [
      ['SETTING_MISSING', 'clientIdVar', 'SF_CLIENT_ID'],
    ]);
  });

  it('count a stored ${NAME} that Node-RED left there as not set', () => {
    const { problems, values } = readSecrets(fromNode, { ...stored, clientId: '${SF_CLIENT_ID}' }, env, declared);
    assert.deepEqual(brief(problems), [['SETTING_MISSING', 'clientId', 'SF_CLIENT_ID']]);
    assert.equal(values.clientId, '');
  });

  it('say which field names no variable', () => {
    assert.deepEqual(brief(readSecrets({ ...fromEnvironment, clientIdVar: '' }, {}, env, declared).problems), [
      ['SETTING_MISSING', 'clientIdVar', undefined],
    ]);
  });

  it('show no secret that a ${NAME} has put in the place of a variable’s name', () => {
    for (const value of ['3MVG9abcDEF', 'user@example.test', '-----BEGIN PRIVATE KEY-----', 'p'.repeat(64)]) {
      const { problems } = readSecrets({ ...fromEnvironment, clientIdVar: value }, {}, env, declared);
      assert.equal(problems.length, 1);
      assert.ok(!JSON.stringify(problems).includes(value), value);
      assert.match(problems[0]?.message ?? '', /^clientIdVar /);
    }
  });

  it('are not found on the prototype of the environment', () => {
    assert.equal(
      readSecrets({ ...fromEnvironment, clientIdVar: 'constructor' }, {}, env, declared).values.clientId,
      '',
    );
  });
});
