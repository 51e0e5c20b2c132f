package gemm

// Activation is a function that the epilogue applies to each element.
type Activation uint8

const (
	None Activation = iota
	Relu
	Gelu     // x Φ(x)
	GeluTanh // its tanh form
	Silu
	Sigmoid
	Tanh
	numActivations
)

// Epilogue is applied to the finished sums x before they are stored: Act(x + Bias) + Residual. Bias and Residual are
// [M, N] views of any type that computes like C; a Row stride of 0 makes the usual bias of one value per column.
type Epilogue struct {
	Bias, Residual Matrix
	Scale          float64 // of the residual; 0 stands for 1
	Act            Activation
}

func (e *Epilogue) empty() bool { return e.Bias.Ptr == nil && e.Residual.Ptr == nil && e.Act == None }

// Batch repeats a product Count times (0 means once) at these distances in elements; 0 shares an operand.
type Batch struct {
	Count                   int
	A, B, C, Bias, Residual int
}

// Call is one product, or a batch of them:
//
//	C = Act(Alpha A B + Beta C + Bias) + Scale Residual
//
// A [M, K], B [K, N], C [M, N]. A transposed operand is a view with its strides swapped. With Beta 0, C is not read.
// C must not overlap an operand, but for a Residual that is C itself. F64 does not mix with the other types; those do
// with each other. Alpha multiplies the elements of A, rounded once to the type of the computation.
type Call struct {
	M, N, K     int
	A, B, C     Matrix
	Alpha, Beta float64
	Epilogue    Epilogue
	Batch       Batch

	// Packed replaces B by a blob that Engine.Pack made. Then the bits of a row of C depend on that row of A, the
	// blob and the level alone: not on M, on other rows or on the number of threads.
	Packed *Packed
}
