import { intakeContract } from './suite';
import { transport } from './streaming-transport';

intakeContract(transport);
