// Package parity holds every backend to the oracle.
//
// A [Case] is an op with operands and the class of agreement it is held to; Cases lists them all, one file per op
// family. [Run] executes a case on a backend behind guard bytes, on poisoned outputs, twice, and compares the result
// with internal/ref. The same cases, unchanged, serve the CPU's variants, the simulator and a GPU; `tandem check` is
// this package behind a command.
package parity
