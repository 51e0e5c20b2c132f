// Package gemm multiplies dense matrices on the CPU.
//
//	C = Act(Alpha A B + Beta C + Bias) + Scale Residual
//
// in float32 or float64, with operands and results that may be stored as f16 or bf16 (converted while they are packed,
// summed in float32, rounded once at the end). A transposed operand is a view with its strides swapped; a batch is a
// Call with distances; a group is a list of calls that share a fork-join.
//
// # How it works
//
// An Engine holds the kernels of one instruction set. A tile kernel keeps a panel of rows times a strip of columns in
// registers: 6x16 float32 with AVX2, 14x32 with AVX-512. What feeds it depends on the shape (see path):
//
//   - large: blocks of B packed for the third level of cache by all threads together, blocks of A for the second;
//   - middling: strip by strip of B, packed into the first level just before use or read where it lies;
//   - few rows, B row by row: along the rows, eight at a time, so that memory delivers eight sequential streams;
//   - few rows, B column by column: inner products; few columns become few rows by transposing the product;
//   - few rows and a B in cache: all of k for as many columns as registers hold, nothing packed;
//   - k up to 8: outer products, row by row of C;
//   - few rows, packed weights: several strips side by side.
//
// # Bits
//
// All kernels but those for inner products add one product after the other to an element's sum, in k order and with
// one rounding each (plain Go: two). A block of k begins with the sums that the one before has left in C. So neither
// the kernel nor the blocking shows in the bits, and nothing is cut along k for threads: a result is the same for any
// number of threads. With packed weights (Engine.Pack) inner products are never used, and a row of C does not depend
// on how many rows there are or on what the others hold.
//
// # Pairs of bf16
//
// With AVX512_BF16 on top of AVX-512, unscaled products of bf16 by bf16 are made by VDPBF16PS, which adds two products
// at a time, of neighbouring k. The smaller of the two stands above in its pair, because by Intel's definition the
// instruction adds the upper product first; products of bf16 are exact, each sum is rounded once: the bits are those of
// the float32 kernels. One thing differs, and cannot be changed: the instruction takes subnormal numbers, those below
// 2^-126, for 0, as operands, sums and results. That is a loss of range at its very end, not of precision, so it is no
// option of the call. Packed weights of bf16 are multiplied in pairs by operands of bf16 for any number of rows, so
// rows stay invariant even there. Products with Alpha other than 1 or with an operand of another type use the float32
// kernels.
//
// # Memory
//
// A Workspace keeps what a call needs besides its matrices. After the first call of its largest shape nothing is
// allocated. Shapes, types and strides are the caller's to check: the package trusts them.
//
// # Tests
//
// Every level runs the same cases; where the machine lacks AVX-512, an interpreter executes that level's assembly, or, by
// .ci/avx512-emulated/run, the processor of Bochs does.
package gemm
