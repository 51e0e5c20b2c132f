// Command tandem looks at the library from outside: what it finds on this machine, whether it computes correctly here,
// and how fast.
//
//	tandem info    devices, why they were chosen, and what runs on them
//	tandem check   the parity suite as a self-test of a device
//	tandem bench   the benchmark suite, beside other libraries
//	tandem ptx     a kernel of any PTX file, on the interpreter: no GPU needed
//
// With --json - standard output is JSON alone, and everything else goes to standard error. The exit status is 0 when
// all is well, 1 when something failed, and 2 when the command line makes no sense.
package main
