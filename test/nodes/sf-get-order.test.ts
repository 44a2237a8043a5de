import { itKeepsTheContract, type StepUnderTest } from './step-contract';
import { useWorld } from './world';

const step: StepUnderTest = {
  id: 'get',
  before: [],
  needs: [],
  adds: 'order',
  connection: 'salesforce',
  reads: { of: 'salesforce', call: 'query' },
};

describe('sf-get-order', () => {
  const world = useWorld();

  itKeepsTheContract(world, step);
});
