/** All tests of the virtual machine in one run with one summary. */
import './ext4-growth.machine.ts';
import './nfs.machine.ts';
