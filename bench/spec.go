package bench

import (
	"fmt"
	"strings"
)

// Spec is what a family puts into a case: shape and options. The types that implement it are [GEMM], [Attention],
// [Rowwise], [TopK] and [Sort]; an [Impl] finds its work by a type switch on them.
type Spec interface {
	// Family is the first part of the case's name.
	Family() string
	// String is the rest of the name after the dtype: the shape and, behind slashes, the options.
	String() string

	valid() error
	cost(elem float64) cost
}

// cost counts one iteration; elem is the width of an element in bytes.
type cost struct{ flops, read, written float64 }

// Layout says how the operands of a [GEMM] lie in memory; the name's option is its text.
type Layout string

const (
	NN Layout = ""   // a [m, k], b [k, n]
	NT Layout = "nt" // a [m, k], b [n, k]: the layout of a linear layer's weight
	TN Layout = "tn" // a [k, m], b [k, n]: the layout of a weight's gradient
)

// GEMM is c [m, n] = a b, all row-major and contiguous.
type GEMM struct {
	M, N, K int
	Layout  Layout
}

// Attention is scaled dot-product attention over q, k, v [batch, heads, seq, dim].
type Attention struct {
	Batch, Heads, Seq, Dim int
	Causal                 bool
}

// Rowwise is an op over the rows of x [rows, cols] whose result has the same shape.
type Rowwise struct {
	Op         RowOp
	Rows, Cols int
}

// RowOp names the op of a [Rowwise] case; it is the case's family.
type RowOp string

const (
	LayerNorm RowOp = "layernorm" // with weight and bias, eps 1e-5
	RMSNorm   RowOp = "rmsnorm"   // with weight, eps 1e-6
	GELU      RowOp = "gelu"      // the exact form, by erf
	Softmax   RowOp = "softmax"
)

// TopK finds the K largest of N values and their indices, largest first.
type TopK struct{ N, K int }

// Sort orders N values and returns them with their indices.
type Sort struct{ N int }

func (s GEMM) Family() string      { return "gemm" }
func (s Attention) Family() string { return "attention" }
func (s Rowwise) Family() string   { return string(s.Op) }
func (s TopK) Family() string      { return "topk" }
func (s Sort) Family() string      { return "sort" }

func (s GEMM) String() string {
	shape := fmt.Sprintf("%dx%dx%d", s.M, s.N, s.K)
	if s.Layout != NN {
		shape += "/" + string(s.Layout)
	}
	return shape
}

func (s Attention) String() string {
	shape := fmt.Sprintf("b%dh%ds%dd%d", s.Batch, s.Heads, s.Seq, s.Dim)
	if s.Causal {
		shape += "/causal"
	}
	return shape
}

func (s Rowwise) String() string { return fmt.Sprintf("%dx%d", s.Rows, s.Cols) }
func (s TopK) String() string    { return fmt.Sprintf("%d/k%d", s.N, s.K) }
func (s Sort) String() string    { return fmt.Sprint(s.N) }

func (s GEMM) cost(elem float64) cost {
	m, n, k := float64(s.M), float64(s.N), float64(s.K)
	return cost{flops: 2 * m * n * k, read: (m*k + k*n) * elem, written: m * n * elem}
}

// cost counts the two matrix products, of which a causal mask leaves seq (seq + 1) / 2 of the seq² score positions.
func (s Attention) cost(elem float64) cost {
	heads, seq, dim := float64(s.Batch*s.Heads), float64(s.Seq), float64(s.Dim)
	scores := seq * seq
	if s.Causal {
		scores = seq * (seq + 1) / 2
	}
	operand := heads * seq * dim * elem
	return cost{flops: 4 * heads * scores * dim, read: 3 * operand, written: operand}
}

// cost counts additions, multiplications and one for each transcendental function, per element.
func (s Rowwise) cost(elem float64) cost {
	flops, vectors := 0.0, 0.0
	switch s.Op {
	case LayerNorm: // sum; centre, square, sum; scale, weight, bias
		flops, vectors = 7, 2
	case RMSNorm: // square, sum; scale, weight
		flops, vectors = 4, 1
	case GELU: // scale, erf, add, multiply, halve
		flops = 5
	case Softmax: // max; subtract, exp, sum; scale
		flops = 5
	}
	size, cols := float64(s.Rows)*float64(s.Cols), float64(s.Cols)
	return cost{flops: flops * size, read: (size + vectors*cols) * elem, written: size * elem}
}

