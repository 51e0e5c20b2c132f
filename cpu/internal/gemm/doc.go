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
// # Memory
//
// A Workspace keeps what a call needs besides its matrices. After the first call of its largest shape nothing is
// allocated. Shapes, types and strides are the caller's to check: the package trusts them.
//
// # Tests
//
// Every level runs the same cases; where the machine lacks AVX-512, an interpreter executes that level's assembly.
package gemm
