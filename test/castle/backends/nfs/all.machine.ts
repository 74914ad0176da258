/** All tests for the machine, as one run with one summary. */
import './ext4-growth.machine.ts';
import './nfs.machine.ts';