const indexSize = 8 // indices are counted as int64, what every peer that has these ops returns

func (s TopK) cost(elem float64) cost {
	return cost{read: float64(s.N) * elem, written: float64(s.K) * (elem + indexSize)}
}

func (s Sort) cost(elem float64) cost {
	return cost{read: float64(s.N) * elem, written: float64(s.N) * (elem + indexSize)}
}

func (s GEMM) valid() error {
	switch s.Layout {
	case NN, NT, TN:
		return positive(s.M, s.N, s.K)
	}
	return fmt.Errorf("layout %q: want nt, tn or none", s.Layout)
}

func (s Attention) valid() error { return positive(s.Batch, s.Heads, s.Seq, s.Dim) }

func (s Rowwise) valid() error {
	switch s.Op {
	case LayerNorm, RMSNorm, GELU, Softmax:
		return positive(s.Rows, s.Cols)
	}
	return fmt.Errorf("no row-wise op %q", s.Op)
}

func (s TopK) valid() error {
	if s.K > s.N {
		return fmt.Errorf("k is %d, more than the %d values", s.K, s.N)
	}
	return positive(s.N, s.K)
}

func (s Sort) valid() error { return positive(s.N) }

func positive(dims ...int) error {
	for _, d := range dims {
		if d < 1 {
			return fmt.Errorf("dimension %d: want at least 1", d)
		}
	}
	return nil
}

// parsers reads, per family, what String writes. ParseCase compares the two, so a parser may leave trailing text unread.
var parsers = map[string]func(shape string) (Spec, error){
	"gemm":            parseGEMM,
	"attention":       parseAttention,
	string(LayerNorm): rowParser(LayerNorm),
	string(RMSNorm):   rowParser(RMSNorm),
	string(GELU):      rowParser(GELU),
	string(Softmax):   rowParser(Softmax),
	"topk":            parseTopK,
	"sort":            parseSort,
}

// randomPrefix stands in the name of a seeded random shape: gemm/f32/random/17.
const randomPrefix = "random/"

func parseGEMM(shape string) (Spec, error) {
	if i, ok := strings.CutPrefix(shape, randomPrefix); ok {
		var index int
		if err := scan(i, "%d", &index); err != nil {
			return nil, err
		}
		if index < 0 || index >= RandomShapes {
			return nil, fmt.Errorf("random shape %d: there are %d", index, RandomShapes)
		}
		return randomGEMM(index), nil
	}
	dims, layout, _ := strings.Cut(shape, "/")
	s := GEMM{Layout: Layout(layout)}
	err := scan(dims, "%dx%dx%d", &s.M, &s.N, &s.K)
	return s, err
}

func parseAttention(shape string) (Spec, error) {
	dims, option, _ := strings.Cut(shape, "/")
	s := Attention{Causal: option == "causal"}
	err := scan(dims, "b%dh%ds%dd%d", &s.Batch, &s.Heads, &s.Seq, &s.Dim)
	return s, err
}

func rowParser(op RowOp) func(string) (Spec, error) {
	return func(shape string) (Spec, error) {
		s := Rowwise{Op: op}
		err := scan(shape, "%dx%d", &s.Rows, &s.Cols)
		return s, err
	}
}

func parseTopK(shape string) (Spec, error) {
	var s TopK
	err := scan(shape, "%d/k%d", &s.N, &s.K)
	return s, err
}

func parseSort(shape string) (Spec, error) {
	var s Sort
	err := scan(shape, "%d", &s.N)
	return s, err
}

func scan(shape, format string, dims ...any) error {
	if _, err := fmt.Sscanf(shape, format, dims...); err != nil {
		return fmt.Errorf("shape %q: want it like %s", shape, strings.ReplaceAll(format, "%d", "N"))
	}
	return nil
}
