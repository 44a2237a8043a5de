/** What Salesforce shows of an order that waits while WHMCS is watched. */
import assert from 'node:assert/strict';
import { JobUnderTest } from './job-under-test';

describe('An order whose call was not answered', () => {
  let job: JobUnderTest;
  beforeEach(async () => {
    job = await JobUnderTest.open();
    job.approve();
  });
  afterEach(() => job.close());

  /** What the Order holds, by all that was written to it. */
  const shown = (): { status: string | undefined; code: string | null; message: string } => {
    const written = job.salesforce.book.map((one) => one.change);
    const code = written.filter((change) => change.errorCode !== undefined).at(-1)?.errorCode ?? null;
    const message = written.filter((change) => change.errorMessage !== undefined).at(-1)?.errorMessage ?? '';
    return { status: job.status(), code, message };
  };
  const turn = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) await job.desk.settle(1_000);
  };

  it('says in its error fields why AddOrder is waited for, and until when; they are cleared at its end', async () => {
    job.whmcs.addFaults = [{ end: 'unknown', commit: 'never' }];
    await job.arrives();
    await turn(3);
    assert.equal(shown().code, null, 'most are settled within seconds: no note of those');
    await turn(17);
    assert.equal(shown().status, 'Activating');
    assert.equal(shown().code, 'WHMCS_OUTCOME_UNKNOWN');
    assert.match(
      shown().message,
      /^AddOrder was not answered, and WHMCS shows no order of it yet\. WHMCS is watched until 20\d\d-.*Z; /,
    );
    assert.ok(shown().message.length <= 255);
    await job.rest();
    assert.deepEqual(shown(), { status: 'Activated', code: null, message: '' });
    assert.equal(job.whmcs.added.length, 1);
  });

  it('says in its error fields why AcceptOrder is waited for', async () => {
    job.whmcs.acceptFaults = [{ end: 'unknown', run: 'never' }];
    await job.arrives();
    await turn(20);
    assert.equal(shown().status, 'Activating');
    assert.equal(shown().code, 'WHMCS_OUTCOME_UNKNOWN');
    assert.match(shown().message, /^It is not known yet whether AcceptOrder was carried out: WHMCS order 5001 /);
    assert.ok(shown().message.length <= 255);
    await job.rest();
    assert.equal(shown().status, 'Failed');
    assert.equal(shown().code, 'WHMCS_ACCEPT_UNKNOWN');
  });
});
