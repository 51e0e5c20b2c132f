package gemm

import "unsafe"

// Inner multiplies blocks of matrices on its caller's goroutine, for kernels that have other work between two products,
// as attention has. It adds products in k order with the tile kernels alone, so an element has the bits that any other
// product of the same row and column has. The zero Inner is ready for use; it is one goroutine's own, and lives on the
// heap.
type Inner struct {
	tile tile
	pack packing
}

// Strips is an operand B [K, N] that Inner has packed.
type Strips struct {
	data unsafe.Pointer
	k    int // rows of a strip
}

// StripsSize is the bytes that Inner.Pack writes at most for k rows and n columns stored as t.
func (e *Engine) StripsSize(t Type, k, n int) int {
	ks := e.kernels(t)
	return (n+ks.nr-1)/ks.nr*ks.nr*k*ks.size + 4*cacheLine
}

// Pack writes rows 0…k-1 and columns 0…n-1 of b to data, which holds StripsSize bytes, as the tile kernels read them.
func (x *Inner) Pack(e *Engine, data unsafe.Pointer, b Matrix, k, n int) Strips {
	ks := e.kernels(b.Type)
	for j := 0; j < n && k > 0; j += ks.nr {
		ks.packB(&x.pack, unsafe.Add(data, j*k*ks.size), &b, j, min(ks.nr, n-j), 0, k)
	}
	x.pack = packing{}
	return Strips{data, k}
}

// Span is a range of rows or columns: from From to To-1.
type Span struct{ From, To int }

// Multiply is c = a b, or c += a b with add, for the given columns of c and the given rows of b: a [m, k] and c [m, n]
// of the type of the computation with columns next to each other, the first column of a being that of row k.From of b.
// Columns before n.From, back to where the strip begins, may be computed too; c then holds them.
func (x *Inner) Multiply(e *Engine, c, a Matrix, b Strips, m int, n, k Span, add bool) {
	if m <= 0 || n.From >= n.To {
		return
	}
	ks, t := e.kernels(c.Type), &x.tile
	if k.From >= k.To {
		k.To = k.From
		if add {
			return
		}
	}
	t.lda, t.ldb, t.ldc = a.Row*ks.size, ks.nr*ks.size, c.Row*ks.size
	t.k, t.load, t.beta = k.To-k.From, 0, ks.bits(1)
	if add {
		t.load = 1
	}
	for j := n.From / ks.nr * ks.nr; j < n.To; j += ks.nr {
		t.cols = min(ks.nr, n.To-j)
		t.b = unsafe.Add(b.data, (j*b.k+k.From*ks.nr)*ks.size)
		t.next = t.b
		form := ks.form(false, t.cols)
		t.multiply(form, cutPanels(m, len(form)-1), a.Ptr, 0, c.at(0, j))
	}
	*t = tile{}
}
