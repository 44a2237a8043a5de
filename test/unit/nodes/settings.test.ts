import assert from 'node:assert/strict';
import {
  choice,
  limit,
  needed,
  readSettings,
  secondsSetting,
  servers,
  text,
  variableIn,
  whole,
  yesNo,
} from '../../../nodes/shared/settings';

const declared = {
  url: needed(),
  channel: text('/event/X__e'),
  pricebookId: text(),
  maxInWork: whole(10, { min: 1, max: 100 }),
  fieldId: whole(null, { min: 1, max: 1_000 }),
  silence: secondsSetting(300, { min: 30, max: 86_400 }),
  enabled: yesNo(true),
  replay: choice(['LATEST', 'ALL'], 'LATEST'),
};
const whereNeeded = { url: 'https://whmcs.test' };
const defaults = {
  ...whereNeeded,
  channel: '/event/X__e',
  pricebookId: null,
  maxInWork: 10,
  fieldId: null,
  silence: 300,
  enabled: true,
  replay: 'LATEST',
};

describe('the settings of a node', () => {
  it('are read with their own kinds', () => {
    const { values, problems, notes } = readSettings(declared, {
      url: ' https://whmcs.test ',
      channel: '/event/Y__e',
      pricebookId: '01s000000000001',
      maxInWork: '7',
      fieldId: 12,
      silence: 60,
      enabled: 'false',
      replay: 'ALL',
    });
    assert.deepEqual(values, {
      url: 'https://whmcs.test',
      channel: '/event/Y__e',
      pricebookId: '01s000000000001',
      maxInWork: 7,
      fieldId: 12,
      silence: 60,
      enabled: false,
      replay: 'ALL',
    });
    assert.deepEqual([problems, notes], [[], []]);
  });

  it('take their defaults where an older flow lacks the property, without a word', () => {
    assert.deepEqual(readSettings(declared, whereNeeded), { values: defaults, problems: [], notes: [] });
  });

  it('take their defaults where a field is empty, and say so', () => {
    const { values, problems, notes } = readSettings(declared, {
      ...whereNeeded,
      channel: ' ',
      pricebookId: '',
      maxInWork: '',
    });
    assert.deepEqual(values, defaults);
    assert.deepEqual(problems, []);
    assert.deepEqual(notes, ['channel: empty; /event/X__e is used.', 'maxInWork: empty; 10 is used.']);
  });

  it('take their defaults where a variable is not set, and say which', () => {
    const { values, problems, notes } = readSettings(declared, {
      ...whereNeeded,
      pricebookId: '${PORTAL_PRICEBOOK_ID}',
      replay: '$(SF_EVENTS_REPLAY)',
      enabled: '${ON}',
    });
    assert.deepEqual(values, defaults);
    assert.deepEqual(problems, []);
    assert.deepEqual(notes, [
      'pricebookId: PORTAL_PRICEBOOK_ID is not set; it goes without.',
      'enabled: ON is not set; true is used.',
      'replay: SF_EVENTS_REPLAY is not set; LATEST is used.',
    ]);
  });

  it('are SETTING_MISSING with field and variable where one is needed', () => {
    const [problem, ...others] = readSettings(declared, { url: '${WHMCS_URL}' }).problems;
    assert.deepEqual(others, []);
    assert.deepEqual([problem?.code, problem?.field, problem?.variable], ['SETTING_MISSING', 'url', 'WHMCS_URL']);
    assert.match(problem?.message ?? '', /^url is not set: set the variable WHMCS_URL/);
  });

  it('are SETTING_MISSING with the field alone where no variable is named', () => {
    for (const url of ['', '  ', null, undefined]) {
      const { problems, values } = readSettings(declared, { url });
      assert.deepEqual(
        problems.map(({ code, field, variable }) => [code, field, variable]),
        [['SETTING_MISSING', 'url', undefined]],
      );
      assert.equal(values.url, '');
    }
  });

  it('are SETTING_INVALID with what is right, and keep the default', () => {
    const wrong = { maxInWork: 101, silence: '29', fieldId: '1.5', enabled: 'maybe', replay: 'EARLIEST', channel: {} };
    const { values, problems } = readSettings(declared, { ...whereNeeded, ...wrong });
    assert.deepEqual(values, defaults);
    assert.deepEqual(problems.map(({ message }) => message).sort(), [
      'channel must be a text, a number, or true or false; it is {}.',
      'enabled must be true or false; it is "maybe".',
      'fieldId must be a whole number from 1 to 1000; it is "1.5".',
      'maxInWork must be a whole number from 1 to 100; it is 101.',
      'replay must be one of LATEST, ALL; it is "EARLIEST".',
      'silence must be a whole number of seconds from 30 to 86400; it is "29".',
    ]);
  });

  it('show no more than the beginning of a wrong value', () => {
    const [problem] = readSettings(declared, { ...whereNeeded, replay: 'x'.repeat(500) }).problems;
    assert.ok((problem?.message ?? '').length < 120);
  });

  it('refuse a variable inside a longer text, which Node-RED does not replace', () => {
    const [problem] = readSettings(declared, { url: 'https://${HOST}/whmcs' }).problems;
    assert.equal(problem?.code, 'SETTING_INVALID');
    assert.match(problem?.message ?? '', /put the whole value into one variable/);
  });

  it('take numbers and booleans that a flow variable holds', () => {
    assert.equal(readSettings({ name: text() }, { name: 42 }).values.name, '42');
    assert.equal(readSettings({ on: yesNo(false) }, { on: true }).values.on, true);
    assert.equal(readSettings({ on: yesNo(true) }, { on: 0 }).values.on, false);
    assert.equal(readSettings({ many: whole(1, { min: 0, max: 9 }) }, { many: 0 }).values.many, 0);
  });

  it('take an empty limit and 0 for none, and the default where an older flow has no such property', () => {
    const read = (config: Record<string, unknown>) => readSettings({ most: limit(10, { max: 100 }) }, config);
    for (const [most, value] of [
      ['', null],
      [' ', null],
      [0, null],
      ['0', null],
      [1, 1],
      ['100', 100],
    ] as const)
      assert.deepEqual(read({ most }), { values: { most: value }, problems: [], notes: [] });
    assert.deepEqual(read({}), { values: { most: 10 }, problems: [], notes: [] });
    assert.deepEqual(read({ most: '${MOST}' }), {
      values: { most: 10 },
      problems: [],
      notes: ['most: MOST is not set; 10 is used.'],
    });
    for (const most of [-1, 101, 1.5, 'many'])
      assert.match(read({ most }).problems[0]?.message ?? '', /^most must be a whole number from 0 to 100; it is/);
  });

  it('do not take true for a number', () => {
    assert.equal(
      readSettings({ many: whole(3, { min: 0, max: 9 }) }, { many: true }).problems[0]?.code,
      'SETTING_INVALID',
    );
  });

  it('take servers with and without a port, however they are parted', () => {
    const read = (raw: string) => readSettings({ sentinels: servers(26_379) }, { sentinels: raw });
    assert.deepEqual(read(' one, two.test:26380;[::1] ').values.sentinels, [
      'one:26379',
      'two.test:26380',
      '[::1]:26379',
    ]);
    assert.equal(read('').values.sentinels, null);
    for (const wrong of ['redis://one:26379', 'one:port', 'user@one'])
      assert.match(read(wrong).problems[0]?.message ?? '', /^sentinels must be host:port/, wrong);
  });

  it('take words of a choice and of yes or no in any case, as the environment spells them', () => {
    for (const word of ['TRUE', 'Yes', 'on', '1'])
      assert.equal(readSettings({ on: yesNo(false) }, { on: word }).values.on, true, word);
    for (const word of ['False', 'NO', 'off', '0'])
      assert.equal(readSettings({ on: yesNo(true) }, { on: word }).values.on, false, word);
    assert.equal(readSettings(declared, { ...whereNeeded, replay: 'all' }).values.replay, 'ALL');
  });
});

describe('a variable in a field', () => {
  it('is one that the field names as a whole', () => {
    assert.equal(variableIn('${SF_LOGIN_URL}'), 'SF_LOGIN_URL');
    assert.equal(variableIn(' $(SF_LOGIN_URL) '), 'SF_LOGIN_URL');
    for (const other of ['SF_LOGIN_URL', 'a${B}', '${B}c', '${}', '${A}${B}', '', 5, null])
      assert.equal(variableIn(other), null);
  });
});
