import { transport } from './pubsub-transport';
import { intakeContract } from './suite';

intakeContract(transport);
