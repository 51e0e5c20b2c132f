// Package mutations lists small wrongs in kernels that the test suite must notice: an index off by one, a wrong tail,
// exchanged operands, a missing transposition, a rounding too many; in PTX also a predicate, a dropped barrier, an
// output not written, exchanged fragments. A mutation is data: a place in a file and what stands there instead. The
// command mutate builds and tests each one through the go command's overlay, so the working tree stays as it is.
//
// RESULT.md and RESULT.json say by what each was caught; a test holds them to the list, and every mutation to the text
// that it changes.
package mutations
